"""What a proxy is asked to do in a workload, told once and understood by every peer.

Nothing here knows a peer or a load generator.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

PATHS: Tuple[str, ...] = ("/api", "/web", "/static")
"""The three path prefixes of every host. All lead to the same upstream; anything else is 404."""

FORWARDED: Tuple[str, ...] = (
    "X-Request-ID", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port",
    "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Scheme",
)
"""The header fields that ingress-nginx adds to a request, and that every peer has to add here."""


def grouped(count: int) -> str:
    """A number with a space between thousands."""
    return f"{count:,}".replace(",", " ")


def host_name(number: int) -> str:
    """The name of the host with this number."""
    return f"host-{number}.bench.test"


@dataclass(frozen=True)
class Setup:
    """A configuration, in words that every peer has."""

    hosts: int = 1
    """How many hosts, each with the three paths."""
    tls: bool = False
    """TLS (with HTTP/2) instead of plain HTTP."""
    log: bool = False
    """Write an access log; ours counts metrics then, too."""
    workers: int = 1
    """How many workers (threads, processes) serve."""
    keep_alive: int = 75
    """Seconds that a client's connection may be idle."""
    keep_alive_requests: int = 1000
    """Requests after which a client's connection is closed, by those who have such a limit (nginx and ours)."""
    upstream_port: int = 0
    endpoints: Tuple[str, ...] = ("127.0.0.1", "127.0.0.2")
    """Addresses of the upstream's endpoints; all have the same port."""
    added: int = 0
    """How many routes, /new-1 and so on, the first host has beside its three."""

    def paths(self, number: int) -> List[str]:
        """The path prefixes of a host."""
        new = [f"/new-{i + 1}" for i in range(self.added)] if number == 0 else []
        return list(PATHS) + new


@dataclass(frozen=True)
class Site:
    """Where one proxy runs: its folder, its ports on 127.0.0.1, and the folder of the certificate."""

    folder: Path
    port: int
    """Where it serves; with TLS this port takes nothing else."""
    admin: int
    """For an interface of its own (caddy's API, our health check)."""
    certificate: Path
    """Folder with cert.pem, key.pem and both.pem (one after the other)."""
