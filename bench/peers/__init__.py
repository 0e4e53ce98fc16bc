"""The proxies that are compared: one file each. `base` says what a peer is."""
from __future__ import annotations

from typing import List

from peers.base import Peer
from peers.caddy import Caddy
from peers.envoy import Envoy
from peers.haproxy import Haproxy
from peers.nginx import Nginx, NginxBuffered
from peers.ours import Ours
from peers.pingora import Pingora

BUFFERED = NginxBuffered.name
"""Takes part only where bodies are large."""


def all_peers(ours: str) -> List[Peer]:
    """Every peer, nginx (what the others are compared with) first, ours last."""
    return [Nginx(), NginxBuffered(), Haproxy(), Envoy(), Caddy(), Pingora(), Ours(ours)]
