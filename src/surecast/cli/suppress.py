"""``surecast suppress`` and ``surecast forget``: people who must not be written to, and people to be forgotten."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from surecast.cli.asking import NO, agreed, can_ask
from surecast.cli.codes import Exit
from surecast.cli.figures import counted
from surecast.cli.house import Call, House, opened
from surecast.cli.options import as_typed, read_text, verb
from surecast.cli.output import SCHEMA, one_line
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.broadcaster.broadcaster import Broadcaster
    from surecast.ledger.suppressions import Suppression

BY_HAND = "by hand"


@click.group(subcommand_metavar="add | remove | list | import")
def suppress() -> None:
    """Keeps the list of people who must not be written to; it is asked before every message."""


@suppress.command(short_help="Never write to these people again.")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS ...")
@click.option("--why", metavar="WORDS", default=BY_HAND, help="What the list says about it.")
@verb
def add(call: Call, *, addresses: tuple[str, ...], why: str) -> int:
    """Never writes to these people again, by whatever address.

    ADDRESS is a telephone number with + and country, an e-mail address, or the number of a Telegram chat.
    """
    with opened(call) as house:
        entered: list[bool] = []
        try:
            for each in addresses:
                new = house.broadcaster.suppress(as_typed(each, "address"), why=why)
                entered.append(new)
        except UsageError:
            if entered:
                call.out.hint(f"{counted(len(entered), 'address is', 'addresses are')} on the list, then this one:")
            raise
        added, known = sum(entered), len(entered) - sum(entered)
        _say(call, {"added": added, "known": known}, _added(added, known))
        return Exit.REACHED


@suppress.command(short_help="Take an address off the list.")
@click.argument("address", metavar="ADDRESS")
@verb
def remove(call: Call, *, address: str) -> int:
    """Takes an address off the list: this person may be written to again."""
    with opened(call) as house:
        found = not house.empty and house.broadcaster.unsuppress(as_typed(address, "address"))
        _say(call, {"removed": found}, "Taken off the list." if found else "It was not on the list.")
        return Exit.REACHED


@suppress.command("list", short_help="Show who must not be written to.")
@verb
def list_(call: Call) -> int:
    """Shows who must not be written to, since when, and why; of addresses only a part is known."""
    with opened(call) as house:
        listed = () if house.empty else house.broadcaster.suppressions()
        call.out.object({"schema": SCHEMA, "suppressed": [_object(each) for each in listed]})
        if not call.out.quiet:
            zone, now = ZoneInfo(house.config.time_zone), time.time()
            call.out.lines(*(_line(each, zone, now) for each in listed), verbatim=True)
            call.out.lines(*([] if listed else ["Nobody is on the list."]))
        return Exit.REACHED


@suppress.command("import", short_help="Enter the addresses of a file of bounces.")
@click.argument("file", metavar="FILE")
@verb
def import_(call: Call, *, file: str) -> int:
    """Enters the addresses of a file: bounces and complaints as they came back by e-mail, or a list of addresses.

    Bounces and complaints are an mbox or one message (RFC 3464, RFC 5965); only lasting failures are entered. A list
    has one address on each line; a line that begins with # says nothing. Exits with 2 when a line is no address.
    """
    with opened(call) as house:
        addresses = _listed_addresses(file)
        if addresses is not None:
            return _enter(call, house, file, addresses)
        found = house.broadcaster.suppress_bounces(file)
        _say(call, dict(found), _imported(found))
        return Exit.REACHED


def _listed_addresses(file: str) -> dict[int, str] | None:
    """The addresses of a plain list by the numbers of their lines; None when the file is e-mail."""
    if _is_mail(Path(file)):
        return None
    lines = {number: line.strip() for number, line in enumerate(read_text(file, "list").splitlines(), start=1)}
    return {number: line for number, line in lines.items() if line and not line.startswith("#")}


def _is_mail(path: Path) -> bool:
    """Whether a file begins as an mbox or a message does; what cannot be read is left to those who read it."""
    try:
        with path.open("rb") as file:
            first = next((line for line in file if line.strip() and not line.startswith(b"#")), b"")
    except OSError:
        return False
    return first.startswith(b"From ") or bool(re.match(rb"[!-9;-~]+:[ \t]", first))


def _enter(call: Call, house: House, file: str, addresses: Mapping[int, str]) -> int:
    new, wrong = 0, []
    for number, address in addresses.items():
        try:
            new += house.broadcaster.suppress(address, why=f"list {Path(file).name}")
        except UsageError:
            wrong.append(number)
    known = len(addresses) - new - len(wrong)
    _say(call, {"added": new, "known": known, "wrong_lines": wrong}, _added(new, known))
    if wrong:
        shown = ", ".join(map(str, wrong[:20])) + (" ..." if len(wrong) > 20 else "")
        call.out.hint(f"{file}: no address stands in {counted(len(wrong), 'line')}: {shown}. Correct them.")
    return Exit.USAGE if wrong else Exit.REACHED


@click.command(short_help="Remove a person's name and addresses from the ledger.")
@click.argument("address", metavar="ADDRESS")
@click.option("--yes", is_flag=True, help="Do not ask.")
@verb
def forget(call: Call, *, address: str, yes: bool) -> int:
    """Removes a person's name and addresses from the ledger, found by one of the addresses.

    What was not sent to the person yet is given up. If the person must not be written to, that stays known, as a hash
    that only this ledger can compare. Lists of people are yours: remove the person there as well.
    """
    with opened(call) as house:
        asked = not yes and can_ask(call.out)
        if asked and not agreed(call.out, "Remove this person from the ledger? What is not sent yet is given up."):
            call.out.hint("Nothing was removed.")
            return NO
        held = 0 if house.empty else house.broadcaster.forget(as_typed(address, "address"))
        _say(call, {"removed": held}, *_forgotten(house.broadcaster, held))
        return Exit.REACHED


# Words --------------------------------------------------------------------------------------------------------


def _say(call: Call, told: Mapping[str, Any], *lines: str) -> None:
    call.out.object({"schema": SCHEMA, **told})
    if not call.out.quiet:
        call.out.lines(*lines)


def _added(new: int, known: int) -> str:
    on_it = f"; {known:,} {'was' if known == 1 else 'were'} on the list before" if known else ""
    return f"{counted(new, 'address', 'addresses')} added{on_it}."


def _imported(found: Mapping[str, int]) -> str:
    bounced = counted(found["bounced"], "address that does not exist", "addresses that do not exist")
    complained = counted(found["complained"], "person who complained", "people who complained")
    passing = found["temporary"]
    other = f" {counted(passing, 'bounce')} may pass and changed nothing." if passing else ""
    return f"Added {bounced}, and {complained}.{other}"


def _forgotten(broadcaster: Broadcaster, held: int) -> Iterable[str]:
    if not held:
        yield f"The ledger {broadcaster.ledger} holds nothing of this person."
        return
    yield f"Removed name and addresses from {counted(held, 'entry', 'entries')}."
    yield "Whether the person must not be written to stays known, as a hash only."


def _line(entry: Suppression, zone: ZoneInfo, now: float) -> str:
    from surecast.clock import hours_minutes  # noqa: PLC0415 - not for --help

    whom = "the person" if entry.person else "the address"
    return f"{hours_minutes(entry.at, zone, now)}  {entry.masked}  {whom}: {one_line(entry.why)}"


def _object(entry: Suppression) -> dict[str, Any]:
    from surecast.clock import iso  # noqa: PLC0415 - not for --help

    return {
        "medium": entry.medium.value,
        "address": entry.masked,
        "person": entry.person,
        "why": entry.why,
        "at": iso(entry.at),
    }
