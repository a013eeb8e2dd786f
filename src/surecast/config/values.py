"""What a configuration says, as values. The declarations here are also its documentation and its schema."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from surecast import policy
from surecast.audiences import Audience
from surecast.channel import CatchUp, Channel
from surecast.config.charge import Charge, in_charge
from surecast.config.findings import nearest
from surecast.config.references import misconfigured
from surecast.config.watching import CatchUpTable, Watch
from surecast.errors import ConfigError, Mistake
from surecast.message import Urgency
from surecast.planning import DEFAULT_TIMES, PER_CONTACT, House, Times
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.route import Route
from surecast.secret import Secret
from surecast.settings import ABOUT, setting, web_address
from surecast.transport.network import INDEPENDENT

Confirm = Literal["accepted", "visible"]
WhenUnsure = Literal["reroute", "hold"]
Background = Literal["thread", "worker"]

K = TypeVar("K")
V = TypeVar("V")

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")  # the outline of BCP 47 (RFC 5646, 2.1)


def more_than_nothing(value: float) -> str:
    """What is wrong with a number that must be above zero."""
    return "" if value > 0 else "it must be more than nothing. Write a number above 0"


def a_share(value: float) -> str:
    """What is wrong with a share of the whole."""
    return "" if 0 < value <= 1 else "it is no share. Write a number above 0 and at most 1"


def _address_or_none(value: str) -> str:
    return web_address(value) if value else ""


def _places(value: tuple[str, ...]) -> str:
    wrong = next((each for each in value if not re.fullmatch(r"[^\s:/@]+(:\d{1,5})?", each)), None)
    return "" if wrong is None else f'{wrong!r} is no place. Write host:port, e.g. "www.example.org:443"'


def language_tag(value: str) -> str:
    """What is wrong with a language tag."""
    return "" if _LANGUAGE.match(value) else 'it is no language tag. Write one of BCP 47, e.g. "en" or "pt-BR"'


def time_zone_name(value: str) -> str:
    """What is wrong with the name of a time zone."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # a name, a path that leads outside, a folder of the zone database
        import zoneinfo  # noqa: PLC0415 - walks the zone database; only to help with a mistake

        near = {name.lower(): name for name in sorted(zoneinfo.available_timezones())}
        guess = nearest(value, near)
        hint = f"Did you mean {near[guess]}?" if guess else 'Write a name of the IANA database, e.g. "Europe/Athens"'
        return f"it is no time zone. {hint}"
    return ""


def proxy_address(value: str) -> str:
    """What is wrong with a proxy's address."""
    if not value.startswith(("http://", "https://")):
        return 'it is no proxy address. Write e.g. "http://proxy.example:3128"'
    if "@" in value:
        return "a password must not stand in this file. Set the environment variable HTTPS_PROXY instead"
    return web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgencyTimes(Times):
    """``[urgencies.NAME]``: what an urgency means for every channel that has no value of its own; in seconds."""

    within_s: float = setting(
        "How long a channel has from its first network step to acceptance, before the next alternative has its turn.",
        default=60.0,
        example="60s",
        check=more_than_nothing,
    )
    visible_within_s: float = setting(
        "How long after acceptance a post may stay unseen by the public before it counts as invisible.",
        default=60.0,
        example="60s",
        check=more_than_nothing,
    )
    expires_s: float = setting(
        "How long after it was accepted an announcement may still be posted.",
        default=24 * 3600.0,
        example="24h",
        check=more_than_nothing,
    )
    confirm: Confirm | None = setting(
        "What counts as reached: the platform's word, or that the public can see it; without it, visible where the "
        "platform lets us look without set-up.",
        default=None,
        example="visible",
    )


