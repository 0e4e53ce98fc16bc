"""HTTP/2 over TLS from clients, HTTP/1.1 to the upstream."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.h2load import ENDLESS, H2load
from results import Row
from rig import Rig


def run(rig: Rig) -> Iterator[Row]:
    """Ten connections with ten streams each."""
    title = "HTTP/2 over TLS, small GET, 10 connections with 10 streams"
    setup = rig.setup(tls=True, keep_alive_requests=ENDLESS)
    yield compare(rig, "h2", title, alike(rig.contestants(), setup, H2load()))
