"""When a channel that costs money is worth it as a later alternative.

It is worth it once a channel in front of it has failed for `spend_after_s`. A refusal, a revoked password, a mistake in
the configuration or a post that nobody can see is to be put right, and no reason to spend, but in an emergency.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surecast.crowd import Crowd, Family, Member, Spent, Takes
from surecast.message import Urgency
from surecast.standing import hopefully, surely

if TYPE_CHECKING:
    from surecast.decide.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Whether a direct channel may begin, and with whom.

    Attributes:
        opens: its turn may open.
        takes: the contacts of those before it whom it takes over at present.
        due_at: when that will be more than it is now; None when nothing is foreseen.
    """

    opens: bool
    takes: Takes
    due_at: float | None = None


def worth(view: View, family: Family, index: int, front: tuple[str, ...]) -> Worth:
    """Whether a member of a family may begin.

    Args:
        front: every channel in front of the whole family.
    """
    member, ahead = family.members[index], family.members[:index]
    if not member.terms.costly or not (front or ahead):
        return Worth(opens=True, takes=Takes.ALL)
    family_since = _first(_since_left(view, each) for each in ahead)
    front_since = _first(_since(view, name) for name in front)
    # Where nobody ahead works at all, and be it by a mistake, it is the failure in front of them that counts.
    by_front = family_since is None and all(each.given_up for each in ahead)
    since = front_since if by_front else family_since
    due_at = None if since is None else since + member.terms.spend_after_s
    opens_at = due_at
    if family.alone(index):  # for these contacts it is the first alternative, or the first behind those in front
        alone_at = None if front and front_since is None else (front_since or 0.0) + member.terms.spend_after_s
        opens_at = _first((due_at, alone_at if front else view.now))
    takes = Takes.NOTHING
    if due_at is not None and due_at <= view.now:
        takes = Takes.ALL if by_front or _whatever(view) else Takes.FAILURES
    opens = opens_at is not None and opens_at <= view.now
    foreseen = (due_at, None if member.crowd is not None else opens_at)
    return Worth(
        opens=opens,
        takes=takes,
        due_at=_first(moment for moment in foreseen if moment is not None and moment > view.now),
    )


def settled_in_front(view: View, front: tuple[str, ...]) -> bool:
    """Whether no channel in front is in its turn any more: what it might still fail by is known."""
    return not any(_in_turn(view, name) for name in front)


def _in_turn(view: View, name: str) -> bool:
    standing = view.standings[name]
    if standing.terms.direct:
        crowd = view.crowds.get(name)
        return crowd is not None and not (crowd.closed or crowd.spent) and (crowd.tally.in_turn > 0)
    return standing.turn_at is not None and hopefully(standing, view.now) and not surely(standing)


def _since(view: View, name: str) -> float | None:
    """Since when a channel in front fails."""
    standing = view.standings[name]
    if standing.terms.direct:
        crowd = view.crowds.get(name, Crowd())
        return _first((view.failing_since(name), crowd.failing_at, crowd.failed_at if _whatever(view) else None))
    if surely(standing):
        return None
    moments = [view.failing_since(name), standing.failing_at]
    if standing.failed_at is None and standing.turn_over(view.now):  # nothing was heard of it at all
        moments.append(standing.turn_ends_at)
    return _first([*moments, standing.failed_at] if _whatever(view) else moments)


def _since_left(view: View, member: Member) -> float | None:
    """Since when a direct channel fails the contacts whom it leaves to those behind it."""
    name, crowd = member.terms.channel, member.crowd or Crowd()
    if not member.leaves:
        return None
    if _whatever(view):  # when one contact was refused is not known, if nothing else failed
        return _first((_since(view, name), view.standings[name].failed_at)) or 0.0
    if crowd.spent is Spent.UNAVAILABLE:
        return view.failing_since(name) or crowd.failing_at
    return crowd.failing_at if crowd.tally.unrouted else None


def _whatever(view: View) -> bool:
    return view.plan.urgency is Urgency.EMERGENCY


def _first(moments: Iterable[float | None]) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
