"""The measurement that changes of configuration have in common: change something under load, and watch everything."""
from __future__ import annotations

import threading
import time
from statistics import median
from typing import Callable, List, Optional

import measure
from loads.wrk import Wrk, interrupt
from results import Result
from rig import Rig, Running
from setup import Setup

_BEFORE = 1.0
_AFTER = 1.0
_QUIET_S = 0.004
LIMIT = 30.0
"""Seconds after which nobody waits for a change any more."""

Seen = Callable[[], bool]


def _apply(running: Running, setup: Setup, seen: Seen) -> Optional[float]:
    """Changes the setup. Seconds until it is seen; none if it is not within LIMIT."""
    trigger = running.peer.change(running.site, setup, running.pid)
    thread = threading.Thread(target=trigger, daemon=True)
    begin = time.monotonic()
    thread.start()
    effect = None
    while time.monotonic() - begin < LIMIT:
        if seen():
            effect = time.monotonic() - begin
            break
        time.sleep(0.002)
    thread.join(LIMIT)
    running.setup = setup
    return effect


def _without_load(running: Running, setup: Setup, seen: Seen, result: Result) -> bool:
    """CPU seconds of one change from the trigger until the proxy is quiet again. False if it had no effect."""
    before = measure.read_cpu(running.pid)
    effect = _apply(running, setup, seen)
    end, last = time.monotonic() + LIMIT, measure.read_cpu(running.pid)
    while time.monotonic() < end:
        time.sleep(0.25)
        now = measure.read_cpu(running.pid)
        quiet, last = measure.cpu_between(last, now) < _QUIET_S, now
        if quiet:
            break
    result.figures["cpu_s"] = measure.cpu_between(before, last)
    if effect is not None:
        result.figures["effect_unloaded_s"] = effect
    return effect is not None


def _under_load(rig: Rig, running: Running, setup: Setup, seen: Seen, load: Wrk, result: Result) -> Optional[float]:
    """One change under load, added to the result."""
    wrk = load.until_told(running.site, running.setup, rig.cores.load)
    time.sleep(_BEFORE)
    effect = _apply(running, setup, seen)
    time.sleep(_AFTER)
    sample = interrupt(wrk, running.site)
    figures = result.figures
    figures["errors"] = figures.get("errors", 0) + sample.errors
    figures["p99_during_ms"] = max(figures.get("p99_during_ms", 0), sample.p99)
    if sample.errors:
        result.notes.append(f"clients saw {sample.trouble}")
    return effect


def measure_changes(rig: Rig, running: Running, setups: List[Setup], seen: Callable[[Setup], Seen], load: Wrk) -> Result:
    """Makes the changes one after the other: the first without load, for its CPU time, the others under load.

    A peer on which one has no effect within LIMIT is not asked again.
    """
    result = Result()
    quiet = load.run(running.site, running.setup, rig.scale.seconds, rig.cores.load)
    result.figures["p99_ms"] = quiet.p99
    with measure.PeakMemory(running.pid) as memory:
        _without_load(running, setups[0], seen(setups[0]), result)
        effects: List[float] = []
        for setup in setups[1:]:
            effect = _under_load(rig, running, setup, seen(setup), load, result)
            if effect is None:
                result.figures["over_s"] = LIMIT
                result.notes.append(f"no effect within {LIMIT:.0f} s under load")
                break
            effects.append(effect)
    # Before any change, but after a load of the same kind: it leaves connections and buffers.
    result.figures["memory_before_mib"] = memory.before
    result.figures["memory_peak_mib"] = memory.peak
    result.figures["peak_memory_ratio"] = memory.peak / memory.before
    if effects:
        result.figures["effect_s"] = median(effects)
        result.figures["effect_longest_s"] = max(effects)
    return result
