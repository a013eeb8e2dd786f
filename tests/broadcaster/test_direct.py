"""Writing to contacts: everybody gets it once, by the first channel that reaches them, and the report is honest."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import time as wall_time
from pathlib import Path
from typing import Any

import pytest
from tests.broadcaster.harbour import audience, email, final, harbour, mail, phone, raw, row, sms, soon

from surecast.broadcaster import Broadcaster
from surecast.decide import State
from surecast.errors import LedgerError, UsageError
from surecast.outcome import Reason, Scope, Verdict
from surecast.planning import House
from surecast.policy import Breaker
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.testing import FakeChannel, ManualClock, accept, fail, hang, lose_reply, refuse, say

DOWN = ConnectionRefusedError("nobody listens")
BAD_NUMBER = say(Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.NO_SUCH_ADDRESS)
OPTED_OUT = say(Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.OPTED_OUT)
REVOKED = say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS)
COSTLY: dict[str, Any] = {"price": 1.0, "max_cost": 100.0, "max_cost_per_day": 100.0, "spend_after_s": 0.0}


def phones(count: int) -> list[str]:
    return [phone(number) for number in range(count)]


def emails(count: int) -> list[str]:
    return [email(number) for number in range(count)]


# Everybody once


def test_everybody_gets_it_once(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake, riders=450) as caster:
        report = caster.broadcast("Ferry 12 is cancelled")
        assert (report.state, report.final, report.owed) == (State.REACHED, True, ())
    assert sorted(fake.recipients) == phones(450)
    assert fake.prepared == 1, "what all share is prepared once"
    assert fake.most_in_flight <= 10


def test_rows_that_repeat_a_contact_or_an_address_get_it_once(tmp_path: Path) -> None:
    fake = sms()
    rows = [row(1), row(1), f"9,Other,{phone(1)},other@ferries.example,yes,yes", row(2)]
    with harbour(tmp_path, fake, riders=rows) as caster:
        assert caster.broadcast("x").state is State.REACHED
    assert sorted(fake.recipients) == [phone(1), phone(2)]


def test_without_consent_nobody_is_written_to_also_not_in_failover(tmp_path: Path) -> None:
    first, second = sms(), mail()
    first.script_for(phone(2), BAD_NUMBER)
    with harbour(tmp_path, first, second, riders=[row(1), row(2, mail="no"), row(3, sms="no")]) as caster:
        report = caster.broadcast("x")
    assert (first.recipients, second.recipients) == ([phone(1)], [email(3)])
    assert report.state is State.MISSED


def test_the_same_announcement_is_sent_once(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake) as caster:
        caster.broadcast("x", key="k")
        assert caster.broadcast("x", key="k").repeated
    assert len(fake.recipients) == 10


def test_an_audience_in_which_nobody_can_be_reached_ends_at_once(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake, riders=[row(1, sms="no")]) as caster:
        report = caster.broadcast("x")
    assert (report.state, report["sms"].reason) == (State.MISSED, Reason.NOBODY_THERE)
    assert fake.published == []


def test_a_careful_first_send_goes_to_a_few_and_then_to_all(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake) as caster:
        caster.broadcast("x", limit=3)
        assert len(fake.recipients) == 3
        caster.broadcast("x", only="+30 694 0000 007")
        assert fake.recipients[3:] == [phone(7)]
        assert caster.broadcast("x").state is State.REACHED
    assert Counter(fake.recipients)[phone(9)] == 1


def test_the_first_send_to_an_address_that_is_not_in_the_audience_reaches_nobody(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake) as caster:
        assert caster.broadcast("x", only=phone(99)).state is State.MISSED
    assert fake.published == []


# Alternatives, contact by contact


def test_a_contact_whom_one_channel_fails_is_covered_by_the_next(tmp_path: Path) -> None:
    first, second = sms(), mail()
    first.script_for(phone(3), BAD_NUMBER)
    rows = [row(number, phones=number != 5) for number in range(8)]
    with harbour(tmp_path, first, second, riders=rows) as caster:
        report = caster.broadcast("x")
    assert (report.state, report.final) == (State.REROUTED, True)
    assert sorted(second.recipients) == [email(3), email(5)]
    assert len(first.recipients) == 6


def test_a_contact_whose_turn_is_over_is_covered_by_the_next_and_nobody_else(tmp_path: Path) -> None:
    first, second = sms(channel={"within_s": 1.0, "attempts": 99}), mail()
    first.script_for(phone(3), say(Verdict.UNAVAILABLE, scope=Scope.RECIPIENT))
    with harbour(tmp_path, first, second) as caster:
        report = caster.broadcast("x")
        assert report.state is State.REROUTED
    assert second.recipients == [email(3)]


def test_three_alternatives_leave_nobody_who_has_an_address(tmp_path: Path) -> None:
    first, second = sms(), mail()
    third = mail("other", channel={"audience": "riders"})
    first.script_for(phone(1), BAD_NUMBER)
    first.script_for(phone(2), BAD_NUMBER)
    second.script_for(email(2), BAD_NUMBER)
    rows = [row(0), row(1), row(2), row(3, emails=False)]
    with harbour(tmp_path, first, second, third, riders=rows) as caster:
        report = caster.broadcast("x")
    # A dead mailbox is dead for every channel that writes mail.
    assert (sorted(first.recipients), second.recipients, third.recipients) == ([phone(0), phone(3)], [email(1)], [])
    assert report.state is State.MISSED


def test_a_channel_that_is_down_hands_everybody_on_and_nobody_gets_it_twice(tmp_path: Path) -> None:
    first, second = sms(in_flight=3, channel={"within_s": 20.0}), mail()
    first.script(*[fail(DOWN)] * 3)
    with harbour(tmp_path, first, second, riders=60, breaker=Breaker(interval_s=0.3)) as caster:
        report = caster.broadcast("x")
        assert report.satisfied
        final(caster)
    people = [phones(60).index(to) if to.startswith("+") else emails(60).index(to) for to in first.recipients]
    people += [emails(60).index(to) for to in second.recipients]
    assert sorted(people) == list(range(60))


def test_a_channel_that_comes_back_sends_the_rest(tmp_path: Path) -> None:
    fake = sms(in_flight=3)
    fake.script(*[fail(DOWN)] * 3)
    with harbour(tmp_path, fake, riders=30, breaker=Breaker(interval_s=0.3)) as caster:
        caster.broadcast("x")
        report = final(caster)
        assert report.state is State.REACHED
    assert sorted(fake.recipients) == phones(30)


def test_while_a_channel_is_down_one_trial_goes_at_a_time(tmp_path: Path) -> None:
    fake = sms(in_flight=20)
    fake.script(*[fail(DOWN)] * 1000)
    with harbour(tmp_path, fake, riders=300, breaker=Breaker(interval_s=0.2, longest_s=0.2)) as caster:
        caster.broadcast("x", wait=1.5)
        time.sleep(0.5)
    assert len(fake.published) <= 20 + 12, "those that were on their way, and one every fifth of a second"


def test_one_bad_number_or_many_never_shut_the_channel(tmp_path: Path) -> None:
    fake = sms()
    for number in range(9):
        fake.script_for(phone(number), BAD_NUMBER if number % 2 else say(Verdict.REFUSED, scope=Scope.RECIPIENT))
    with harbour(tmp_path, fake, riders=30) as caster:
        report = caster.broadcast("x")
        assert report.state is State.MISSED
        assert all(health.condition.value == "up" for health in caster.health().values())
        assert len(caster.unreached(report.id)) == 9
    assert len(fake.recipients) == 21


def test_a_revoked_login_stops_with_those_on_their_way_and_hands_everybody_on(tmp_path: Path) -> None:
    first, second = sms(in_flight=5), mail()
    first.script(*[REVOKED] * 1000)
    with harbour(tmp_path, first, second, riders=100) as caster:
        report = caster.broadcast("x")
        assert report.state is State.REROUTED
    assert len(first.published) <= 5
    assert sorted(second.recipients) == sorted(emails(100))


def test_words_that_a_platform_refuses_end_the_batch(tmp_path: Path) -> None:
    fake = sms(in_flight=5)
    fake.script(*[refuse()] * 1000)
    with harbour(tmp_path, fake, riders=100) as caster:
        report = caster.broadcast("x")
        assert (report.state, report.owed) == (State.MISSED, ())
    assert len(fake.published) <= 5


def test_behind_a_public_channel_people_are_written_to_when_it_fails(tmp_path: Path) -> None:
    public, second = FakeChannel("bluesky"), sms()
    public.script(say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS))
    with harbour(tmp_path, public, second) as caster:
        assert caster.broadcast("x").state is State.REROUTED
    assert len(second.recipients) == 10


def test_what_is_required_of_two_channels_goes_by_both(tmp_path: Path) -> None:
    first, second = sms(), mail()
    with harbour(tmp_path, first, second, route="sms & mail") as caster:
        assert caster.broadcast("x").state is State.REACHED
    assert (len(first.recipients), len(second.recipients)) == (10, 10)


# Doubt


def test_a_lost_reply_is_looked_up_and_not_sent_again(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone(4), lose_reply())
    with harbour(tmp_path, fake) as caster:
        caster.broadcast("x")
        assert final(caster).state is State.REACHED
    assert sorted(fake.recipients) == phones(10)


def test_a_doubt_that_the_look_up_denies_is_sent_again(tmp_path: Path) -> None:
    fake = sms()
    fake.script(say(Verdict.UNCERTAIN, scope=Scope.RECIPIENT))
    with harbour(tmp_path, fake, riders=1) as caster:
        caster.broadcast("x")
        assert final(caster).state is State.REACHED
    assert (len(fake.published), fake.recipients) == (2, [phone(0)])


def test_a_doubt_that_nothing_can_settle_waits_for_a_person(tmp_path: Path) -> None:
    first, second = sms(resend="never", finds=False), mail()
    for number in range(3):
        first.script_for(phone(number), lose_reply())
    with harbour(tmp_path, first, second) as caster:
        report = caster.broadcast("x", wait=5.0)
        assert report.state is State.UNSURE
        assert sorted(one.address for one in caster.unreached(report.id, unsure=True)) == phones(3)
        caster.settle(report.id, "sms", there=True, to=phone(0))
        first.script_for(phone(1), None)
        first.script_for(phone(2), None)
        caster.settle(report.id, "sms", there=False)
        assert final(caster).state is State.REACHED
        with pytest.raises(UsageError, match="Nothing is in doubt"):
            caster.settle(report.id, "sms", there=True)
    assert second.recipients == [], "a doubt holds its contact, and nobody else"
    assert Counter(first.recipients)[phone(0)] == 1


def test_where_a_doubt_is_rerouted_the_next_channel_writes_too(tmp_path: Path) -> None:
    first = sms(resend="never", finds=False, channel={"within_s": 0.5, "when_unsure": "reroute"})
    second = mail()
    first.script_for(phone(3), lose_reply())
    with harbour(tmp_path, first, second) as caster:
        caster.broadcast("x")
        soon(lambda: caster.status().satisfied)
    assert second.recipients == [email(3)]


# Stopping


def test_a_cancel_stops_within_a_second_also_what_was_about_to_begin(tmp_path: Path) -> None:
    fake = sms(in_flight=2)
    fake.script(*[hang()] * 100)
    with harbour(tmp_path, fake, riders=50) as caster:
        name = caster.broadcast("x", wait=False).id
        fake.wait_for(2)
        caster.cancel(name)
        time.sleep(1.0)
        fake.release()
        report = final(caster)
        assert report.cancelled
        time.sleep(0.3)
    assert len(fake.published) == 2


def test_another_process_cancels(tmp_path: Path) -> None:
    fake, same = sms(in_flight=1, channel={"rate": Rate.parse("20/s")}), sms()
    with harbour(tmp_path, fake, riders=200) as caster, harbour(tmp_path, same, riders=None) as other:
        name = caster.broadcast("x", wait=False).id
        fake.wait_for(3)
        other.cancel(name)
        time.sleep(0.8)
        sent = len(fake.published)
        time.sleep(0.5)
        assert len(fake.published) == sent


def test_an_announcement_that_expires_stops(tmp_path: Path) -> None:
    clock = ManualClock()
    fake = sms(in_flight=1)
    fake.script(accept(), hang(), *[accept()] * 100)
    with harbour(tmp_path, fake, riders=30, clock=clock) as caster:
        caster.broadcast("x", wait=False)
        fake.wait_for(2)
        clock.advance(90_000)
        fake.release()
        report = final(caster)
        assert report.state is State.MISSED
        assert len(caster.unreached(report.id)) >= 28
    assert len(fake.published) <= 2


def test_an_alternative_that_reaches_calls_off_the_rest(tmp_path: Path) -> None:
    public = FakeChannel("bluesky", channel={"within_s": 0.3})
    second = sms(in_flight=1)
    public.script(hang())
    second.script(accept(), hang(), *[accept()] * 100)
    with harbour(tmp_path, public, second, riders=30) as caster:
        caster.broadcast("x", wait=False)
        second.wait_for(2)
        public.release()
        soon(lambda: caster.status().state in {State.REACHED, State.REROUTED})
        time.sleep(0.6)
        second.release()
        final(caster)
    assert len(second.published) == 2


# The process ends


def test_a_broadcaster_that_is_closed_leaves_the_rest_to_another(tmp_path: Path) -> None:
    fake = sms(in_flight=4, resend="never", finds=False, channel={"rate": Rate.parse("100/s")})
    with harbour(tmp_path, fake, riders=100) as caster:
        caster.broadcast("x", wait=False)
        fake.wait_for(20)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("select count(*) from direct where mark in (1, 5)").fetchone() == (0,)
    assert len(fake.published) < 100
    with harbour(tmp_path, fake, riders=None) as other:
        [report] = other.resume(for_s=10.0)
        assert report.state is State.REACHED
    assert sorted(fake.recipients) == phones(100)


def test_what_hangs_when_the_process_leaves_is_in_doubt_and_the_rest_is_not(tmp_path: Path) -> None:
    fake = sms(in_flight=4, resend="never", finds=False)
    fake.script(*[hang()] * 4)
    with harbour(tmp_path, fake, riders=30) as caster:
        name = caster.broadcast("x", wait=False).id
        fake.wait_for(4)
        time.sleep(2.1)
        began = time.monotonic()
    assert time.monotonic() - began < 5.0
    with harbour(tmp_path, fake, riders=None, background="worker") as other:
        assert sorted(one.address for one in other.unreached(name, unsure=True)) == phones(4)
        other.resume(for_s=5.0)
    assert sorted(fake.recipients) == phones(30)[4:]


def test_a_source_that_hangs_holds_nobody_at_the_end(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "riders.csv")
    fake = sms()
    with harbour(tmp_path, fake, riders=None) as caster:
        caster.broadcast("x", wait=False)
        time.sleep(0.3)
        began = time.monotonic()
    assert time.monotonic() - began < 5.0
    os.close(os.open(tmp_path / "riders.csv", os.O_WRONLY | os.O_NONBLOCK))


# The ledger in trouble


def test_a_ledger_that_is_locked_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.ledger.database.BUSY_TIMEOUT_S", 0.3)
    fake = sms(in_flight=4, resend="never", finds=False, channel={"rate": Rate.parse("100/s")})
    with harbour(tmp_path, fake, riders=100) as caster:
        name = caster.broadcast("x", wait=False).id
        fake.wait_for(20)
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as somebody:
            somebody.execute("begin immediate")
            time.sleep(0.8)
            somebody.execute("rollback")
        report = final(caster, name, 20.0)
        assert report.state is State.REACHED
    assert sorted(fake.recipients) == phones(100)


def test_a_caller_hears_of_a_ledger_that_fails_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.dispatch.lane.RECORD_PAUSES_S", (0.1,))
    fake = sms(in_flight=2, resend="never", finds=False)
    fake.script(accept(), accept(), hang(), hang())
    errors: list[BaseException] = []
    with harbour(tmp_path, fake, riders=40, background="worker") as caster:

        def call() -> None:
            try:
                caster.broadcast("x")
            except LedgerError as error:
                errors.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        fake.wait_for(4)
        with _full(tmp_path / "ledger.db"):
            fake.release()
            caller.join(20)
    assert len(errors) == 1
    assert "resume" in str(errors[0])
    with harbour(tmp_path, fake, riders=None, background="worker") as other:
        other.resume(for_s=2.0)
        unsure = {one.address for one in other.unreached("last", unsure=True)}
    assert 2 <= len(unsure) <= 4, "nobody could write down how these ended, or that they did not begin"
    assert max(Counter(fake.recipients).values()) == 1
    assert {*fake.recipients, *unsure} == set(phones(40))


class _full:  # noqa: N801 - reads as what it is
    """The disk is full while the block lasts: every write of the table fails."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        with closing(sqlite3.connect(self._path)) as ledger:
            ledger.execute(
                "create trigger full before update on direct begin select raise(abort, 'database or disk is full'); end"
            )

    def __exit__(self, *_: object) -> None:
        with closing(sqlite3.connect(self._path)) as ledger:
            ledger.execute("drop trigger full")


