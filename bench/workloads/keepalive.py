"""Small answers over kept-alive connections: the work that an ingress has most of."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.wrk import Wrk
from results import Row
from rig import Rig


def run(rig: Rig) -> Iterator[Row]:
    """HTTP/1.1, 64 connections, 100 bytes."""
    load = Wrk(connections=64)
    yield compare(rig, "keepalive", "small GET, 64 kept-alive connections", alike(rig.contestants(), rig.setup(), load))
