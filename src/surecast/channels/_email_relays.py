"""The relays of a channel, in order, and the connections kept to each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from surecast.channels._email_replies import Stage, judge
from surecast.channels._email_talk import NoConnectionError, Place, connect
from surecast.channels._email_wire import BrokenError, Mail, Wire
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.classify import MAYBE, classify

#: A connection that nobody needs is given up; servers end theirs after 10 s and more.
IDLE_S = 5.0

#: So long a relay that failed is asked only after the others.
SPARED_S = 60.0

#: Shares of an attempt's time: the final dot must be written by then, so that a server that hangs is not in doubt; and
#: the answer must be there before the attempt is ended from outside.
BEFORE_DOT, ALL = 0.6, 0.95

#: What counts when several relays failed in different ways: what passes by itself, before what does not.
_BEST_FIRST = (Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNAUTHORIZED, Verdict.SKIPPED, Verdict.REFUSED)


@dataclass(slots=True)
class _Post:
    """One relay.

    Attributes:
        place: reads the login where it is kept, when it is needed.
        spared_until: see `SPARED_S`, in the loop's time; 0 when all is well.
    """

    name: str
    place: Callable[[], Awaitable[Place]]
    spared_until: float = 0.0
    idle: list[Wire] = field(default_factory=list)

    def tried(self, now: float) -> None:
        """When it was spared for long enough, one message finds out how it is, and not all that are on their way."""
        if 0.0 < self.spared_until <= now:
            self.spared_until = now + SPARED_S


class Relays:
    """Hands messages over to the first relay that takes them; belongs to the running event loop.

    Args:
        places: for each relay its name for people, and what gives its place.
    """

    def __init__(self, places: Sequence[tuple[str, Callable[[], Awaitable[Place]]]]) -> None:
        self._posts = [_Post(name, place) for name, place in places]
        self._loop = asyncio.get_running_loop()
        self._busy: set[Wire] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def hand_over(self, mail: Mail, timeout_s: float) -> Outcome:
        """ACCEPTED without a receipt, or what went wrong.

        A relay that takes no mail is followed by the next one within the same attempt, as long as none may have taken
        it. A doubt says nothing of the channel while there is another relay, which gets the next messages.
        """
        began = self._loop.time()
        dot_until, until = began + BEFORE_DOT * timeout_s, began + ALL * timeout_s
        failures: list[Outcome] = []
        posts = self._in_order(began)
        for number, post in enumerate(posts):
            now = self._loop.time()
            post.tried(now)
            outcome = await self._through(post, mail, now + (dot_until - now) / (len(posts) - number), until)
            if outcome.verdict is Verdict.ACCEPTED or outcome.scope is not Scope.CHANNEL:
                post.spared_until = 0.0
                return outcome
            now = self._loop.time()
            post.spared_until = now + SPARED_S
            if outcome.verdict is Verdict.UNCERTAIN:
                others = any(other.spared_until <= now for other in posts)
                return replace(outcome, scope=Scope.RECIPIENT) if others else outcome
            failures.append(outcome)
        return _together(failures)

    async def check(self, timeout_s: float) -> Outcome:
        """As `hand_over`, but only says hello; the detail names the relay that would be used."""
        failures: list[Outcome] = []
        until = self._loop.time() + ALL * timeout_s
        for number, post in enumerate(self._posts):
            now = self._loop.time()
            here_until = now + (until - now) / (len(self._posts) - number)
            try:
                wire = await self._new(post, here_until)
                try:
                    reply = await wire.quick_check(here_until)
                finally:
                    self._done(post, wire)
                if reply.code < 300:
                    return Outcome(verdict=Verdict.ACCEPTED, detail=post.name)
                failures.append(judge(post.name, Stage.HELLO, reply))
            except NoConnectionError as error:
                failures.append(error.outcome)
            except BrokenError as error:
                failures.append(_broken(post, error))
            except ConfigError as error:
                failures.append(classify(error))
        return _together(failures)

    def close(self) -> None:
        """Says good-bye where nothing is under way, and ends what is."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for post in self._posts:
            while post.idle:
                post.idle.pop().close()
        for wire in self._busy:
            wire.abort()

    def _in_order(self, now: float) -> Sequence[_Post]:
        if len(self._posts) == 1:
            return self._posts
        return sorted(self._posts, key=lambda post: post.spared_until > now)

    async def _through(self, post: _Post, mail: Mail, dot_until: float, until: float) -> Outcome:
        """What came of one relay."""
        try:
            while (kept := self._kept(post)) is not None:
                ended = await self._speak(post, kept, mail, dot_until, until)
                if ended is not None:
                    return ended
            new = await self._new(post, dot_until)
        except NoConnectionError as error:
            return error.outcome
        except ConfigError as error:
            return classify(error)
        ended = await self._speak(post, new, mail, dot_until, until, fresh=True)
        assert ended is not None
        return ended

    async def _speak(
        self, post: _Post, wire: Wire, mail: Mail, dot_until: float, until: float, *, fresh: bool = False
    ) -> Outcome | None:
        """What came of one connection; None when a kept one had ended meanwhile, which says nothing of the relay."""
        if not (mail.recipient.isascii() or wire.offers.utf8):
            self._done(post, wire)
            return _no_utf8(post)
        self._busy.add(wire)
        try:
            stage, reply = await wire.hand_over(mail, dot_until=dot_until, until=until)
        except BrokenError as error:
            gone = error.stage is not Stage.TEXT and not error.timed_out
            return None if gone and not fresh else _broken(post, error)
        finally:
            self._done(post, wire)
        if stage is Stage.TEXT and 200 <= reply.code < 300:
            return _ACCEPTED
        if reply.code == 421 and stage is not Stage.TEXT and not fresh:
            return None
        return judge(post.name, stage, reply, hide=mail.recipient)

    def _kept(self, post: _Post) -> Wire | None:
        while post.idle:
            wire = post.idle.pop()
            if wire.usable:
                return wire
            wire.close()
        return None

    async def _new(self, post: _Post, until: float) -> Wire:
        wire = await connect(await post.place(), until)
        if self._closed:  # meanwhile
            wire.abort()
        return wire

    def _done(self, post: _Post, wire: Wire) -> None:
        self._busy.discard(wire)
        if self._closed or not wire.usable:
            wire.close()
            return
        wire.idle_since = self._loop.time()
        post.idle.append(wire)
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_S, self._give_up_idle)

    def _give_up_idle(self) -> None:
        self._sweep = None
        limit = self._loop.time() - IDLE_S
        for post in self._posts:
            stale = [wire for wire in post.idle if wire.idle_since <= limit]
            post.idle = [wire for wire in post.idle if wire.idle_since > limit]
            for wire in stale:
                wire.close()
        if any(post.idle for post in self._posts):
            self._sweep = self._loop.call_later(IDLE_S, self._give_up_idle)


