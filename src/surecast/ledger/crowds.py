"""The ledger's transactions over crowds: which contacts a direct channel covers, and what became of them in numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surecast.channel import Terms
from surecast.crowd import Crowd, Mark, Roll, Spent, Takes, Tally, channel_bits, spent_by, unavailable
from surecast.direct import ahead_of, families
from surecast.history import Plan
from surecast.ledger import rolls
from surecast.ledger.codec import from_json, to_json
from surecast.ledger.database import Database
from surecast.outcome import PASSES_BY_ITSELF, Outcome, Reason, Verdict

BATCH_SIZE = 200
#: Contacts that one transaction looks at. Their hashes lie all over the index: with more of them at once, a page of it
#: is written less often. It takes some tenths of a second, in which others wait.
CHUNK = 20_000
HANDED_ON = 2_000
GRACE_S = 5.0  # a lease outlives an attempt's time-out by so much

#: Times that were added up are off by less than this.
ROUNDING_S = 1e-3
#: Where an earlier alternative's delivery keeps the next one from its contact, although the channel is spent.
SETTLED = (Mark.SENDING, Mark.REACHED, Mark.SUPPRESSED)
SETTLED_OR_UNSURE = (*SETTLED, Mark.UNSURE)


def open_turn(database: Database, plan: Plan, channel: str, skip: Outcome | None, now: float) -> None:
    """Begins a direct channel's part of a broadcast. Runs inside the conductor's transaction."""
    queries, connection = database.queries, database.connection
    terms = plan.terms[channel]
    queries.add_roll(connection, broadcast=plan.id, audience=terms.audience)
    roll = queries.roll_of(connection, broadcast=plan.id, audience=terms.audience)["id"]
    spent = Spent.NO if skip is None else spent_by(skip)
    queries.add_crowd(
        connection,
        broadcast=plan.id,
        channel=channel,
        roll=roll,
        bit=channel_bits(plan.terms, terms.audience)[channel],
        spent=int(spent),
        failing_at=now if skip is not None and unavailable(skip) else None,
        failed_at=None if skip is None else now,
        last=to_json(skip),
        closed=int(skip is not None and skip.reason not in PASSES_BY_ITSELF),
    )


def of_broadcast(database: Database, plan: Plan) -> tuple[Mapping[str, Crowd], Mapping[str, Roll]]:
    """Crowds by channel and rolls by audience. Runs inside a transaction."""
    if not any(terms.direct for terms in plan.terms.values()):
        return {}, {}
    queries, connection = database.queries, database.connection
    tallies = {row["crowd"]: row for row in queries.tallies_of(connection, broadcast=plan.id)}
    crowds = {}
    for row in list(queries.crowds_of(connection, broadcast=plan.id)):
        crowds[row["channel"]] = Crowd(
            tally=_tally(tallies.get(row["id"])),
            bit=row["bit"],
            covered=bool(row["covered"]),
            duplicates=row["duplicates"],
            spent=Spent(row["spent"]),
            closed=bool(row["closed"]),
            failing_at=row["failing_at"],
            failed_at=row["failed_at"],
            last=from_json(row["last"], Outcome),
        )
    return crowds, rolls.of_broadcast(database, plan.id)


def _tally(row: Any) -> Tally:
    if row is None:
        return Tally()
    return Tally(**{name: row[name] for name in row.keys() if name != "crowd"})  # noqa: SIM118 - a row's own keys


def stop(database: Database, plan: Plan, unwanted: frozenset[str], now: float) -> None:
    """Lets nothing more begin in these channels, and in the others again. Runs inside the conductor's transaction."""
    queries, connection = database.queries, database.connection
    for channel, terms in plan.terms.items():
        stopped = int(channel in unwanted)
        if terms.direct and queries.stop_crowd(connection, broadcast=plan.id, channel=channel, stopped=stopped):
            queries.wake_queued(connection, broadcast=plan.id, channel=channel, now=now)


def take_over(database: Database, plan: Plan, takes: Mapping[str, Takes], now: float) -> None:
    """Says which contacts of those before them channels take over. Runs inside the conductor's transaction."""
    queries, connection = database.queries, database.connection
    for channel, what in takes.items():
        changed = queries.take_over(connection, broadcast=plan.id, channel=channel, takes=int(what))
        if changed is None or what is Takes.NOTHING:
            continue
        ahead = ahead_of(plan, channel)
        rows = queries.crowds_of(connection, broadcast=plan.id)
        if any(row["channel"] in ahead and (row["spent"] or row["closed"]) for row in rows):
            queries.cover_anew(connection, id=changed["id"])
            queries.wake_clerk(connection, broadcast=plan.id, channel=channel, now=now)


