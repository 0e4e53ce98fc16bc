"""TLS 1.3 with HTTP/1.1: kept-alive connections, and handshakes."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.script import Script
from loads.wrk import Wrk
from results import Row
from rig import Rig


def run_keepalive(rig: Rig) -> Iterator[Row]:
    """The load of `keepalive` over TLS."""
    title = "TLS 1.3, small GET, 64 kept-alive connections"
    yield compare(rig, "tls-keepalive", title, alike(rig.contestants(), rig.setup(tls=True), Wrk(connections=64)))


def run_handshakes(rig: Rig) -> Iterator[Row]:
    """Each connection is for one request; the certificate is ECDSA P-256."""
    for kind in ("full", "resumed"):
        load = Script("handshake.py", (kind,))
        title = f"TLS 1.3 handshake ({kind}) and one small GET"
        yield compare(rig, f"tls-{kind}", title, alike(rig.contestants(), rig.setup(tls=True), load))
