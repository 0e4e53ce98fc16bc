"""wrk: HTTP/1.1 in a closed loop."""
from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

from loads.sample import Sample
from processes import Failed, start, stop
from setup import Setup, Site, host_name

_SCRIPT = Path(__file__).with_name("wrk.lua")
_LONG = 600


@dataclass(frozen=True)
class Wrk:
    """How to call it."""

    connections: int = 64
    path: str = "/api"
    headers: Tuple[str, ...] = ()
    hosts: int = 0
    """How many host names are used in turn; 0: the first alone, and the request is always the same."""
    upload: int = 0
    """Bytes of the request's body."""
    answer: int = 0
    """Bytes of the answer's body, where it is large: requests are counted by the bytes that came, so that those which
    the end cuts off count as far as they got."""

    def start(self, site: Site, setup: Setup, seconds: int, cores: Sequence[int]) -> "subprocess.Popen[bytes]":
        """Starts it. The caller takes the result with `finish`."""
        scheme = "https" if setup.tls else "http"
        headers: List[str] = []
        for line in (f"Host: {host_name(0)}", *self.headers):
            headers += ["-H", line]
        command = [
            "wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(_SCRIPT),
            *headers, f"{scheme}://127.0.0.1:{site.port}{self.path}",
        ]
        environment = {
            "BENCH_HOSTS": str(self.hosts), "BENCH_OF": str(setup.hosts), "BENCH_UPLOAD": str(self.upload),
        }
        return start(command, cores, site.folder, "wrk", environment, pipe=True)

    def run(self, site: Site, setup: Setup, seconds: int, cores: Sequence[int]) -> Sample:
        """Runs it to the end."""
        return finish(self.start(site, setup, seconds, cores), site, seconds + 40, self.answer)

    def until_told(self, site: Site, setup: Setup, cores: Sequence[int]) -> "subprocess.Popen[bytes]":
        """Starts it for longer than anybody waits; `interrupt` ends it and takes the result."""
        return self.start(site, setup, _LONG, cores)


def interrupt(process: "subprocess.Popen[bytes]", site: Site) -> Sample:
    """Ends a run early."""
    process.send_signal(signal.SIGINT)
    return finish(process, site, 40)


def finish(process: "subprocess.Popen[bytes]", site: Site, timeout: int, answer: int = 0) -> Sample:
    """Waits for the end and reads the result; `answer` as in Wrk."""
    try:
        out = process.communicate(timeout=timeout)[0].decode()
    except subprocess.TimeoutExpired as error:
        raise Failed(f"wrk did not end within {timeout} s") from error
    finally:
        stop(process)
    line = next((line for line in out.splitlines() if line.startswith("BENCH ")), None)
    if line is None:
        raise Failed(f"wrk printed no result; see {site.folder}/wrk.err")
    told = json.loads(line[len("BENCH "):])
    kinds = ("connect", "read", "write", "status", "timeout")
    return Sample(
        requests=told["bytes"] / answer if answer else told["requests"], errors=sum(told[kind] for kind in kinds), seconds=told["seconds"],
        p50=told["p50"], p99=told["p99"], p999=told["p999"],
        trouble=", ".join(f"{told[kind]} {kind}" for kind in kinds if told[kind]),
    )
