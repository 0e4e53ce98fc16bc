"""What was measured: rows (one for each workload), in each a result for each contestant, in each result a figure for each round."""
from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Dict, List, Optional

REFERENCE = "nginx"
"""What ratios are to, unless a row names something else."""


@dataclass
class Round:
    """One contestant in one round."""

    cpu_us: float
    """CPU time of all processes of the proxy, for each request, in microseconds."""
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    p999: float
    core: float
    """CPU time by wall time: how busy the proxy's core was."""
    extra: Dict[str, float] = field(default_factory=dict)


@dataclass
class Result:
    """One contestant in one workload."""

    rounds: List[Optional[Round]] = field(default_factory=list)
    """None where the round was thrown out, because there were errors."""
    figures: Dict[str, float] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)

    def middle(self, name: str) -> Optional[float]:
        """The median over the rounds that count."""
        values = [getattr(each, name) for each in self.rounds if each is not None]
        return median(values) if values else None


@dataclass
class Row:
    """One workload."""

    key: str
    title: str
    results: Dict[str, Result] = field(default_factory=dict)
    reference: str = REFERENCE

    def ratios(self, label: str, to: str) -> List[float]:
        """CPU time per request, as ratio to another contestant in the same round."""
        ours, theirs = self.results.get(label), self.results.get(to)
        if ours is None or theirs is None:
            return []
        return [a.cpu_us / b.cpu_us for a, b in zip(ours.rounds, theirs.rounds) if a and b and b.cpu_us]

    def ratio(self, label: str, to: str) -> Optional[float]:
        """The median of the ratios."""
        ratios = self.ratios(label, to)
        return median(ratios) if ratios else None
