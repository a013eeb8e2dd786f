"""From a file to a `Config`: every mistake is collected, and what can be used is used."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from surecast.channel import Channel, Kind
from surecast.config.audiences import read_audiences, with_audiences
from surecast.config.channel_terms import ChannelTerms
from surecast.config.fields import build, fields_of, read_fields, report_unknown
from surecast.config.findings import BAD, At, Finding, Locator, listed, nearest, sort_of
from surecast.config.kinds import Kinds, known_kinds, stand_in
from surecast.config.routes import read_routes
from surecast.config.values import URGENCY_TIMES, Config, UrgencyTimes, no_ledger
from surecast.errors import ConfigError, Mistake, SurecastError
from surecast.message import Urgency
from surecast.route import why_no_name

FILE_NAME = "surecast.toml"
VARIABLE = "SURECAST_CONFIG"
LARGEST_BYTES = 1_000_000

#: Nothing safe can stand in for these: another ledger would not know what was sent, another way through the network
#: may be one that nobody wants. Anything else that cannot be read takes its default, and says so.
INDISPENSABLE = ("sender", "ledger", "ledger_key", "network")

TABLES = ("routes", "channels", "audiences", "urgencies")  # read here; all other keys by their declarations


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that could be parsed.

    Attributes:
        document: what it says, unread.
        findings: what is wrong in it.
        locator: gives findings their place in the file.
        usable: whether announcements may go out in spite of the findings.
    """

    config: Config
    document: Mapping[str, Any]
    findings: tuple[Finding, ...]
    locator: Locator
    usable: bool


