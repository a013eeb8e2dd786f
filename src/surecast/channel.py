"""A channel: what it can take and do (`Traits`), how long it has (`Terms`), and what an adapter must be able to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from surecast.outcome import Look, Outcome, Receipt
from surecast.route import Name, Operand, Route

#: How a platform counts text. `graphemes` also holds the byte limit where there is one.
Unit = Literal["graphemes", "utf16", "characters"]

#: What may be done about an attempt whose effect is unknown: the same payload again is harmless; only after two
#: look-ups that did not find it; never.
Resend = Literal["same_key", "after_lookup", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What fits into one post; live values replace these where a platform publishes them.

    Attributes:
        text: the most units of text; None for no limit.
        text_bytes: the most bytes of UTF-8, where the platform counts both.
        url_cost: what any link costs in units; None when it costs its own length.
        images: the most images; 0 when it shows none.
        image_bytes: the most bytes of one image.
        alt: the most characters of an image's alternative text.
    """

    text: int | None = None
    unit: Unit = "graphemes"
    text_bytes: int | None = None
    url_cost: int | None = None
    images: int = 0
    image_bytes: int = 2_000_000
    alt: int = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a kind of channel can take and do; fixed facts of the platform, the same for every account.

    Attributes:
        platform: the platform's name for people, e.g. ``Bluesky``.
        public: whether it reaches whoever follows; else it reaches contacts one by one.
        costly: whether every post costs money.
        resend: see `Resend`.
        link_card: whether a link is shown as a card beside the text.
        keeps_link_in_text: whether the link must stand in the text to reach readers.
        long_form: whether it carries `title` and `body` as well.
        local: whether the work is done on this machine; an attempt then takes the time that it takes.
        read_back_needs_no_setup: whether `confirm` works without configuration; then it is asked for by default.
    """

    platform: str
    limits: Limits
    resend: Resend
    public: bool = True
    costly: bool = False
    link_card: bool = False
    keeps_link_in_text: bool = True
    long_form: bool = False
    local: bool = False
    read_back_needs_no_setup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a post: known by the digest of its bytes, which the ledger keeps."""

    digest: str
    media_type: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a post; a post that fits is one part."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The announcement as it was given, for an adapter that must fit it anew to live limits."""

    text: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    exact: bool = False  # a variant: these words and no others


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What one channel will publish, fitted and frozen.

    Attributes:
        cut: what was left out to make it fit, for people; empty when nothing was.
        count: the units that the parts' texts cost, as this platform counts.
    """

    parts: tuple[Part, ...]
    words: Words
    language: str
    sender: str
    limits: Limits
    pictures: tuple[Picture, ...] = ()
    cut: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What an adapter is told about one delivery.

    Attributes:
        key: names the delivery for ever; what makes a write idempotent is derived from it and from `created_at`.
        created_at: when the announcement was accepted, Unix seconds.
        expires_at: from when on it is no longer valid, Unix seconds.
        image: reads a picture's bytes by its digest.
    """

    key: str
    post: Post
    part: int
    created_at: float
    expires_at: float
    image: Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A prepared delivery on its way.

    Attributes:
        key: the errand's key.
        payload: the exact bytes that `prepare` gave; every attempt sends these.
        first_began_at: when the first attempt began, Unix seconds; what the platform dates before is not ours.
        timeout_s: the whole time that this step may take.
        claimed: ids of posts that belong to other deliveries of this channel; a look-up must not take them for ours.
    """

    key: str
    payload: bytes
    first_began_at: float
    timeout_s: float
    claimed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a probe found, in words for people; nothing was published."""

    ok: bool
    detail: str


class SessionStore(Protocol):
    """Where an adapter keeps a renewable platform session: encrypted, and shared by all processes."""

    async def load(self) -> str | None:
        """The stored session, or None when there is none that can be read."""
        ...

    async def save(self, session: str) -> None:
        """Stores a session in place of the one before."""
        ...

    def renewing(self) -> AbstractAsyncContextManager[None]:
        """Holds the only right, over all processes, to renew the session; load again inside."""
        ...


