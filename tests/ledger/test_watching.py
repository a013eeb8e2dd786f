"""Which post is looked for, what a look means for the breaker, and what people may have to know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import stories
from tests.ledger.open_files import ME, NOW, OTHER, accept, alive, claimed, open_turns, opened, plan
from tests.ledger.test_gates import SHUT, shut, switched, waits_until, wakes

from surecast.history import Action, Fact
from surecast.ledger import batches, broadcasts, gates, signals, watching
from surecast.ledger.database import Database
from surecast.ledger.watching import Target
from surecast.outcome import Outcome, Receipt, Sighting, Verdict
from surecast.policy import Breaker, Gate
from surecast.signals import SLOT_S, Answer, Signal, Source

BREAKER = Breaker()
ON_TRIAL = replace(SHUT, trial_owner="me/look", trial_until=NOW + 20)
UNSEEN = replace(ON_TRIAL, reason="invisible")


def post(database: Database, name: str, *facts: Fact, channel: str = "a") -> str:
    """A post of ours with a name of the platform's, to which this happened; gives the broadcast."""
    accepted = accept(database, plan(f"{channel} & b", text=name)).plan
    (batch,) = open_turns(database, accepted, channel)
    claim = claimed(database, batch)
    (delivery,) = batches.work(database, claim).deliveries
    for fact in facts:
        ending = batches.Ending(fact=_named(fact, name))
        batches.end(database, claim, delivery, ending, breaker=BREAKER, now=NOW)
    return accepted.id


def _named(fact: Fact, name: str) -> Fact:
    if fact.outcome is not None and fact.outcome.receipt is not None:
        return replace(fact, outcome=replace(fact.outcome, receipt=Receipt(id=name)))
    if fact.look is not None and fact.look.receipt is not None:
        return replace(fact, look=replace(fact.look, receipt=Receipt(id=name)))
    return fact


def took(channel: str = "a") -> Fact:
    return stories.ended(channel, NOW, Verdict.ACCEPTED)


def seen(channel: str = "a") -> Fact:
    return stories.looked(channel, NOW + 1, Sighting.SEEN, Action.CONFIRM)


def unseen(channel: str = "a") -> Fact:
    return stories.invisible(channel, NOW + 1)


# Which post is looked for


def test_without_a_post_there_is_nothing_to_look_for(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert watching.post_to_look_for(database, "a") is None
        post(database, "failed", stories.ended("a", NOW, Verdict.UNAVAILABLE))
        post(database, "taken", took())
        post(database, "elsewhere", took("c"), seen("c"), channel="c")
        assert watching.post_to_look_for(database, "a") is None, "of one that was only taken nobody knows"


def test_a_post_that_was_seen_before_is_looked_for_the_newest_of_them(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        post(database, "old", took(), seen())
        post(database, "new", took(), seen())
        post(database, "taken", took())
        newest = Target(receipt=Receipt(id="new"), unseen=False, other=Receipt(id="old"))
        assert watching.post_to_look_for(database, "a") == newest


def test_the_newest_of_which_it_is_known_whether_it_was_seen_is_looked_for(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        post(database, "hidden for a reason of its own", took(), unseen())
        post(database, "new", took(), seen())
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="new"), unseen=False)
        post(database, "unseen", took(), unseen())
        post(database, "taken", took())
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="unseen"), unseen=True)


def test_one_that_was_seen_after_all_is_one_that_was_seen(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        post(database, "late", took(), unseen(), seen())
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="late"), unseen=False)
        post(database, "gone", took(), seen(), unseen())
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="gone"), unseen=True)


def test_a_look_that_saw_nothing_does_not_make_it_unseen(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        post(database, "p", took(), seen(), stories.looked("a", NOW + 2, Sighting.UNSEEN, Action.CONFIRM))
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="p"), unseen=False)


