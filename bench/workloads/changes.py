"""Changes of configuration under load: one Ingress among many, and the endpoint of a Service."""
from __future__ import annotations

from dataclasses import replace
from typing import Callable, Iterator, List

import ready
from change import Seen, measure_changes
from loads.wrk import Wrk
from processes import Failed
from results import Result, Row
from rig import Rig, Running
from setup import Setup, grouped, host_name
from workloads.hosts import IN_TURN

_FIRST = "127.0.0.1"
_OTHER = "127.0.0.3"


def run_routes(rig: Rig) -> Iterator[Row]:
    """The first Ingress gets one path more, again and again."""
    setup = rig.setup(hosts=rig.scale.many)
    setups = [replace(setup, added=count + 1) for count in range(rig.scale.rounds + 1)]

    def seen(running: Running) -> Callable[[Setup], Seen]:
        return lambda to: lambda: ready.ask(running.site.port, False, host_name(0), f"/new-{to.added}")[0] == 200

    title = f"one route more among {grouped(setup.hosts)} hosts, under load"
    yield _each(rig, "route-change", title, setup, setups, seen)


def run_endpoints(rig: Rig) -> Iterator[Row]:
    """The only endpoint is replaced by another, to and fro; the one that left goes on serving what it has."""
    setup = rig.setup(hosts=1000, endpoints=(_FIRST,))
    addresses = [_OTHER if turn % 2 == 0 else _FIRST for turn in range(rig.scale.rounds + 1)]
    setups = [replace(setup, endpoints=(address,)) for address in addresses]

    def seen(running: Running) -> Callable[[Setup], Seen]:
        return lambda to: lambda: ready.ask(
            running.site.port, False, host_name(0), "/api/who",
        ) == (200, f"{to.endpoints[0]}\n")

    yield _each(rig, "endpoint-change", "the endpoint replaced, 1 000 hosts, under load", setup, setups, seen)


def _each(
    rig: Rig, key: str, title: str, setup: Setup, setups: List[Setup], seen: Callable[[Running], Callable[[Setup], Seen]],
) -> Row:
    row = Row(key, title)
    load = Wrk(connections=64, hosts=min(setup.hosts, IN_TURN))
    for peer in rig.contestants():
        refused = peer.refuses(setups[0])
        if refused is not None:
            row.results[peer.name] = Result(notes=[refused])
            continue
        try:
            with rig.running(peer.name, peer, setup) as running:
                row.results[peer.name] = measure_changes(rig, running, setups, seen(running), load)
        except Failed as error:
            row.results[peer.name] = Result(notes=[str(error)])
    return row
