"""The comparison that most workloads are: the same load on each contestant in turn, round after round (A B A B)."""
from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable, List, Optional, Protocol, Sequence

import measure
from loads.sample import Sample
from peers.base import Peer
from processes import Failed
from results import REFERENCE, Result, Round, Row
from rig import Rig, Running
from setup import Setup, Site

_WARM_UP = 1


class Load(Protocol):
    """A load generator."""

    def run(self, site: Site, setup: Setup, seconds: int, cores: Sequence[int]) -> Sample:
        """Runs to the end."""


@dataclass(frozen=True)
class Contestant:
    """A peer with the setup that it has in this row."""

    label: str
    peer: Peer
    setup: Setup
    load: Load
    cores: Sequence[int] = ()


def alike(peers: List[Peer], setup: Setup, load: Load) -> List[Contestant]:
    """All peers, with the same setup and load."""
    return [Contestant(peer.name, peer, setup, load) for peer in peers]


def compare(
    rig: Rig, key: str, title: str, contestants: List[Contestant], reference: str = REFERENCE,
    at_the_end: Optional[Callable[[Running, Result], None]] = None,
) -> Row:
    """Starts all, warms all up, and measures them in turn."""
    row = Row(key, title, reference=reference)
    with ExitStack() as stack:
        entered = []
        for each in contestants:
            result = row.results.setdefault(each.label, Result())
            running = _enter(rig, stack, each, result)
            if running is not None:
                entered.append((each, running, result))
        for _ in range(rig.scale.rounds):
            for each, running, result in entered:
                result.rounds.append(_one_round(rig, each, running, result))
        for _, running, result in entered:
            result.figures["peak_rss_mib"] = measure.peak_rss_mib(running.pid)
            result.figures["pss_mib"] = measure.pss_kib(running.pid) / 1024
            if at_the_end is not None:
                at_the_end(running, result)
    return row


def _enter(rig: Rig, stack: ExitStack, each: Contestant, result: Result) -> Optional[Running]:
    refused = each.peer.refuses(each.setup)
    if refused is not None:
        result.notes.append(refused)
        return None
    try:
        running = stack.enter_context(rig.running(each.label, each.peer, each.setup, each.cores))
        each.load.run(running.site, each.setup, _WARM_UP, rig.cores.load)
        return running
    except Failed as error:
        result.notes.append(str(error))
        return None


def _one_round(rig: Rig, each: Contestant, running: Running, result: Result) -> Optional[Round]:
    before = measure.read_cpu(running.pid)
    try:
        sample = each.load.run(running.site, each.setup, rig.scale.seconds, rig.cores.load)
    except Failed as error:
        result.notes.append(f"a round is thrown out: {error}")
        return None
    after = measure.read_cpu(running.pid)
    if sample.errors or not sample.requests:
        result.notes.append(f"a round is thrown out: {sample.errors} errors ({sample.trouble})")
        return None
    cpu = measure.cpu_between(before, after)
    return Round(
        cpu_us=cpu / sample.requests * 1e6, rate=sample.requests / sample.seconds, p50=sample.p50, p99=sample.p99,
        p999=sample.p999, core=cpu / (after.at - before.at), extra=sample.extra,
    )
