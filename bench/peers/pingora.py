"""A proxy made with pingora, if the environment variable PINGORA names one: pingora is a library.

It is started as `$PINGORA UPSTREAM UPSTREAM` with PORT and WORKERS in the environment, and is expected to serve plain
HTTP on 127.0.0.1:PORT, to route /api of any host to the upstreams, and to add the header fields of `setup.FORWARDED`.
"""
from __future__ import annotations

import os
from typing import Dict, List, Optional

from peers.base import Peer
from setup import Setup, Site


class Pingora(Peer):
    """Takes part only where there is one host, without TLS and log."""

    name = "pingora"

    def binary(self) -> Optional[str]:
        """What PINGORA names."""
        path = os.environ.get("PINGORA")
        return path if path and os.access(path, os.X_OK) else None

    def version(self) -> str:
        """None: it is a library, and the binary need not tell."""
        return "pingora"

    def refuses(self, setup: Setup) -> Optional[str]:
        """All but the plainest."""
        plain = setup.hosts == 1 and not setup.tls and not setup.log and setup.added == 0
        return None if plain else "the binary of PINGORA serves one plain host"

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """None: it takes arguments."""
        return {}

    def command(self, site: Site, setup: Setup) -> List[str]:
        """The upstreams as arguments."""
        return [self.binary() or "", *(f"{address}:{setup.upstream_port}" for address in setup.endpoints)]

    def environment(self, site: Site, setup: Setup) -> Dict[str, str]:
        """Port and number of threads."""
        return {"PORT": str(site.port), "WORKERS": str(setup.workers)}
