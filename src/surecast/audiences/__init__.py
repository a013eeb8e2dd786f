"""Audiences: named streams of contacts, read from where their owner keeps them, one row at a time.

A source is never copied, kept or held in memory. What is wrong in a row is told with its line and what to do, and
costs no more than it must: a bad telephone number leaves the e-mail address in use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from surecast.audiences.audience import Audience

if TYPE_CHECKING:
    from surecast.audiences.counting import Census, census, reaches
    from surecast.audiences.flaws import Flaw
    from surecast.audiences.reading import Row, rows

#: The libraries that know telephone numbers and e-mail addresses are loaded when a source is read, not before.
_HOMES = {
    "Census": "counting",
    "Flaw": "flaws",
    "Row": "reading",
    "census": "counting",
    "reaches": "counting",
    "rows": "reading",
}

__all__ = ["Audience", "Census", "Flaw", "Row", "census", "reaches", "rows"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"surecast.audiences has no public name {name!r}")
    value = getattr(import_module(f"surecast.audiences.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
