"""As an ingress runs: with an access log, and ours with metrics too."""
from __future__ import annotations

from typing import Iterator

from compare import alike, compare
from loads.wrk import Wrk
from results import Row
from rig import Rig


def run(rig: Rig) -> Iterator[Row]:
    """The load of `keepalive`; every peer writes its log to a file, nginx in the format of ingress-nginx."""
    title = "small GET with access log (ours: and metrics)"
    yield compare(rig, "log", title, alike(rig.contestants(), rig.setup(log=True), Wrk(connections=64)))
