"""What can go wrong at a far side, as values, and the switch that holds what goes wrong at the moment.

| fault | the request is taken in | what the client sees |
|---|---|---|
| down | no | connection refused; open connections break |
| hang_before | no, its body is not even read | nothing, until the fault is lifted |
| hang_after | yes | nothing, until the fault is lifted |
| lost_reply | yes | the connection closes without an answer |
| half | yes | half of the answer, then the connection closes |
| slow | yes | the answer, one byte at a time |
| reset | no | the connection is reset |
| close | no | the connection closes without an answer |
| throttled | no | 429 in the platform's words |
| unauthorized, forbidden, refused, error, unavailable | no | 401, 403, 400 or 422, 500, 503 in its words |
| edge | no | 502 with an HTML page from something in front of the platform |
| garbage | no | 200 with an HTML page |
| hidden | yes | the usual answer, but readers do not see the post until the fault is lifted |

`Trouble.taken_in` turns the second column round, e.g. an error 500 although the post is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal, get_args

from surecast.errors import UsageError

#: How a 429 or 503 states the wait: in the platform's own header, as an HTTP date in Retry-After, or not at all.
Wait = Literal["own", "date", "absent"]

THROTTLED_S = 30.0
DRIP_S = 0.5  # shorter than any SDK's time-out between two reads, so that only a limit on the whole call ends it


class Fault(StrEnum):
    """What goes wrong; the module's table says what each does."""

    NONE = "none"
    DOWN = "down"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    LOST_REPLY = "lost_reply"
    HALF = "half"
    SLOW = "slow"
    RESET = "reset"
    CLOSE = "close"
    THROTTLED = "throttled"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    ERROR = "error"
    UNAVAILABLE = "unavailable"
    EDGE = "edge"
    GARBAGE = "garbage"
    HIDDEN = "hidden"


class Kind(StrEnum):
    """What a request is about."""

    READ = "read"
    WRITE = "write"  # publishes or takes back
    UPLOAD = "upload"
    SESSION = "session"  # logging in, renewing


class On(StrEnum):
    """Which requests a fault strikes."""

    ALL = "all"
    WRITES = "writes"
    READS = "reads"
    UPLOADS = "uploads"
    SESSIONS = "sessions"

    def covers(self, kind: Kind) -> bool:
        return self is On.ALL or self.value == f"{kind}s"


TAKES_IN = frozenset({Fault.HANG_AFTER, Fault.LOST_REPLY, Fault.HALF, Fault.SLOW})

_ALWAYS_AS_IT_IS = frozenset({Fault.NONE, Fault.DOWN, Fault.HIDDEN, Fault.HALF, Fault.SLOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One fault and its reach.

    Attributes:
        on: which requests it strikes; a closed port strikes all.
        remaining: how many requests it strikes before it lifts itself; None until somebody lifts it. Hidden posts
            come up after so many requests, e.g. after two looks with ``on=On.READS, remaining=2``.
        seconds: the wait that a 429 or 503 states (429: 30 when not given; 503: none), or the pause between two
            bytes of a slow answer (0.5).
        wait: how that wait is stated.
        taken_in: whether the request is carried out before the fault strikes; None takes the table's answer.

    Raises:
        UsageError: when the values cannot go together.
    """

    fault: Fault
    on: On = On.ALL
    remaining: int | None = None
    seconds: float | None = None
    wait: Wait = "own"
    taken_in: bool | None = None

    def __post_init__(self) -> None:
        if self.remaining is not None and self.remaining < 1:
            raise UsageError(f"remaining is {self.remaining}. Give the number of requests to strike, 1 or more.")
        if self.seconds is not None and not 0 <= self.seconds < 1e6:
            raise UsageError(f"seconds is {self.seconds}. Give a number from 0 to a million.")
        if self.fault is Fault.DOWN and (self.on is not On.ALL or self.remaining is not None):
            raise UsageError("A closed port strikes every request and counts none. Leave on and remaining out.")
        if self.fault is Fault.HIDDEN and self.on not in {On.ALL, On.READS}:
            raise UsageError("Posts are hidden from readers. Leave on out, or count reads with on = reads.")
        if self.taken_in is not None and self.fault in _ALWAYS_AS_IT_IS:
            raise UsageError(f"taken_in means nothing with {self.fault}. Leave it out.")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Trouble:
        """A trouble from JSON.

        Raises:
            UsageError: with what may be written.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise UsageError(f"{unknown[0]!r} is not known. Known are: {', '.join(sorted(known))}.")
        if "fault" not in given:
            raise UsageError(f"Which fault? Give one of: {', '.join(Fault)}.")
        values = dict(given)
        for name, names in (("fault", Fault), ("on", On)):
            if name in values and values[name] not in list(names):
                raise UsageError(f"{name} is {values[name]!r}. Give one of: {', '.join(names)}.")
        _check(values, "remaining", int, "a whole number")
        _check(values, "seconds", (int, float), "a number of seconds")
        if values.get("wait", "own") not in get_args(Wait):
            raise UsageError(f"wait is {values['wait']!r}. Give one of: {', '.join(get_args(Wait))}.")
        if not isinstance(values.get("taken_in"), bool | None):
            raise UsageError("taken_in is neither true nor false.")
        return cls(**{**values, "fault": Fault(values["fault"]), "on": On(values.get("on", On.ALL))})

    @property
    def carried_out(self) -> bool:
        """Whether the request is carried out before the fault strikes."""
        return self.fault in TAKES_IN if self.taken_in is None else self.taken_in

    @property
    def stated_wait_s(self) -> float | None:
        """The wait that the answer states, in seconds."""
        if self.wait == "absent":
            return None
        return THROTTLED_S if self.seconds is None and self.fault is Fault.THROTTLED else self.seconds

    @property
    def drip_s(self) -> float:
        """The pause between two bytes of a slow answer."""
        return DRIP_S if self.seconds is None else self.seconds


def _check(values: Mapping[str, Any], name: str, types: type | tuple[type, ...], what: str) -> None:
    value = values.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, types)):
        raise UsageError(f"{name} is {value!r}. Give {what}.")


@dataclass(slots=True)
class _Active:
    trouble: Trouble
    left: int | None

    @property
    def over(self) -> bool:
        return self.left == 0


class Switch:
    """The troubles of one platform; setting others lifts all that were."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._lifted = asyncio.Event()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What goes wrong now, each with what remains of it."""
        return tuple(replace(active.trouble, remaining=active.left) for active in self._active if not active.over)

    @property
    def down(self) -> bool:
        return any(active.trouble.fault is Fault.DOWN for active in self._active)

    @property
    def hidden(self) -> bool:
        return any(active.trouble.fault is Fault.HIDDEN for active in self._active)

    def set(self, *troubles: Trouble) -> None:
        """Puts these in place of what was; requests that hang are let go."""
        self._active = [_Active(each, each.remaining) for each in troubles if each.fault is not Fault.NONE]
        self._lifted.set()
        self._lifted = asyncio.Event()

    def strike(self, kind: Kind) -> tuple[Trouble | None, asyncio.Event]:
        """The trouble that strikes a request of this kind, and the event that says that it is lifted."""
        for active in self._active:
            if active.over or not active.trouble.on.covers(kind):
                continue
            if active.left is not None:
                active.left -= 1
            if active.trouble.fault is not Fault.HIDDEN:  # that one strikes the readers, not this request
                return active.trouble, self._lifted
        return None, self._lifted

    def expire(self) -> None:
        """Drops what has struck all its requests; called when a request is over, as that one was still struck."""
        self._active = [active for active in self._active if not active.over]
