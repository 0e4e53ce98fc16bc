"""h2load: HTTP/2 over TLS in a closed loop."""
from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from loads.sample import Histogram, Sample
from processes import Failed, start, stop
from setup import Setup, Site, host_name


ENDLESS = 100_000_000
"""For `Setup.keep_alive_requests`: h2load opens no new connection for one that the proxy ends."""


@dataclass(frozen=True)
class H2load:
    """How to call it."""

    connections: int = 10
    streams: int = 10

    def run(self, site: Site, setup: Setup, seconds: int, cores: Sequence[int]) -> Sample:
        """Runs it to the end."""
        log = site.folder / "h2load.log"
        log.unlink(missing_ok=True)
        scheme = "https" if setup.tls else "http"
        command = [
            "h2load", f"-c{self.connections}", f"-m{self.streams}", "-t1", f"-D{seconds}", "--warm-up-time=0",
            f"--connect-to=127.0.0.1:{site.port}", f"--log-file={log}", f"{scheme}://{host_name(0)}/api",
        ]
        process = start(command, cores, site.folder, "h2load", pipe=True)
        try:
            out = process.communicate(timeout=seconds + 30)[0].decode()
        except subprocess.TimeoutExpired as error:
            raise Failed("h2load did not end in time") from error
        finally:
            stop(process)
        return _read(out, log, seconds)


def _read(out: str, log: Path, seconds: int) -> Sample:
    found = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", out)
    status = re.search(r"status codes: (\d+) 2xx", out)
    rates = re.search(r"^req/s\s*:\s*([\d.]+)\s+([\d.]+)\s+([\d.]+)", out, re.MULTILINE)
    if not (found and status and rates):
        raise Failed(f"h2load printed no result: {out[-300:]}")
    times = Histogram()
    for line in log.read_text().splitlines():
        times.add(int(line.split("\t")[2]) / 1e6)
    requests, bad = int(status.group(1)), int(found.group(2)) + int(found.group(4))
    return Sample(
        requests=requests, errors=bad, seconds=seconds, trouble=found.group(0) if bad else "",
        p50=times.percentile(0.5), p99=times.percentile(0.99), p999=times.percentile(0.999),
        extra={"slowest": float(rates.group(1)), "fastest": float(rates.group(2))},
    )
