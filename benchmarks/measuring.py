"""Counting a post of 300 characters as a platform counts."""

from __future__ import annotations

import timeit
from collections.abc import Iterator

from benchmarks.figures import Figure
from surecast.channel import Limits
from surecast.text.measure import units

LIMITS = Limits(text=300, text_bytes=3000)
TEXTS = {
    "ASCII": ("The ferry leaves at noon. " * 12, 2.0),
    "Latin": ("Die Fähre fährt später ab. " * 12, 2.0),
    "emoji": ("👩‍👩‍👧‍👦 ⛴️ ok 🇬🇷 " * 30, 60.0),
}


def measure() -> Iterator[Figure]:
    for name, (text, budget) in TEXTS.items():
        post = text[:300]
        units(post, LIMITS)
        runs = timeit.repeat(lambda post=post: units(post, LIMITS), number=2_000, repeat=7)  # type: ignore[misc]
        yield Figure(
            what=f"counting 300 characters, {name}",
            values=[1e6 * run / 2_000 for run in runs],
            unit="us",
            budget=budget,
        )
