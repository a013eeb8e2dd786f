"""Looking at channels without posting: what is taken down, and what that means for their breakers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pytest
from tests.broadcaster.test_broadcaster import casting

from surecast.broadcaster import Broadcaster
from surecast.broadcaster.desk import Desk
from surecast.channel import Adapter, Probed
from surecast.config import Config, load_config
from surecast.config.assemble import assemble
from surecast.health import Condition, Health
from surecast.ledger import gates, rounds, signals, watching
from surecast.ledger.gates import Switch
from surecast.ledger.rounds import CutOff
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.policy import UNAUTHORIZED_TRIAL_S, Breaker, Gate
from surecast.sandbox import Fault, On, Sandbox
from surecast.secret import Secret
from surecast.settings import setting
from surecast.signals import SLOT_S, SLOW_S, Answer, Slot, Source
from surecast.testing import FakeChannel, ManualClock, say

T = TypeVar("T")

BREAKER = Breaker(failures=1)
DOWN = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, detail="503 Service Unavailable")
LOST = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, detail="no connection")
REFUSED_LOGIN = Outcome(verdict=Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS, detail="Wrong password.")
GOOD, BAD, SILENT = Answer.GOOD, Answer.BAD, Answer.SILENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the platform is, and a secret."""

    server: str = setting("Where it is.", default="http://127.0.0.1:9", sandbox="endpoint")
    token: Secret = setting("The token.", default=Secret("env", "THE_TOKEN"))


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "a-token-that-works-4711")


class Probing(FakeChannel):
    """A fake platform that a test lets answer probes as it wants: `answer` is an outcome, an error, or None for well.

    Attributes:
        probed: how often it was asked.
    """

    def __init__(self, name: str = "a", **own: Any) -> None:
        channel = {"confirm": "visible", "visible_within_s": 20.0, "attempts": 1, **own.pop("channel", {})}
        super().__init__(name, **{"confirms": True, "settings": Settings(), "channel": channel, **own})
        self.answer: Outcome | Exception | None = None
        self.probed = 0
        self.takes: Callable[[], Awaitable[None]] | None = None
        far = self

        async def probe(_: Adapter, timeout_s: float) -> Probed:
            far.probed += 1
            if far.takes is not None:
                await far.takes()
            if isinstance(far.answer, Exception):
                raise far.answer
            detail = "" if far.answer is None else far.answer.detail
            return Probed(ok=far.answer is None, detail=detail, outcome=far.answer)

        adapter = type("Probing", (self.kind.adapter,), {"probe": probe})  # type: ignore[arg-type]
        self.kind = replace(self.kind, adapter=adapter)
        self.channel = replace(self.channel, kind=self.kind)


