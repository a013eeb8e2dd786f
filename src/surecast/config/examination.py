"""`config check`: everything that is wrong, or may surprise, before it matters."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from surecast.channel import Channel, Confirms, Part, Post, Words
from surecast.config.audiences import audience_mistakes
from surecast.config.charge import charge_mistakes, charge_notes
from surecast.config.fields import fields_of, read_fields
from surecast.config.findings import At, Finding
from surecast.config.kinds import Kinds
from surecast.config.read import Draft, is_file, read
from surecast.config.routes import DEFAULT, resolve_route, route_for
from surecast.config.values import Config
from surecast.errors import ConfigError, Mistake, RouteError, UsageError
from surecast.message import Urgency
from surecast.secret import Secret, secrets_of, unset
from surecast.text.notices import speaks
from surecast.text.own_templates import check_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What an examination found.

    Attributes:
        mistakes: what to put right, in the order of the file's lines.
        notes: what is allowed and may still surprise.
        config: the configuration, as far as it could be read; None when the file could not.
    """

    mistakes: tuple[Mistake, ...]
    notes: tuple[Mistake, ...] = ()
    config: Config | None = None


def check(path: str | os.PathLike[str], *, kinds: Kinds | None = None) -> tuple[Mistake, ...]:
    """Every mistake in a configuration, all at once; empty when there is none. Never raises."""
    return examine(path, kinds=kinds).mistakes


def examine(path: str | os.PathLike[str], *, kinds: Kinds | None = None) -> Examination:
    """Looks at the file and at what it refers to: secrets (commands are run), certificates, packages.

    Args:
        kinds: where the types of channels come from; those that are installed, unless given.
    """
    try:
        draft = read(path, kinds)
    except ConfigError as error:
        return Examination(mistakes=error.mistakes)
    wrong = (*draft.findings, *_mistakes(draft))
    return Examination(
        mistakes=draft.locator.mistakes(wrong),
        notes=draft.locator.mistakes(_notes(draft.config)),
        config=draft.config,
    )


def _mistakes(draft: Draft) -> Iterator[Finding]:
    """What reading alone does not show."""
    config = draft.config
    yield from _writable_by_others(config)
    if not config.channels:
        yield Finding(("channels",), "there is no channel", 'Write [channels.site] and below it type = "site"')
    yield from _routing(config, draft)
    if config.network.ca_file and not is_file(config.network.ca_file):
        yield Finding(("network", "ca_file"), "there is no such file", "Name a file of certificates (PEM)")
    for path, secret in (
        (("ledger",), config.ledger),
        (("ledger_key",), config.ledger_key),
        (("watch", "heartbeat"), config.watch.heartbeat),
    ):
        if isinstance(secret, Secret):
            yield from _secret(secret, path)
    yield from _ledger(config)
    for channel in config.channels.values():
        yield from _secrets(channel, draft)
        yield from _words(channel, config)
    for name, audience in config.audiences.items():
        if isinstance(audience.source, Secret):
            yield from _secret(audience.source, ("audiences", name, "source"))
    yield from audience_mistakes(config.channels, config.audiences, config.routes.values())
    yield from charge_mistakes(config)
    yield from _watch(config)
    for sentence in check_folder(config.templates, config.language) if config.templates else ():
        what, _, cure = sentence.rpartition(". ")
        yield Finding(("templates",), what, cure.rstrip("."))


def _watch(config: Config) -> Iterator[Finding]:
    """A route of notices that cannot be read would be found out in an outage."""
    if config.watch.route is None:
        return
    try:
        resolve_route(config, config.watch.route)
    except (RouteError, ConfigError) as error:
        yield Finding(("watch", "route"), str(error).split("\n")[0].rstrip("."), "Write a route over your channels")


def _routing(config: Config, draft: Draft) -> Iterator[Finding]:
    if not isinstance(draft.document.get("routes", {}), dict):
        return
    if config.routes or config.unreadable_routes:
        if route_for(config, Urgency.NORMAL) is None:
            yield Finding(("routes",), "no route is for normal announcements", f"Write {DEFAULT} = ...")
        for channel in config.channels.values():
            if channel.priority is not None:
                yield Finding(
                    ("channels", channel.name, "priority"),
                    "priorities count only where no route is written",
                    "Remove it, or remove [routes]",
                )
    elif config.channels and all(
        channel.kind.traits.costly or not channel.kind.traits.public for channel in config.channels.values()
    ):
        yield Finding(
            ("routes",), "no channel posts in public, and others take part only in a written route", "Write [routes]"
        )


