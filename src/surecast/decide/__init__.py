"""The one decision: what opens now, what state the broadcast is in, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from surecast.decide.decision import Decision, Opening, State
from surecast.decide.turns import Turns
from surecast.decide.view import View
from surecast.health import Health
from surecast.history import History, Plan

__all__ = ["Decision", "Opening", "State", "decide", "wanted"]


def decide(plan: Plan, history: History, health: Mapping[str, Health], now: float) -> Decision:
    """What follows from plan and facts at `now`.

    Never skips an alternative without its being spent or its time being over, never opens one while the channel
    before it may still reach, and comes to an end: every turn has one, and so has the announcement.
    """
    view = View(plan, history, health, now)
    turns = Turns(view)
    if not view.over:
        turns.open(plan.gathered)
    state = view.state()
    owed = view.owed()
    final = not turns.due_at and view.final(state, owed)
    return Decision(
        openings=tuple(turns.openings),
        state=state,
        owed=owed,
        final=final,
        wake_at=min([*turns.due_at, *view.ends(final=final)], default=None),
        turns_open=bool(turns.due_at) or view.turns_open(),
        held=view.held(),
        unwanted=view.unwanted(),
        takes=view.takes(),
        dropped=view.dropped(),
    )


def wanted(plan: Plan, history: History, now: float) -> Mapping[str, bool]:
    """By channel, whether its post may still be sent: neither expired, cancelled, dropped, nor reached by another."""
    view = View(plan, history, {}, now)
    wanted_still = view.needed() - view.dropped().keys()
    return {
        name: name in wanted_still and not view.over and not view.standings[name].cancelled for name in view.standings
    }
