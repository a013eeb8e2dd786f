"""A replay as a picture: what was wrong, where readers found each announcement, and what they were told."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from html import escape

from surecast.replay.figures import Figures, Mark
from surecast.replay.timeline import Timeline

WIDTH, LEFT, RIGHT, ROW, TOP = 1_120, 130, 30, 54, 70
SAID = {"notice": "outage notice", "update": "update", "all_clear": "all-clear"}
COLUMNS = 96  # of the drawing for a terminal


def draw_svg(timeline: Timeline, figures: Figures, *, began_at: float) -> str:
    """The drawing as SVG, complete in itself.

    Args:
        began_at: Unix seconds; times are shown in UTC.
    """
    rows = _rows(timeline, figures)
    height = TOP + ROW * (len(rows) + 2) + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="{escape(timeline.title)}">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="30" font-size="18" font-weight="600">{escape(timeline.title)}, played again</text>',
        f'<text x="{LEFT}" y="50" fill="#555">{escape(_summary(figures))}</text>',
    ]
    for spell in timeline.spells:
        x, width = _x(timeline, spell.begins_s), _x(timeline, spell.ends_s) - _x(timeline, spell.begins_s)
        parts.append(
            f'<rect x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{ROW * (len(rows) + 1)}" fill="#fde8e6"/>'
        )
    for number, (name, marks, colour) in enumerate(rows):
        y = TOP + ROW * number + ROW / 2
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#ddd"/>')
        parts += [
            f'<rect x="{_x(timeline, mark.at_s) - 0.7:.1f}" y="{y - 11}" width="1.4" height="22" fill="{colour}"/>'
            for mark in marks
        ]
    parts += _said(timeline, figures, TOP + ROW * len(rows) + ROW / 2)
    parts += _axis(timeline, TOP + ROW * (len(rows) + 1) + 14, began_at)
    return "\n".join([*parts, "</svg>\n"])


def draw_text(timeline: Timeline, figures: Figures) -> list[str]:
    """The drawing for a terminal."""
    wrong = ["·"] * COLUMNS
    for spell in timeline.spells:
        begins = _column(timeline, spell.begins_s)
        for column in range(begins, max(begins + 1, math.ceil(COLUMNS * spell.ends_s / timeline.lasts_s))):
            wrong[column] = "#"
    lines = [f"{'nobody sees':>12}  {''.join(wrong)}"]
    for name, marks, _ in _rows(timeline, figures):
        shown = [" "] * COLUMNS
        for mark in marks:
            shown[_column(timeline, mark.at_s)] = "|"
        lines.append(f"{name:>12}  {''.join(shown)}")
    told = [" "] * COLUMNS
    for mark in figures.marks:
        if mark.what in SAID:
            told[_column(timeline, mark.at_s)] = {"notice": "N", "update": "u", "all_clear": "A"}[mark.what]
    lines.append(f"{'readers told':>12}  {''.join(told)}   N notice, u update, A all-clear")
    hours = [" "] * COLUMNS
    for hour in range(int(timeline.lasts_s // 3600) + 1):
        place = min(_column(timeline, hour * 3600.0), COLUMNS - 2)
        hours[place : place + len(str(hour))] = str(hour)
    lines.append(f"{'hour':>12}  {''.join(hours)}".rstrip())
    return lines


def _rows(timeline: Timeline, figures: Figures) -> list[tuple[str, list[Mark], str]]:
    channels = list(dict.fromkeys(mark.channel for mark in figures.marks if mark.what == "seen"))
    channels.sort(key=lambda name: name != timeline.platform)
    return [
        (
            name,
            [mark for mark in figures.marks if mark.what == "seen" and mark.channel == name],
            "#1d6fd8" if name == timeline.platform else "#6a4bc4",
        )
        for name in channels
    ]


def _said(timeline: Timeline, figures: Figures, y: float) -> list[str]:
    parts = [f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">readers told</text>']
    for mark in figures.marks:
        if mark.what in SAID:
            x = _x(timeline, mark.at_s)
            parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="#0a7d4f"/>')
            parts.append(f'<text x="{x:.1f}" y="{y + 22}" text-anchor="middle" fill="#0a7d4f">{SAID[mark.what]}</text>')
    return parts


def _axis(timeline: Timeline, y: float, began_at: float) -> list[str]:
    parts = []
    for hour in range(int(timeline.lasts_s // 3600) + 1):
        clock = datetime.fromtimestamp(began_at + hour * 3600, UTC)
        x = _x(timeline, hour * 3600.0)
        parts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="#555">{clock:%H:%M}</text>')
    return parts


def _summary(figures: Figures) -> str:
    return (
        f"{figures.in_time} of {figures.announcements} announcements reached readers in time; "
        f"{figures.notices} notice, "
        f"{figures.updates} updates, {figures.all_clears} all-clear; red: taken, but shown to nobody"
    )


def _x(timeline: Timeline, at_s: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(at_s, timeline.lasts_s) / timeline.lasts_s


def _column(timeline: Timeline, at_s: float) -> int:
    return min(COLUMNS - 1, int(COLUMNS * at_s / timeline.lasts_s))