class Adapter(Protocol):
    """The contract of every channel: translate, and send once.

    No retry, no sleep, no ledger, no cutting of text: an adapter does one thing when told. What it raises is
    classified in one place; `classify` adds the platform's own codes to that.
    """

    traits: Traits

    async def open(self) -> None:
        """Loads the SDK, in a thread because that takes long, and builds the client; no traffic."""
        ...

    async def prepare(self, errand: Errand) -> bytes:
        """The exact payload (uploads, look-ups, live limits); repeatable, publishes nothing."""
        ...

    async def publish(self, sending: Sending) -> Outcome:
        """Sends the payload once."""
        ...

    def classify(self, error: BaseException) -> Outcome | None:
        """The outcome of an error that only this platform explains; None leaves it to the common rules."""
        ...

    async def close(self) -> None:
        """Ends connections; never waits for a hung call."""
        ...


@runtime_checkable
class Finds(Protocol):
    """Can look up with our credentials whether a delivery is there."""

    async def find(self, sending: Sending) -> Look: ...


@runtime_checkable
class Confirms(Protocol):
    """Can see in public, without our credentials, whether a post is visible."""

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look: ...


@runtime_checkable
class Retracts(Protocol):
    """Can take a post back."""

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome: ...


@runtime_checkable
class Probes(Protocol):
    """Can tell whether credentials and platform work without publishing anything."""

    async def probe(self, timeout_s: float) -> Probed: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What applies to one channel in one broadcast, frozen in its plan; all times in seconds.

    Attributes:
        within_s: from the first network step to acceptance; then the next alternative has its turn.
        timeout_s: of one attempt, total.
        attempts: failures that spend the turn.
        when_unsure: whether the next alternative may start while this channel is in doubt.
        confirm: what counts as reached.
        visible_within_s: from acceptance; still unseen then is INVISIBLE.
        settle_after_s: the second look-up comes at least so long after the attempt in doubt ended.
        finds, confirms: the adapter's abilities.
        skip: why the channel cannot be used in this broadcast; None when it can.
    """

    channel: str
    platform: str
    resend: Resend
    within_s: float
    timeout_s: float
    attempts: int = 3
    when_unsure: Literal["reroute", "hold"] = "reroute"
    confirm: Literal["accepted", "visible"] = "accepted"
    visible_within_s: float = 60.0
    settle_after_s: float = 10.0
    finds: bool = False
    confirms: bool = False
    skip: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the house gives an adapter besides its settings.

    Attributes:
        name: the channel's name.
        sessions: see `SessionStore`.
        proxy, ca_file: one place for all SDKs, from ``[network]``; `use_environment` allows the usual variables.
    """

    name: str
    sessions: SessionStore
    sender: str
    language: str
    time_zone: str
    proxy: str | None = None
    ca_file: str | None = None
    use_environment: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an adapter module offers as `KIND`: its name in configuration files, its settings and its class.

    Attributes:
        settings: a frozen dataclass whose fields are declared with `surecast.settings.setting`.
        adapter: called as ``adapter(settings, context)``; importing its module loads no SDK.
        sdk: modules of the platform's library that `Adapter.open` needs; `config check` says if one is missing.
        reads_back: whether there is a public read side with these settings; None when there always is.
    """

    name: str
    traits: Traits
    settings: type[Any]
    adapter: Callable[[Any, Context], Adapter]
    sdk: tuple[str, ...] = ()
    reads_back: Callable[[Any], bool] | None = None

    def able(self, ability: type[Any]) -> bool:
        """Whether the adapter has an ability such as `Finds`."""
        return isinstance(self.adapter, type) and issubclass(self.adapter, ability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Operand):
    """A configured account on a platform; `&` and `|` make routes of channels.

    Attributes:
        settings: the adapter's frozen settings; None when they cannot be read.
        misconfigured: why it cannot be used; it is then skipped, rerouted, and shown first.
        priority: its rank where no route is written.
        within_s, visible_within_s, confirm, when_unsure, timeout_s, attempts, settle_after_s: the channel's own
            values; None takes the urgency's, then the platform's.
    """

    name: str
    kind: Kind
    settings: Any = field(default=None, repr=False)
    misconfigured: str = ""
    priority: int | None = None
    within_s: float | None = None
    visible_within_s: float | None = None
    confirm: Literal["accepted", "visible"] | None = None
    when_unsure: Literal["reroute", "hold"] | None = None
    timeout_s: float = 10.0
    attempts: int = 3
    settle_after_s: float = 10.0

    def as_route(self) -> Route:
        return Name(self.name)

    def __str__(self) -> str:
        return self.name
