"""``surecast audience``: who is reached, by which channel, and what is wrong in the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA, Output, one_line, safe, tame
from surecast.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from surecast.audiences import Audience, Census, Flaw
    from surecast.channel import Channel
    from surecast.config import Config
    from surecast.contact import Medium

ADDRESSES = {"phone": "telephone numbers", "email": "e-mail addresses", "telegram": "Telegram chats"}
NONE_YET = 'There is no audience. Write [audiences.riders] and below it source = "riders.csv".'


@click.group(subcommand_metavar="check")
def audience() -> None:
    """Looks at the lists of people whom direct channels write to."""


@audience.command(short_help="Count who is reached by what; show bad rows.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--strict", is_flag=True, help="Exit with 2 also when something is wrong in a row.")
@verb
def check(call: Call, *, name: str | None, strict: bool) -> int:
    """Reads every audience, or the one that is named: who is reached by which channel, and which rows are bad.

    Nothing is sent, and no address is shown. Exits with 2 when a source cannot be read.
    """
    config = call.config()
    if name is not None and name not in config.audiences:
        raise UsageError(_unknown(name, config))
    chosen = [name] if name is not None else list(config.audiences)
    found = {each: _count(config.audiences[each]) for each in chosen}
    unread = [each for each, counted in found.items() if isinstance(counted, ConfigError)]
    flawed = [each for each, counted in found.items() if not isinstance(counted, ConfigError) and counted.flaws_found]
    shown = {each: found[each] for each in chosen if not call.out.quiet or each in (*unread, *flawed)}
    wrong = any("[audiences." in mistake.place for mistake in config.mistakes)
    good = not unread and not wrong and not (strict and flawed)
    if shown or not call.out.quiet:
        objects = {each: _object(each, counted, config) for each, counted in shown.items()}
        call.out.object({"schema": SCHEMA, "ok": good, "audiences": objects})
        call.out.lines(*([] if found or wrong else [NONE_YET]))
    for number, (each, counted) in enumerate(shown.items()):
        call.out.lines(*([""] if number else []))
        _show(call.out, each, counted, config)
    return Exit.REACHED if good else Exit.USAGE


def _count(audience: Audience) -> Census | ConfigError:
    from surecast.audiences import census  # noqa: PLC0415 - not for --help

    try:
        return census(audience)
    except ConfigError as error:
        return error


def _unknown(name: str, config: Config) -> str:
    from surecast.config.findings import nearest  # noqa: PLC0415 - only for the mistake

    if any(f"[audiences.{name}]" in mistake.place for mistake in config.mistakes):
        return f"The audience {name} is not set up. Correct its table: surecast config check."
    if not config.audiences:
        return NONE_YET
    near = nearest(name, config.audiences)
    hint = f"Did you mean {near}?" if near else f"There are: {', '.join(config.audiences)}."
    return f"No audience is named {name!r}. {hint}"


def _channels(name: str, config: Config) -> Mapping[str, tuple[Channel, Medium]]:
    """The direct channels that write to an audience."""
    return {
        channel.name: (channel, medium)
        for channel in config.channels.values()
        if channel.audience == name and (medium := channel.kind.traits.medium) is not None
    }


# For people ---------------------------------------------------------------------------------------------------


def _show(out: Output, name: str, counted: Census | ConfigError, config: Config) -> None:
    where = config.audiences[name].where
    if isinstance(counted, ConfigError):
        _head(out, name, "cannot be read")
        _below(out, 1, str(counted))
        return
    _head(out, name, f"{_people(counted.contacts)} in {_number(counted.rows, 'row')} of {where}")
    _below(out, 1, *_reach(name, counted, config))
    if counted.duplicates or counted.shared:
        _below(out, 1, _repeats(counted))
        _below(out, 2, *_first(counted.repeats, counted.repeats_found))
    if counted.flaws_found:
        _below(out, 1, _bad(counted))
        _below(out, 2, *_first(counted.flaws, counted.flaws_found))
    if counted.unread:
        _below(out, 1, f"Columns that are not read: {', '.join(map(one_line, counted.unread))}")


def _head(out: Output, name: str, what: str) -> None:
    if not out.terminal:
        out.lines(f"{name}: {what}", verbatim=True)
        return
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    out.show(Text().append(name, style="bold").append(f"  {tame(what)}"))


def _below(out: Output, depth: int, *lines: str) -> None:
    """Indented lines; a terminal indents also what it breaks off. Nothing in them is a secret."""
    if not out.terminal:
        out.lines(*(f"{'  ' * depth}{line}" for line in lines), verbatim=True)
        return
    from rich.padding import Padding  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    out.show(*(Padding(Text(tame(line)), (0, 0, 0, 2 * depth)) for line in lines))


def _reach(name: str, counted: Census, config: Config) -> Iterator[str]:
    """What each channel reaches; then the media that no channel uses."""
    used = set()
    for channel, medium in _channels(name, config).values():
        used.add(medium)
        reached = counted.reach[medium]
        yield f"{channel.name} reaches {f'{reached:,}' if reached else 'nobody'}: {_addresses(counted, medium)}"
    for medium, number in counted.addresses.items():
        if number and medium not in used:
            yield f"No channel uses {_addresses(counted, medium)}"


def _addresses(counted: Census, medium: Medium) -> str:
    missing = counted.without_consent[medium]
    consent = f", {missing:,} of them without consent" if missing else ""
    return f"{counted.addresses[medium]:,} {ADDRESSES[medium]}{consent}"


def _people(number: int) -> str:
    return _number(number, "contact") if number else "no contacts"


def _repeats(counted: Census) -> str:
    told = [
        f"{_number(counted.duplicates, 'row repeats', 'rows repeat')} an earlier one" if counted.duplicates else "",
        f"{_number(counted.shared, 'address stands', 'addresses stand')} in an earlier row" if counted.shared else "",
    ]
    return f"{', and '.join(filter(None, told))}; each is sent to once:"


def _bad(counted: Census) -> str:
    told = [
        f"{_number(counted.bad, 'row gives', 'rows give')} no contact" if counted.bad else "",
        f"something of {_number(counted.flawed, 'contact')} cannot be used" if counted.flawed else "",
    ]
    text = ", and ".join(filter(None, told))
    return f"{text[:1].upper()}{text[1:]}:"


def _first(flaws: Sequence[Flaw], of: int) -> Iterator[str]:
    for flaw in flaws:
        yield f"{one_line(str(flaw))}."
    if of > len(flaws):
        yield f"... and {of - len(flaws):,} more."


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# For programs -------------------------------------------------------------------------------------------------


def _object(name: str, counted: Census | ConfigError, config: Config) -> dict[str, Any]:
    audience = config.audiences[name]
    if isinstance(counted, ConfigError):
        return {"source": audience.where, "error": safe(str(counted))}
    channels = {
        channel.name: {"medium": medium.value, "reach": counted.reach[medium]}
        for channel, medium in _channels(name, config).values()
    }
    return {
        "source": audience.where,
        "rows": counted.rows,
        "contacts": counted.contacts,
        "bad_rows": counted.bad,
        "flawed_contacts": counted.flawed,
        "flaws_found": counted.flaws_found,
        "flaws": [_flaw(each) for each in counted.flaws],
        "duplicates": counted.duplicates,
        "shared_addresses": counted.shared,
        "repeats": [_flaw(each) for each in counted.repeats],
        "media": {
            medium.value: {
                "addresses": counted.addresses[medium],
                "without_consent": counted.without_consent[medium],
                "suppressed": counted.suppressed[medium],
                "reach": counted.reach[medium],
            }
            for medium in counted.addresses
        },
        "channels": channels,
        "unread_columns": [one_line(each) for each in counted.unread],
    }


def _flaw(flaw: Flaw) -> dict[str, str | None]:
    return {"place": flaw.place, "column": one_line(flaw.column) or None, "what": flaw.what, "cure": flaw.cure}
