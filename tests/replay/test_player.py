"""Outages played again, compared with what the simulated platforms hold in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from surecast.replay import APRIL_2026, Figures, Spell, play, player
from surecast.replay.figures import count
from surecast.sandbox import Fault, Sandbox
from surecast.sandbox.server import Post

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOTICE = "We cannot reach our readers on Bluesky at the moment"
MINUTE_S = 60.0
EVERY_S = 120.0  # the watch's
#: The first two of its eight spells, and time for the all-clear.
SHORT = replace(
    APRIL_2026,
    spells=APRIL_2026.spells[:2],
    announcing_s=125 * MINUTE_S,
    every_s=2 * MINUTE_S,
    lasts_s=190 * MINUTE_S,
)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Post, ...]]:
    """What each platform holds when a replay is over."""
    found: dict[str, tuple[Post, ...]] = {}

    async def counted(desk: Any, timeline: Any, sandbox: Sandbox, *rest: Any, **more: Any) -> Figures:
        found.update({name: platform.posts() for name, platform in sandbox.platforms.items()})
        return await count(desk, timeline, sandbox, *rest, **more)

    monkeypatch.setattr(player, "count", counted)
    return found


def announced(held: Mapping[str, tuple[Post, ...]], platform: str) -> dict[str, Post]:
    """The announcements that a platform holds, by their first line."""
    posts = [post for post in held[platform] if post.text.startswith("Announcement ")]
    texts = Counter(post.text.split("\n")[0] for post in posts)
    assert set(texts.values()) <= {1}, "twice"
    return dict(zip(texts, posts, strict=True))


def told(held: Mapping[str, tuple[Post, ...]], platform: str) -> list[str]:
    """How what readers were told on a platform begins, apart from the announcements."""
    return [post.text.split(" (since")[0] for post in held[platform] if not post.text.startswith("Announcement ")]


def test_april_2026_is_noticed_told_once_and_paid_back() -> None:
    figures = play(APRIL_2026)
    assert figures.in_time == figures.announcements == 510
    assert (figures.outages, figures.notices, figures.all_clears) == (1, 1, 1)
    assert figures.updates <= 3
    assert figures.noticed_s is not None
    assert figures.noticed_s <= 2 * EVERY_S
    assert (figures.doubled, figures.missing) == (0, 0)
    assert figures.newest_there == figures.incidents == 12


def test_whoever_wants_all_gets_every_announcement_once(held: dict[str, tuple[Post, ...]]) -> None:
    figures = play(SHORT, catch_up="all")
    assert len(announced(held, "bluesky")) == figures.announcements == figures.in_time == 63
    assert (figures.taken, figures.dropped) == (63, {})
    assert told(held, "bluesky") == []
    notice, *updates, all_clear = told(held, "mastodon")
    assert (notice, all_clear[:27]) == (NOTICE, "Bluesky works for us again.")
    assert len(updates) <= 1, "an hour after the notice"


def test_whoever_wants_none_gets_nothing_late_that_readers_had_elsewhere(held: dict[str, tuple[Post, ...]]) -> None:
    figures = play(SHORT, catch_up="none")
    bluesky, mastodon = announced(held, "bluesky"), announced(held, "mastodon")
    assert set(bluesky) | set(mastodon) == {f"Announcement {n:04}: news of ferry-{n % 12 + 1}." for n in range(63)}
    both = bluesky.keys() & mastodon.keys()
    assert all(bluesky[text].at < mastodon[text].at for text in both), "only what was taken first, and not shown"
    assert figures.dropped == {"had_elsewhere": len(mastodon.keys() - bluesky.keys())}
    assert figures.in_time == 63


def test_what_is_paid_back_comes_oldest_first(held: dict[str, tuple[Post, ...]]) -> None:
    spell = Spell(begins_s=MINUTE_S, ends_s=10 * MINUTE_S, fault=Fault.HIDDEN)
    play(replace(SHORT, spells=(spell,), announcing_s=900.0, every_s=100.0, lasts_s=1_500.0), catch_up="all")
    in_order_of_time = sorted(announced(held, "bluesky").items(), key=lambda item: item[1].at)
    assert [text for text, _ in in_order_of_time] == sorted(text for text, _ in in_order_of_time)