def tidy_up(database: Database, plan: Plan, now: float) -> None:
    """Has the clerks let go of what nobody needs any more. Runs inside the conductor's transaction."""
    for channel, terms in plan.terms.items():
        if terms.direct:
            database.queries.wake_clerk(database.connection, broadcast=plan.id, channel=channel, now=now)


# Covering --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How far a channel has come with its audience.

    Attributes:
        done: it looked at everybody on the roll, and the roll is complete.
        more: there are contacts on the roll that it can look at now.
        added: contacts were given to it.
        stopped: nothing more may begin in it.
    """

    done: bool
    more: bool
    added: bool = False
    stopped: bool = False


def cover(database: Database, plan: Plan, channel: str, now: float) -> Covered:
    """Gives the next part of the roll to a channel, as far as the alternatives ahead leave it.

    May be repeated: nobody gets two deliveries.
    """
    with database.transaction() as queries:
        connection = database.connection
        crowd = queries.crowd_of(connection, broadcast=plan.id, channel=channel)
        roll = queries.roll_by_id(connection, id=crowd["roll"])
        above, upto = crowd["numbered"], min(crowd["numbered"] + CHUNK, roll["numbered"])
        asked = {"roll": roll["id"], "above": above, "upto": upto, "bit": crowd["bit"], "crowd": crowd["id"]}
        asked |= _condition(database, plan, channel, Takes(crowd["takes"])) | {"medium": plan.terms[channel].medium}
        twins, added = 0, False
        if upto > above:
            where = {"broadcast": plan.id, "channel": channel, "size": BATCH_SIZE, "now": now}
            last = queries.last_direct(connection)["id"]
            queries.add_batches(connection, **asked, **where)
            queries.cover_contacts(connection, **asked, **where, awaits=int(plan.terms[channel].receipts))
            added = _queue(database, crowd["id"], last, now)
            twins = queries.twins(connection, **asked)["twins"]
        more = upto < roll["numbered"]
        done = bool(roll["complete"]) and not more
        if upto > above or done != crowd["covered"]:
            queries.crowd_covered(connection, id=crowd["id"], numbered=upto, covered=int(done), duplicates=twins)
        stopped = bool(crowd["stopped"] or crowd["closed"])
        return Covered(done=done, more=more, added=added, stopped=stopped)


def _condition(database: Database, plan: Plan, channel: str, takes: Takes) -> dict[str, Any]:
    """Which contacts the alternatives ahead leave, as the parameters of the statements.

    A contact whom a live channel ahead can reach is that channel's; it is handed on one by one when it is spent. Of a
    channel that is spent as a whole, all are left but those whom it has reached, or perhaps has, as far as this one
    takes them over.
    """
    crowds = {row["channel"]: row for row in database.queries.crowds_of(database.connection, broadcast=plan.id)}
    bits = channel_bits(plan.terms, plan.terms[channel].audience)
    blocking, ahead, hold = 0, [], False
    for name in ahead_of(plan, channel):
        crowd = crowds.get(name)
        if crowd is None:  # its turn has not come: those whom it can reach are its own
            blocking |= bits[name]
            continue
        given_up = {
            Takes.NOTHING: False,
            Takes.FAILURES: crowd["spent"] == Spent.UNAVAILABLE,
            Takes.ALL: crowd["closed"] or crowd["spent"],
        }[takes]
        blocking |= 0 if given_up else bits[name]
        ahead.append(crowd["id"])
        hold = hold or plan.terms[name].when_unsure == "hold"
    return {
        "blocking": blocking,
        "ahead": json.dumps(ahead),
        "settled": json.dumps(SETTLED_OR_UNSURE if hold else SETTLED),
        "refusals": int(takes is Takes.ALL),
    }


def _queue(database: Database, crowd: int, last: int, now: float) -> bool:
    """Counts what was added since `last`, and wakes its batches; False when there was nothing."""
    queries, connection = database.queries, database.connection
    added = list(queries.directs_since(connection, id=last, crowd=crowd))
    for row in added:
        queries.add_tally(connection, batch=row["batch"], crowd=crowd, queued=row["queued"])
        queries.wake_batch(connection, id=row["batch"], now=now)
    return bool(added)


def hand_on(database: Database, plan: Plan, together: Sequence[str], now: float) -> bool:
    """Gives contacts whose delivery is spent to the next alternative over their audience; True when there are more.

    Args:
        together: the alternatives, in order.
    """
    queries, connection = database.queries, database.connection
    crowds = {row["channel"]: dict(row) for row in queries.crowds_of(connection, broadcast=plan.id)}
    more = False
    for index, name in enumerate(together[:-1]):
        if name in crowds:
            behind = [each for each in together[index + 1 :] if each not in crowds or not crowds[each]["closed"]]
            waits = any(each not in crowds or crowds[each]["takes"] == Takes.NOTHING for each in behind)
            giver = _Giver(database, plan, crowds, now)
            more = giver.hand_on(name, behind, final=not waits) or more
    return more


class _Giver:
    """Hands contacts of one channel on to those behind it."""

    def __init__(self, database: Database, plan: Plan, crowds: Mapping[str, Mapping[str, Any]], now: float) -> None:
        self._database = database
        self._queries, self._connection = database.queries, database.connection
        self._plan, self._crowds, self._now = plan, crowds, now
        audiences = {terms.audience for terms in plan.terms.values() if terms.direct}
        self._bits = {name: bit for each in audiences for name, bit in channel_bits(plan.terms, each).items()}

    def hand_on(self, name: str, behind: Sequence[str], *, final: bool) -> bool:
        """The channel's spent contacts; those whom nobody can take are ticked off when nobody is to come (`final`)."""
        queries, connection = self._queries, self._connection
        takers = [self._crowds[each] for each in behind if each in self._crowds]
        unavailable = sum(taker["bit"] for taker in takers if taker["takes"] != Takes.NOTHING)
        if not unavailable and not final:
            return False
        rows = list(
            queries.spent_rows(
                connection,
                crowd=self._crowds[name]["id"],
                final=int(final),
                unavailable=unavailable,
                refused=sum(taker["bit"] for taker in takers if taker["takes"] == Takes.ALL),
                most=HANDED_ON,
            )
        )
        if not rows:
            return False
        taken: dict[int, set[int]] = {}
        for row in queries.crowds_with(connection, recipients=json.dumps([row["recipient"] for row in rows])):
            taken.setdefault(row["recipient"], set()).add(row["crowd"])
        done: list[Any] = []
        last = queries.last_direct(connection)["id"]
        for row in rows:
            target = self._target(row, behind, taken.get(row["recipient"], set()))
            if target is not None:
                self._give(target, row)
            if target is not None or final:
                done.append(row)
        queries.route_rows(connection, ids=json.dumps([row["id"] for row in done]))
        for batch, routed in Counter(row["batch"] for row in done).items():
            queries.unroute_tally(connection, batch=batch, routed=routed)
        for taker in takers:
            _queue(self._database, taker["id"], last, self._now)
        return len(rows) == HANDED_ON and bool(done)

    def _target(self, row: Any, behind: Sequence[str], taken: set[int]) -> str | None:
        """The next channel that can reach the contact and has not been given it; None also while one is waited for."""
        for name in behind:
            crowd = self._crowds.get(name)
            if not row["able"] & self._bits[name] or (crowd is not None and crowd["id"] in taken):
                continue
            if crowd is None:
                return None
            if crowd["takes"] == Takes.ALL:
                return name
            if row["spent"] == Spent.UNAVAILABLE:
                return name if crowd["takes"] == Takes.FAILURES else None
        return None

    def _give(self, channel: str, row: Any) -> None:
        queries, connection, plan = self._queries, self._connection, self._plan
        place = {"broadcast": plan.id, "channel": channel, "number": 1 + (row["number"] - 1) // BATCH_SIZE}
        queries.add_batch_numbered(connection, **place, now=self._now)
        batch = queries.batch_numbered(connection, **place)["id"]
        medium = plan.terms[channel].medium
        crowd = self._crowds[channel]["id"]
        revived = queries.revive_row(connection, crowd=crowd, recipient=row["recipient"])
        if revived is not None:
            queries.revive_tally(connection, batch=revived["batch"])
            queries.wake_batch(connection, id=revived["batch"], now=self._now)
            return
        awaits = int(plan.terms[channel].receipts)
        queries.cover_one(
            connection, crowd=crowd, batch=batch, recipient=row["recipient"], medium=medium, awaits=awaits
        )


def end_turns(database: Database, plan: Plan, now: float) -> None:
    """Marks the contacts whose turn is over by the clock, so that the next alternative may cover them."""
    queries, connection = database.queries, database.connection
    channels = {row["id"]: row["channel"] for row in queries.crowds_of(connection, broadcast=plan.id)}
    for row in list(queries.batches_whose_turns_end(connection, broadcast=plan.id, now=now)):
        terms = plan.terms[channels[row["crowd"]]]
        reroute = int(terms.when_unsure == "reroute")
        queries.end_turns(connection, batch=row["batch"], began=now - terms.within_s + ROUNDING_S, reroute=reroute)
        count_spent(database, row["batch"], terms)
        queries.fail_crowd(connection, id=row["crowd"], failing_at=now, failed_at=now, last=None)


def count_spent(database: Database, batch: int, terms: Terms) -> None:
    """Counts a batch's spent deliveries anew, and says when the next turn of one ends."""
    queries, connection = database.queries, database.connection
    row = queries.spent_of(connection, batch=batch, reroute=int(terms.when_unsure == "reroute"))
    ends = None if row["first_at"] is None else row["first_at"] + terms.within_s
    queries.put_spent(connection, batch=batch, unrouted=row["unrouted"] or 0, late=row["late"] or 0, turn_ends_at=ends)


def spend(database: Database, plan: Plan, crowd: Any, outcome: Outcome, now: float, *, closed: bool = False) -> None:
    """A channel is spent as a whole: the alternatives behind it look at everybody. Runs inside a transaction."""
    queries, connection = database.queries, database.connection
    changed = queries.spend_crowd(connection, id=crowd["id"], spent=int(spent_by(outcome)), closed=int(closed))
    queries.fail_crowd(
        connection,
        id=crowd["id"],
        failing_at=now if unavailable(outcome) else None,
        failed_at=now,
        last=to_json(outcome),
    )
    if changed:
        queries.cover_again(connection, roll=crowd["roll"], id=crowd["id"])
        queries.wake_clerks(connection, broadcast=plan.id, roll=crowd["roll"], now=now)


def recover(database: Database, crowd: Any) -> None:
    """A contact was reached: a channel that was spent as a whole works again. Runs inside a transaction."""
    if crowd["spent"] or crowd["failing_at"] is not None:
        database.queries.recover_crowd(database.connection, id=crowd["id"])


# The channel as a whole ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the clerk of a channel must know.

    Attributes:
        idle: nothing may begin, at least for now.
        final: nothing will change by itself any more.
        covered: everybody was looked at.
    """

    idle: bool
    final: bool
    covered: bool


def look(database: Database, plan: Plan, channel: str) -> Situation:
    """Where a channel stands with its audience."""
    with database.reading() as queries:
        row = queries.crowd_of(database.connection, broadcast=plan.id, channel=channel)
        final = bool(queries.broadcast_by_id(database.connection, id=plan.id)["final"])
        return Situation(idle=bool(row["stopped"] or row["closed"] or final), final=final, covered=bool(row["covered"]))


def close_if_nobody(database: Database, plan: Plan, channel: str, now: float) -> None:
    """Closes a channel whose audience has nobody whom it, or one ahead of it, can reach."""
    with database.transaction() as queries:
        connection = database.connection
        row = queries.crowd_of(connection, broadcast=plan.id, channel=channel)
        roll = rolls.of_broadcast(database, plan.id)[plan.terms[channel].audience]
        if roll.reachable(row["bit"]) == 0:
            detail = f"Nobody in the audience {plan.terms[channel].audience} has an address and agreed to it"
            nobody = Outcome(verdict=Verdict.SKIPPED, reason=Reason.NOBODY_THERE, detail=detail)
            spend(database, plan, row, nobody, now, closed=True)
            queries.wake_broadcast_by(connection, id=plan.id, at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """What is waited for.

    Attributes:
        deliveries: accepted ones without a receipt.
        settled: nothing else is on its way or still to be tried.
        polled, polled_at: how often, and when last, receipts were collected.
        began_at: when the first attempt began.
    """

    deliveries: int
    settled: bool
    polled: int
    polled_at: float | None
    began_at: float | None


def awaited(database: Database, plan: Plan, channel: str) -> Awaited:
    """How many receipts are waited for in a channel."""
    with database.reading() as queries:
        row = queries.crowd_of(database.connection, broadcast=plan.id, channel=channel)
        counted = queries.awaited(database.connection, crowd=row["id"])
        return Awaited(
            deliveries=counted["awaited"],
            settled=not counted["open"],
            polled=row["polled"],
            polled_at=row["polled_at"],
            began_at=row["began_at"],
        )


def polled(database: Database, plan: Plan, channel: str, now: float) -> None:
    """Receipts were collected."""
    with database.transaction() as queries:
        row = queries.crowd_of(database.connection, broadcast=plan.id, channel=channel)
        queries.polled(database.connection, id=row["id"], now=now)


def tend(database: Database, plan: Plan, now: float) -> bool:
    """Ends turns by the clock, and hands spent contacts on; True when there is more to hand on."""
    with database.transaction():
        end_turns(database, plan, now)
        together = dict.fromkeys(family.alternatives for family in families(plan))
        more = [hand_on(database, plan, names, now) for names in together if len(names) > 1]
        return any(more)
