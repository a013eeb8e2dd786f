"""One step of a channel: what ended is recorded, what forbids an attempt is looked at, what begins is committed to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ledger.open_files import ME, NOW, OTHER, opened
from tests.ledger.recount import recount
from tests.ledger.riders import (
    DOWN,
    SEEN,
    UNSEEN,
    UNSURE,
    Board,
    accepted,
    direct,
    of_one,
    rider,
    riders,
)

from surecast.contact import Medium
from surecast.crowd import Mark
from surecast.ledger import batches, broadcasts, gates, people, steps, suppressions, tickets
from surecast.ledger.database import Database
from surecast.ledger.tickets import End
from surecast.message import Urgency
from surecast.outcome import Look, Outcome, Reason, Scope, Sighting, Verdict
from surecast.rate import Rate

REVOKED = Outcome(verdict=Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS)
NOT_WANTED = Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT, reason=Reason.TEXT_REFUSED)
COSTLY = {"costly": True, "unit_cost": 1.0, "max_cost": 3.0, "max_cost_per_day": 100.0}


def ready(database: Database, count: int = 5, route: str = "sms", **terms: object) -> Board:
    board = Board.of(database, route, **terms).open("sms")  # type: ignore[arg-type]
    return board.read(riders(count)).cover("sms")


def marks(board: Board, channel: str = "sms") -> list[Mark]:
    found = board.database.connection.execute(
        "select d.mark from direct d join crowd c on c.id = d.crowd where c.channel = ? and c.broadcast = ? "
        "order by d.recipient",
        (channel, board.plan.id),
    )
    return [Mark(row["mark"]) for row in found]


# The way of a delivery


def test_what_begins_is_committed_to_before_it_is_sent_and_ends_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 3)
        gone = board.step("sms", wants=board.take("sms")).gone
        assert [ticket.address for ticket in gone] == ["+306940000000", "+306940000001", "+306940000002"]
        assert marks(board) == [Mark.SENDING] * 3
        ends = [End(ticket=ticket, outcome=accepted(ticket)) for ticket in gone]
        board.step("sms", ends)
        board.step("sms", ends)
        tally = board.crowds["sms"].tally
        assert (tally.reached, tally.first, tally.sending, tally.open) == (3, 3, 0, 0), "told twice, counted once"
        assert board.persons() == 0, "nobody needs the addresses any more"
    recount(tmp_path / "ledger.db")


def test_a_key_names_a_delivery_for_ever_and_no_other(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 3)
        first = [ticket.key for ticket in board.take("sms")]
        board.release()
        assert [ticket.key for ticket in board.take("sms")] == first
        assert len(set(first)) == 3
        other = ready(database, 3)
        assert not set(first) & {ticket.key for ticket in other.take("sms")}


def test_what_was_called_off_is_as_if_it_had_never_begun(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2, sms=direct("sms", **COSTLY))
        before = board.take("sms")
        gone = board.step("sms", wants=before).gone
        board.step("sms", [End(ticket=ticket) for ticket in gone])
        board.release()
        assert board.take("sms") == before
        assert board.crowds["sms"].tally.cost == 0.0
    recount(tmp_path / "ledger.db")


def test_a_look_up_that_was_called_off_leaves_the_doubt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, sms=direct("sms", **COSTLY))
        board.send("sms", lambda _: UNSURE)
        [look] = board.step("sms", wants=board.take("sms")).gone
        assert look.mark is Mark.UNSURE
        board.step("sms", [End(ticket=look)])
        assert marks(board) == [Mark.UNSURE]
        assert board.crowds["sms"].tally.cost == 1.0, "it may have been sent"
    recount(tmp_path / "ledger.db")


def test_what_a_dead_worker_had_begun_is_in_doubt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 3)
        board.step("sms", wants=board.take("sms", OTHER)[:2], worker=OTHER)
        left = board.take("sms", ME, dead=lambda owner: owner == OTHER)
        assert [ticket.mark for ticket in left] == [Mark.UNSURE, Mark.UNSURE, Mark.QUEUED]
        assert board.crowds["sms"].tally.unsure == 2
    recount(tmp_path / "ledger.db")


# Zombies


def taken_over(board: Board, outcome: Outcome) -> None:
    gone = board.step("sms", wants=board.take("sms", OTHER), worker=OTHER).gone
    board.take("sms", ME, dead=lambda owner: owner == OTHER)
    done = board.step("sms", [End(ticket=ticket, outcome=outcome) for ticket in gone], worker=OTHER)
    assert done.lost
    assert done.later == [], "it schedules nothing"


def test_a_worker_that_lost_its_claim_may_say_that_its_own_attempt_arrived(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2)
        taken_over(board, Outcome(verdict=Verdict.ACCEPTED))
        assert board.crowds["sms"].tally.reached == 2
    recount(tmp_path / "ledger.db")


def test_a_worker_that_lost_its_claim_may_say_nothing_else(tmp_path: Path) -> None:
    for outcome in (DOWN, REVOKED, NOT_WANTED, of_one(Verdict.REFUSED)):
        with opened(tmp_path / f"{outcome.verdict}.db") as database:
            board = ready(database, 2)
            taken_over(board, outcome)
            assert marks(board) == [Mark.UNSURE] * 2
            assert not board.crowds["sms"].closed
            assert not gates.listing(database)


def test_a_worker_that_lost_its_claim_begins_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2)
        held = board.take("sms", OTHER)
        board.take("sms", ME, dead=lambda owner: owner == OTHER)
        done = board.step("sms", wants=held, worker=OTHER)
        assert (done.gone, done.lost) == ([], set(board.batch_ids("sms")))


def test_a_word_about_an_earlier_attempt_does_not_settle_a_later_one(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1)
        [late] = board.step("sms", wants=board.take("sms", OTHER), worker=OTHER).gone
        [doubt] = board.take("sms", ME, dead=lambda owner: owner == OTHER)
        for seconds in (0, 20):
            board.now = NOW + seconds
            board.step("sms", [End(ticket=doubt, look=UNSEEN)])
            board.release()
            [doubt] = board.take("sms")
        assert doubt.mark is Mark.RETRYING
        board.step("sms", wants=[doubt])
        board.step("sms", [End(ticket=late, outcome=accepted(late))], worker=OTHER)
        assert marks(board) == [Mark.SENDING]
    recount(tmp_path / "ledger.db")


def test_a_lease_outlives_the_attempts_that_begin(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, sms=direct("sms", timeout_s=40.0))
        board.step("sms", wants=board.take("sms"))
        board.now = NOW + 41
        [batch] = board.batch_ids("sms")
        assert batches.claim(database, batch, OTHER, board.now, lambda _: False) is None


# What others did meanwhile


def test_a_turn_that_ended_meanwhile_is_handed_on_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, "sms | mail").open("mail").cover("mail")
        [gone] = board.step("sms", wants=board.take("sms")).gone
        board.now = NOW + 61
        board.tend()
        assert marks(board, "mail") == [Mark.QUEUED]
        board.step("sms", [End(ticket=gone, outcome=DOWN)])
        assert board.crowds["sms"].tally.unrouted == 0
        assert board.crowds["sms"].tally.late == 1
    recount(tmp_path / "ledger.db")


def test_who_arrives_after_the_turn_needs_no_other(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, "sms | mail").open("mail").cover("mail")
        [gone] = board.step("sms", wants=board.take("sms")).gone
        board.now = NOW + 61
        board.tend()
        board.step("sms", [End(ticket=gone, outcome=accepted(gone))])
        assert marks(board, "mail") == [Mark.SKIPPED]
        assert board.send("mail").gone == []
        assert (board.crowds["sms"].tally.first, board.crowds["mail"].tally.skipped) == (1, 1)
    recount(tmp_path / "ledger.db")


def test_who_is_superseded_while_a_worker_has_it_in_hand_is_not_sent(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, "sms | mail").open("mail").cover("mail")
        [gone] = board.step("sms", wants=board.take("sms")).gone
        board.now = NOW + 61
        board.tend()
        held = board.take("mail", OTHER)
        board.step("sms", [End(ticket=gone, outcome=accepted(gone))])
        assert board.step("mail", wants=held, worker=OTHER).gone == []
    recount(tmp_path / "ledger.db")


def test_who_is_forgotten_while_a_worker_has_it_in_hand_is_not_sent(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2)
        held = board.take("sms")
        people.forget(database, (Medium.PHONE, "+306940000000"))
        assert [ticket.address for ticket in board.step("sms", wants=held).gone] == ["+306940000001"]
        assert board.crowds["sms"].tally.suppressed == 1
    recount(tmp_path / "ledger.db")


def test_what_a_person_settled_while_it_was_looked_up_stays_settled(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1)
        board.send("sms", lambda _: UNSURE)
        [look] = board.step("sms", wants=board.take("sms")).gone
        people.settle(database, board.plan, "sms", there=True, address=None, most=10, now=NOW)
        board.step("sms", [End(ticket=look, look=UNSEEN)])
        assert marks(board) == [Mark.REACHED]
    recount(tmp_path / "ledger.db")


# What forbids an attempt


def test_cancelled_expired_or_stopped_nothing_begins(tmp_path: Path) -> None:
    with opened(tmp_path / "cancelled.db") as database:
        board = ready(database)
        broadcasts.cancel(database, board.plan.id, None, NOW)
        done = board.step("sms", wants=board.take("sms"))
        assert (done.stopped, done.gone) == (True, [])
    with opened(tmp_path / "expired.db") as database:
        board = ready(database)
        board.now = board.plan.expires_at
        assert board.step("sms", wants=board.take("sms")).stopped
    with opened(tmp_path / "stopped.db") as database:
        board = ready(database)
        board.decide(unwanted=frozenset({"sms"}))
        assert board.step("sms", wants=board.take("sms")).stopped
        board.decide()
        board.release()
        assert len(board.step("sms", wants=board.take("sms")).gone) == 5, "and needed again"


def test_what_is_in_doubt_is_looked_up_also_when_nothing_more_may_begin(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1)
        board.send("sms", lambda _: UNSURE)
        broadcasts.cancel(database, board.plan.id, None, NOW)
        done = board.step("sms", wants=board.take("sms"))
        assert [ticket.mark for ticket in done.gone] == [Mark.UNSURE]
        board.step("sms", [End(ticket=done.gone[0], look=SEEN)])
        assert marks(board) == [Mark.REACHED]
    recount(tmp_path / "ledger.db")


def test_one_who_had_enough_messages_is_left_to_nobody(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for _ in range(2):
            board = ready(database, 2)
            board.plan = replace(board.plan, per_contact=Rate.parse("2/day"))
            board.send("sms")
        mailed = Board.of(database, "mail").open("mail").read(riders(3)).cover("mail")
        mailed.plan = replace(mailed.plan, per_contact=Rate.parse("2/day"))
        mailed.send("mail")
        assert marks(mailed, "mail") == [Mark.SKIPPED, Mark.SKIPPED, Mark.REACHED], "by whatever address, in whatever"
        late = ready(database, 2)
        late.plan = replace(late.plan, per_contact=Rate.parse("2/day"))
        late.now = NOW + 86_401
        late.plan = replace(late.plan, expires_at=NOW + 100_000)
        late.send("sms")
        assert marks(late) == [Mark.REACHED] * 2, "a day later"
    recount(tmp_path / "ledger.db")


def test_another_alternative_that_has_a_contact_on_its_way_is_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, "sms | mail").open("mail").cover("mail")
        [gone] = board.step("sms", wants=board.take("sms")).gone
        board.now = NOW + 61
        board.tend()
        done = board.step("mail", wants=board.take("mail", OTHER), worker=OTHER)
        assert done.gone == []
        assert [at > board.now for _, at in done.later] == [True], "and looked at again"
        board.release(OTHER)
        board.step("sms", [End(ticket=gone, outcome=DOWN)])
        assert board.send("mail").lost == set()
        assert marks(board, "mail") == [Mark.REACHED], "it is not lost"
    recount(tmp_path / "ledger.db")


def test_a_doubt_holds_the_next_alternative_or_not(tmp_path: Path) -> None:
    for unsure, expected in (("hold", []), ("reroute", [Mark.REACHED])):
        with opened(tmp_path / f"{unsure}.db") as database:
            sms = direct("sms", when_unsure=unsure, resend="never", finds=False)
            board = ready(database, 1, "sms | mail", sms=sms).open("mail").cover("mail")
            board.send("sms", lambda _: UNSURE)
            board.now = NOW + 61
            board.tend()
            board.send("mail")
            assert marks(board, "mail") == expected
            assert marks(board) == [Mark.UNSURE]
        recount(tmp_path / f"{unsure}.db")


# Money


def test_not_one_goes_over_the_cap_and_what_was_not_sent_is_not_paid(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 9, sms=direct("sms", **COSTLY))
        held = board.take("sms")
        first = board.step("sms", wants=held[:2]).gone
        assert len(board.step("sms", wants=held[2:4]).gone) == 1, "what is on its way counts"
        board.step("sms", [End(ticket=ticket, outcome=DOWN) for ticket in first])
        assert len(board.step("sms", wants=held[4:]).gone) == 2
        assert [marks(board).count(mark) for mark in (Mark.RETRYING, Mark.SENDING, Mark.SKIPPED)] == [2, 3, 4]
    recount(tmp_path / "ledger.db")


def test_a_doubt_costs_until_it_is_denied(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2, sms=direct("sms", **COSTLY))
        board.send("sms", lambda _: UNSURE)
        assert board.crowds["sms"].tally.cost == 2.0
        for seconds in (1, 20):
            board.now = NOW + seconds
            doubts = board.step("sms", wants=board.take("sms")).gone
            board.step("sms", [End(ticket=ticket, look=UNSEEN) for ticket in doubts])
            board.release()
        assert board.crowds["sms"].tally.cost == 0.0
        board.send("sms")
        assert (board.crowds["sms"].tally.cost, board.crowds["sms"].tally.reached) == (2.0, 2)
    recount(tmp_path / "ledger.db")


def test_a_day_has_one_cap_for_all_broadcasts(tmp_path: Path) -> None:
    terms = direct("sms", **{**COSTLY, "max_cost": 100.0, "max_cost_per_day": 3.0})
    with opened(tmp_path / "ledger.db") as database:
        ready(database, 2, sms=terms).send("sms")
        second = ready(database, 3, sms=terms)
        second.send("sms")
        assert marks(second).count(Mark.REACHED) == 1
        assert marks(second).count(Mark.SKIPPED) == 2
    recount(tmp_path / "ledger.db")


# The channel as a whole


def test_a_revoked_login_opens_the_gate_and_leaves_everybody_to_the_next(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 3, "sms | mail").open("mail").cover("mail")
        held = board.take("sms")
        [gone] = board.step("sms", wants=held[:1]).gone
        done = board.step("sms", [End(ticket=gone, outcome=REVOKED)], held[1:])
        assert done.gone == []
        assert done.put_back == held[1:], "they are not lost"
        assert done.shut_until is not None
        board.cover("mail")
        assert marks(board, "mail") == [Mark.QUEUED] * 3
        board.release()
        assert len(board.step("sms", wants=board.take("sms"), credentials="s2").gone) == 1, "another secret, one trial"
    recount(tmp_path / "ledger.db")


def test_words_that_the_platform_refuses_end_the_channel(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 5)
        held = board.take("sms")
        gone = board.step("sms", wants=held[:3]).gone
        done = board.step("sms", [End(ticket=ticket, outcome=NOT_WANTED) for ticket in gone], held[3:])
        assert (done.stopped, done.gone, board.crowds["sms"].closed) == (True, [], True)
    recount(tmp_path / "ledger.db")


def test_words_that_one_recipient_refuses_keep_nobody_else_from_them(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 5)
        held = board.take("sms")
        first, *others = board.step("sms", wants=held[:4]).gone
        arrived = End(ticket=first, outcome=accepted(first))
        done = board.step("sms", [arrived, *(End(ticket=each, outcome=NOT_WANTED) for each in others)], held[4:])
        assert (done.stopped, len(done.gone), board.crowds["sms"].closed) == (False, 1, False)
        assert marks(board).count(Mark.MISSED) == 3
    recount(tmp_path / "ledger.db")


def test_what_is_wrong_with_one_contact_never_shuts_the_gate(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 9)
        board.send("sms", lambda _: of_one(Verdict.UNAVAILABLE))
        assert all(gate.opened_at is None for gate in gates.listing(database))
        assert not board.crowds["sms"].spent
    recount(tmp_path / "ledger.db")


def test_a_shut_gate_lets_one_trial_through_and_opens_when_it_arrives(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 9)
        board.send("sms", lambda _: DOWN)
        board.now = NOW + 40
        held = board.take("sms")
        done = board.step("sms", wants=held[:5])
        assert len(done.gone) == 1
        again = board.step("sms", wants=[*done.put_back, *held[5:]])
        assert (again.gone, again.shut_until) == ([], None), "ours is on its way; the others stay at hand"
        assert again.next_at is not None
        opened_now = board.step("sms", [End(ticket=done.gone[0], outcome=accepted(done.gone[0]))], again.put_back)
        assert opened_now.healed
        assert len(opened_now.gone) == 1, "it gets more and more, not all at once"
        board.now += 20
        rest = board.step("sms", wants=opened_now.put_back)
        assert len(rest.gone) == 7
    recount(tmp_path / "ledger.db")


def test_a_trial_that_nobody_could_make_keeps_nobody_waiting(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 3)
        board.send("sms", lambda _: DOWN)
        board.now = NOW + 40
        suppressions.add(database, [(Medium.PHONE, "+306940000000")], person=True, why="x", now=NOW)
        held = board.take("sms")
        assert board.step("sms", wants=held[:1]).gone == []
        assert len(board.step("sms", wants=held[1:]).gone) == 1
    recount(tmp_path / "ledger.db")


def test_quiet_hours_hold_and_count_as_owed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2)
        held = [replace_not_before(ticket, NOW + 3_000) for ticket in board.take("sms")]
        done = board.step("sms", held=held)
        assert [at for _, at in done.later] == [NOW + 3_000] * 2
        assert (board.crowds["sms"].tally.held, board.crowds["sms"].tally.open) == (2, 2)
        board.release()
        board.send("sms")
        assert marks(board) == [Mark.REACHED] * 2
    recount(tmp_path / "ledger.db")


def replace_not_before(ticket: object, at: float) -> tickets.Ticket:
    from msgspec.structs import replace as changed

    assert isinstance(ticket, tickets.Ticket)
    return changed(ticket, not_before=at)


# Receipts


def test_a_receipt_counts_once_and_lets_the_address_go(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 2, sms=direct("sms", receipts=True))
        board.send("sms")
        assert board.persons() == 2, "a receipt may still say that it did not arrive"
        page = [("remote-1-1", Outcome(verdict=Verdict.CONFIRMED)), ("nobody's", Outcome(verdict=Verdict.CONFIRMED))]
        assert steps.receive(database, board.visit("sms"), page, now=NOW) == 1
        assert steps.receive(database, board.visit("sms"), page, now=NOW) == 0
        assert (board.crowds["sms"].tally.confirmed, board.persons()) == (1, 1)
        lost = [("remote-1-1", of_one(Verdict.INVISIBLE, reason=Reason.UNDELIVERED))]
        assert steps.receive(database, board.visit("sms"), lost, now=NOW) == 0, "the first word stands"
    recount(tmp_path / "ledger.db")


def test_what_was_not_delivered_goes_to_the_next_also_where_that_had_been_called_off(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1, "sms | mail", sms=direct("sms", receipts=True)).open("mail").cover("mail")
        [gone] = board.step("sms", wants=board.take("sms")).gone
        board.now = NOW + 61
        board.tend()
        board.step("sms", [End(ticket=gone, outcome=accepted(gone))])
        assert marks(board, "mail") == [Mark.SKIPPED]
        lost = [("remote-1-1", of_one(Verdict.INVISIBLE, reason=Reason.NO_SUCH_ADDRESS))]
        assert steps.receive(database, board.visit("sms"), lost, now=board.now) == 1
        board.tend()
        board.send("mail")
        assert (marks(board), marks(board, "mail")) == ([Mark.MISSED], [Mark.REACHED])
        assert suppressions.holds(database, Medium.PHONE, "+306940000000")
    recount(tmp_path / "ledger.db")


# Personal data


def test_a_ticket_shows_nobody(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        [ticket] = ready(database, 1).take("sms")
    assert "6940" not in repr(ticket)
    assert "Anna" not in repr(End(ticket=ticket))


def test_one_who_is_left_without_a_person_is_not_handed_out(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms").read([rider(1), rider(2)]).cover("sms")
        database.connection.execute("update recipient set person = null where id = 1")
        assert [ticket.recipient for ticket in board.take("sms")] == [2]


def test_what_is_prepared_first_counts(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        ready(database, 1)
        assert tickets.keep_payload(database, 1, b"first") == b"first"
        assert tickets.keep_payload(database, 1, b"second") == b"first"


def test_an_emergency_does_not_count_messages(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for _ in range(3):
            board = Board.of(database, urgency=Urgency.EMERGENCY).open("sms").read(riders(1)).cover("sms")
            board.send("sms")
            assert marks(board) == [Mark.REACHED]


def test_a_look_that_nobody_answers_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = ready(database, 1)
        board.send("sms", lambda _: UNSURE)
        [look] = board.step("sms", wants=board.take("sms")).gone
        done = board.step("sms", [End(ticket=look, look=Look(sighting=Sighting.UNKNOWN, answered=False))])
        assert [at > NOW for _, at in done.later] == [True]
        assert marks(board) == [Mark.UNSURE]
