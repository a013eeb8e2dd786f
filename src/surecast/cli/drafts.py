"""``surecast drafts`` and ``approve``: what surecast would tell readers of an outage, and the word that lets it go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, House, opened
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA
from surecast.clock import hours_minutes, iso
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.outage import Notice

NONE = "No notice waits for you."
SORTS = {"notice": "outage notice", "update": "update", "all_clear": "all-clear"}


@click.command()
@click.option("--drop", metavar="ID", help="Let this one go unsaid.")
@verb
def drafts(call: Call, *, drop: str | None) -> int:
    """Lists the notices to readers that wait for a person.

    `surecast approve ID` sends one.
    """
    with opened(call) as house:
        if drop is not None:
            return _drop(call, house, drop)
        waiting = () if house.empty else _waiting(house)
        if not (call.out.quiet and not waiting):
            call.out.object({"schema": SCHEMA, "drafts": [_object(notice) for notice in waiting]})
            call.out.lines(*(_lines(waiting, ZoneInfo(house.config.time_zone), time.time()) or [NONE]), verbatim=True)
        return Exit.REACHED


@click.command()
@click.argument("draft", metavar="ID")
@click.option("--anyway", is_flag=True, help="Also where that is not true any more.")
@verb
def approve(call: Call, *, draft: str, anyway: bool) -> int:
    """Sends a notice that waits, on the route that its draft shows.

    ID is that of `surecast drafts`, or the beginning of it. The exit code is that of what became of it.
    """
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help
    from surecast.ops.service import notices_of  # noqa: PLC0415

    with opened(call) as house:
        notice = _found(house, draft)
        if not anyway:
            _check_that_it_is_so(house, notice)
        report = house.broadcaster.attend(lambda desk: notices_of(desk, house.config).send(notice, wait=True))
        if report is None:
            raise UsageError(f"The draft {notice.id} was decided about meanwhile. `surecast drafts` lists what waits.")
        code = code_of(report.state)
        if code is not Exit.REACHED or not call.out.quiet:
            show_report(call.out, report)
        return code


def _check_that_it_is_so(house: House, notice: Notice) -> None:
    """What readers are told must still be true when they are told."""
    from surecast.ledger import outages  # noqa: PLC0415 - not for --help

    known = house.broadcaster.attend(lambda desk: desk.ledger.do(outages.by_id, notice.outage))
    health = house.broadcaster.health().get(known.channel)
    condition = "unknown" if health is None else health.condition.value
    well_since = known.up_since or known.ended_at
    if notice.sort.value == "all_clear":
        how = "is down again" if condition == "down" else ""
    elif well_since is not None:
        how = f"works again since {hours_minutes(well_since, ZoneInfo(house.config.time_zone), time.time())}"
    else:
        how = "works again" if condition == "up" else ""
    if not how:
        return
    raise UsageError(
        f"{known.channel} {how}, so this is not true any more. Drop it: surecast drafts "
        f"--drop {notice.id}; or send it all the same: surecast approve {notice.id} --anyway."
    )


def _drop(call: Call, house: House, name: str) -> int:
    from surecast.ops.service import notices_of  # noqa: PLC0415 - not for --help

    notice = _found(house, name)
    dropped = house.broadcaster.attend(lambda desk: notices_of(desk, house.config).drop(notice))
    if not dropped:
        raise UsageError(f"The draft {notice.id} was decided about meanwhile. `surecast drafts` lists what waits.")
    if not call.out.quiet:
        call.out.object({"schema": SCHEMA, "dropped": notice.id})
        call.out.lines(f"The draft {notice.id} is dropped: readers are not told.")
    return Exit.REACHED


def _waiting(house: House) -> Sequence[Notice]:
    from surecast.ledger import outages  # noqa: PLC0415 - not for --help

    return house.broadcaster.attend(lambda desk: desk.ledger.do(outages.drafts))


def _found(house: House, name: str) -> Notice:
    from surecast.ledger import outages  # noqa: PLC0415 - not for --help

    if house.empty:
        raise UsageError(f"No draft is called {name!r}. {NONE}")
    notice = house.broadcaster.attend(lambda desk: desk.ledger.do(outages.find, name))
    if notice.stage.value != "draft":
        raise UsageError(f"The draft {notice.id} was {notice.stage.value} already. `surecast drafts` lists what waits.")
    return notice


def _lines(waiting: Sequence[Notice], zone: ZoneInfo, now: float) -> list[str]:
    lines: list[str] = []
    for notice in waiting:
        when = hours_minutes(notice.created_at, zone, now)
        lines += [f"{notice.id}  {SORTS[notice.sort.value]} of {when}, for {notice.route}:"]
        lines += [f"    {line}" for line in notice.text.split("\n")]
        lines += [f"    Send it: surecast approve {notice.id}    Drop it: surecast drafts --drop {notice.id}"]
    return lines


def _object(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "outage": notice.outage,
        "sort": notice.sort.value,
        "text": notice.text,
        "route": notice.route,
        "created": iso(notice.created_at),
    }
