"""HTTP/2 over TLS from clients, HTTP/1.1 to the upstream."""
from __future__ import annotations

from typing import List

from compare import alike, compare
from loads.h2load import H2load
from results import Row
from rig import Rig


def run(rig: Rig) -> List[Row]:
    """Ten connections with ten streams each."""
    title = "HTTP/2 over TLS, small GET, 10 connections with 10 streams"
    return [compare(rig, "h2", title, alike(rig.contestants(), rig.setup(tls=True), H2load()))]