def test_a_post_that_was_found_has_the_name_that_it_was_found_under(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        doubt = stories.ended("a", NOW, Verdict.UNCERTAIN)
        post(database, "found", doubt, stories.looked("a", NOW + 1, Sighting.SEEN))
        assert watching.post_to_look_for(database, "a") == Target(receipt=Receipt(id="found"), unseen=False)


def test_only_the_newest_few_are_gone_through(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        post(database, "old", took(), unseen())
        for number in range(watching.NEWEST):
            post(database, f"taken {number}", took())
        assert watching.post_to_look_for(database, "a") is None


# A breaker that is shut because of what was seen


def shut_on(database: Database, verdict: Verdict = Verdict.INVISIBLE, *, at: float = NOW) -> bool:
    return watching.shut_on_health(
        database, "a", verdict, why="nobody sees it", facts=("f",), breaker=BREAKER, between_s=60.0, now=at
    )


@pytest.mark.parametrize("verdict", [Verdict.INVISIBLE, Verdict.UNAVAILABLE])
def test_a_channel_that_is_seen_to_be_down_is_left_alone_and_that_is_entered(tmp_path: Path, verdict: Verdict) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert shut_on(database, verdict)
        gate = gates.get(database, "a")
        assert (gate.opened_at, gate.open_until, gate.reason) == (NOW, NOW + BREAKER.interval_s, verdict.value)
        assert switched(database) == [("opened", "watch", "nobody sees it", ("f",))]
        assert not shut_on(database, verdict, at=NOW + 600), "it is open"


def test_what_was_switched_just_now_is_left_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, Gate(channel="a", changed_at=NOW - 59))
        assert not shut_on(database)
        assert switched(database) == []
        assert shut_on(database, at=NOW + 1)


def test_a_channel_that_a_person_switched_on_just_now_is_left_on(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        gates.release(database, "a", why="it is back", now=NOW)
        assert not shut_on(database, at=NOW + 30)


def test_a_login_that_was_refused_shuts_it_for_an_hour_over_this_secret(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outcome = Outcome(verdict=Verdict.UNAUTHORIZED, detail="Wrong password.")
        watching.refused(database, "a", outcome, breaker=BREAKER, credentials="s1", now=NOW)
        gate = gates.get(database, "a")
        assert (gate.reason, gate.open_until, gate.credentials) == ("unauthorized", NOW + 3_600, "s1")
        assert switched(database) == [("opened", "watch", "Wrong password.", ())]


# The end of a look in the time of a trial


def end_look(database: Database, *, bad: Verdict | None = None, at: float = NOW, **own: Any) -> Gate:
    given = {"good": False, "proven": False, "in_a_row": 2, **own}
    outcome = None if bad is None else Outcome(verdict=bad, detail="503")
    watching.end_look(database, "a", given.pop("visitor", "me/look"), bad=outcome, breaker=BREAKER, now=at, **given)
    return gates.get(database, "a")


def looked(database: Database, *answers: Answer, source: Source = Source.PROBE, begins: float = NOW) -> None:
    for number, answer in enumerate(answers):
        signals.record(database, "a", [Signal(source=source, answer=answer)], begins + number * SLOT_S)


def test_a_bad_look_doubles_the_rest_up_to_the_longest(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        rests = []
        for _ in range(6):
            shut(database, replace(gates.get(database, "a") if rests else ON_TRIAL, trial_owner="me/look"))
            gate = end_look(database, bad=Verdict.UNAVAILABLE)
            assert (gate.trial_owner, gate.opened_at) == (None, SHUT.opened_at)
            rests.append(gate.open_until - NOW)
        assert rests == [60, 120, 240, 480, 600, 600]
        assert switched(database) == [], "it stays open"


def test_a_look_that_learns_nothing_rests_as_before(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, ON_TRIAL)
        gate = end_look(database)
        assert (gate.trial_owner, gate.open_until, gate.interval_s) == (None, NOW + 30, 30)


def test_the_first_good_look_lets_one_post_through_as_the_trial(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, replace(ON_TRIAL, open_until=NOW + 300))
        looked(database, Answer.GOOD)
        gate = end_look(database, good=True)
        assert (gate.trial_owner, gate.opened_at, gate.open_until) == (None, SHUT.opened_at, NOW)


@pytest.mark.parametrize("source", [Source.PROBE, Source.READ_PROBE, Source.READ_BACK])
def test_two_good_looks_in_a_row_close_it_and_wake_what_waits(tmp_path: Path, source: Source) -> None:
    with opened(tmp_path / "ledger.db") as database:
        batch = waits_until(database, NOW + 900, "one")
        shut(database, ON_TRIAL)
        looked(database, Answer.BAD, Answer.GOOD, Answer.GOOD, source=source)
        gate = end_look(database, good=True, at=NOW + 20)
        assert gate == Gate(channel="a", changed_at=NOW + 20, healed_at=NOW + 20)
        assert switched(database) == [("closed", "watch", "it was seen to work again", ())]
        assert wakes(database) == {batch: NOW + 20}


@pytest.mark.parametrize(
    "answers",
    [(Answer.GOOD, Answer.BAD, Answer.GOOD), (Answer.GOOD, Answer.SILENT)],
    ids=["not in a row", "only one says anything"],
)
def test_two_good_looks_that_are_not_in_a_row_close_nothing(tmp_path: Path, answers: tuple[Answer, ...]) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, ON_TRIAL)
        looked(database, *answers)
        assert end_look(database, good=True, at=NOW + 20).opened_at is not None


def test_good_looks_from_before_it_was_shut_do_not_count(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, ON_TRIAL)
        looked(database, Answer.GOOD, Answer.GOOD, begins=NOW - 60)
        looked(database, Answer.GOOD)
        assert end_look(database, good=True).opened_at is not None


def test_both_sides_have_to_be_seen_well_twice(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, ON_TRIAL)
        looked(database, Answer.GOOD, Answer.GOOD, Answer.GOOD)
        looked(database, Answer.BAD, Answer.BAD, Answer.GOOD, source=Source.READ_PROBE)
        assert end_look(database, good=True, at=NOW + 20).opened_at is not None
        shut(database, replace(gates.get(database, "a"), trial_owner="me/look"))
        looked(database, Answer.GOOD, source=Source.READ_PROBE, begins=NOW + 30)
        assert end_look(database, good=True, at=NOW + 30).opened_at is None


def test_the_writes_of_others_are_no_looks(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, ON_TRIAL)
        looked(database, Answer.GOOD, Answer.GOOD, source=Source.WRITE)
        looked(database, Answer.GOOD, Answer.GOOD, source=Source.VENDOR)
        assert end_look(database, good=True, at=NOW + 20).opened_at is not None


def test_an_unseen_post_that_is_seen_closes_it_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, UNSEEN)
        looked(database, Answer.GOOD, source=Source.READ_BACK)
        assert end_look(database, good=True, proven=True).opened_at is None


def test_bad_news_of_one_side_outweigh_a_proof_of_the_other(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, UNSEEN)
        gate = end_look(database, bad=Verdict.INVISIBLE, proven=True)
        assert (gate.opened_at, gate.open_until) == (SHUT.opened_at, NOW + 60)


@pytest.mark.parametrize(
    "gate", [replace(SHUT, trial_owner=OTHER, trial_until=NOW + 9), SHUT, Gate(channel="a", failures=1)]
)
@pytest.mark.parametrize("own", [{"bad": Verdict.UNAVAILABLE}, {"good": True, "proven": True}, {}])
def test_a_look_that_lost_its_trial_changes_nothing(tmp_path: Path, gate: Gate, own: dict[str, Any]) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, gate)
        assert end_look(database, **own) == gate


# What people may have to know


def settled(database: Database, text: str, state: str, *, at: float = NOW, purpose: str = "") -> str:
    accepted = accept(database, replace(plan("a", text=text, at=at), purpose=purpose)).plan
    epoch = broadcasts.claim(database, accepted.id, ME, NOW, alive)
    assert epoch is not None
    assert broadcasts.settle(
        database, accepted, epoch, turns=(), state=state, final=False, owed=(), wake_at=None, now=NOW
    )
    return accepted.id


def test_the_newest_announcements_of_a_state_are_those_of_the_house(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        one = settled(database, "one", "rerouted", at=NOW)
        settled(database, "told", "rerouted", at=NOW + 1, purpose="person")
        settled(database, "notice", "rerouted", at=NOW + 1, purpose="notice")
        settled(database, "fine", "reached", at=NOW + 1)
        two = settled(database, "two", "rerouted", at=NOW + 2)
        assert watching.in_state(database, "rerouted", NOW, 9) == (two, one)
        assert watching.in_state(database, "rerouted", NOW, 1) == (two,)
        assert watching.in_state(database, "rerouted", NOW + 1, 9) == (two,)
        assert watching.in_state(database, "unsure", NOW, 9) == ()
        assert watching.states_since(database, NOW) == {"rerouted": 2, "reached": 1}
        assert watching.states_since(database, NOW + 3) == {}


def test_a_channel_is_owed_what_it_had_its_turn_for_and_did_not_take_oldest_first(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        one = post(database, "one", stories.ended("a", NOW, Verdict.UNAVAILABLE))
        post(database, "two", took())
        three = post(database, "three")
        post(database, "other", channel="c")
        settled(database, "no turn", "pending")
        assert watching.owed_since(database, "a", NOW, 9) == (one, three)
        assert watching.owed_since(database, "a", NOW, 1) == (one,)
        assert watching.owed_since(database, "a", NOW + 1, 9) == ()


def test_the_words_of_an_announcement_are_told_on_one_line(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = plan("a")
        words = replace(some.posts["a"].words, text="Ferry 12\n\n is  cancelled.")
        posts = {"a": replace(some.posts["a"], words=words)}
        known = accept(database, replace(some, posts=posts)).plan.id
        assert watching.words_of(database, known) == "Ferry 12 is cancelled."
        assert watching.words_of(database, "nothing") == ""


def test_a_look_is_no_word_of_a_post(tmp_path: Path) -> None:
    """The facts of a broadcast stay those of its own attempts, whatever the watch looks at."""
    with opened(tmp_path / "ledger.db") as database:
        known = post(database, "p", took(), seen())
        before = broadcasts.load(database, known).history
        shut(database, ON_TRIAL)
        looked(database, Answer.BAD)
        end_look(database, bad=Verdict.INVISIBLE)
        assert broadcasts.load(database, known).history == before
