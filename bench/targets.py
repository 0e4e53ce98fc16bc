"""What ours has to reach (must) and what it aims at, workload by workload."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional

from results import Row
from workloads.hosts import ONE_HOST
from workloads.workers import ONE, TWO

Rows = Dict[str, Row]


@dataclass(frozen=True)
class Target:
    """One line of the table of targets. Smaller is better everywhere."""

    text: str
    value: Callable[[Rows], Optional[float]]
    must: Optional[float]
    aim: Optional[float]
    unit: str = ""
    """Empty: a ratio of CPU time per request."""
    full: bool = False
    """Holds only with the full number of hosts or connections."""


@dataclass(frozen=True)
class Verdict:
    """A target, and what was measured."""

    target: Target
    value: float

    @property
    def mark(self) -> str:
        """missed (not even must), met, or aim."""
        return _mark(self.target, self.value)


def _mark(target: Target, value: float) -> str:
    # What is printed is what is judged: two digits, like the targets.
    value = round(value, 2)
    if target.must is not None and value > target.must:
        return "missed"
    if target.aim is not None and value <= target.aim:
        return "aim"
    return "met" if target.must is not None else "aim missed"


def _cpu(text: str, row: str, to: str, must: Optional[float], aim: Optional[float] = None) -> Target:
    def value(rows: Rows) -> Optional[float]:
        return rows[row].ratio("ours", to) if row in rows else None

    return Target(f"{text}, to {to}", value, must, aim)


def _figure(
    text: str, row: str, name: str, must: Optional[float], aim: Optional[float], unit: str, full: bool = False,
) -> Target:
    def value(rows: Rows) -> Optional[float]:
        result = rows[row].results.get("ours") if row in rows else None
        return result.figures.get(name) if result is not None else None

    return Target(text, value, must, aim, unit, full)


def _own(text: str, row: str, label: str, to: str, must: float, aim: float, full: bool = False) -> Target:
    def value(rows: Rows) -> Optional[float]:
        return rows[row].ratio(label, to) if row in rows else None

    return Target(text, value, must, aim, "", full)


def _bodies(text: str, row: str) -> List[Target]:
    return [
        _cpu(text, row, "nginx-buffered", 1.1, 0.95), _cpu(text, row, "nginx", 0.25), _cpu(text, row, "envoy", None, 0.75),
    ]


TARGETS: List[Target] = [
    _cpu("small GET", "keepalive", "nginx", 1.05, 0.90),
    _cpu("small GET", "keepalive", "haproxy", None, 0.85),
    _cpu("small GET", "keepalive", "envoy", 0.45, 0.33),
    _cpu("small GET", "keepalive", "pingora", 0.55),
    _cpu("small GET", "keepalive", "caddy", 0.20),
    _cpu("with log and metrics", "log", "nginx", 1.05, 0.90),
    _cpu("new connection", "connection", "nginx", 1.10, 1.0),
    _cpu("TLS kept alive", "tls-keepalive", "nginx", 1.0, 0.85),
    _cpu("TLS kept alive", "tls-keepalive", "haproxy", None, 0.65),
    _cpu("TLS handshake, full", "tls-full", "nginx", 0.85, 0.70),
    _cpu("TLS handshake, resumed", "tls-resumed", "nginx", 0.85, 0.70),
    _cpu("HTTP/2", "h2", "nginx", 0.75, 0.60),
    _cpu("HTTP/2", "h2", "haproxy", None, 0.90),
    *_bodies("response of 100 KiB", "body-100k"),
    *_bodies("response of 10 MiB", "body-10m"),
    *_bodies("POST of 1 MiB", "upload"),
    _own("20 000 hosts, to 1 host (own)", "hosts-many", "ours", ONE_HOST, 1.15, 1.05, True),
    _figure("20 000 hosts: memory", "hosts-many", "pss_mib", 200, 100, "MiB", True),
    _figure("20 000 hosts: start", "hosts-many", "start_s", 5, 1.5, "s", True),
    _figure("route changed, to effect", "route-change", "effect_s", 0.5, 0.1, "s", True),
    _figure("route changed, errors", "route-change", "errors", 0, 0, "", True),
    _figure("route changed, peak memory", "route-change", "peak_memory_ratio", None, 1.2, "× before", True),
    _figure("endpoint replaced, to effect", "endpoint-change", "effect_s", 0.1, 0.03, "s"),
    _figure("endpoint replaced, errors", "endpoint-change", "errors", 0, 0, ""),
    _figure("idle connection, plain", "idle-plain", "kib_per_connection", 20, 6, "KiB", True),
    _figure("idle connection, TLS", "idle-tls", "kib_per_connection", 36, 16, "KiB", True),
    _own("two workers, to one (own)", "workers", TWO, ONE, 1.08, 1.03),
]


def judge(rows: List[Row], full: bool) -> List[Verdict]:
    """The targets that were measured, in the order of the table."""
    by_key = {row.key: row for row in rows}
    verdicts = []
    for target in TARGETS:
        value = target.value(by_key)
        if value is not None and (full or not target.full):
            verdicts.append(Verdict(target, value))
    return verdicts