class Eye:
    """Looks through the observer of a broadcaster, and reads what the ledger has of it."""

    def __init__(self, caster: Broadcaster, clock: ManualClock) -> None:
        self.caster = caster
        self.clock = clock

    def do(self, work: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
        return self.caster.attend(work)

    def look(self, channel: str = "a", *, after: float = 0.0) -> list[tuple[Source, Answer]]:
        """One look; gives what it took down."""
        self.clock.advance(after)
        before = self.slots(channel)
        self.do(lambda desk: desk.observer.look(channel))
        return [(slot.source, slot.last) for slot in self.slots(channel) if slot not in before]

    def slots(self, channel: str = "a") -> tuple[Slot, ...]:
        return self.do(lambda desk: desk.ledger.do(signals.since, 0.0)).get(channel, ())

    def gate(self, channel: str = "a") -> Gate:
        return self.do(lambda desk: desk.ledger.do(gates.get, channel))

    def switches(self) -> list[Switch]:
        return list(self.caster.switches())

    def health(self, channel: str = "a") -> Health:
        return self.caster.health()[channel]

    def switch(self, channel: str = "a", *, between_s: float = 60.0) -> bool:
        health = self.health(channel)
        return self.do(lambda desk: desk.observer.switch(health, between_s=between_s))

    def deliver(self, *, until: float = 0.0) -> None:
        """Everything that is due within so many seconds, at its time."""
        ends_at = self.clock.now() + until
        while (at := self.do(lambda desk: desk.deliver_due())) is not None and at <= ends_at:
            self.clock.advance(max(0.0, at - self.clock.now()))
        self.clock.advance(ends_at - self.clock.now())

    def rests(self, channel: str = "a") -> float:
        """How long the breaker still lets nobody try."""
        return self.gate(channel).open_until - self.clock.now()


@contextmanager
def eyeing(tmp_path: Path, *fakes: FakeChannel, **own: Any) -> Iterator[Eye]:
    clock = ManualClock()
    given = {"background": "worker", "breaker": BREAKER, "clock": clock, **own}
    with casting(tmp_path, *fakes, **given) as caster:
        yield Eye(caster, clock)


def posted(eye: Eye, route: str = "a", *, seen: bool = True) -> str:
    """An announcement that the platform took, and that readers see, or do not see in time."""
    sent = eye.caster.broadcast("Ferry 12 is cancelled", route=route, wait=False, again=True)
    eye.deliver(until=1.0 if seen else 20.0)
    assert eye.caster.status(sent.id)["a"].verdict is (Verdict.CONFIRMED if seen else Verdict.INVISIBLE)
    return sent.id


def unseen(tmp_path: Path, fake: Probing, **own: Any) -> Any:
    """A channel whose last post nobody sees, so that its breaker is open."""

    @contextmanager
    def eyed() -> Iterator[Eye]:
        with eyeing(tmp_path, fake, FakeChannel("b"), **own) as eye:
            fake.hidden = True
            posted(eye, "a | b", seen=False)
            assert (eye.gate().reason, eye.rests()) == ("invisible", 30.0)
            yield eye

    return eyed()


def failing(tmp_path: Path, fake: Probing, **own: Any) -> Any:
    """A channel whose breaker is open because a post failed."""

    @contextmanager
    def eyed() -> Iterator[Eye]:
        fake.script(say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR))
        with eyeing(tmp_path, fake, FakeChannel("b"), **own) as eye:
            eye.caster.broadcast("Ferry 12 is cancelled", wait=False)
            eye.deliver()
            assert (eye.gate().reason, eye.rests()) == ("unavailable", 30.0)
            yield eye

    return eyed()


# A channel that is taken as well


