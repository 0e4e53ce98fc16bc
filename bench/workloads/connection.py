"""A new connection for each request."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.wrk import Wrk
from results import Row
from rig import Rig


def run(rig: Rig) -> Iterator[Row]:
    """64 clients that ask once and close."""
    load = Wrk(connections=64, headers=("Connection: close",))
    yield compare(rig, "connection", "a new connection for each small GET", alike(rig.contestants(), rig.setup(), load))
