"""A clock turned by hand, and platforms in memory whose answers a test writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from surecast.channel import Channel, Context, Errand, Kind, Limits, Probed, Resend, Sending, Traits
from surecast.outcome import Look, Outcome, Reason, Receipt, Scope, Sighting, Verdict


class ManualClock:
    """A `Clock` turned by hand.

    Args:
        now: what it shows at first, Unix seconds.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Turns it on; never back."""
        if seconds < 0:
            raise ValueError("A clock that goes back would hide mistakes; make another one.")
        self._now += seconds


class MemorySessions:
    """A `SessionStore` of one event loop."""

    def __init__(self) -> None:
        self.stored: str | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> str | None:
        return self.stored

    async def save(self, session: str) -> None:
        self.stored = session

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        async with self._lock:
            yield


# What a fake platform does -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a fake platform does with one publish.

    Attributes:
        hangs: it waits for `FakeChannel.release` first; a caller that gives up meanwhile gets nothing taken in.
        takes_in: it keeps the post.
        answer: what it answers or raises then; None answers with a receipt.
    """

    hangs: bool = False
    takes_in: bool = False
    answer: Outcome | Exception | None = None


def accept() -> Act:
    """The post is taken in and answered."""
    return Act(takes_in=True)


def refuse(detail: str = "The platform does not want this.") -> Act:
    """The text is refused for good."""
    return say(Verdict.REFUSED, scope=Scope.CONTENT, reason=Reason.TEXT_REFUSED, detail=detail)


def say(verdict: Verdict, *, reason: Reason = Reason.NONE, retry_after_s: float | None = None, **own: Any) -> Act:
    """Any other answer; the post is not taken in."""
    return Act(answer=Outcome(verdict=verdict, reason=reason, retry_after_s=retry_after_s, **own))


def fail(error: Exception) -> Act:
    """An error is raised; the post is not taken in."""
    return Act(answer=error)


def lose_reply(error: Exception | None = None) -> Act:
    """The post is taken in, and then an error is raised, by default that of a broken connection."""
    return Act(takes_in=True, answer=error or ConnectionResetError("the answer was lost"))


def hang(then: Act | None = None) -> Act:
    """Nothing happens until `FakeChannel.release`, then `then`, by default an acceptance."""
    return replace(then or accept(), hangs=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One call of `publish`, as the fake platform saw it.

    Attributes:
        to: the address of the contact, for a direct channel; else empty.
    """

    key: str
    payload: bytes
    to: str = ""

    @property
    def text(self) -> str:
        return self.payload.decode()


class FakeChannel:
    """A platform in memory, with an adapter that any number of broadcasters in this process may use.

    It answers each publish with the next act of its script, and accepts when there is none left. With ``same_key``
    it takes one delivery in once, however often it is sent; otherwise every time.

    Args:
        name: of the channel, and of its kind.
        resend: see `surecast.channel.Resend`.
        finds, confirms: whether its adapter can look posts up, and see them in public.
        settings: what the channel is configured with; anything.
        channel: further values of the `Channel`, e.g. ``within_s=2``.
        in_flight: of a direct channel, how many are on their way at once.
        traits: further `Traits`; with ``public=False, medium=...`` it is a direct channel.

    Attributes:
        hidden: readers see no post: `confirm` says unseen.
        broken: an error that each of these calls raises: ``open``, ``prepare``, ``find``, ``confirm``.
    """

    def __init__(
        self,
        name: str = "fake",
        *,
        resend: Resend = "same_key",
        finds: bool = True,
        confirms: bool = False,
        settings: Any = None,
        channel: Mapping[str, Any] | None = None,
        in_flight: int = 10,
        **traits: Any,
    ) -> None:
        self.name = name
        self.hidden = False
        self.broken: dict[str, Exception] = {}
        self._changed = threading.Condition()
        self._acts: list[Act] = []
        self._per_address: dict[str, Act] = {}
        self._released = 0
        self._posts: dict[str, Published] = {}
        self._published: list[Published] = []
        self._prepared = self._in_flight = self._most_in_flight = self._hanging = 0
        fixed = Traits(**{"platform": name.title(), "limits": Limits(), "resend": resend, **traits})
        able = [cls for cls, wanted in ((_Finding, finds), (_Confirming, confirms)) if wanted]
        adapter = type(f"Fake{name.title()}", (*able, _FakeAdapter), {"far": self, "traits": fixed})
        self.kind = Kind(name=name, traits=fixed, settings=type(settings), adapter=adapter, in_flight=in_flight)
        self.channel = Channel(name=name, kind=self.kind, settings=settings, **(channel or {}))

    # What a test says

    def script(self, *acts: Act) -> None:
        """What the next publishes come to, in their order."""
        with self._changed:
            self._acts += acts

    def script_for(self, address: str, act: Act | None) -> None:
        """What every publish to one contact of a direct channel comes to; None takes it back."""
        with self._changed:
            if act is None:
                self._per_address.pop(address, None)
            else:
                self._per_address[address] = act

    def release(self) -> None:
        """Lets every publish go on that hangs now."""
        with self._changed:
            self._released += 1

    # What a test asks

    @property
    def texts(self) -> list[str]:
        """The posts that the platform holds, in the order in which it took them in."""
        with self._changed:
            return [post.text for post in self._posts.values()]

    @property
    def recipients(self) -> list[str]:
        """The addresses of the messages that it holds, for a direct channel, in the order in which they came."""
        with self._changed:
            return [post.to for post in self._posts.values()]

    @property
    def published(self) -> list[Published]:
        """Every call of `publish`, in order."""
        with self._changed:
            return list(self._published)

    @property
    def prepared(self) -> int:
        """How often a payload was prepared."""
        return self._prepared

    @property
    def hanging(self) -> int:
        """How many publishes hang."""
        return self._hanging

    @property
    def most_in_flight(self) -> int:
        """The most publishes that were on their way at once."""
        return self._most_in_flight

    def wait_for(self, publishes: int, timeout_s: float = 10.0) -> None:
        """Waits until so many publishes have come.

        Raises:
            TimeoutError: they did not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._published) >= publishes, timeout_s):
                raise TimeoutError(f"{len(self._published)} of {publishes} publishes came in {timeout_s:g} s.")

    # What its adapters do

    def raise_if_broken(self, call: str) -> None:
        if (error := self.broken.get(call)) is not None:
            raise error

    def count_preparation(self) -> None:
        with self._changed:
            self._prepared += 1

    @contextmanager
    def arriving(self, sending: Sending) -> Iterator[Act]:
        """One publish from its arrival to its end; gives what it comes to."""
        with self._changed:
            self._published.append(_published(sending))
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            act = self._per_address.get(_published(sending).to) or (self._acts.pop(0) if self._acts else accept())
            self._changed.notify_all()
        try:
            yield act
        finally:
            with self._changed:
                self._in_flight -= 1

    async def be_released(self) -> None:
        """Waits, in whatever event loop, for the next `release`."""
        before = self._released
        self._hanging += 1
        try:
            while self._released == before:  # noqa: ASYNC110 - released from another thread, for any event loop
                await asyncio.sleep(0.005)
        finally:
            self._hanging -= 1

    def take_in(self, sending: Sending, *, once: bool) -> Receipt:
        with self._changed:
            name = sending.key if once else f"{sending.key}-{len(self._posts)}"
            self._posts.setdefault(name, _published(sending))
            return _receipt(name)

    def seen(self, key: str) -> list[Receipt]:
        """The receipts of the posts of a delivery."""
        with self._changed:
            return [_receipt(name) for name, post in self._posts.items() if post.key == key]

    def holds(self, name: str) -> bool:
        with self._changed:
            return name in self._posts


