"""What the kernel says of a program and of all processes that it started: CPU time and memory."""
from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Dict, List, Tuple

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _stat(pid: int) -> List[str]:
    """The fields of /proc/PID/stat behind the name, from `state` on; none if the process is gone."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def tree(root: int) -> List[int]:
    """The process and all its living descendants."""
    children: Dict[int, List[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if len(fields) > 1:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, []))
    return found


@dataclass(frozen=True)
class CpuReading:
    """CPU time used so far: by each living thread, and by children that have ended."""

    threads: Dict[Tuple[int, int], int]
    reaped: Dict[int, int]
    at: float


def read_cpu(root: int) -> CpuReading:
    """Reads the CPU time of a process tree, in nanoseconds (schedstat) per thread; that of ended children in ticks."""
    threads: Dict[Tuple[int, int], int] = {}
    reaped: Dict[int, int] = {}
    for pid in tree(root):
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for task in tasks:
            first = _read(f"/proc/{pid}/task/{task}/schedstat").split()
            if first:
                threads[(pid, int(task))] = int(first[0])
        fields = _stat(pid)
        if len(fields) > 14:
            reaped[pid] = (int(fields[13]) + int(fields[14])) * _TICK_NS
    return CpuReading(threads, reaped, time.monotonic())


def cpu_between(before: CpuReading, after: CpuReading) -> float:
    """Seconds of CPU between two readings.

    A process that ended in between is counted through its parent; a thread that ended while its process lives is not.
    """
    used = sum(ns - before.threads.get(key, 0) for key, ns in after.threads.items())
    for pid, ns in after.reaped.items():
        used += ns - before.reaped.get(pid, 0)
    alive = {pid for pid, _ in after.threads}
    # What an ended child had used before the first reading came in with the rest of it.
    used -= sum(ns for (pid, _), ns in before.threads.items() if pid not in alive)
    return max(used, 0) / 1e9


def cpu_so_far(root: int) -> float:
    """Seconds of CPU that a process tree has used since it was started."""
    return cpu_between(CpuReading({}, {}, 0.0), read_cpu(root))


def _sum_of(root: int, file: str, field: str) -> int:
    total = 0
    for pid in tree(root):
        for line in _read(f"/proc/{pid}/{file}").splitlines():
            if line.startswith(field):
                total += int(line.split()[1])
                break
    return total


def pss_kib(root: int) -> int:
    """Memory of a process tree in KiB; what processes share counts once (PSS)."""
    return _sum_of(root, "smaps_rollup", "Pss:")


def peak_rss_mib(root: int) -> float:
    """Sum of the highest resident memory of each living process, in MiB (VmHWM); what they share counts for each."""
    return _sum_of(root, "status", "VmHWM:") / 1024


class PeakMemory:
    """Looks at the PSS of a process tree ten times a second and keeps the highest, in MiB."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._end = threading.Event()
        self.before = pss_kib(root) / 1024
        self.peak = self.before
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self.peak = max(self.peak, pss_kib(self._root) / 1024)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
