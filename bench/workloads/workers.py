"""Two workers instead of one: what a request costs then, and whether long connections are shared out evenly."""
from __future__ import annotations

from typing import Iterator, List

from compare import Contestant, Load, compare
from loads.h2load import ENDLESS, H2load
from loads.wrk import Wrk
from results import Result, Row
from rig import Rig, Running

ONE = "ours, 1 worker"
TWO = "ours, 2 workers"


def _one_and_two(rig: Rig, name: str, tls: bool, load: Load) -> List[Contestant]:
    return [
        Contestant(
            f"{name}, {count} worker{'s' if count > 1 else ''}", peer, rig.setup(workers=count, tls=tls, keep_alive_requests=ENDLESS), load,
            cores=rig.cores.pair,
        )
        for peer in rig.peer(name) for count in (1, 2)
    ]


def _keep_spread(_: Running, result: Result) -> None:
    rounds = [each for each in result.rounds if each is not None]
    if rounds:
        result.figures["spread"] = max(each.extra["fastest"] / max(each.extra["slowest"], 1) for each in rounds)


def run(rig: Rig) -> Iterator[Row]:
    """The load of `keepalive`; then 4 long connections of HTTP/2, of which the fastest and the slowest are compared."""
    contestants = [each for name in ("nginx", "ours") for each in _one_and_two(rig, name, False, Wrk(connections=64))]
    yield compare(rig, "workers", "small GET, one worker and two", contestants, reference=ONE)
    load = H2load(connections=4, streams=16)
    contestants = [each for name in ("nginx", "ours") for each in _one_and_two(rig, name, True, load)]
    title = "HTTP/2, 4 long connections with 16 streams, one worker and two"
    yield compare(rig, "workers-h2", title, contestants, reference=ONE, at_the_end=_keep_spread)
