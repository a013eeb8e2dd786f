"""What every adapter keeps to, as tests: the same for a real server, a simulated one and a folder."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeVar

from surecast.channel import Adapter, Confirms, Context, Errand, Finds, Part, Post, Sending, Traits, Words
from surecast.contact import Recipient
from surecast.outcome import Look, Outcome, Receipt, Sighting, Verdict
from surecast.testing.fakes import MemorySessions
from surecast.transport.classify import classify

T = TypeVar("T")


def a_context(name: str = "channel", **own: Any) -> Context:
    """What the house gives an adapter, without proxies and without anything that the machine is set to."""
    given = {"sender": "Harbour Ferries", "language": "en", "time_zone": "UTC", "use_environment": False}
    return Context(name=name, **{"sessions": MemorySessions(), **given, **own})


def an_errand(text: str, traits: Traits, *, key: str = "", created_at: float | None = None) -> Errand:
    """A delivery of `text`, without pictures, as it would be planned for a platform with these traits."""

    async def image(digest: str) -> bytes:
        raise LookupError(digest)

    now = time.time() if created_at is None else created_at
    post = Post(
        parts=(Part(text=text),), words=Words(text=text), language="en", sender="Harbour Ferries", limits=traits.limits
    )
    return Errand(key=key or text, post=post, part=0, created_at=now, expires_at=now + 3_600, image=image)


async def attempt(adapter: Adapter, sending: Sending) -> Outcome:
    """One attempt as it is made in earnest: a limit on its whole time, and what it raises is classified."""
    try:
        async with asyncio.timeout(sending.timeout_s):
            return await adapter.publish(sending)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
        return classify(error, own=adapter.classify)


class FarSide(Protocol):
    """The other end of an adapter under test: a real server, a simulated one, a folder."""

    def adapter(self) -> Adapter:
        """A new adapter of an account there, not opened yet."""
        ...

    def texts(self) -> Sequence[str]:
        """The texts of the posts that the account has there."""
        ...

    def writes(self) -> Sequence[str]:
        """Every request to publish that came so far, answered or not: what it was recognised by, body or key.

        An empty string where it broke off before that could be seen.
        """
        ...

    def break_(self, fault: str) -> None:
        """From now on this goes wrong with every request to publish, and with nothing else where that can be had."""
        ...

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        ...


@dataclass(slots=True)
class _Trial:
    """What a test saw of some attempts."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class ChannelContract:
    """What every adapter keeps to. Subclass it, name the class ``Test...``, and give a fixture ``far_side``.

    Attributes:
        faults: what each fault that the far side can have must be called.
        unreached: those of them with which no request to publish comes to the far side.
        hangs: the fault with which a publish never ends.
        lost: the fault with which the post is taken in and the answer is lost; empty where that cannot be had.
        secrets: what must never show: passwords, tokens; the fixture may set them, where they are made for each run.
        reads_back: whether the far side shows posts to the public.
        recipient: to whom a direct channel sends; None for a public one.
        timeout_s: of the attempts that are to fail.
    """

    faults: ClassVar[Mapping[str, Verdict]] = {}
    unreached: ClassVar[frozenset[str]] = frozenset()
    hangs: ClassVar[str] = ""
    lost: ClassVar[str] = ""
    secrets: tuple[str, ...] = ()
    reads_back: ClassVar[bool] = True
    recipient: ClassVar[Recipient | None] = None
    timeout_s: ClassVar[float] = 1.0

    #: An attempt may take so much longer than its time-out until it is over in earnest.
    GRACE_S: ClassVar[float] = 0.5
    PATIENCE_S: ClassVar[float] = 15.0

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each fault; a class that names none is a mistake, not a test that is left out."""
        if "fault" in metafunc.fixturenames:
            if unknown := {self.hangs, self.lost or self.hangs, *self.unreached} - {*self.faults}:
                names = " and ".join(map(repr, sorted(unknown)))
                raise TypeError(
                    f"{type(self).__name__}.faults lacks {names}. Give there what each fault must be called that "
                    "hangs, lost or unreached names."
                )
            metafunc.parametrize("fault", sorted(self.faults))

    # Preparing

    def test_preparing_publishes_nothing_and_gives_the_same_bytes_again(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def twice(adapter: Adapter) -> list[bytes]:
            return [await adapter.prepare(errand) for _ in range(2)]

        before = far_side.texts()
        first, second = _using(far_side.adapter(), twice)
        assert isinstance(first, bytes)
        assert first == second
        assert (far_side.texts(), far_side.writes()) == (before, [])

    def test_two_deliveries_of_the_same_words_are_two_posts(self, far_side: FarSide) -> None:
        text = _new_text()
        traits = far_side.adapter().traits

        async def both(adapter: Adapter) -> list[Verdict]:
            payloads = [await adapter.prepare(an_errand(text, traits, key=f"{text} {n}")) for n in range(2)]
            return [(await attempt(adapter, self._sending(text, payload))).verdict for payload in payloads]

        assert _using(far_side.adapter(), both) == [Verdict.ACCEPTED] * 2
        assert _count(far_side, text) == 2

    # Publishing, finding, confirming

    def test_a_post_is_accepted_with_a_receipt_by_which_it_is_found_and_seen(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def all_the_way(adapter: Adapter) -> tuple[Outcome, Look | None, Look | None]:
            sending = self._sending(errand.key, await adapter.prepare(errand))
            outcome = await attempt(adapter, sending)
            assert outcome.receipt is not None, outcome
            found = await adapter.find(sending) if isinstance(adapter, Finds) else None
            shown = await self._look_until_known(adapter, outcome.receipt) if isinstance(adapter, Confirms) else None
            return outcome, found, shown

        outcome, found, shown = _using(far_side.adapter(), all_the_way)
        assert outcome.verdict is Verdict.ACCEPTED
        assert outcome.receipt
        assert outcome.receipt.id
        assert _count(far_side, errand.key) == 1
        assert len(far_side.writes()) == 1
        if found is not None:
            assert (found.sighting, found.receipt and found.receipt.id) == (Sighting.SEEN, outcome.receipt.id)
        if shown is not None:
            assert shown.sighting is (Sighting.SEEN if self.reads_back else Sighting.UNKNOWN)

    def test_what_was_never_sent_is_not_found(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def look(adapter: Adapter) -> Sighting | None:
            sending = self._sending(errand.key, await adapter.prepare(errand))
            return (await adapter.find(sending)).sighting if isinstance(adapter, Finds) else None

        adapter = far_side.adapter()
        expected = Sighting.UNSEEN if isinstance(adapter, Finds) else None
        assert _using(adapter, look) == expected
        assert expected is not None or adapter.traits.resend != "after_lookup", "after_lookup needs a look-up"

    def test_the_same_payload_again_makes_no_second_post_where_the_traits_promise_that(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def twice(adapter: Adapter) -> list[Verdict]:
            sending = self._sending(errand.key, await adapter.prepare(errand))
            times = 2 if adapter.traits.resend == "same_key" else 1
            return [(await attempt(adapter, sending)).verdict for _ in range(times)]

        assert set(_using(far_side.adapter(), twice)) == {Verdict.ACCEPTED}
        assert _count(far_side, errand.key) == 1

    # Faults

    def test_a_fault_has_its_name_costs_one_write_and_no_more_than_its_time(
        self, far_side: FarSide, fault: str, caplog: Any, capfd: Any
    ) -> None:
        caplog.set_level("DEBUG")
        errand = self._errand(far_side)
        trial = _Trial()

        async def twice(adapter: Adapter) -> None:
            payload = await adapter.prepare(errand)
            before = len(far_side.writes())
            far_side.break_(fault)
            for number in (1, 2):
                began = time.monotonic()
                trial.outcomes.append(await attempt(adapter, self._sending(errand.key, payload, self.timeout_s)))
                trial.seconds.append(time.monotonic() - began)
                expected = 0 if fault in self.unreached else number
                assert len(far_side.writes()) - before == expected, "one attempt makes one write"

        _using(far_side.adapter(), twice)
        assert [outcome.verdict for outcome in trial.outcomes] == [self.faults[fault]] * 2
        assert max(trial.seconds) <= self.timeout_s + self.GRACE_S
        assert len(set(far_side.writes()) - {""}) <= 1, "both attempts must be recognised as one"
        assert all(outcome.detail for outcome in trial.outcomes), "every failure has a sentence"
        shown = repr(trial.outcomes) + caplog.text + "".join(capfd.readouterr())
        assert [secret for secret in self.secrets if secret in shown] == []

    def test_what_arrived_without_an_answer_is_recognised(self, far_side: FarSide) -> None:
        if not self.lost:
            return
        errand = self._errand(far_side)

        async def again(adapter: Adapter) -> tuple[Verdict, str]:
            sending = self._sending(errand.key, await adapter.prepare(errand), self.timeout_s)
            far_side.break_(self.lost)
            first = await attempt(adapter, sending)
            far_side.mend()
            if adapter.traits.resend == "same_key":
                return first.verdict, (await attempt(adapter, replace(sending, timeout_s=self.PATIENCE_S))).verdict
            return first.verdict, (await adapter.find(sending)).sighting if isinstance(adapter, Finds) else ""

        first, then = _using(far_side.adapter(), again)
        assert first is Verdict.UNCERTAIN
        assert then in {Verdict.ACCEPTED, Sighting.SEEN, ""}
        assert _count(far_side, errand.key) == 1

    def test_a_fault_that_is_over_leaves_nothing_behind(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def then_well(adapter: Adapter) -> list[Verdict]:
            payload = await adapter.prepare(errand)
            far_side.break_(self.hangs)
            first = await attempt(adapter, self._sending(errand.key, payload, self.timeout_s))
            far_side.mend()
            return [first.verdict, (await attempt(adapter, self._sending(errand.key, payload))).verdict]

        assert _using(far_side.adapter(), then_well) == [self.faults[self.hangs], Verdict.ACCEPTED]

    # Its life in an event loop

    def test_an_attempt_that_is_cancelled_ends_at_once(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def cancel(adapter: Adapter) -> float:
            began = await self._in_the_middle(adapter, far_side, errand)
            at = time.monotonic()
            began.cancel()
            await asyncio.wait({began}, timeout=self.PATIENCE_S)
            assert began.cancelled(), "an adapter must let itself be cancelled"
            return time.monotonic() - at

        assert _using(far_side.adapter(), cancel) <= self.GRACE_S

    def test_closing_waits_for_no_call_that_hangs(self, far_side: FarSide) -> None:
        errand = self._errand(far_side)

        async def close(adapter: Adapter) -> float:
            began = await self._in_the_middle(adapter, far_side, errand)
            at = time.monotonic()
            await adapter.close()
            seconds = time.monotonic() - at
            began.cancel()
            await asyncio.wait({began}, timeout=self.PATIENCE_S)
            return seconds

        assert _using(far_side.adapter(), close) <= self.GRACE_S

    def test_it_works_again_in_another_event_loop(self, far_side: FarSide) -> None:
        adapter = far_side.adapter()
        errands = [self._errand(far_side) for _ in range(2)]

        def publish(errand: Errand) -> Verdict:
            async def one(adapter: Adapter) -> Verdict:
                sending = self._sending(errand.key, await adapter.prepare(errand))
                return (await attempt(adapter, sending)).verdict

            return _using(adapter, one)

        assert [publish(errand) for errand in errands] == [Verdict.ACCEPTED] * 2

    # Helpers

    def _errand(self, far_side: FarSide) -> Errand:
        return an_errand(_new_text(), far_side.adapter().traits)

    def _sending(self, key: str, payload: bytes, timeout_s: float | None = None) -> Sending:
        return Sending(
            key=key,
            payload=payload,
            first_began_at=time.time(),
            timeout_s=timeout_s or self.PATIENCE_S,
            to=self.recipient,
        )

    async def _look_until_known(self, adapter: Confirms, receipt: Receipt) -> Look:
        """A read side may show a post a moment later."""
        until = time.monotonic() + self.PATIENCE_S
        while True:
            look = await adapter.confirm(receipt, 5.0)
            if look.sighting is not Sighting.UNSEEN or time.monotonic() > until:
                return look
            await asyncio.sleep(0.1)

    async def _in_the_middle(self, adapter: Adapter, far_side: FarSide, errand: Errand) -> asyncio.Task[Outcome]:
        """An attempt that hangs at the far side."""
        payload = await adapter.prepare(errand)
        before = len(far_side.writes())
        far_side.break_(self.hangs)
        task = asyncio.create_task(adapter.publish(self._sending(errand.key, payload, 60.0)))
        until = time.monotonic() + self.PATIENCE_S
        while len(far_side.writes()) == before:
            assert time.monotonic() < until, f"no request to publish came with the fault {self.hangs!r}"
            await asyncio.sleep(0.01)
        return task


_numbers = itertools.count(1)


def _new_text() -> str:
    """Words that no other test posts, without anything that a platform might draw otherwise."""
    return f"Ferry {time.time_ns()} sails again, notice {next(_numbers)}"


def _count(far_side: FarSide, text: str) -> int:
    return sum(text in each for each in far_side.texts())


def _using(adapter: Adapter, work: Callable[[Adapter], Awaitable[T]]) -> T:
    """Opens an adapter in an event loop of its own, lets `work` use it, and closes it."""

    async def used() -> T:
        await adapter.open()
        try:
            return await work(adapter)
        finally:
            await adapter.close()

    return asyncio.run(used())