def find_config(path: str | os.PathLike[str] | None, cwd: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file: `path` if given, else what SURECAST_CONFIG names, else upward from the folder `cwd`.

    A file that somebody named is not looked for; reading it says when it is not there. None when nobody named one
    and no folder on the way up has one.
    """
    named = path or environ.get(VARIABLE)
    if named:
        return cwd / named
    here = cwd.absolute()
    return next((folder / FILE_NAME for folder in (here, *here.parents) if is_file(folder / FILE_NAME)), None)


def load_config(path: str | os.PathLike[str], *, kinds: Kinds | None = None) -> Config:
    """Reads a configuration for sending.

    A channel with a bad table or of an unknown type says so in `misconfigured`, a route that cannot be read raises
    when it is chosen, and whatever has a default takes it: one mistake does not silence the rest. `Config.mistakes`
    has all of them. Secrets are not looked at.

    Args:
        kinds: where the types of channels come from; those that are installed, unless given.

    Raises:
        ConfigError: the file, its sender, its ledger or its network cannot be read; with every mistake in the file.
    """
    draft = read(path, kinds)
    if not draft.usable:
        raise ConfigError(f"The configuration {draft.config.path} cannot be used.", draft.config.mistakes)
    return draft.config


def read(path: str | os.PathLike[str], kinds: Kinds | None = None) -> Draft:
    """Reads a file as far as it goes.

    Raises:
        ConfigError: when it is not there or no TOML.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link away from the file's folder
    text = _text(file)
    document = _parsed(file, text)
    return read_document(document, file, text, kinds)


def read_document(document: Mapping[str, Any], file: Path, text: str, kinds: Kinds | None = None) -> Draft:
    """Reads what stands in a file."""
    top = At((), file.parent, [])
    before_tables = {key: value for key, value in document.items() if key not in TABLES}
    values = _top(before_tables, top)
    usable = not any(_indispensable(finding.path[0]) for finding in top.findings)
    audiences = read_audiences(document.get("audiences", {}), top.below("audiences"))
    channels = _channels(document.get("channels", {}), top, kinds or known_kinds())
    channels = with_audiences(channels, audiences, top.below("channels"))
    names, keys = _names(document.get("channels")), [field.key for field in fields_of(Config)]
    routes, unreadable = read_routes(document.get("routes", {}), names, top.below("routes"), at_top=keys)
    urgencies = _urgencies(document.get("urgencies", {}), top.below("urgencies"))
    locator = Locator(file.name, text)
    config = Config(
        **{"sender": "", **values},
        urgencies=urgencies,
        routes=MappingProxyType(routes),
        unreadable_routes=MappingProxyType(unreadable),
        audiences=MappingProxyType({name: one for name, one in audiences.items() if one is not None}),
        channels=MappingProxyType(channels),
        path=file,
        mistakes=locator.mistakes(top.findings),
    )
    return Draft(config=config, document=document, findings=tuple(top.findings), locator=locator, usable=usable)


def _top(table: Mapping[str, Any], top: At) -> dict[str, Any]:
    """What stands above the first table, and the plain tables."""
    ledger = table.get("ledger")
    if isinstance(ledger, str) and (sentence := no_ledger(ledger)):
        top.below("ledger").failed(sentence)
        table = {key: value for key, value in table.items() if key != "ledger"}
    fields = fields_of(Config)
    report_unknown(table, (*(field.key for field in fields), *TABLES), top)
    return read_fields(fields, table, top)


def _indispensable(key: str | int) -> bool:
    """Whether a mistake at this key, or at one that probably means it, leaves nothing to go on with."""
    known = [field.key for field in fields_of(Config)]
    near = nearest(str(key), (*known, *TABLES))
    # A route that is written under a misspelt name must not become "all channels at once".
    return key in INDISPENSABLE or (key not in (*known, *TABLES) and near in (*INDISPENSABLE, "routes"))


def _names(channels: Any) -> tuple[str, ...]:
    """The channels that routes may name: all whose name is one, whatever their table says."""
    return tuple(name for name in channels if not why_no_name(name)) if isinstance(channels, dict) else ()


def _channels(tables: Any, top: At, kinds: Kinds) -> dict[str, Channel]:
    at = top.below("channels")
    if type(tables) is not dict:
        at.wrong(f"tables are expected, not {sort_of(tables)}", "Write [channels.site] and below it its settings")
        return {}
    for name in tables:
        if reason := why_no_name(name):
            at.below(name).wrong(f"it cannot name a channel: {reason}", "Choose another name")
    return {name: _channel(name, tables[name], at.below(name), kinds) for name in _names(tables)}


def _channel(name: str, table: Any, at: At, kinds: Kinds) -> Channel:
    """The channel, whatever its table says; what is wrong there becomes the reason not to use it."""
    before = len(at.findings)
    channel = _readable_channel(name, table, at, kinds)
    wrong = at.findings[before:]
    if not wrong:
        return channel
    first = ".".join(str(part) for part in wrong[0].path[2:])
    what = f"{first}: {wrong[0].what}" if first else wrong[0].what
    more = f" (and {len(wrong) - 1} more; see surecast config check)" if len(wrong) > 1 else ""
    return dataclasses.replace(channel, settings=None, misconfigured=f"{what}. {wrong[0].cure}{more}")


def _readable_channel(name: str, table: Any, at: At, kinds: Kinds) -> Channel:
    if type(table) is not dict:
        at.wrong(f"a table is expected, not {sort_of(table)}", f'Write [channels.{name}] and below it type = "site"')
        return Channel(name=name, kind=stand_in(name))
    terms = read_fields(fields_of(ChannelTerms), table, at)
    type_name = terms.pop("type", None)
    kind = _kind(type_name, at.below("type"), kinds) if type_name else None
    if kind is None:
        return Channel(name=name, kind=stand_in(type_name or name), **terms)
    if kind.with_audience is not None and "audience" in table:
        kind = kind.with_audience
    _prices(kind, terms, table, at)
    own = {key: value for key, value in table.items() if key not in _term_keys()}
    settings = _settings(kind, own, at)
    _missing_sdk(kind, at)
    return Channel(name=name, kind=kind, settings=None if settings is BAD else settings, **terms)


def _prices(kind: Kind, terms: Mapping[str, Any], table: Mapping[str, Any], at: At) -> None:
    """Nothing that costs money is sent before somebody said what it costs, and how much may be spent."""
    for key, example in (("price", "0.0083"), ("max_cost", "400"), ("max_cost_per_day", "800")):
        if kind.traits.costly and terms.get(key) is None and key not in table:
            at.below(key, example).wrong("it is missing, and every message costs money", f"Write {key} = {example}")


def _settings(kind: Kind, table: Mapping[str, Any], at: At) -> Any:
    at_top = [field.key for field in fields_of(Config)]
    try:
        return build(kind.settings, table, at, also=_term_keys(), at_top=at_top)
    except Exception as error:  # noqa: BLE001 - the declarations of a foreign channel type may be broken in any way
        return at.wrong(
            f"the channel type {kind.name} declares settings that cannot be read ({type(error).__name__})",
            "Tell its authors; other channels are not affected",
        )


def _kind(name: str, at: At, kinds: Kinds) -> Kind | None:
    try:
        return kinds.load(name)
    except ImportError as error:
        package = (error.name or "").partition(".")[0] or "it imports"
        at.wrong(*_missing(package, name))
    except Exception as error:  # noqa: BLE001 - the package of a foreign channel type may break in any way
        if name in kinds.names():
            told = isinstance(error, SurecastError) and str(error)
            at.failed(told or f"the channel type {name} cannot be loaded ({type(error).__name__}). Reinstall it")
        else:
            near = nearest(name, kinds.names())
            hint = f"Did you mean {near}?" if near else f"Known types are {listed(kinds.names())}"
            at.wrong("there is no such type of channel", hint)
    return None


def _missing_sdk(kind: Kind, at: At) -> None:
    """Reports the packages that the type will need and that are not installed; none is imported."""
    for root in dict.fromkeys(module.partition(".")[0] for module in kind.sdk):
        if root not in sys.modules and importlib.util.find_spec(root) is None:
            at.below("type").wrong(*_missing(root, kind.name))


def _missing(package: str, kind: str) -> tuple[str, str]:
    cure = "Install it: pip install surecast, or the package that brings this type of channel"
    return f"the package {package} is missing, which {kind} needs", cure


def _term_keys() -> tuple[str, ...]:
    return tuple(field.key for field in fields_of(ChannelTerms))


def _urgencies(tables: Any, at: At) -> Mapping[Urgency, UrgencyTimes]:
    """The times of each urgency: what is written, else what holds for it."""
    if type(tables) is not dict:
        at.wrong(f"tables are expected, not {sort_of(tables)}", 'Write [urgencies.urgent] and below it within = "15s"')
        return URGENCY_TIMES
    report_unknown(tables, tuple(Urgency), at)
    times = dict(URGENCY_TIMES)
    for urgency in Urgency:
        table, here = tables.get(urgency.value, {}), at.below(urgency.value)
        if type(table) is not dict:
            here.expected("a table", table, '{ within = "15s" }')
            continue
        fields = fields_of(UrgencyTimes)
        report_unknown(table, [field.key for field in fields], here)
        times[urgency] = dataclasses.replace(times[urgency], **read_fields(fields, table, here))
        if times[urgency].within_s >= times[urgency].expires_s:
            here.wrong("within is not shorter than expires, so nobody would get a turn", "Make within shorter")
            times[urgency] = URGENCY_TIMES[urgency]
    return MappingProxyType(times)


def _text(file: Path) -> str:
    place, cure = str(file), f"Name another file with --config or {VARIABLE}, or make one with surecast init"
    try:
        if file.is_dir():
            raise _unreadable(place, "it is a folder", f"Name the file in it: {file / FILE_NAME}")
        if file.stat().st_size > LARGEST_BYTES:
            raise _unreadable(place, f"it is larger than {LARGEST_BYTES} bytes", "Name the configuration file")
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise _unreadable(place, "there is no such file", cure) from error
    except UnicodeDecodeError as error:
        raise _unreadable(place, "it is not UTF-8", "Save it as UTF-8") from error
    except OSError as error:
        raise _unreadable(place, f"it cannot be read ({error.strerror})", cure) from error
    except ValueError as error:  # a NUL in the path
        raise _unreadable(repr(place), "it is no path", cure) from error


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _unreadable(file.name, "it is nested too deeply", "Write it with fewer brackets") from error
    except ValueError as error:
        what, line = _syntax(str(error), text)
        cure = 'Texts stand in double quotes, lists in [ ], tables below [name]: key = "value"'
        raise _unreadable(f"{file.name}:{line}" if line else file.name, what, cure) from error


def _syntax(message: str, text: str) -> tuple[str, int | None]:
    """What `tomllib` says, and the line that it says at the end of it."""
    if found := re.search(r" \(at line (\d+), column (\d+)\)\Z", message):
        return f"{message[: found.start()]} (column {found[2]})", int(found[1])
    if message.endswith(" (at end of document)"):
        return f"{message.removesuffix(' (at end of document)')} at the end", text.count("\n") + 1
    return "a value cannot be read", None


def _unreadable(place: str, what: str, cure: str) -> ConfigError:
    return ConfigError("The configuration cannot be read.", (Mistake(place, what, cure),))


def is_file(path: Path) -> bool:
    """Whether there is a file that we may see."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
