"""Memory of connections that are kept alive and do nothing."""
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import measure
from processes import Failed, last_lines, start, stop
from results import Result, Row
from rig import Rig, Running
from setup import grouped

_FIRST = 200
"""Opened before the first look, so that what is allocated once is not counted."""
_SETTLE = 1.0
_LONG = 900
"""Seconds that nobody may close an idle connection: longer than it takes to open all on a busy machine."""
_SCRIPT = Path(__file__).resolve().parent.parent / "loads" / "idle.py"


def run(rig: Rig) -> Iterator[Row]:
    """KiB for each connection, plain and TLS, after one request each."""
    for key, tls in (("idle-plain", False), ("idle-tls", True)):
        row = Row(key, f"{grouped(rig.scale.idle)} idle connections, {'TLS' if tls else 'plain'}")
        for peer in rig.contestants():
            result = row.results[peer.name] = Result()
            setup = rig.setup(tls=tls, keep_alive=_LONG)
            refused = peer.refuses(setup)
            if refused is not None:
                result.notes.append(refused)
                continue
            try:
                with rig.running(peer.name, peer, setup) as running:
                    _hold(rig, running, result)
            except Failed as error:
                result.notes.append(str(error))
        yield row


def _hold(rig: Rig, running: Running, result: Result) -> None:
    kind = "tls" if running.setup.tls else "plain"
    command = [sys.executable, str(_SCRIPT), str(running.site.port), kind, str(_FIRST), str(rig.scale.idle)]
    client = start(command, rig.cores.load, running.site.folder, "idle", stdin=subprocess.PIPE, pipe=True)
    try:
        sizes = []
        for _ in range(2):
            _expect(client, running, "held")
            time.sleep(_SETTLE)
            sizes.append(measure.pss_kib(running.pid))
            _go_on(client)
        alive = _expect(client, running, "alive")
    finally:
        stop(client)
    if alive < 100:
        raise Failed(f"only {alive} % of the connections were still there")
    result.figures["kib_per_connection"] = (sizes[1] - sizes[0]) / rig.scale.idle
    result.figures["pss_mib"] = sizes[1] / 1024


def _go_on(client: "subprocess.Popen[bytes]") -> None:
    if client.stdin is not None:
        client.stdin.write(b"\n")
        client.stdin.flush()


def _expect(client: "subprocess.Popen[bytes]", running: Running, word: str) -> int:
    line = client.stdout.readline().decode() if client.stdout is not None else ""
    if not line.startswith(word):
        client.wait()
        raise Failed(f"the client stopped: {last_lines(running.site.folder, 'idle', 1)}")
    return int(line.split()[1])