def test_a_good_look_publishes_nothing_and_says_that_both_sides_work(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        posted(eye)
        assert eye.look(after=60) == [(Source.PROBE, GOOD), (Source.READ_PROBE, GOOD)]
        assert eye.health().condition is Condition.UP
        assert (fake.probed, len(fake.published)) == (1, 1)
        assert eye.gate() == replace(eye.gate(), opened_at=None, failures=0)
        assert eye.switches() == []


def test_without_a_post_of_ours_only_the_writing_side_is_asked(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        assert eye.look() == [(Source.PROBE, GOOD)]


def mute(name: str = "a") -> FakeChannel:
    """A platform that can neither be probed nor read."""
    fake = FakeChannel(name, channel={"attempts": 1})
    able: Any = fake.kind.adapter
    rest = {each: getattr(able, each) for each in dir(able) if each not in {"probe", "__dict__", "__weakref__"}}
    kind = replace(fake.kind, adapter=type("Mute", (), rest))
    fake.channel = replace(fake.channel, kind=kind)
    return fake


def test_a_platform_that_can_neither_be_probed_nor_read_says_nothing(tmp_path: Path) -> None:
    with eyeing(tmp_path, mute()) as eye:
        assert eye.look() == []
        assert eye.health().condition is Condition.UNKNOWN


def test_where_there_is_nothing_to_ask_the_trial_is_left_to_a_post(tmp_path: Path) -> None:
    fake = mute()
    fake.script(say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR))
    with eyeing(tmp_path, fake) as eye:
        eye.caster.broadcast("Ferry 12 is cancelled", route="a", wait=False)
        eye.deliver()
        before = eye.gate()
        assert eye.look(after=30) == []
        assert eye.gate() == before


def test_a_dead_writing_side_is_noticed_without_a_post(tmp_path: Path) -> None:
    fake = Probing()
    fake.answer = DOWN
    with eyeing(tmp_path, fake) as eye:
        assert eye.look() == [(Source.PROBE, BAD)]
        assert eye.health().condition is Condition.DEGRADED
        assert not eye.switch(), "one look is not enough"
        assert eye.look(after=10) == [(Source.PROBE, BAD)]
        assert eye.health().condition is Condition.DOWN
        assert eye.switch()
        (switch,) = eye.switches()
        assert (switch.what, switch.actor) == ("opened", "watch")
        assert switch.why == "asking it without posting failed 2 times in a row: 503 Service Unavailable"
        assert (eye.gate().reason, eye.rests()) == ("unavailable", 30.0)
        assert fake.published == []


def test_whatever_a_probe_raises_is_told(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        for error in (ConnectionRefusedError("nobody listens"), ConnectionResetError("reset"), TimeoutError()):
            fake.answer = error
            assert eye.look(after=10) == [(Source.PROBE, BAD)]
        assert all(slot.detail for slot in eye.slots())


def test_an_adapter_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    fake = Probing()
    fake.broken["open"] = ConnectionRefusedError("nobody listens")
    with eyeing(tmp_path, fake) as eye:
        assert eye.look() == [(Source.PROBE, BAD)]


def test_what_is_wrong_with_us_says_nothing_of_the_platform(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        for answer in (
            ModuleNotFoundError("No module named 'sdk'", name="sdk"),
            KeyError("a mistake in an adapter"),
            replace(DOWN, reason=Reason.OURS),
            replace(DOWN, scope=Scope.CONTENT),
            Outcome(verdict=Verdict.THROTTLED, reason=Reason.RATE_LIMITED, retry_after_s=30.0),
            Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED),
        ):
            fake.answer = answer
            assert eye.look(after=10) == [(Source.PROBE, SILENT)]
        assert eye.health().condition is Condition.UNKNOWN


def test_a_probe_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.broadcaster.observer.LOOK_S", 0.05)
    fake = Probing()
    fake.takes = lambda: asyncio.sleep(60)
    with eyeing(tmp_path, fake) as eye:
        assert eye.look() == [(Source.PROBE, BAD)]
        assert "No answer came in time" in eye.slots()[0].detail


def test_of_a_probe_nobody_is_told_that_it_may_have_been_delivered(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        fake.answer = TimeoutError()
        eye.look()
        assert "delivered" not in eye.health().reasons[0]


def test_a_slow_probe_is_a_good_one_that_was_slow(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:

        async def slow() -> None:
            eye.clock.advance(SLOW_S + 1)

        fake.takes = slow
        for _ in range(5):
            assert eye.look(after=SLOT_S) == [(Source.PROBE, GOOD)]
        assert [slot.slow for slot in eye.slots()] == [1] * 5
        assert eye.health().condition is Condition.DEGRADED


# The reading side


def test_a_post_that_was_seen_and_is_not_any_more_is_a_bad_sign_of_the_reading_side(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        posted(eye)
        fake.hidden = True
        for _ in range(2):
            assert eye.look(after=30) == [(Source.PROBE, GOOD), (Source.READ_PROBE, BAD)]
        health = eye.health()
        assert (health.condition, health.reason) == (Condition.DOWN, "invisible")
        assert health.reasons[0].endswith("a post that was seen before is not seen")
        assert eye.switch()
        assert eye.gate().reason == "invisible"


def test_readers_who_get_no_answer_are_a_bad_sign_too(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        posted(eye)
        fake.broken["confirm"] = ConnectionResetError("reset")
        assert eye.look(after=30) == [(Source.PROBE, GOOD), (Source.READ_PROBE, BAD)]


def test_a_post_that_nobody_has_seen_and_that_is_still_not_seen_is_one_of_its_own_sort(tmp_path: Path) -> None:
    with eyeing(tmp_path, fake := Probing(), FakeChannel("b"), breaker=Breaker(failures=9)) as eye:
        fake.hidden = True
        posted(eye, "a | b", seen=False)
        assert eye.look(after=30) == [(Source.PROBE, GOOD), (Source.READ_BACK, BAD)]
        fake.hidden = False
        assert eye.look(after=30) == [(Source.PROBE, GOOD), (Source.READ_BACK, GOOD)]


def test_one_post_that_its_owner_took_back_is_no_outage_of_the_platform(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        for _ in range(3):
            posted(eye)
        fake._posts.popitem()  # somebody deleted the newest one in the app; the two before are there for all to see
        for _ in range(3):
            eye.look(after=30)
        assert eye.health().condition is not Condition.DOWN


# What is not asked


def test_a_channel_that_is_switched_off_is_not_asked(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        posted(eye)
        eye.caster.switch_off("a", for_s=600.0)
        assert eye.look(after=60) == []
        assert fake.probed == 0
        assert eye.look(after=540) != [], "until then"


def test_a_breaker_that_rests_is_left_alone(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        before = eye.gate()
        assert eye.look(after=29) == []
        assert (fake.probed, eye.gate()) == (0, before)
        assert eye.look(after=1) != []


def test_while_somebody_is_on_trial_nobody_looks(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        eye.clock.advance(30)
        trial = eye.do(
            lambda desk: desk.ledger.do(
                gates.take,
                "a",
                "somebody",
                now=eye.clock.now(),
                trial_s=15.0,
                credentials="",
                ordered=False,
            )
        )
        assert trial.trial
        assert eye.look() == []
        assert fake.probed == 0


def test_a_platform_that_asked_for_a_wait_is_not_asked_meanwhile(tmp_path: Path) -> None:
    fake = Probing()
    fake.script(say(Verdict.THROTTLED, reason=Reason.RATE_LIMITED, retry_after_s=600.0))
    with eyeing(tmp_path, fake) as eye:
        eye.caster.broadcast("Ferry 12 is cancelled", route="a", wait=False)
        eye.deliver()
        assert eye.gate().wait_until == eye.clock.now() + 600
        eye.look(after=60)
        assert fake.probed == 0


# In the time of a trial


def test_a_bad_look_in_the_time_of_a_trial_doubles_the_rest(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        fake.answer = DOWN
        for rest in (60, 120, 240, 480, 600, 600):
            assert eye.look(after=eye.rests()) == [(Source.PROBE, BAD)]
            assert (eye.rests(), eye.gate().trial_owner) == (rest, None)
        assert len(fake.published) == 1, "and nobody posts for that"
        assert [switch.what for switch in eye.switches()] == ["opened"]


def test_two_good_looks_close_it_and_what_waits_is_delivered(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        assert eye.look(after=30) == [(Source.PROBE, GOOD)]
        assert eye.health().condition is Condition.DOWN, "one is not enough"
        assert eye.rests() <= 0, "but a post may go as the trial"
        assert eye.look(after=SLOT_S) == [(Source.PROBE, GOOD)]
        assert eye.gate().opened_at is None
        assert [(switch.what, switch.actor) for switch in eye.switches()] == [
            ("closed", "watch"),
            ("opened", "breaker"),
        ]
        eye.deliver()
        assert fake.texts == ["Ferry 12 is cancelled"]
        assert eye.health().condition is Condition.UP


def test_after_one_good_look_a_post_may_be_the_trial(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        eye.look(after=30)
        eye.caster.broadcast("Ferry 13 as well", route="a", wait=False)
        eye.deliver(until=1)
        assert len(fake.texts) >= 1
        assert (eye.switches()[0].what, eye.switches()[0].actor) == ("closed", "breaker")


def test_a_bad_look_between_two_good_ones_begins_anew(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        eye.look(after=30)
        fake.answer = DOWN
        eye.look(after=SLOT_S)
        assert eye.rests() == 60
        fake.answer = None
        eye.look(after=60)
        assert eye.gate().opened_at is not None
        eye.look(after=SLOT_S)
        assert eye.gate().opened_at is None


def test_a_look_at_both_sides_needs_both_to_be_well(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake, FakeChannel("b")) as eye:
        posted(eye)
        fake.script(say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR))
        eye.caster.broadcast("Ferry 13 as well", route="a | b", wait=False)
        eye.deliver()
        fake.broken["confirm"] = ConnectionResetError("reset")
        assert eye.look(after=30) == [(Source.PROBE, GOOD), (Source.READ_PROBE, BAD)]
        assert (eye.rests(), eye.gate().reason) == (60, "unavailable")


# Where posts stay unseen


def test_an_unseen_post_that_is_seen_again_heals_the_breaker_at_once(tmp_path: Path) -> None:
    fake = Probing()
    with unseen(tmp_path, fake) as eye:
        fake.hidden = False
        assert eye.look(after=30) == [(Source.READ_BACK, GOOD)]
        assert eye.gate() == Gate(channel="a", changed_at=eye.clock.now(), healed_at=eye.clock.now())
        assert eye.health().condition is Condition.UP
        assert eye.switches()[0].why == "it was seen to work again"


def test_while_it_is_unseen_only_the_reading_side_is_asked_and_the_rest_doubles(tmp_path: Path) -> None:
    fake = Probing()
    with unseen(tmp_path, fake) as eye:
        for rest in (60, 120, 240):
            assert eye.look(after=eye.rests()) == [(Source.READ_BACK, BAD)]
            assert (eye.rests(), eye.gate().reason) == (rest, "invisible")
        assert (fake.probed, len(fake.published)) == (0, 1)


def test_a_look_goes_before_a_post_that_nobody_would_see(tmp_path: Path) -> None:
    fake = Probing()
    with unseen(tmp_path, fake) as eye:
        eye.clock.advance(30)
        eye.caster.broadcast("Ferry 13 as well", route="a", wait=False)
        eye.deliver(until=20)
        assert len(fake.published) == 1, "it waits for the look"
        fake.hidden = False
        eye.look(after=eye.rests())
        eye.deliver(until=1)
        assert len(fake.published) == 2


def test_a_reading_side_that_says_nothing_is_no_proof_and_no_failure_of_ours(tmp_path: Path) -> None:
    fake = Probing()
    with unseen(tmp_path, fake) as eye:
        fake.broken["confirm"] = ConnectionResetError("reset")
        assert eye.look(after=30) == [(Source.READ_PROBE, BAD)]
        assert (eye.rests(), eye.gate().reason) == (60, "invisible")


def test_where_no_post_is_known_any_more_the_writing_side_has_to_tell(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        now = eye.clock.now()
        eye.do(
            lambda desk: desk.ledger.do(
                watching.shut_on_health,
                "a",
                Verdict.INVISIBLE,
                why="nobody sees it",
                facts=(),
                breaker=BREAKER,
                between_s=0.0,
                now=now,
            )
        )
        for after in (30, SLOT_S):
            assert eye.look(after=after) == [(Source.PROBE, GOOD)]
        assert eye.gate().opened_at is None


# Logins


def test_a_refused_login_shuts_the_channel_for_an_hour_and_is_no_outage(tmp_path: Path) -> None:
    fake = Probing()
    fake.answer = REFUSED_LOGIN
    with eyeing(tmp_path, fake) as eye:
        assert eye.look() == [(Source.PROBE, BAD)]
        health = eye.health()
        assert (health.condition, health.reason, eye.rests()) == (Condition.DOWN, "unauthorized", UNAUTHORIZED_TRIAL_S)
        assert health.reasons[0] == "it refused our login"
        assert not eye.switch()
        assert [(each.what, each.actor, each.why) for each in eye.switches()] == [
            ("opened", "watch", "Wrong password.")
        ]


def test_a_login_that_one_account_alone_lacks_shuts_nothing(tmp_path: Path) -> None:
    fake = Probing()
    fake.answer = replace(REFUSED_LOGIN, scope=Scope.RECIPIENT)
    with eyeing(tmp_path, fake) as eye:
        eye.look()
        assert eye.gate().opened_at is None


def test_another_secret_is_looked_at_without_waiting_for_the_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_TOKEN", "a-token-refused-4711")
    fake = Probing()
    fake.answer = REFUSED_LOGIN
    with eyeing(tmp_path, fake) as eye:
        eye.look()
        assert eye.look(after=60) == []
        monkeypatch.setenv("THE_TOKEN", "a-token-that-works-4711")
        fake.answer = None
        for _ in range(2):
            assert eye.look(after=SLOT_S) == [(Source.PROBE, GOOD)]
        assert eye.health().condition is Condition.UP


def test_a_login_that_is_still_refused_after_the_hour_stays_a_refused_login(tmp_path: Path) -> None:
    fake = Probing()
    fake.answer = REFUSED_LOGIN
    with eyeing(tmp_path, fake) as eye:
        eye.look()
        eye.look(after=UNAUTHORIZED_TRIAL_S)
        assert fake.probed == 2
        assert eye.gate().reason == "unauthorized"
        assert eye.rests() == UNAUTHORIZED_TRIAL_S
        assert eye.gate().credentials, "so that another secret is tried at once"


def test_a_login_that_is_refused_when_the_platform_comes_back_is_no_outage_any_more(tmp_path: Path) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        fake.answer = REFUSED_LOGIN
        eye.look(after=30)
        assert (eye.gate().reason, eye.rests()) == ("unauthorized", UNAUTHORIZED_TRIAL_S)


# This machine's own network


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """This machine reaches nobody; where it was asked for."""
    asked: list[str] = []

    async def cut_off(hosts: tuple[tuple[str, int], ...], *_: object) -> bool:
        asked.extend(host for host, _ in hosts)
        return True

    monkeypatch.setattr("surecast.broadcaster.roster.cut_off", cut_off)
    return asked


@pytest.mark.parametrize("answer", [LOST, TimeoutError(), ConnectionRefusedError("nobody listens")])
def test_a_machine_that_is_cut_off_marks_nothing_and_remembers_it(
    tmp_path: Path, alone: list[str], answer: Outcome | Exception
) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        posted(eye)
        fake.answer, fake.broken["confirm"] = answer, ConnectionResetError("reset")
        began = eye.clock.now() + 30
        for _ in range(3):
            assert eye.look(after=30) == [(Source.PROBE, SILENT), (Source.READ_PROBE, SILENT)]
        assert alone[0] == "127.0.0.1"
        assert {slot.detail for slot in eye.slots() if slot.silent} == {"this machine has no network"}
        assert eye.health().condition is Condition.UP, "from before"
        cut = eye.do(lambda desk: desk.ledger.do(rounds.last_cut_off))
        assert cut == CutOff(since=began, until=began + 60)


def test_what_answers_while_the_rest_is_cut_off_is_believed(tmp_path: Path, alone: list[str]) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        fake.answer = DOWN
        assert eye.look() == [(Source.PROBE, BAD)], "a platform that says so was reached"
        assert alone == []


def test_a_trial_without_network_rests_as_before(tmp_path: Path, alone: list[str]) -> None:
    fake = Probing()
    with failing(tmp_path, fake) as eye:
        fake.answer = LOST
        assert eye.look(after=30) == [(Source.PROBE, SILENT)]
        assert (eye.rests(), eye.gate().interval_s, eye.gate().trial_owner) == (30, 30, None)


def test_a_refused_login_is_not_taken_for_one_while_nobody_is_reached(tmp_path: Path, alone: list[str]) -> None:
    fake = Probing()
    fake.answer = replace(REFUSED_LOGIN, reason=Reason.NOT_CONNECTED)
    with eyeing(tmp_path, fake) as eye:
        eye.look()
        assert eye.gate().opened_at is None


# Switching


@pytest.mark.parametrize("condition", [each for each in Condition if each is not Condition.DOWN])
def test_nothing_is_switched_for_a_channel_that_is_not_down(tmp_path: Path, condition: Condition) -> None:
    health = Health(channel="a", condition=condition, reason="unavailable")
    with eyeing(tmp_path, Probing()) as eye:
        assert not eye.do(lambda desk: desk.observer.switch(health, between_s=0.0))


@pytest.mark.parametrize("reason", ["unauthorized", "uncertain", "", "isolated by a person"])
def test_nothing_is_switched_for_what_no_look_can_have_seen(tmp_path: Path, reason: str) -> None:
    health = Health(channel="a", condition=Condition.DOWN, reason=reason)
    with eyeing(tmp_path, Probing()) as eye:
        assert not eye.do(lambda desk: desk.observer.switch(health, between_s=0.0))


def test_a_channel_is_not_switched_to_and_fro(tmp_path: Path) -> None:
    fake = Probing()
    with eyeing(tmp_path, fake) as eye:
        eye.caster.switch_on("a", why="they are back")
        fake.answer = DOWN
        for _ in range(2):
            eye.look(after=20)
        assert eye.health().condition is Condition.DOWN
        assert not eye.switch(), "a person has just switched it on"
        eye.clock.advance(20)
        assert eye.switch()
        assert not eye.switch(), "it is open"


# The status page


@contextmanager
def a_page(said: dict[str, str]) -> Iterator[str]:
    """A vendor's page on loopback that says what `said` holds; gives its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (
                '{"status": {"indicator": "%s", "description": "%s"}, "components": [], "incidents": []}'
                % (said["indicator"], said["description"])
            ).encode()
            self.send_response(int(said.get("code", "200")))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v2/summary.json"
        finally:
            server.shutdown()
            thread.join()


def test_what_the_vendor_says_is_taken_down_and_decides_nothing(tmp_path: Path) -> None:
    said = {"indicator": "none", "description": "All Systems Operational"}
    with a_page(said) as address:
        fake = Probing(channel={"status_page": address})
        with eyeing(tmp_path, fake) as eye:

            def read() -> tuple[Answer, str]:
                eye.clock.advance(SLOT_S)
                eye.do(lambda desk: desk.observer.read_page("a"))
                (*_, slot) = eye.slots()
                assert slot.source is Source.VENDOR
                return slot.last, slot.detail

            assert read()[0] is GOOD
            said.update(indicator="major", description="Partial System Outage")
            answer, detail = read()
            assert answer is BAD
            assert "Partial System Outage" in detail
            assert eye.health().condition is Condition.UNKNOWN
            said["code"] = "500"
            assert read()[0] is SILENT
            fake.answer = DOWN
            eye.look()
            assert eye.health().condition is Condition.DEGRADED, "the page was not read the last time"
            said.pop("code")
            read()
            assert eye.health().condition is Condition.DOWN
            assert "its status page says" in eye.health().reasons[-1]


def test_a_page_that_cannot_be_reached_says_nothing(tmp_path: Path) -> None:
    fake = Probing(channel={"status_page": "http://127.0.0.1:1/summary.json"})
    with eyeing(tmp_path, fake) as eye:
        eye.do(lambda desk: desk.observer.read_page("a", timeout_s=0.5))
        assert [(slot.source, slot.last) for slot in eye.slots()] == [(Source.VENDOR, SILENT)]


def test_where_there_is_no_page_none_is_read(tmp_path: Path) -> None:
    with eyeing(tmp_path, Probing(channel={"status_page": ""}), Probing("b")) as eye:
        for name in ("a", "b"):
            eye.do(lambda desk, name=name: desk.observer.read_page(name))
            assert eye.slots(name) == ()


# Real adapters on simulated platforms


TOML = """\
sender = "Harbour Ferries"

[network]
independent = []

[routes]
default = "bluesky | mastodon"

[breaker]
failures = 1

[channels.bluesky]
type = "bluesky"
service = "{bluesky}"
appview = "{bluesky}"
handle = "ferries.example"
app_password = {{ env = "BLUESKY_APP_PASSWORD" }}
visible_within = "20s"

[channels.mastodon]
type = "mastodon"
server = "{mastodon}"
access_token = {{ env = "MASTODON_ACCESS_TOKEN" }}
"""


@pytest.fixture
def far_side() -> Iterator[Sandbox]:
    with Sandbox.in_thread(("bluesky", "mastodon")) as sandbox:
        yield sandbox


@pytest.fixture
def config(tmp_path: Path, far_side: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "pass-word-4711")
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "token-4711")
    path = tmp_path / "surecast.toml"
    path.write_text(TOML.format(bluesky=far_side.url("bluesky"), mastodon=far_side.url("mastodon")), "utf-8")
    found = load_config(path)
    assert found.mistakes == ()
    return found


@contextmanager
def real(config: Config) -> Iterator[Eye]:
    clock = ManualClock()
    with assemble(config, background="worker", clock=clock) as caster:
        yield Eye(caster, clock)


PLATFORMS = pytest.mark.parametrize("name", ["bluesky", "mastodon"])


@PLATFORMS
def test_a_real_platform_is_looked_at_without_a_post(config: Config, far_side: Sandbox, name: str) -> None:
    with real(config) as eye:
        assert eye.look(name) == [(Source.PROBE, GOOD)]
        assert eye.health(name).condition is Condition.UP
    assert far_side.platforms[name].posts() == ()


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.RESET, Fault.UNAVAILABLE, Fault.ERROR, Fault.EDGE, Fault.CLOSE])
@PLATFORMS
def test_a_real_platform_that_is_down_is_seen_to_be(config: Config, far_side: Sandbox, name: str, fault: Fault) -> None:
    far_side.fault(name, fault)
    with real(config) as eye:
        for _ in range(2):
            assert eye.look(name, after=SLOT_S) == [(Source.PROBE, BAD)]
        assert (eye.health(name).condition, eye.health(name).reason) == (Condition.DOWN, "unavailable")
        assert eye.switch(name)
        far_side.lift()
        eye.look(name, after=30)
        eye.look(name, after=SLOT_S)
        assert eye.health(name).condition is Condition.UP


@PLATFORMS
def test_a_real_platform_that_refuses_our_login_is_no_outage(config: Config, far_side: Sandbox, name: str) -> None:
    far_side.fault(name, Fault.UNAUTHORIZED)
    with real(config) as eye:
        eye.look(name)
        assert (eye.gate(name).reason, eye.rests(name)) == ("unauthorized", UNAUTHORIZED_TRIAL_S)


@PLATFORMS
def test_a_real_platform_that_is_asked_too_often_says_nothing_bad(config: Config, far_side: Sandbox, name: str) -> None:
    far_side.fault(name, Fault.THROTTLED)
    with real(config) as eye:
        assert eye.look(name) == [(Source.PROBE, SILENT)]
        assert eye.gate(name).opened_at is None


def test_a_post_that_bluesky_shows_to_nobody_is_looked_for_until_it_is_there(config: Config, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HIDDEN)
    with real(config) as eye:
        sent = eye.caster.broadcast("Ferry 12 is cancelled", wait=False)
        eye.deliver(until=30)
        assert eye.caster.status(sent.id)["bluesky"].verdict is Verdict.INVISIBLE
        assert eye.gate("bluesky").reason == "invisible"
        rest = eye.rests("bluesky")
        assert eye.look("bluesky", after=rest) == [(Source.READ_BACK, BAD)]
        assert eye.rests("bluesky") == 60
        far_side.lift()
        assert eye.look("bluesky", after=60) == [(Source.READ_BACK, GOOD)]
        assert eye.health("bluesky").condition is Condition.UP
    assert len(far_side.platforms["bluesky"].posts()) == 1


def test_when_readers_of_bluesky_get_nothing_at_all_the_earlier_post_tells(config: Config, far_side: Sandbox) -> None:
    with real(config) as eye:
        sent = eye.caster.broadcast("Ferry 12 is cancelled", wait=False)
        eye.deliver(until=10)
        assert eye.caster.status(sent.id)["bluesky"].verdict is Verdict.CONFIRMED
        assert eye.look("bluesky") == [(Source.PROBE, GOOD), (Source.READ_PROBE, GOOD)]
        far_side.fault("bluesky", Fault.UNAVAILABLE, on=On.READS)
        found = eye.look("bluesky", after=SLOT_S)
        assert (Source.READ_PROBE, BAD) in found
