"""What a load generator found out."""
from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Optional


@dataclass
class Sample:
    """One run of a load generator against one proxy."""

    requests: float
    errors: int
    seconds: float
    p50: float = 0.0
    """Milliseconds, as are the other two."""
    p99: float = 0.0
    p999: float = 0.0
    trouble: str = ""
    """What went wrong, if `errors` is not 0."""
    extra: Dict[str, float] = field(default_factory=dict)
    """Figures that only this generator has."""


class Histogram:
    """Counts times in steps of one per cent, so that those of several processes can be added."""

    def __init__(self, counts: Optional[Dict[str, int]] = None) -> None:
        self._counts: "Counter[int]" = Counter({int(step): n for step, n in (counts or {}).items()})

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[round(math.log(max(seconds, 1e-6)) * 100)] += 1

    def merge(self, other: "Histogram") -> None:
        """All of another."""
        self._counts.update(other._counts)

    def counts(self) -> Dict[str, int]:
        """For JSON, as the constructor takes it."""
        return {str(step): n for step, n in self._counts.items()}

    def percentile(self, share: float) -> float:
        """The time, in milliseconds, that this share (0 to 1) does not exceed; 0 if nothing was counted."""
        left = share * sum(self._counts.values())
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return math.exp(step / 100) * 1e3
        return 0.0
