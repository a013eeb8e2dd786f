"""What a configuration says, as values. The declarations here are also its documentation and its schema."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from surecast.audiences import Audience
from surecast.channel import Channel
from surecast.config.channel_terms import Confirm, more_than_nothing
from surecast.config.charge import Charge, in_charge
from surecast.config.findings import nearest
from surecast.config.references import misconfigured
from surecast.config.tables import Breaker, Network, Person
from surecast.config.watching import CatchUpTable, Watch
from surecast.errors import ConfigError, Mistake
from surecast.message import Urgency
from surecast.planning import DEFAULT_TIMES, PER_CONTACT, House, Times
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.route import Route
from surecast.secret import Secret
from surecast.settings import ABOUT, setting, web_address

Background = Literal["thread", "worker"]

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")  # the outline of BCP 47 (RFC 5646, 2.1)


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
