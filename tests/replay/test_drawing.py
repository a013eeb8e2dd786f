"""A replay as a picture: well-formed, complete, and with a row for everybody."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from surecast.replay import APRIL_2026, Figures, Spell, Timeline
from surecast.replay.drawing import COLUMNS, draw_svg, draw_text
from surecast.replay.figures import Mark
from surecast.sandbox import Fault

HOUR_S = 3_600.0
SVG = "{http://www.w3.org/2000/svg}"
TIMELINE = replace(APRIL_2026, title='Ferries & "friends" <April>')
FIGURES = Figures(
    announcements=3,
    in_time=2,
    slowest_s=20.2,
    noticed_s=125.0,
    entered_s=35.0,
    outages=1,
    notices=1,
    updates=1,
    all_clears=1,
    taken=2,
    doubled=0,
    missing=0,
    dropped={},
    incidents=1,
    newest_there=1,
    rerouted=1,
    requests=5,
    told=1,
    marks=(
        Mark(at_s=0.0, what="seen", channel="bluesky"),
        Mark(at_s=1_900.0, what="seen", channel="mastodon"),
        Mark(at_s=2_000.0, what="notice"),
        Mark(at_s=5_600.0, what="update"),
        Mark(at_s=10 * HOUR_S, what="all_clear"),
        Mark(at_s=12 * HOUR_S, what="seen", channel="bluesky"),  # after the last minute that is shown
        Mark(at_s=2_000.0, what="outage"),
    ),
)


def rows(timeline: Timeline = TIMELINE, figures: Figures = FIGURES) -> dict[str, str]:
    return {line[:12].strip(): line[14:] for line in draw_text(timeline, figures)}


def test_the_picture_is_xml_and_says_what_it_shows() -> None:
    root = ET.fromstring(draw_svg(TIMELINE, FIGURES, began_at=1_775_455_200.0))
    assert root.tag == f"{SVG}svg"
    assert root.get("aria-label") == TIMELINE.title
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert f"{TIMELINE.title}, played again" in words
    assert {"bluesky", "mastodon", "readers told", "outage notice", "update", "all-clear", "06:00", "17:00"} <= {*words}
    assert len(list(root.iter(f"{SVG}circle"))) == 3
    x, widths = zip(*((float(r.get("x", 0)), float(r.get("width", 0))) for r in root.iter(f"{SVG}rect")), strict=True)
    assert max(each + width for each, width in zip(x, widths, strict=True)) <= float(root.get("width", 0))
    assert sum(rect.get("fill") == "#fde8e6" for rect in root.iter(f"{SVG}rect")) == len(TIMELINE.spells)


def test_the_drawing_for_a_terminal_has_a_row_for_each_channel() -> None:
    drawn = rows()
    assert list(drawn) == ["nobody sees", "bluesky", "mastodon", "readers told", "hour"], "the one that fails first"
    assert drawn["nobody sees"].count("#") == pytest.approx(COLUMNS * 4 / 11, abs=8)
    assert (drawn["bluesky"].count("|"), drawn["mastodon"].count("|")) == (2, 1)
    assert drawn["readers told"][:COLUMNS].split() == ["N", "u", "A"]
    assert drawn["hour"].split() == [str(hour) for hour in range(12)]
    assert all(len(drawn[name]) == COLUMNS for name in ("nobody sees", "bluesky", "mastodon"))


def test_nothing_to_show_is_drawn_too() -> None:
    nothing = replace(FIGURES, marks=())
    assert list(rows(figures=nothing)) == ["nobody sees", "readers told", "hour"]
    ET.fromstring(draw_svg(TIMELINE, nothing, began_at=0.0))


def test_a_short_spell_is_drawn() -> None:
    short = Spell(begins_s=4.82 * HOUR_S, ends_s=4.90 * HOUR_S, fault=Fault.HIDDEN)
    assert rows(replace(TIMELINE, spells=(short,)))["nobody sees"].count("#") == 1


def test_a_spell_to_the_end_is_drawn_to_the_end() -> None:
    to_the_end = Spell(begins_s=0.0, ends_s=TIMELINE.lasts_s, fault=Fault.HIDDEN)
    assert rows(replace(TIMELINE, spells=(to_the_end,)))["nobody sees"] == "#" * COLUMNS