def _secrets(channel: Channel, draft: Draft) -> Iterator[Finding]:
    """Also of a channel whose other settings are wrong: a person wants to hear of all at once."""
    table = draft.document["channels"][channel.name]
    if type(table) is not dict or not dataclasses.is_dataclass(channel.kind.settings):
        return
    fields = fields_of(channel.kind.settings)
    values = {field.attribute: getattr(channel.settings, field.attribute, None) for field in fields}
    if channel.settings is None:
        unheard = At((), draft.config.folder, [])  # what is wrong there was reported when the file was read
        values = read_fields(fields, table, unheard)
    for field in fields:
        for secret in secrets_of(values.get(field.attribute)):
            yield from _secret(secret, ("channels", channel.name, field.key))


def _words(channel: Channel, config: Config) -> Iterator[Finding]:
    """What a channel puts around the words of an announcement, as templates, is tried with many words and with few."""
    kind, text = channel.kind, "Words to try it with"
    if kind.dress is None or channel.settings is None:
        return
    for words in (Words(text=text, title=text, body=text, url="https://example.org/"), Words(text=text)):
        post = Post(
            parts=(Part(text=text),),
            words=words,
            language=config.language,
            sender=config.sender,
            limits=kind.traits.limits,
        )
        try:
            kind.dress(channel.settings, post)
        except UsageError as error:
            what, _, cure = str(error).rpartition(". ")
            yield Finding(("channels", channel.name), what, cure.rstrip("."))
            return


def _secret(secret: Secret, path: tuple[str | int, ...]) -> Iterator[Finding]:
    if sentence := unset(secret):
        what, _, cure = sentence.partition(". ")
        yield Finding(path, what.rstrip("."), cure or "Look at what it refers to")
    elif secret.kind == "file" and _readable_by_others(Path(secret.reference)):
        yield Finding(path, "everybody on this machine can read the secret's file", f"chmod 600 {secret.reference}")


def _ledger(config: Config) -> Iterator[Finding]:
    try:
        config.ledger_path()
    except ConfigError as error:
        if isinstance(config.ledger, Secret) and not unset(config.ledger):
            what, _, cure = str(error).partition(". ")
            yield Finding(("ledger",), what, cure)


def _writable_by_others(config: Config) -> Iterator[Finding]:
    """Whoever can write this file can name commands that surecast runs."""
    mode = _mode(config.path)
    if mode is not None and mode & stat.S_IWOTH:
        yield Finding((), "everybody on this machine can write this file", f"chmod o-w {config.path}")


def _readable_by_others(file: Path) -> bool:
    """Whether the file's own mode and those of its folders let anybody read it."""
    mode = _mode(file)
    if os.name != "posix" or mode is None or not mode & stat.S_IROTH:
        return False
    return all((_mode(folder) or 0) & stat.S_IXOTH for folder in file.absolute().parents)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return None


def _notes(config: Config) -> Iterator[Finding]:
    used = {name for route in config.routes.values() for name in route.names()}
    heard = {channel.audience for channel in config.channels.values()}
    if not speaks(config.language, config.templates):
        yield Finding(
            ("language",),
            "there are no notices to readers in this language, so they are in English",
            "Write your own, see docs/notices.md",
        )
    for name in config.audiences:
        if name not in heard:
            yield Finding(("audiences", name), "no channel writes to this audience", f'Write audience = "{name}" there')
    yield from charge_notes(config)
    for channel in config.channels.values():
        at = ("channels", channel.name)
        if config.routes and channel.name not in used:
            yield Finding(at, "no route names this channel", "Name it in [routes], or leave it for later")
        if channel.confirm == "visible" and channel.settings is not None and not _reads_back(channel):
            yield Finding(
                (*at, "confirm"), "nobody can look whether a post is visible here", "Acceptance counts, unconfirmed"
            )
        for key, address in _endpoints(channel.settings):
            if _on_this_machine(address):
                yield Finding(
                    (*at, key), "posts go to this machine and to no public platform", "Good for a rehearsal only"
                )


def _reads_back(channel: Channel) -> bool:
    """Whether there is a public read side with these settings."""
    kind = channel.kind
    return kind.able(Confirms) and (kind.reads_back is None or kind.reads_back(channel.settings))


def _endpoints(settings: Any) -> Iterator[tuple[str, str]]:
    """The settings that say where a platform is."""
    if settings is not None:
        for field in fields_of(type(settings)):
            value = getattr(settings, field.attribute)
            if field.sandbox == "endpoint" and isinstance(value, str):
                yield field.key, value


def _on_this_machine(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
