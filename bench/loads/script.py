"""Load generators of our own: Python programs, run in several processes whose results are added."""
from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence, Tuple

from loads.sample import Histogram, Sample
from processes import Failed, last_lines, start, stop
from setup import Setup, Site


@dataclass(frozen=True)
class Script:
    """Calls FILE PORT SECONDS ARGUMENTS…, which prints JSON: requests, errors, trouble, times, and reused where sessions are."""

    file: str
    arguments: Tuple[str, ...] = ()
    processes: int = 3

    def run(self, site: Site, setup: Setup, seconds: int, cores: Sequence[int]) -> Sample:
        """Runs them to the end."""
        path = Path(__file__).with_name(self.file)
        command = [sys.executable, str(path), str(site.port), str(seconds), *self.arguments]
        running = [start(command, cores, site.folder, f"load-{i}", pipe=True) for i in range(self.processes)]
        total, times = Sample(0, 0, float(seconds)), Histogram()
        try:
            for number, process in enumerate(running):
                _add(process, site, number, seconds, total, times)
        finally:
            for process in running:
                stop(process)
        total.p50, total.p99, total.p999 = (times.percentile(share) for share in (0.5, 0.99, 0.999))
        return total


def _add(
    process: "subprocess.Popen[bytes]", site: Site, number: int, seconds: int, total: Sample, times: Histogram,
) -> None:
    try:
        out = process.communicate(timeout=seconds + 30)[0]
        told = json.loads(out)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise Failed(f"a load generator failed: {last_lines(site.folder, f'load-{number}')}") from error
    total.requests += told["requests"]
    total.errors += told["errors"]
    total.trouble = total.trouble or told["trouble"]
    times.merge(Histogram(told["times"]))
