"""What a platform did in an outage, by the minute. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from surecast.sandbox import Fault

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which something was wrong with the platform; in seconds from the beginning of the replay."""

    begins_s: float
    ends_s: float
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """An outage.

    Attributes:
        title: for people.
        source: where it was published.
        spells: in their order; between them all is well.
        announcing_s: for so long announcements are made, one every `every_s`, about so many `incidents` in turn.
        lasts_s: the whole replay.
    """

    title: str
    source: str
    platform: str
    spells: tuple[Spell, ...]
    announcing_s: float
    every_s: float
    incidents: int
    lasts_s: float

    @property
    def begins_s(self) -> float:
        """When the first thing went wrong."""
        return self.spells[0].begins_s

    @property
    def ends_s(self) -> float:
        """When the last thing was well again."""
        return self.spells[-1].ends_s


def _cycles(first_s: float, count: int, down_s: float, up_s: float) -> tuple[Spell, ...]:
    begins = (first_s + number * (down_s + up_s) for number in range(count))
    return tuple(Spell(begins_s=start, ends_s=start + down_s, fault=Fault.HIDDEN) for start in begins)


#: Bluesky, 4 to 6 April 2026. For about eight hours its reading side failed half of its users: up for about thirty
#: minutes, then down, again and again (the engineer's post-mortem, pckt.blog/b/jcalabro). That posts were taken all the
#: while is not stated there; its architecture says so, as posts go to another server than readers ask.
APRIL_2026 = Timeline(
    title="Bluesky, April 2026",
    source="https://pckt.blog/b/jcalabro/april-2026-outage-post-mortem-219ebg2",
    platform="bluesky",
    spells=_cycles(30 * MINUTE_S, 8, 30 * MINUTE_S, 30 * MINUTE_S),
    announcing_s=8.5 * 60 * MINUTE_S,
    every_s=MINUTE_S,
    incidents=12,
    lasts_s=11 * 60 * MINUTE_S,
)

TIMELINES: Mapping[str, Timeline] = MappingProxyType({"april-2026": APRIL_2026})