_ACCEPTED = Outcome(verdict=Verdict.ACCEPTED)


def _broken(post: _Post, error: BrokenError) -> Outcome:
    reason = Reason.TIMED_OUT if error.timed_out else Reason.INTERRUPTED
    if error.stage is Stage.TEXT:
        what = "did not say in time that it took the message" if error.timed_out else "left without an answer"
        return Outcome(verdict=Verdict.UNCERTAIN, reason=reason, detail=f"{post.name} {what}. {MAYBE}")
    what = "did not answer in time" if error.timed_out else "broke the connection off"
    return Outcome(verdict=Verdict.UNAVAILABLE, reason=reason, detail=f"{post.name} {what}. Nothing was sent.")


def _no_utf8(post: _Post) -> Outcome:
    return Outcome(
        verdict=Verdict.REFUSED,
        scope=Scope.RECIPIENT,
        reason=Reason.NOT_ALLOWED,
        detail=f"{post.name} takes only addresses in Latin letters before the @ (it offers no SMTPUTF8).",
    )


def _together(failures: Sequence[Outcome]) -> Outcome:
    """What is said of several relays, none of which took the message: hope first."""
    if len(failures) == 1:
        return failures[0]
    main = min(failures, key=lambda failure: _BEST_FIRST.index(failure.verdict))
    return replace(main, detail=" ".join(failure.detail for failure in failures))
