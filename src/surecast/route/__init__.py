"""Routes: which channels, in which order, and what counts as enough.

    "site & (bluesky | mastodon & telegram | newsletter)"
    "site & at_least(2, bluesky, mastodon, telegram) & optional(slack)"

`A & B` fans out, `A | B` fails over; `&` binds tighter than `|`, as in Python, whose own parser reads the text.
A route knows names only, never what stands behind them.
"""

from surecast.route.checking import check
from surecast.route.families import gather
from surecast.route.nodes import All, AnyOf, AtLeast, Name, Operand, Optional, Route, Together, effective_within, holds
from surecast.route.pruning import stands_before, without
from surecast.route.reading import MAX_BRACKETS, MAX_LENGTH, why_no_name
from surecast.route.wording import describe

__all__ = [
    "MAX_BRACKETS",
    "MAX_LENGTH",
    "All",
    "AnyOf",
    "AtLeast",
    "Name",
    "Operand",
    "Optional",
    "Route",
    "Together",
    "check",
    "describe",
    "effective_within",
    "gather",
    "holds",
    "stands_before",
    "why_no_name",
    "without",
]