#: What holds where nothing is written.
URGENCY_TIMES: Mapping[Urgency, UrgencyTimes] = MappingProxyType(
    {urgency: UrgencyTimes(**dataclasses.asdict(times)) for urgency, times in DEFAULT_TIMES.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTerms:
    """``[channels.NAME]``: what every channel may say beside the settings of its type."""

    type: str = setting("The kind of platform.", example="bluesky")
    priority: int | None = setting(
        "Its rank where no route is written: all channels of 1 together, then all of 2, and so on; without it 1.",
        default=None,
        example="1",
        check=more_than_nothing,
    )
    within_s: float | None = setting(
        "How long it has from its first network step to acceptance; without it, the urgency's.",
        default=None,
        example="20s",
        check=more_than_nothing,
    )
    visible_within_s: float | None = setting(
        "How long after acceptance a post may stay unseen before it counts as invisible; without it, the urgency's.",
        default=None,
        example="2 min",
        check=more_than_nothing,
    )
    confirm: Confirm | None = setting(
        "What counts as reached here: the platform's word, or that the public can see it; without it, the urgency's.",
        default=None,
        example="accepted",
    )
    when_unsure: WhenUnsure | None = setting(
        "Whether the next alternative may start while it is unknown if a post went out here; without it, reroute for "
        "public channels and hold for direct ones.",
        default=None,
        example="hold",
    )
    timeout_s: float = setting(
        "How long one attempt may take in all.", default=10.0, example="10s", check=more_than_nothing
    )
    attempts: int = setting("How many failures spend its turn.", default=3, example="3", check=more_than_nothing)
    settle_after_s: float = setting(
        "How long after an attempt in doubt the second look-up comes at the earliest.", default=10.0, example="10s"
    )
    audience: str | None = setting(
        "Whom a direct channel writes to: the name of an [audiences.NAME].", default=None, example="riders"
    )
    enough: float = setting(
        "The share of an audience that has to be reached for the channel to count as reached.",
        default=0.95,
        example="0.95",
        check=a_share,
    )
    in_flight: int | None = setting(
        "How many messages of a direct channel are on their way at once, in one process; without it, the type's.",
        default=None,
        example="20",
        check=more_than_nothing,
    )
    rate: Rate | None = setting(
        "How often a direct channel sends at most, over all processes; without it, the type's.",
        default=None,
        example="10/s",
    )
    price: float | None = setting(
        "What one message costs, for SMS one segment, in the currency of `max_cost`; required where it costs money.",
        default=None,
        example="0.0083",
        check=more_than_nothing,
    )
    max_cost: float | None = setting(
        "What one announcement may cost on this channel; required where it costs money.",
        default=None,
        example="400",
        check=more_than_nothing,
    )
    max_cost_per_day: float | None = setting(
        "What this channel may cost in a day (UTC), over all announcements; required where it costs money.",
        default=None,
        example="800",
        check=more_than_nothing,
    )
    spend_after_s: float | None = setting(
        "As a later alternative, a channel that costs money starts so long after the first failure of an earlier one; "
        "without it 5 min, in an emergency 60 s. Contacts whom no channel before it over the same audience can reach "
        "are written to at once, unless a public channel or another audience stands in front.",
        default=None,
        example="5 min",
    )
    catch_up: CatchUp | None = setting(
        "What it gets when it is back from an outage: the newest announcement of each incident, all, or none that "
        "readers have had elsewhere; without it, what [catch_up] says.",
        default=None,
        example="all",
    )
    status_page: str | None = setting(
        'Where its vendor says how it is, for programs; without it, the type\'s, and "" for none.',
        default=None,
        example="https://status.example/api/v2/summary.json",
        check=_address_or_none,
    )
    status_component: str = setting(
        "The part of the status page that counts, where it has several.", default="", example="API"
    )
    credentials_end: date | None = setting(
        "The day on which its token or password ends; people are told before.", default=None, example="2027-03-31"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """``[network]``: one place for all platforms.

    Attributes:
        use_environment: whether HTTPS_PROXY and its like count; false on simulated platforms.
    """

    proxy: str | None = setting(
        "The web proxy for all platforms.", default=None, example="http://proxy.example:3128", check=proxy_address
    )
    ca_file: Path | None = setting(
        "A file with the certificates to trust instead of the usual ones (PEM).", default=None, example="corp-ca.pem"
    )
    independent: tuple[str, ...] = setting(
        "Places that have nothing to do with the platforms: when none of them and no channel can be reached, this "
        "machine is cut off, and no channel is blamed. An empty list: that is not looked at.",
        default=INDEPENDENT,
        example='["www.example.org:443"]',
        check=_places,
    )
    use_environment: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker(policy.Breaker):
    """``[breaker]``: when a channel that fails is left alone for a while; shared by all processes. In seconds."""

    failures: int = setting("How many failures in a row open it.", default=3, example="3", check=more_than_nothing)
    interval_s: float = setting(
        "How long it stays open before one trial is let through; doubles with every trial that fails.",
        default=30.0,
        example="30s",
        check=more_than_nothing,
    )
    longest_s: float = setting(
        "The longest time between two trials.", default=600.0, example="10 min", check=more_than_nothing
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """``[people.NAME]``: somebody to turn to when a channel needs a person."""

    name: str = setting("What the person is called.", example="Duty manager")
    email: str | None = setting("Their e-mail address.", default=None, example="duty@ferries.example")
    phone: str | None = setting("Their telephone number.", default=None, example="+302100000000")
    via: tuple[Literal["email", "phone"], ...] = setting(
        "How this person is reached, in order; never only by the channel that fails.", default=(), example='["email"]'
    )

    def __post_init__(self) -> None:
        for way in self.via:
            if getattr(self, way) is None:
                raise ConfigError(f'via names {way}, but no {way} is given. Write {way} = "..."')

    def __repr__(self) -> str:
        """Without name and addresses: it may end in a log."""
        return f"{type(self).__name__}(via={self.via!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration file, read. Times are in seconds, paths absolute.

    Attributes:
        path: the file.
        routes: those that are written and can be read.
        unreadable_routes: why the others cannot, by name; choosing one of them raises.
        channels: all of them; one that cannot be used says why in `misconfigured`.
        urgencies: one entry for each `Urgency`.
        mistakes: what is wrong in the file although it can be used; to be shown first.
    """

    sender: str = setting("Who speaks; readers see it.", example="Harbour Ferries")
    ledger: Path | Secret = setting(
        "The file that remembers what was sent (SQLite), or where its path is found.",
        default=Path("surecast.db"),
        example="surecast.db",
    )
    ledger_key: Secret | None = setting(
        "Encrypts what the ledger keeps of platform sessions; without it, a key is derived from each channel's secret.",
        default=None,
        example='{ file = "secrets/ledger" }',
    )
    language: str = setting(
        "The language of announcements that name none (BCP 47).", default="en", example="en", check=language_tag
    )
    time_zone: str = setting(
        "The time zone of all times that people read (IANA).",
        default="UTC",
        example="Europe/Athens",
        check=time_zone_name,
    )
    repeat_window_s: float = setting(
        "The same announcement again within this time is answered with the first report instead of being sent twice.",
        default=600.0,
        example="10 min",
    )
    keep_s: float = setting(
        "How long the ledger keeps what was sent.", default=90 * 86_400.0, example="90 days", check=more_than_nothing
    )
    require_alt: bool = setting(
        "Whether an image without words for people who cannot see it is refused.", default=False, example="true"
    )
    follow: str | None = setting(
        "The address at which readers can always follow, for notices; without it, that of the first website.",
        default=None,
        example="https://ferries.example/notices",
        check=web_address,
    )
    templates: Path | None = setting(
        "A folder with your own templates of notices and messages.", default=None, example="templates"
    )
    reroute_notes: bool = setting(
        "Whether a post that takes the place of another says why it comes there.", default=True, example="false"
    )
    per_contact: Rate = setting(
        "How many direct messages one person gets at most, below an emergency.", default=PER_CONTACT, example="3/day"
    )
    quiet: Quiet | None = setting(
        "When people are not to be woken by direct messages, in their own time, and below which urgency.",
        default=None,
        example='{ from = "22:00", to = "07:00", below = "emergency" }',
    )
    currency: str = setting(
        "The currency of prices and caps, as people read it (ISO 4217).", default="EUR", example="EUR"
    )
    background: Background = setting(
        "Who carries on when a call does not wait: a thread of the same process, or a worker that runs beside it.",
        default="thread",
        example="worker",
    )
    network: Network = setting("One place for all platforms.", default=Network())
    breaker: Breaker = setting("When a channel that fails is left alone for a while.", default=Breaker())
    catch_up: CatchUpTable = setting("What a platform that was down gets when it is back.", default=CatchUpTable())
    watch: Watch = setting("How outages are noticed, and told.", default=Watch())
    people: Mapping[str, Person] = field(
        default_factory=dict, metadata={ABOUT: "Whom to turn to when a channel needs a person."}
    )
    urgencies: Mapping[Urgency, UrgencyTimes] = field(default_factory=lambda: URGENCY_TIMES)
    routes: Mapping[str, Route] = field(default_factory=dict)
    unreadable_routes: Mapping[str, str] = field(default_factory=dict)
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    path: Path = field(default_factory=Path)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the file's relative paths start."""
        return self.path.parent

    @property
    def house(self) -> House:
        """What holds for all announcements."""
        return House(
            sender=self.sender,
            language=self.language,
            time_zone=self.time_zone,
            require_alt=self.require_alt,
            times=self.urgencies,
            quiet=self.quiet,
            per_contact=self.per_contact,
            currency=self.currency,
            worker=self._worker(),
            catch_up=self.catch_up.policy,
            catch_up_rate=self.catch_up.pace,
            follow=self.follow or self._first_website(),
            templates=self.templates,
            reroute_notes=self.reroute_notes,
        )

    def _first_website(self) -> str:
        sites = (channel.settings for channel in self.channels.values() if channel.kind.name == "site")
        return next((str(site.url) for site in sites if site is not None), "")

    def _worker(self) -> str:
        """The command that delivers what is owed, as it must stand in cron."""
        if self.path.name == "surecast.toml":
            return f"cd {shlex.quote(str(self.folder.absolute()))} && surecast work --once"
        return f"surecast work --once --config {shlex.quote(str(self.path.absolute()))}"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)

    @property
    def charge(self) -> Charge:
        """The people in charge, and how they are reached."""
        return in_charge(self)

    def ledger_path(self) -> Path:
        """Where the ledger is, after its reference was followed.

        Raises:
            ConfigError: when the reference leads to nothing, or to a kind of ledger that there is not yet.
        """
        if isinstance(self.ledger, Path):
            return self.ledger
        written = self.ledger.reveal()
        if sentence := no_ledger(written):
            raise ConfigError(f"The ledger ({self.ledger.source}) cannot be used: {sentence}")
        return self.folder / written

    def with_secrets_checked(self) -> Config:
        """The same, with every channel whose secrets are not all set marked as misconfigured."""
        told = {channel.name: misconfigured(channel) for channel in self.channels.values()}
        channels = {name: replace(self.channels[name], misconfigured=why) for name, why in told.items()}
        return replace(self, channels=MappingProxyType(channels))


def no_ledger(written: str) -> str:
    """Why a text cannot name a ledger; empty when it can. The text is not shown: it may hold a password."""
    if re.match(r"postgres(ql)?(\+\w+)?:", written.strip(), re.IGNORECASE):
        return 'a ledger in PostgreSQL is not supported yet. Name a file, e.g. ledger = "surecast.db"'
    if "://" in written or "\0" in written:
        return 'it is no path. Name a file, e.g. ledger = "surecast.db"'
    return ""
