"""Which contacts a channel covers beside its alternatives, and who is handed on when one of them fails."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.open_files import NOW, opened
from tests.ledger.recount import recount
from tests.ledger.riders import (
    DOWN,
    UNSURE,
    Board,
    accepted,
    direct,
    of_one,
    rider,
    riders,
)

from surecast.contact import Medium
from surecast.crowd import Mark, Spent, Takes
from surecast.ledger import crowds, rolls, suppressions
from surecast.ledger.database import Database
from surecast.ledger.tickets import End
from surecast.outcome import Outcome, Reason, Scope, Verdict

REFUSED = of_one(Verdict.REFUSED, reason=Reason.NO_SUCH_ADDRESS)
NOT_WANTED = Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT)
CHAT = direct("chat", Medium.TELEGRAM)


def board_of(database: Database, route: str = "sms | mail", contacts: object = None, **terms: object) -> Board:
    board = Board.of(database, route, **terms)  # type: ignore[arg-type]
    channels = [name for name in ("sms", "mail", "chat") if name in route]
    return board.open(*channels).read(contacts or riders(4)).cover(*channels)  # type: ignore[arg-type]


def covered(board: Board, channel: str) -> dict[int, Mark]:
    """By contact, where its delivery by a channel stands."""
    found = board.database.connection.execute(
        "select r.number, d.mark from direct d join crowd c on c.id = d.crowd join recipient r on r.id = d.recipient "
        "where c.channel = ? order by r.number",
        (channel,),
    )
    return {row["number"]: Mark(row["mark"]) for row in found}


# Covering


def test_everybody_is_given_to_the_channel_once_however_often_it_is_covered(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms")
        board.cover("sms").cover("sms")
        assert (len(covered(board, "sms")), board.crowds["sms"].tally.queued) == (4, 4)
        assert board.crowds["sms"].covered
    recount(tmp_path / "ledger.db")


def test_an_audience_is_covered_as_it_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms")
        claim = board.claim_roll()
        assert claim is not None
        board.take_down(claim, riders(3), last=False)
        board.cover("sms")
        assert (len(covered(board, "sms")), board.crowds["sms"].covered) == (3, False)
        board.take_down(claim, riders(5))
        board.cover("sms")
        assert (len(covered(board, "sms")), board.crowds["sms"].covered) == (5, True)
    recount(tmp_path / "ledger.db")


def test_a_batch_has_two_hundred_contacts_of_the_roll(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(450))
        assert len(board.batch_ids("sms")) == 3
    recount(tmp_path / "ledger.db")


def test_an_address_is_used_once_by_a_channel(tmp_path: Path) -> None:
    twin = rider(1, addresses={Medium.PHONE: "+306940000000", Medium.EMAIL: "other@ferries.example"})
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", [rider(0), twin])
        assert list(covered(board, "sms")) == [1]
        assert board.crowds["sms"].duplicates == 1
    recount(tmp_path / "ledger.db")


def test_the_second_alternative_covers_whom_the_first_cannot_reach(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=[rider(0), rider(1, phone=False), rider(2, email=False)])
        assert (list(covered(board, "sms")), list(covered(board, "mail"))) == ([1, 3], [2])


def test_required_channels_over_one_audience_both_cover_everybody(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms & mail")
        assert len(covered(board, "sms")) == len(covered(board, "mail")) == 4
        board.send("sms")
        assert board.persons() == 4, "the other channel needs the addresses"
        board.send("mail")
    recount(tmp_path / "ledger.db")


# Handing on


def test_who_is_refused_is_handed_on_at_once_and_the_others_are_not(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database)
        board.send("sms", lambda ticket: REFUSED if ticket.address.endswith("2") else accepted(ticket))
        board.tend()
        board.tend()
        assert covered(board, "mail") == {3: Mark.QUEUED}
        board.send("mail")
        assert sum(crowd.tally.first for crowd in board.crowds.values()) == 4
        assert board.crowds["sms"].tally.unrouted == 0
    recount(tmp_path / "ledger.db")


def test_the_turn_of_a_contact_runs_from_its_own_first_attempt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database)
        held = board.take("sms")
        [early] = board.step("sms", wants=held[:1]).gone
        board.step("sms", [End(ticket=early, outcome=of_one(Verdict.UNAVAILABLE))])
        board.now = NOW + 30
        [late] = board.step("sms", wants=held[1:2]).gone
        board.step("sms", [End(ticket=late, outcome=of_one(Verdict.UNAVAILABLE))])
        board.now = NOW + 60
        board.tend()
        assert list(covered(board, "mail")) == [1], "the second has half a minute left, and the others wait in a queue"
        board.now = NOW + 90
        board.tend()
        assert list(covered(board, "mail")) == [1, 2]
    recount(tmp_path / "ledger.db")


def test_a_contact_goes_past_alternatives_for_which_it_has_no_address(tmp_path: Path) -> None:
    everything = {
        Medium.PHONE: "+306940000001",
        Medium.EMAIL: "rider1@ferries.example",
        Medium.TELEGRAM: "42",
    }
    contacts = [
        rider(1, addresses=everything),
        rider(2, addresses={Medium.PHONE: "+306940000002", Medium.TELEGRAM: "43"}),
        rider(3, addresses={Medium.PHONE: "+306940000003"}),
    ]
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms | mail | chat", contacts, chat=CHAT)
        board.send("sms", lambda _: REFUSED)
        board.tend()
        assert (list(covered(board, "mail")), list(covered(board, "chat"))) == ([1], [2])
        board.send("mail", lambda _: REFUSED)
        board.tend()
        board.send("chat")
        assert covered(board, "chat") == {1: Mark.REACHED, 2: Mark.REACHED}
        assert board.crowds["sms"].tally.unrouted == board.crowds["mail"].tally.unrouted == 0
    recount(tmp_path / "ledger.db")


def test_many_who_wait_for_a_channel_that_is_to_come_keep_nobody_from_another(tmp_path: Path) -> None:
    contacts = [
        *(rider(n, email=False) for n in range(crowds.HANDED_ON + 1)),
        rider(9_999),
    ]
    for contact in contacts:
        assert Medium.PHONE in contact.addresses
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail | chat", chat=CHAT).open("sms", "mail").read(contacts).cover("sms")
        board.send("sms", lambda _: REFUSED)
        board.tend()
        assert list(covered(board, "mail")) == [len(contacts)]


def test_a_channel_that_is_spent_as_a_whole_leaves_everybody_but_those_it_reached(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=riders(6))
        held = board.take("sms")
        gone = board.step("sms", wants=held[:3]).gone
        outcomes = [accepted(gone[0]), UNSURE, Outcome(verdict=Verdict.UNAUTHORIZED)]
        board.step("sms", [End(ticket=t, outcome=o) for t, o in zip(gone, outcomes, strict=True)])
        board.cover("mail")
        assert board.crowds["sms"].spent is Spent.REFUSED
        assert list(covered(board, "mail")) == [3, 4, 5, 6], "the doubtful one waits for a person"
        board.send("mail")
        assert covered(board, "sms")[4] is Mark.SKIPPED, "what was still queued is needed no more"
    recount(tmp_path / "ledger.db")


def test_money_is_not_spent_on_whom_another_channel_refuses(tmp_path: Path) -> None:
    sms = direct("sms", costly=True, unit_cost=1.0, max_cost=9.0, max_cost_per_day=9.0)
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "mail | sms", sms=sms).open("mail", "sms").read(riders(3))
        board.take_over("sms", Takes.FAILURES).cover("mail", "sms")
        board.send("mail", lambda _: REFUSED)
        board.tend()
        assert covered(board, "sms") == {}
        assert board.crowds["mail"].tally.unrouted == 0, "nobody is to come"
    recount(tmp_path / "ledger.db")


def test_a_channel_that_was_skipped_for_good_gets_nobody(tmp_path: Path) -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.NOT_WORTH_IT)
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail").open("sms").open("mail", skip=skip).read(riders(2))
        board.cover("sms").send("sms", lambda _: of_one(Verdict.UNAVAILABLE))
        board.now = NOW + 61
        board.tend()
        assert board.crowds["mail"].closed
        assert covered(board, "mail") == {}
        assert board.crowds["sms"].tally.unrouted == 0
    recount(tmp_path / "ledger.db")


def test_a_channel_that_was_skipped_for_now_is_given_its_contacts(tmp_path: Path) -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.BREAKER_OPEN)
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail").open("sms").open("mail", skip=skip).read(riders(2))
        board.cover("sms").send("sms", lambda _: REFUSED)
        board.tend()
        assert len(covered(board, "mail")) == 2


# Suppression


def test_a_dead_address_is_handed_on_and_a_person_who_left_is_not(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        suppressions.add(database, [(Medium.PHONE, "+306940000000")], person=False, why="x", now=NOW)
        suppressions.add(database, [(Medium.PHONE, "+306940000001")], person=True, why="x", now=NOW)
        board = board_of(database)
        board.send("sms")
        board.tend()
        board.send("mail")
        assert covered(board, "sms")[1] is Mark.MISSED
        assert covered(board, "sms")[2] is Mark.SUPPRESSED
        assert covered(board, "mail") == {1: Mark.REACHED}
    recount(tmp_path / "ledger.db")


def test_where_there_is_no_other_way_a_dead_address_is_left_out(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        suppressions.add(database, [(Medium.PHONE, "+306940000000")], person=False, why="x", now=NOW)
        board = board_of(database, contacts=[rider(0, email=False), rider(1)])
        board.send("sms")
        assert (board.crowds["sms"].tally.suppressed, board.crowds["sms"].tally.missed) == (1, 0)


def test_one_who_opts_out_is_not_mailed_instead(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database)
        board.send("sms", lambda _: of_one(Verdict.REFUSED, reason=Reason.OPTED_OUT))
        board.tend()
        board.send("mail")
        assert set(covered(board, "mail").values()) == {Mark.SUPPRESSED}
    recount(tmp_path / "ledger.db")


# The channel as a whole


def test_an_audience_without_anybody_closes_the_channel(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=[rider(0, phone=False)])
        crowds.close_if_nobody(database, board.plan, "sms", NOW)
        crowds.close_if_nobody(database, board.plan, "mail", NOW)
        assert board.crowds["sms"].closed
        assert not board.crowds["mail"].closed
        last = board.crowds["sms"].last
        assert last is not None
        assert last.reason is Reason.NOBODY_THERE


def test_a_channel_closed_by_its_words_is_idle_for_good_and_a_stopped_one_for_now(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database)
        board.decide(unwanted=frozenset({"mail"}))
        assert crowds.look(database, board.plan, "mail").idle
        board.decide()
        assert not crowds.look(database, board.plan, "mail").idle
        held = board.take("sms")
        gone = board.step("sms", wants=held).gone
        board.step("sms", [End(ticket=ticket, outcome=NOT_WANTED) for ticket in gone])
        assert crowds.look(database, board.plan, "sms").idle
        assert not crowds.look(database, board.plan, "sms").final


def test_once_nothing_changes_any_more_the_clerks_are_called_to_tidy_up(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms & mail")
        board.send("sms")
        board.send("mail")
        database.connection.execute("update batch set wake_at = null")
        board.decide(state="reached", final=True)
        due = database.connection.execute("select number from batch where wake_at is not null").fetchall()
        assert [row["number"] for row in due] == [0, 0]
        assert board.persons() == 4
        rolls.tidy(database, board.plan, "riders", 0)
        assert board.persons() == 0


def test_failures_of_the_channel_are_remembered_with_their_moment(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms")
        board.now = NOW + 5
        board.send("sms", lambda _: DOWN)
        crowd = board.crowds["sms"]
        assert (crowd.failing_at, crowd.failed_at) == (NOW + 5, NOW + 5)
        assert crowd.last is not None
        assert crowd.last.verdict is Verdict.UNAVAILABLE
