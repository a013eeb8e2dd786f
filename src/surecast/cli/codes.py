"""The exit codes of the command line; scripts read them, so a number never changes its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surecast.decide import State


class Exit(IntEnum):
    """What a verb's end means. Interrupted is 128 + the signal's number: 130 for Ctrl-C, 143 for SIGTERM."""

    REACHED = 0
    BUG = 1
    USAGE = 2
    REROUTED = 3
    MISSED = 4
    UNSURE = 5


_CODES = {
    "reached": Exit.REACHED,
    "rerouted": Exit.REROUTED,
    "pending": Exit.UNSURE,
    "unsure": Exit.UNSURE,
    "missed": Exit.MISSED,
}
_WORST_FIRST = (Exit.MISSED, Exit.UNSURE, Exit.REROUTED)


def code_of(state: State, *, reroute_ok: bool = False) -> Exit:
    """The exit code of a broadcast's state; `reroute_ok` makes rerouted as good as reached."""
    code = _CODES[state.value]
    return Exit.REACHED if reroute_ok and code is Exit.REROUTED else code


def worst(codes: Iterable[Exit]) -> Exit:
    """The code of several broadcasts: missed, else unsure or pending, else rerouted, else reached."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), Exit.REACHED)
