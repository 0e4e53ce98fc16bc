"""What workloads have at hand: upstreams that run, cores, ports, and peers that are started, looked at and stopped."""
from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, List, Sequence

import certificates
import measure
import ready
import upstreams
from peers import BUFFERED
from peers.base import Peer
from processes import Failed, last_lines, start, stop
from setup import FORWARDED, Setup, Site, host_name

_START_LIMIT = 180.0
_PORTS_OF_ONE = 2


@dataclass(frozen=True)
class Cores:
    """Which cores whom."""

    proxy: Sequence[int]
    """For a proxy with one worker."""
    pair: Sequence[int]
    """For one with two."""
    load: Sequence[int]
    """For load generators, upstreams and this program."""


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    rounds: int = 3
    seconds: int = 3
    many: int = 20_000
    """Hosts, where there are many."""
    idle: int = 10_000
    """Idle connections."""
    full: bool = True
    """Whether these are the numbers that the targets are for."""


@dataclass
class Running:
    """A peer that serves."""

    label: str
    peer: Peer
    site: Site
    setup: Setup
    pid: int
    start_s: float
    """Seconds from its start to the first answer of the last host."""
    start_cpu_s: float
    """Its CPU time until then, which a busy machine does not change."""


class Rig:
    """One run of the comparison."""

    def __init__(self, folder: Path, peers: List[Peer], cores: Cores, scale: Scale, port_base: int) -> None:
        self.folder, self.peers, self.cores, self.scale = folder, peers, cores, scale
        self._base, self._next = port_base, 10
        self.upstream_port, self.echo_port = port_base, port_base + 1
        self.certificate = certificates.make(folder / "certificate")

    def start_upstreams(self) -> None:
        """nginx and the WebSocket echo, on the load's cores."""
        upstreams.start_nginx(self.folder / "upstream", self.upstream_port, self.cores.load)
        upstreams.start_echo(self.folder / "echo", self.echo_port, self.cores.load)

    def setup(self, **values: object) -> Setup:
        """A setup whose upstream is the one that runs."""
        return replace(Setup(upstream_port=self.upstream_port), **values)  # type: ignore[arg-type]

    def contestants(self, buffered: bool = False) -> List[Peer]:
        """The peers of a comparison; nginx with large buffers only where bodies are large."""
        return [peer for peer in self.peers if buffered or peer.name != BUFFERED]

    def peer(self, name: str) -> List[Peer]:
        """The peer with this name, if it takes part."""
        return [peer for peer in self.peers if peer.name == name]

    def site(self, label: str) -> Site:
        """A fresh folder and ports that nobody has had for long."""
        number = self._next
        self._next = 10 + (number - 10 + _PORTS_OF_ONE) % 900
        folder = self.folder / f"{number:03}-{label.replace(' ', '-').replace(',', '')}"
        folder.mkdir(parents=True, exist_ok=True)
        return Site(folder, self._base + number, self._base + number + 1, self.certificate)

    @contextmanager
    def running(self, label: str, peer: Peer, setup: Setup, cores: Sequence[int] = ()) -> Iterator[Running]:
        """Starts a peer, waits until it serves its last host, and stops it in the end.

        # Errors
        Failed if it does not serve in time, or does not add the header fields that all have to add.
        """
        site = self.site(label)
        peer.write(site, setup)
        begin = time.monotonic()
        process = start(
            peer.command(site, setup), cores or self.cores.proxy, site.folder, "proxy", peer.environment(site, setup),
        )
        try:
            last = host_name(setup.hosts - 1)
            alive = lambda: process.poll() is None  # noqa: E731
            if not ready.wait_for_answer(site.port, setup.tls, last, "/api", _START_LIMIT, alive):
                how = f"did not serve within {_START_LIMIT:.0f} s" if alive() else "ended before it served"
                raise Failed(f"{how}: {last_lines(site.folder, 'proxy')}")
            took = time.monotonic() - begin
            running = Running(label, peer, site, setup, process.pid, took, measure.cpu_so_far(process.pid))
            if setup.upstream_port == self.upstream_port:
                _look_at_headers(running)
            yield running
        finally:
            stop(process)


def _look_at_headers(running: Running) -> None:
    status, body = ready.ask(running.site.port, running.setup.tls, host_name(0), "/api/headers")
    told = dict(line.partition("=")[::2] for line in body.splitlines())
    missing = [name for name in FORWARDED if not told.get(name)]
    if status != 200 or missing:
        raise Failed(f"does not do the same work: status {status}, without {', '.join(missing)}")
