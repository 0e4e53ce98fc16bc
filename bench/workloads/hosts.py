"""What the number of routes costs: for each request, in memory, and at the start."""
from __future__ import annotations

from typing import Iterator

from compare import Contestant, alike, compare
from loads.wrk import Wrk
from results import Result, Row
from rig import Rig, Running
from setup import grouped

IN_TURN = 2048
"""At most so many hosts are asked in turn."""
ONE_HOST = "ours, 1 host"


def _keep_start(running: Running, result: Result) -> None:
    result.figures["start_s"] = running.start_s
    result.figures["start_cpu_s"] = running.start_cpu_s


def run(rig: Rig) -> Iterator[Row]:
    """1, 1 000 and 20 000 hosts with three paths each. Ours with one host runs beside, in the same rounds."""
    for key, hosts in (("hosts-1", 1), ("hosts-1000", 1000), ("hosts-many", rig.scale.many)):
        load = Wrk(connections=64, hosts=min(hosts, IN_TURN))
        title = f"small GET, {grouped(hosts)} host{'s' if hosts > 1 else ''} with 3 paths"
        contestants = alike(rig.contestants(), rig.setup(hosts=hosts), load)
        if hosts > 1:
            for ours in rig.peer("ours"):
                contestants.append(Contestant(ONE_HOST, ours, rig.setup(), Wrk(connections=64, hosts=1)))
        yield compare(rig, key, title, contestants, at_the_end=_keep_start)
