"""Large bodies, in both directions. nginx takes part twice: as ingress-nginx sets it, and with large buffers."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.wrk import Wrk
from results import Row
from rig import Rig


def run_responses(rig: Rig) -> Iterator[Row]:
    """100 KiB and 10 MiB plain, 100 KiB over TLS."""
    kinds = (
        ("body-100k", "response of 100 KiB", False, Wrk(connections=32, path="/api/100k", answer=100 << 10)),
        ("body-10m", "response of 10 MiB", False, Wrk(connections=8, path="/api/10m", answer=10 << 20)),
        ("body-100k-tls", "response of 100 KiB over TLS", True, Wrk(connections=32, path="/api/100k", answer=100 << 10)),
    )
    for key, title, tls, load in kinds:
        yield compare(rig, key, title, alike(rig.contestants(buffered=True), rig.setup(tls=tls), load))


def run_uploads(rig: Rig) -> Iterator[Row]:
    """POST of 1 MiB to an upstream that reads all of it before it answers."""
    load = Wrk(connections=16, path="/api/upload", upload=1 << 20)
    yield compare(rig, "upload", "POST of 1 MiB", alike(rig.contestants(buffered=True), rig.setup(), load))