# The audience in trouble


def test_a_source_that_cannot_be_read_is_told_and_tried_later(tmp_path: Path) -> None:
    clock = ManualClock()
    first, second = sms(), FakeChannel("site")
    with harbour(tmp_path, first, second, riders=None, clock=clock) as caster:
        report = caster.broadcast("x")
        assert report.state is State.REROUTED
        assert report["sms"].reason is Reason.MISCONFIGURED
        assert "riders.csv" in report["sms"].error


def test_a_source_that_comes_back_is_read_then(tmp_path: Path) -> None:
    clock = ManualClock()
    fake = sms()
    with harbour(tmp_path, fake, riders=None, clock=clock) as caster:
        report = caster.broadcast("x", wait=3.0)
        assert (report.state, report.owed) == (State.MISSED, ("sms",))
        audience(tmp_path, 5)
        clock.advance(301)
        assert final(caster).state is State.REACHED
    assert len(fake.recipients) == 5


# Suppression, and how much one person gets


def test_who_opts_out_is_never_written_to_again_by_whatever_address(tmp_path: Path) -> None:
    first, second = sms(), mail()
    first.script_for(phone(1), OPTED_OUT)
    with harbour(tmp_path, first, second, riders=3) as caster:
        caster.broadcast("x")
        first.script_for(phone(1), None)
        caster.broadcast("y", route="mail")
        caster.broadcast("z")
    assert email(1) not in second.recipients
    assert phone(1) not in first.recipients


