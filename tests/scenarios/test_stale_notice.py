"""Readers are not told that a platform is down when it is not any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from surecast.replay import Figures, Spell, Timeline, play, player
from surecast.replay.figures import count
from surecast.sandbox import Fault, On, Sandbox
from surecast.sandbox.server import Post

MINUTE_S = 60.0
#: Bluesky is down for five minutes; all the while, and long after, Mastodon takes no post.
BACK_S = 30 * MINUTE_S
TIMELINE = Timeline(
    title="Both",
    source="",
    platform="bluesky",
    spells=(Spell(begins_s=MINUTE_S, ends_s=6 * MINUTE_S, fault=Fault.DOWN),),
    announcing_s=MINUTE_S,
    every_s=MINUTE_S,
    incidents=1,
    lasts_s=50 * MINUTE_S,
)


def test_a_notice_that_nobody_took_ends_with_its_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    script, held = player._Stage._script, list[Post]()

    def both(stage: player._Stage) -> list[tuple[float, Callable[[Any], Awaitable[None]]]]:
        async def down(_: object) -> None:
            stage._sandbox.fault("mastodon", Fault.UNAVAILABLE, on=On.WRITES)

        async def back(_: object) -> None:
            stage._sandbox.fault("mastodon", Fault.NONE)

        return [*script(stage), (MINUTE_S, down), (BACK_S, back)]

    async def counted(desk: Any, timeline: Any, sandbox: Sandbox, *rest: Any, **more: Any) -> Figures:
        held.extend(sandbox.platforms["mastodon"].posts())
        return await count(desk, timeline, sandbox, *rest, **more)

    monkeypatch.setattr(player._Stage, "_script", both)
    monkeypatch.setattr(player, "count", counted)
    monkeypatch.setattr(player, "CONFIG", player.CONFIG.replace("[watch]", '[watch]\nall_clear_after = "10 min"'))
    figures = play(TIMELINE)
    if not (figures.notices and any(mark.what == "over" and mark.at_s < BACK_S for mark in figures.marks)):
        raise RuntimeError("the story did not come about")
    assert [post.text for post in held if "on Bluesky at the moment" in post.text] == []
