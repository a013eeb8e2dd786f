"""The ledger's transactions of looks at channels: what to look for, and what a look means for the breaker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from surecast.ledger import gates
from surecast.ledger.codec import fact_of, plan_of
from surecast.ledger.database import Database
from surecast.ledger.signals import of_channel
from surecast.outcome import Outcome, Receipt, Sighting, Verdict
from surecast.policy import Breaker, after, answered, closed, shut
from surecast.signals import KEPT_S, Source, sum_up

#: So many of the newest posts of a channel are gone through for one to look for.
NEWEST = 5
#: After a look that nothing was learned from, the next trial may come so soon.
NOTHING_LEARNED_S = 30.0
#: What a channel took so long after it was announced was paid back.
LATE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A post of ours to look for.

    Attributes:
        unseen: nobody has seen it yet, though the platform took it.
        other: of one that was seen, the next older one.
    """

    receipt: Receipt
    unseen: bool
    other: Receipt | None = None


def post_to_look_for(database: Database, channel: str) -> Target | None:
    """The newest post of which it is known whether it was seen; None when there is none.

    A post that was taken and shown to nobody while newer ones are seen is hidden for a reason of its own.
    """
    with database.reading() as queries:
        connection = database.connection
        newest: Target | None = None
        for row in list(queries.newest_on(connection, channel=channel, most=NEWEST)):
            receipt: Receipt | None = None
            invisible = confirmed = False
            for fact in map(fact_of, queries.ends_of(connection, broadcast=row["broadcast"], channel=channel)):
                receipt = (fact.outcome and fact.outcome.receipt) or (fact.look and fact.look.receipt) or receipt
                if fact.outcome is not None and fact.outcome.verdict is Verdict.INVISIBLE:
                    invisible = True
                elif fact.look is not None and fact.look.sighting is Sighting.SEEN:
                    invisible, confirmed = False, True
            if receipt is None or not (invisible or confirmed):
                continue
            if newest is not None:
                return newest if invisible else replace(newest, other=receipt)
            newest = Target(receipt=receipt, unseen=invisible)
            if invisible:
                return newest
        return newest


def shut_on_health(
    database: Database,
    channel: str,
    verdict: Verdict,
    *,
    why: str,
    facts: tuple[str, ...],
    breaker: Breaker,
    between_s: float,
    now: float,
) -> bool:
    """Opens the breaker of a channel that is seen to be down; False when it is open, or was switched just now."""
    with database.transaction():
        before = gates.read(database, channel)
        if before.opened_at is not None or now - before.changed_at < between_s:
            return False
        gate = shut(before, verdict, now, breaker)
        gates.change(database, before, gate, actor="watch", now=now, why=why, facts=facts)
        return True


def refused(
    database: Database, channel: str, outcome: Outcome, *, breaker: Breaker, credentials: str, now: float
) -> None:
    """The platform refused our login: nobody else needs to try that."""
    with database.transaction():
        before = gates.read(database, channel)
        gate = after(before, outcome, trial=False, now=now, breaker=breaker, credentials=credentials)
        gates.change(database, before, gate, actor="watch", now=now, why=outcome.detail)


def end_look(
    database: Database,
    channel: str,
    visitor: str,
    *,
    bad: Outcome | None,
    credentials: str = "",
    good: bool,
    proven: bool,
    in_a_row: int,
    breaker: Breaker,
    now: float,
    pause_s: float = 0.0,
) -> None:
    """What a look in the time of a trial means for the breaker.

    Args:
        bad: what it found wrong: the rest is longer. None and not `good`: nothing was learned.
        credentials: fingerprint of the secret it used.
        proven: what had opened the breaker was seen to be over: a post that nobody had seen is seen.
        in_a_row: else so many good looks close it; the first one lets a post through as the trial.
        pause_s: between two posts that come again when it closes.
    """
    with database.transaction():
        before = gates.read(database, channel)
        if before.opened_at is None or before.trial_owner != visitor:
            return
        why = ""
        if bad is not None:
            gate = after(before, bad, trial=True, now=now, breaker=breaker, credentials=credentials)
        elif proven or (good and _good_looks(database, channel, before.opened_at) >= in_a_row):
            gate, why = closed(before, now), "it was seen to work again"
        elif good:
            gate = answered(before, now)
        else:
            pause_s = min(before.interval_s, NOTHING_LEARNED_S)
            gate = replace(before, trial_owner=None, trial_until=0.0, open_until=now + pause_s)
        gates.change(database, before, gate, actor="watch", now=now, why=why, pause_s=pause_s)
        if gate.opened_at is not None and good:  # the next trial is a post's
            gates.wake(database, channel, now, before.interval_s)


def _good_looks(database: Database, channel: str, since: float) -> int:
    """How many looks in a row were good, on the side that was looked at least."""
    slots = of_channel(database, channel, since)
    sums = [sum_up(slots, (source,), since) for source in (Source.PROBE, Source.READ_PROBE, Source.READ_BACK)]
    looked = [each for each in sums if each.all]
    return min((each.good_in_a_row for each in looked), default=0)


def tidy(database: Database, now: float, keep_s: float) -> None:
    """Drops observations that say nothing any more, and switches, outages and causes that are older than is kept."""
    with database.transaction() as queries:
        connection, before = database.connection, now - keep_s
        queries.forget_signals(connection, before=now - KEPT_S)
        queries.forget_switches(connection, before=before)
        queries.forget_outages(connection, before=before)
        queries.forget_told(connection, before=before)


# What a person may have to know ---------------------------------------------------------------------------------------


def in_state(database: Database, state: str, since: float, most: int) -> tuple[str, ...]:
    """The newest announcements of the house in a state, since a moment."""
    with database.reading() as queries:
        rows = queries.in_state(database.connection, state=state, since=since, most=most)
        return tuple(row["id"] for row in rows)


def states_since(database: Database, since: float) -> dict[str, int]:
    """How many announcements of the house came to which state."""
    with database.reading() as queries:
        return {row["state"]: row["count"] for row in queries.states_since(database.connection, since=since)}


def owed_since(database: Database, channel: str, since: float, most: int) -> tuple[str, ...]:
    """Announcements of the house since a moment in which a channel had its turn and took no post, oldest first."""
    with database.reading() as queries:
        rows = queries.without_post(database.connection, channel=channel, since=since, most=most)
        return tuple(row["id"] for row in rows)


def paid_back(
    database: Database, channel: str, *, since: float, until: float, after: float, most: int
) -> tuple[str, ...]:
    """Announcements of the house of a time which a channel took late, after a moment; oldest first."""
    with database.reading() as queries:
        rows = queries.posted_between(
            database.connection, channel=channel, since=since, until=until, after=after, late=LATE_S, most=most
        )
        return tuple(row["id"] for row in rows)


def words_of(database: Database, broadcast: str) -> str:
    """What an announcement says, on one line."""
    with database.reading() as queries:
        row = queries.broadcast_by_id(database.connection, id=broadcast)
        if row is None:
            return ""
        posts = plan_of(row["plan"]).posts.values()
    return " ".join(next((post.words.text for post in posts), "").split())


def stopped_at_the_cap(database: Database, since: float) -> tuple[tuple[str, str, int], ...]:
    """Announcements whose money did not suffice: broadcast, channel, and how many contacts are left out."""
    with database.reading() as queries:
        rows = queries.stopped_at_the_cap(database.connection, since=since)
        return tuple((row["broadcast"], row["channel"], row["contacts"]) for row in rows)
