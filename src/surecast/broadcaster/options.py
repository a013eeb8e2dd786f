"""What may be given to a broadcast beside its text."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from surecast.errors import UsageError
from surecast.message import Announcement, Image, Urgency
from surecast.route import Operand


class Words(TypedDict, total=False):
    """What may be given beside the text; see `Announcement`."""

    title: str | None
    body: str | None
    url: str | None
    images: Iterable[Image]
    language: str | None
    variants: Mapping[str, str]
    urgency: Urgency | Literal["low", "normal", "urgent", "emergency"]
    key: str | None
    incident: str | None
    expires: datetime | timedelta | None


class Options(Words, total=False):
    """What may be given to a broadcast.

    Attributes:
        route: the name of a route or channel, an expression, or a route that was built; else the urgency's.
        wait: whether to wait until the route is decided; seconds bound the wait; False returns after the commit.
        again: send once more what was sent within the last minutes.
        limit: a careful first send: write to so many contacts only. The route must be of direct channels alone.
        only: likewise, to this one address of the audience.
        on_change: what a known key with other words does: ``raise``, or ``keep`` the first announcement.
    """

    route: str | Operand | None
    wait: bool | float
    again: bool
    limit: int | None
    only: str | None
    on_change: Literal["raise", "keep"]


def check(options: Options) -> None:
    """A misspelt option must not be taken for none: what was meant as urgent would go out as usual."""
    for name in options:
        if name not in Options.__annotations__:
            near = difflib.get_close_matches(name, Options.__annotations__, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(Options.__annotations__)}."
            raise UsageError(f"{name!r} is nothing that a broadcast takes. {hint}")
    if options.get("on_change", "raise") not in {"raise", "keep"}:
        raise UsageError(f"on_change is {options['on_change']!r}. Write 'raise' or 'keep'.")
    wait: object = options.get("wait", True)
    if not isinstance(wait, int | float) or wait < 0:
        raise UsageError(f"wait is {wait!r}. Give True, False, or a number of seconds.")


def announcement_of(announcement: Announcement | str, options: Words) -> Announcement:
    """The announcement that was meant.

    Raises:
        UsageError: words beside a ready `Announcement`, or a value that cannot mean anything.
    """
    given = {name: options[name] for name in Words.__annotations__ if name in options}  # type: ignore[literal-required]
    if isinstance(announcement, Announcement):
        if given:
            raise UsageError(f"{', '.join(given)}: set this in the Announcement itself, not beside it.")
        return announcement
    if "urgency" in given:
        try:
            given["urgency"] = Urgency(given["urgency"])
        except ValueError:
            known = ", ".join(urgency.value for urgency in Urgency)
            raise UsageError(f"{given['urgency']!r} is no urgency. Write one of: {known}.") from None
    given["images"] = tuple(given.get("images", ()))
    return Announcement(text=announcement, **given)
