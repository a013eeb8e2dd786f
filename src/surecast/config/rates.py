"""What rates and quiet hours look like in the file."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, ClassVar

from surecast.config.findings import BAD, At
from surecast.config.shapes import JsonSchema, OneOf
from surecast.message import Urgency
from surecast.quiet import Quiet
from surecast.rate import PATTERN, Rate

RATE = '"10/s"'

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class RateShape:
    """So many in a time."""

    words: ClassVar[str] = "rate"

    def takes(self, value: object) -> bool:
        return type(value) is str

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a rate", value, RATE)
        try:
            return Rate.parse(value)
        except ValueError:
            return at.wrong("it is no rate", f"Write {at.line(RATE)}; units are s, min, h, day, week")

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{PATTERN}$"}


class QuietShape:
    """Quiet hours: from when to when, and for what."""

    words: ClassVar[str] = "table of from, to, below"

    def takes(self, value: object) -> bool:
        return type(value) is dict

    def read(self, value: Any, at: At) -> Any:
        cure = f'Write {at.key} = {{ from = "22:00", to = "07:00" }}'
        if not self.takes(value):
            return at.wrong("it does not say from when to when", cure)
        if unknown := sorted({*value} - {"from", "to", "below"}):
            return at.below(unknown[0]).wrong("there is no such key", f'{cure}, and below = "urgent" if you like')
        begins, ends = (self._clock(value.get(key)) for key in ("from", "to"))
        if begins is None or ends is None or begins == ends:
            return at.wrong("it does not say from when to when", cure)
        below = OneOf(tuple(Urgency)).read(value.get("below", Urgency.EMERGENCY.value), at.below("below"))
        return BAD if below is BAD else Quiet(begins=begins, ends=ends, below=below)

    @staticmethod
    def _clock(value: object) -> time | None:
        found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        return time(int(found[1]), int(found[2])) if found else None

    def schema(self) -> JsonSchema:
        clock = {"type": "string", "pattern": f"^{_CLOCK.pattern}$"}
        return {
            "type": "object",
            "properties": {"from": clock, "to": clock, "below": {"enum": [each.value for each in Urgency]}},
            "required": ["from", "to"],
            "additionalProperties": False,
        }
