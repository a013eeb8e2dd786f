"""A measured figure beside its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, how often, and what it may be at most."""

    what: str
    values: Sequence[float]
    unit: str
    budget: float

    @property
    def kept(self) -> bool:
        return median(self.values) <= self.budget

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        verdict = "ok" if self.kept else "OVER"
        return (
            f"{verdict:<5}{self.what}: median {median(self.values):.3g} {self.unit} "
            f"(min {low:.3g}, max {high:.3g}, n={len(self.values)}), budget {self.budget:g} {self.unit}"
        )
