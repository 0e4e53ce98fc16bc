"""What is measured: one file for each kind of work. A workload is a function that takes the rig and gives rows."""
from __future__ import annotations

from typing import Callable, Dict, Iterator

from results import Row
from rig import Rig
from workloads import bodies, changes, connection, hosts, http2, idle, keepalive, log, tls, websocket, workers

ALL: Dict[str, Callable[[Rig], Iterator[Row]]] = {
    "keepalive": keepalive.run,
    "log": log.run,
    "connection": connection.run,
    "tls-keepalive": tls.run_keepalive,
    "tls-handshake": tls.run_handshakes,
    "h2": http2.run,
    "bodies": bodies.run_responses,
    "uploads": bodies.run_uploads,
    "websocket": websocket.run,
    "hosts": hosts.run,
    "route-change": changes.run_routes,
    "endpoint-change": changes.run_endpoints,
    "idle": idle.run,
    "workers": workers.run,
}
