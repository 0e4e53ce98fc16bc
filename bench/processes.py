"""Starts programs on chosen cores, each in a process group of its own, and ends all of them whatever happens."""
from __future__ import annotations

import atexit
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

_RUNNING: List["subprocess.Popen[bytes]"] = []


class Failed(Exception):
    """Something did not do what it had to; the message says what, and how to look further."""


def start(
    command: Sequence[str], cores: Sequence[int], folder: Path, name: str,
    environment: Optional[Dict[str, str]] = None, stdin: Optional[int] = None, pipe: bool = False,
) -> "subprocess.Popen[bytes]":
    """Starts a program. Its output goes to NAME.out and NAME.err in the folder, or through a pipe."""
    def prepare() -> None:
        os.sched_setaffinity(0, cores)

    out = subprocess.PIPE if pipe else (folder / f"{name}.out").open("wb")
    with (folder / f"{name}.err").open("wb") as err:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL if stdin is None else stdin, stdout=out, stderr=err,
            env={**os.environ, **(environment or {})}, preexec_fn=prepare, start_new_session=True,
        )
    if not pipe:
        out.close()  # type: ignore[union-attr]
    _RUNNING.append(process)
    return process


def stop(process: "subprocess.Popen[bytes]", grace: float = 1.0) -> None:
    """Ends a program and everything that it started. Who takes longer than `grace` seconds is killed."""
    _signal_group(process, signal.SIGTERM)
    end = time.monotonic() + grace
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    # Also what outlived its parent: it is still in the group.
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process in _RUNNING:
        _RUNNING.remove(process)


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def stop_all() -> None:
    """Ends everything that was started and not stopped yet."""
    for process in list(_RUNNING):
        stop(process, grace=0.2)


def guard() -> None:
    """Sees to it that nothing outlives us: at the end, on Ctrl-C, SIGTERM and SIGHUP. Allows as many open files as the system does."""
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def last_lines(folder: Path, name: str, count: int = 5) -> str:
    """The end of what a program said on standard error."""
    try:
        text = (folder / f"{name}.err").read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
