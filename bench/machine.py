"""What the run ran on."""
from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Dict, List, Optional

from rig import Cores

NEEDED = {"nginx": "nginx", "wrk": "wrk", "h2load": "nghttp2-client", "openssl": "openssl"}
"""Programs without which nothing can be measured, and the Debian packages that have them."""


def describe(cores: Cores) -> Dict[str, str]:
    """Processor, kernel, and who ran on which core."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "cores": f"proxy {_names(cores.proxy)} (two workers: {_names(cores.pair)}), load and upstreams {_names(cores.load)}",
    }


def _names(cores: object) -> str:
    return "+".join(str(core) for core in cores)  # type: ignore[attr-defined]


def choose_cores(told: Optional[str]) -> Cores:
    """The cores that `--cores PROXY:LOAD` names (each a list with commas), or good ones.

    # Errors
    ValueError if they are not such lists, or not cores of this machine.
    """
    have = sorted(os.sched_getaffinity(0))
    if told is None:
        proxy, load = have[:2] if len(have) > 3 else have[:1], have[2:] if len(have) > 3 else have[-1:]
    else:
        left, colon, right = told.partition(":")
        if not colon:
            raise ValueError(f"--cores {told}: must be two lists, such as 0,1:2,3")
        proxy, load = _cores(left), _cores(right)
    if not set(proxy + load) <= set(have):
        raise ValueError(f"--cores {told}: this machine lets us use {','.join(map(str, have))}")
    pair = proxy[:2] if len(proxy) > 1 else sorted({proxy[0], load[0]})
    return Cores(proxy[:1], pair, load)


def _cores(text: str) -> List[int]:
    return [int(part) for part in text.split(",")]


def missing() -> List[str]:
    """The packages of programs that are needed and not here."""
    return [package for program, package in NEEDED.items() if shutil.which(program) is None]