def test_a_suppression_in_the_middle_of_a_run_counts(tmp_path: Path) -> None:
    fake = sms(in_flight=1)
    fake.script(hang(), *[accept()] * 50)
    with harbour(tmp_path, fake, riders=20) as caster:
        caster.broadcast("x", wait=False)
        fake.wait_for(1)
        caster.suppress(email(15))
        fake.release()
        assert final(caster).state is State.REACHED
    assert phone(15) not in fake.recipients
    assert len(fake.recipients) == 19


def test_one_person_gets_so_many_messages_and_in_an_emergency_all(tmp_path: Path) -> None:
    first, second = sms(), mail()
    with harbour(tmp_path, first, second, riders=2, house=House(per_contact=Rate.parse("2/day"))) as caster:
        caster.broadcast("one", route="sms")
        caster.broadcast("two", route="mail")
        report = caster.broadcast("three", route="sms")
        assert report.state is State.MISSED
        assert len(first.recipients) == 2
        assert caster.broadcast("four", route="sms", urgency="emergency").state is State.REACHED
    assert (len(first.recipients), len(second.recipients)) == (4, 2)


# Quiet hours


def test_in_quiet_hours_nobody_is_woken_and_all_get_it_afterwards(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)  # 08:00 UTC
    house = House(quiet=Quiet(begins=wall_time(7, 0), ends=wall_time(9, 0)))
    fake = sms()
    with harbour(tmp_path, fake, clock=clock, house=house) as caster:
        report = caster.broadcast("x")
        assert (report.state, report.owed, report.final) == (State.PENDING, ("sms",), False)
        assert fake.published == []
        clock.advance(3_700)
        assert final(caster).state is State.REACHED
    assert len(fake.recipients) == 10


