"""WebSocket."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.script import Script
from results import Row
from rig import Rig


def run(rig: Rig) -> Iterator[Row]:
    """Each of 32 connections has one frame of 128 bytes under way; a request is a frame that came back."""
    load = Script("websocket.py", ("16",), processes=2)
    setup = rig.setup(upstream_port=rig.echo_port)
    yield compare(rig, "websocket", "WebSocket, echo of 128 bytes, 32 connections", alike(rig.contestants(), setup, load))