def _published(sending: Sending) -> Published:
    return Published(key=sending.key, payload=sending.payload, to=sending.to.address if sending.to else "")


def _receipt(name: str) -> Receipt:
    return Receipt(id=name, url=f"https://fake.example/{name}")


class _FakeAdapter:
    """The adapter of one `FakeChannel`."""

    far: ClassVar[FakeChannel]
    traits: Traits

    def __init__(self, settings: Any, context: Context) -> None:
        self.settings = settings
        self.context = context

    async def open(self) -> None:
        self.far.raise_if_broken("open")

    async def prepare(self, errand: Errand) -> bytes:
        self.far.count_preparation()
        self.far.raise_if_broken("prepare")
        return errand.post.parts[errand.part].text.encode()

    async def publish(self, sending: Sending) -> Outcome:
        with self.far.arriving(sending) as act:
            if act.hangs:
                await self.far.be_released()
            receipt = None
            if act.takes_in:
                receipt = self.far.take_in(sending, once=self.traits.resend == "same_key")
            if isinstance(act.answer, Exception):
                raise act.answer
            return act.answer or Outcome(verdict=Verdict.ACCEPTED, receipt=receipt)

    async def probe(self, timeout_s: float) -> Probed:
        del timeout_s
        return Probed(ok=True, detail="A fake channel always works.")

    def classify(self, error: BaseException) -> Outcome | None:
        del error
        return None

    async def close(self) -> None: ...


class _Finding:
    far: ClassVar[FakeChannel]

    async def find(self, sending: Sending) -> Look:
        self.far.raise_if_broken("find")
        found = [receipt for receipt in self.far.seen(sending.key) if receipt.id not in sending.claimed]
        if len(found) > 1:
            return Look(sighting=Sighting.UNKNOWN, detail=f"{len(found)} posts have these words.")
        return Look(sighting=Sighting.SEEN, receipt=found[0]) if found else Look(sighting=Sighting.UNSEEN)


class _Confirming:
    far: ClassVar[FakeChannel]

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look:
        del timeout_s
        self.far.raise_if_broken("confirm")
        seen = self.far.holds(receipt.id) and not self.far.hidden
        return Look(sighting=Sighting.SEEN, receipt=receipt) if seen else Look(sighting=Sighting.UNSEEN)


def fake_kind(name: str = "fake", **own: Any) -> Kind:
    """The kind of a `FakeChannel`, for tests that need no more than that; `own` as there."""
    return FakeChannel(name, **own).kind