def test_an_emergency_does_not_wait_for_the_morning(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    house = House(quiet=Quiet(begins=wall_time(7, 0), ends=wall_time(9, 0)))
    fake = sms()
    with harbour(tmp_path, fake, clock=clock, house=house) as caster:
        assert caster.broadcast("x", urgency="emergency").state is State.REACHED


# Money


def test_not_one_message_goes_over_the_cap(tmp_path: Path) -> None:
    fake = sms(in_flight=50, costly=True, channel={**COSTLY, "max_cost": 25.0})
    with harbour(tmp_path, fake, riders=200) as caster:
        report = caster.broadcast("x")
        assert report.state is State.MISSED
        assert {one.reason for one in caster.unreached(report.id)} == {"over_the_cap"}
    assert len(fake.published) == 25


def test_one_cap_a_day_for_two_broadcasters_at_once(tmp_path: Path) -> None:
    fakes = [sms(in_flight=20, costly=True, channel={**COSTLY, "max_cost_per_day": 30.0}) for _ in range(2)]
    with (
        harbour(tmp_path, fakes[0], riders=50) as one,
        harbour(tmp_path, fakes[1], riders=None) as other,
    ):
        calls = [threading.Thread(target=each.broadcast, args=(text,)) for each, text in ((one, "a"), (other, "b"))]
        for call in calls:
            call.start()
        for call in calls:
            call.join(20)
    assert sum(len(fake.published) for fake in fakes) == 30


def test_what_surely_was_not_sent_is_not_paid(tmp_path: Path) -> None:
    fake = sms(costly=True, in_flight=3, channel={**COSTLY, "max_cost": 10.0})
    fake.script(*[say(Verdict.UNAVAILABLE, scope=Scope.RECIPIENT)] * 5)
    with harbour(tmp_path, fake, riders=10) as caster:
        assert caster.broadcast("x", wait=15.0).state is State.REACHED
    assert len(fake.recipients) == 10


def test_a_single_bad_address_is_no_reason_to_spend_and_no_hindrance_later(tmp_path: Path) -> None:
    first = mail(in_flight=1, channel={"rate": Rate.parse("50/s")})
    second = sms(costly=True, channel=COSTLY)
    first.script(accept(), BAD_NUMBER, *[accept()] * 15, *[fail(DOWN)] * 1000)
    with harbour(tmp_path, first, second, riders=40) as caster:
        report = caster.broadcast("x", wait=15.0)
        assert report.satisfied or report.state is State.MISSED
    assert phone(1) not in second.recipients
    assert len(first.recipients) + len(second.recipients) >= 39


# Rates


def test_a_rate_is_kept_over_broadcasters(tmp_path: Path) -> None:
    moments: list[float] = []
    rate = {"rate": Rate.parse("40/s")}
    fakes = [sms(in_flight=10, channel=rate) for _ in range(2)]
    for fake in fakes:
        _timed(fake, moments)
    with (
        harbour(tmp_path, fakes[0], riders=30) as one,
        harbour(tmp_path, fakes[1], riders=None) as other,
    ):
        calls = [threading.Thread(target=each.broadcast, args=(text,)) for each, text in ((one, "a"), (other, "b"))]
        for call in calls:
            call.start()
        for call in calls:
            call.join(20)
    moments.sort()
    assert len(moments) == 60
    worst = max(sum(start <= at < start + 0.5 for at in moments) for start in moments)
    assert worst <= 20 + 3, "a thread may come a little late"


def _timed(fake: FakeChannel, moments: list[float]) -> None:
    real = fake.arriving

    def arriving(sending: Any) -> Any:
        moments.append(time.monotonic())
        return real(sending)

    fake.arriving = arriving  # type: ignore[method-assign]


# Personal data


def test_of_those_who_were_reached_no_byte_stays(tmp_path: Path) -> None:
    first, second = sms(), mail()
    first.script_for(phone(3), BAD_NUMBER)
    with harbour(tmp_path, first, second, route="sms & mail", riders=20) as caster:
        caster.broadcast("x")
        final(caster)
    left = raw(tmp_path)
    assert b"rider4@" not in left
    assert phone(4).encode() not in left
    assert b"Anna 4" not in left
    assert (len(first.recipients), len(second.recipients)) == (19, 20)


def test_missed_ones_stay_until_they_are_forgotten(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone(3), BAD_NUMBER)
    with harbour(tmp_path, fake, riders=5) as caster:
        report = caster.broadcast("x")
        [missed] = caster.unreached(report.id)
        assert (missed.name, missed.address) == ("Anna 3", phone(3))
        assert phone(3) not in str(report)
    assert b"Anna 3" in raw(tmp_path)
    with harbour(tmp_path, fake, riders=None) as caster:
        assert caster.forget(phone(3)) == 1
        assert [(one.name, one.address) for one in caster.unreached(report.id)] == [("", "***")]
        caster.broadcast("y", only=phone(3))
    assert b"Anna 3" not in raw(tmp_path)


def test_no_address_is_in_any_report_or_detail(tmp_path: Path) -> None:
    fake = sms()
    error = say(Verdict.UNAVAILABLE, detail=f"no route to {phone(0)} or {phone(0)[1:]}")
    fake.script(*[error] * 99)
    with harbour(tmp_path, fake, riders=1) as caster:
        report = caster.broadcast("x", wait=1.0)
        told = f"{report}{report.to_dict()}{caster.facts()}"
    assert phone(0)[1:] not in told
    assert "no route to" in told


def test_an_old_broadcaster_may_not_know_the_audience(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake, riders=3, audiences={}) as caster:
        report = caster.broadcast("x")
        assert report["sms"].reason is Reason.MISCONFIGURED


def test_two_broadcasters_share_a_run(tmp_path: Path) -> None:
    fake = sms(in_flight=5, channel={"rate": Rate.parse("200/s")})
    with harbour(tmp_path, fake, riders=400) as one, harbour(tmp_path, fake, riders=None) as other:
        name = one.broadcast("x", wait=False).id
        fake.wait_for(1)
        other.resume(name, for_s=20.0)
        final(one, name, 20.0)
    assert sorted(fake.recipients) == phones(400)


def test_a_broadcaster_is_made_of_anything_that_reads(tmp_path: Path) -> None:
    assert isinstance(Broadcaster([sms().channel], ledger=tmp_path / "l.db"), Broadcaster)
