"""``surecast channels off``, ``on``, ``trial`` and ``history``: a person switches a channel, for every process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit
from surecast.cli.figures import counted
from surecast.cli.house import Call, House, opened
from surecast.cli.options import as_typed, span, verb
from surecast.cli.output import SCHEMA, one_line, safe
from surecast.clock import hours_minutes, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from surecast.broadcaster.overview import Owed, Switched, Tried
    from surecast.cli.output import Output
    from surecast.ledger.gates import Switch

#: What was done to a channel, and its colour; and by whom.
DONE = {
    "opened": ("taken as down", "red"),
    "closed": ("works again", "green"),
    "off": ("switched off", "yellow"),
    "on": ("switched on", "green"),
    "trial": ("trial", "cyan"),
}
BY = {"breaker": "its posts", "watch": "the watch", "person": "a person"}
MOST_SWITCHES = 1_000
NEWEST = 30  # switches that a terminal shows

why_option = click.option("--why", default="", metavar="WORDS", help="What the history says about it.")


@click.command(short_help="Post nothing there until it is on again.")
@click.argument("name")
@click.option("--for", "for_s", callback=span, metavar="SPAN", help="Only so long; else until it is switched on.")
@why_option
@verb
def off(call: Call, *, name: str, for_s: float | None, why: str) -> int:
    """Switches a channel off: from now on no process posts there.

    Routes go on to the next alternative at once. What is owed there stays owed, until it expires.
    """
    with opened(call) as house:
        done = house.broadcaster.switch_off(name, for_s=for_s, why=_words(why))
        again = f"On again{' sooner' if done.until else ''}: {call.again(f'channels on {name}')}."
        _answer(call, "off", done, [_off(done, house), *_kept(done, house), again])
        return Exit.REACHED


@click.command("on", short_help="Post there again.")
@click.argument("name")
@why_option
@verb
def on_(call: Call, *, name: str, why: str) -> int:
    """Switches a channel on again, and takes it as one that works, whatever its last posts came to.

    It posts nothing itself: what is owed there is due at once, for a worker or for `surecast resume`.
    """
    with opened(call) as house:
        done = house.broadcaster.switch_on(name, why=_words(why))
        _answer(call, "on", done, [f"{name} is on: posts go there again.", *_delivered(call, done, house)])
        return Exit.REACHED


@click.command(short_help="Probe it, then deliver its oldest owed post.")
@click.argument("name")
@why_option
@verb
def trial(call: Call, *, name: str, why: str) -> int:
    """Tries a channel now, without waiting for its rest to be over.

    First it is asked without posting. When that goes well, the oldest broadcast that is owed there gets one try, as by
    `surecast resume ID`. A channel that is switched off stays off.

    Exits with 0 when all went well, else with 4.
    """
    with opened(call) as house:
        tried = house.broadcaster.trial(name, why=_words(why))
        if not (call.out.quiet and tried.works):
            _show_trial(call, tried)
        return Exit.REACHED if tried.works else Exit.MISSED


@click.command(short_help="Every switch: when, what, by whom, why.")
@click.argument("name", required=False, metavar="[NAME]")
@verb
def history(call: Call, *, name: str | None) -> int:
    """Lists every switch of a channel, or of all, newest first: what was done, by whom, and why.

    A channel is switched by its posts when several failed or one arrived again, by the watch over its platform, or by a
    person.
    """
    with opened(call) as house:
        kept = () if house.empty and name is None else house.broadcaster.switches(name, MOST_SWITCHES)
        if not call.out.quiet:
            call.out.object({"schema": SCHEMA, "switches": [_object(switch) for switch in kept]})
            _show_history(call.out, kept, ZoneInfo(house.config.time_zone))
        return Exit.REACHED


def _words(why: str) -> str:
    return one_line(as_typed(why, "why"))


# Off and on ---------------------------------------------------------------------------------------------------------


def _answer(call: Call, what: str, done: Switched, lines: Sequence[str]) -> None:
    if call.out.quiet:
        return
    call.out.object(
        {
            "schema": SCHEMA,
            "channel": done.channel,
            "platform": done.platform,
            "switched": what,
            "at": iso(done.at),
            "until": None if done.until is None else iso(done.until),
            "owed": None if done.owed is None else owed_object(done.owed),
            "worker_seen": None if done.worker_seen_at is None else iso(done.worker_seen_at),
        }
    )
    call.out.lines(*lines)


def owed_object(owed: Owed) -> dict[str, Any]:
    """What a channel still gets, for machines."""
    return {
        "channel": owed.channel,
        "posts": owed.posts,
        "oldest": iso(owed.oldest_at),
        "expires": iso(owed.expires_at),
    }


def _off(done: Switched, house: House) -> str:
    until = "until you switch it on" if done.until is None else f"until {_clock(done.until, done, house)}"
    return f"{done.channel} is off {until}: no process posts there, and routes go on to the next alternative."


def _kept(done: Switched, house: House) -> list[str]:
    if done.owed is None:
        return ["Nothing is owed there now; what is announced meanwhile is owed there until it expires."]
    expires = _clock(done.owed.expires_at, done, house)
    if done.owed.posts == 1:
        return [f"1 post is owed there; it stays owed, until {expires}."]
    return [f"{counted(done.owed.posts, 'post')} are owed there; they stay owed, the first of them until {expires}."]


def _delivered(call: Call, done: Switched, house: House) -> list[str]:
    from surecast.cli.overview import is_silent, nobody_delivers  # noqa: PLC0415 - not for --help

    if done.owed is None:
        return ["Nothing is owed there. Nothing to do."]
    expires, one = _clock(done.owed.expires_at, done, house), done.owed.posts == 1
    posts = "1 post is" if one else f"{counted(done.owed.posts, 'post')} are"
    owed = f"{posts} owed there, {'until' if one else 'the first of them until'} {expires}"
    if not is_silent(done.worker_seen_at, done.at):
        return [f"{owed}; the worker delivers {'it' if one else 'them'} now. Nothing to do."]
    return [f"{owed}.", nobody_delivers(call, done.worker)]


def _clock(moment: float, done: Switched, house: House) -> str:
    return hours_minutes(moment, ZoneInfo(house.config.time_zone), done.at)


# A trial ------------------------------------------------------------------------------------------------------------


def _show_trial(call: Call, tried: Tried) -> None:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    out, name = call.out, tried.channel
    out.object(
        {
            "schema": SCHEMA,
            "channel": name,
            "platform": tried.platform,
            "ok": tried.works,
            "probe": {"ok": tried.probed.ok, "detail": safe(tried.probed.detail)},
            "broadcast": None if tried.report is None else tried.report.to_dict(),
        }
    )
    detail = tried.probed.detail.rstrip(".")
    if not tried.probed.ok:
        out.lines(
            f"{name} does not work: {detail}.",
            "Nothing was posted there, and what is owed stays owed.",
            f"When that is put right: {call.again(f'channels trial {name}')}.",
        )
        return
    out.lines(f"{name} answers: {detail}.")
    if tried.report is None:
        out.lines("Nothing is owed there, so nothing was posted; the next announcement is tried there at once.")
        return
    verdict = "and took the oldest post that was owed" if tried.works else "but did not take the post that was owed"
    out.lines(f"It was tried with broadcast {tried.report.id}, {verdict}:", "")
    show_report(out, tried.report, object_too=False)


# The history --------------------------------------------------------------------------------------------------------


def _object(switch: Switch) -> dict[str, Any]:
    return {
        "at": iso(switch.at),
        "channel": switch.channel,
        "what": switch.what,
        "who": switch.actor,
        "why": safe(switch.why) or None,
        "facts": [safe(fact) for fact in switch.facts],
        "until": None if switch.until is None else iso(switch.until),
    }


def _show_history(out: Output, kept: Sequence[Switch], zone: ZoneInfo) -> None:
    now = time.time()
    if not kept:
        out.lines("No channel was switched yet.")
    elif not out.terminal:
        out.lines(*("  ".join(filter(None, _cells(switch, zone, now))) for switch in kept))
    else:
        _show_table(out, kept[:NEWEST], zone, now)
        if len(kept) > NEWEST:
            out.lines(f"{len(kept) - NEWEST} older ones: surecast channels history | less")


def _cells(switch: Switch, zone: ZoneInfo, now: float) -> tuple[str, ...]:
    what, _ = DONE.get(switch.what, (switch.what, ""))
    if switch.until is not None:
        what = f"{what} until {hours_minutes(switch.until, zone, switch.at)}"
    because = one_line("; ".join(filter(None, [switch.why, *switch.facts])))
    return hours_minutes(switch.at, zone, now), switch.channel, what, f"by {BY[switch.actor]}", because


def _show_table(out: Output, kept: Sequence[Switch], zone: ZoneInfo, now: float) -> None:
    from rich import box  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    for column in ("time", "channel", "what", "by", "why"):
        table.add_column(column, no_wrap=column != "why")
    for switch in kept:
        at, channel, what, by, because = _cells(switch, zone, now)
        style = DONE.get(switch.what, ("", ""))[1]
        table.add_row(Text(at), Text(channel), Text(what, style=style), Text(by[3:]), Text(safe(because)))
    out.show(table)
