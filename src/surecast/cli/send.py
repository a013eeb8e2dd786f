"""``surecast send``: one announcement, to wherever its route leads."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, House, opened
from surecast.cli.interrupt import Stopped
from surecast.cli.options import STDIN, as_typed, read_text, span, span_s, verb
from surecast.cli.output import SCHEMA
from surecast.errors import UsageError

if TYPE_CHECKING:
    import concurrent.futures

    from surecast.message import Announcement, Image
    from surecast.report import Report

LOOK_S = 0.25  # between two looks at what happens
MOMENT_S = 2.0  # as long as leaving waits for what has just begun
GONE_S = 1.0  # a cancelled call has left the broadcaster's loop by then


class InOrder(click.Command):
    """Remembers in which order its options were given, repeated ones included."""

    ORDER = "surecast.order"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[self.ORDER] = [param.name for param in order]
        return super().parse_args(ctx, args)


def announcement_options(command: Any) -> Any:
    """The options that say what is announced; `send` and `preview` take the same."""
    options = (
        click.argument("text", required=False, metavar="[TEXT|-]"),
        click.option("--text-file", metavar="FILE", help="The text from a file; - is standard input."),
        click.option("--title", metavar="WORDS", help="A heading, for places that have one."),
        click.option("--body-file", metavar="FILE", help="The long form, for places that have room."),
        click.option("--url", metavar="URL", help="Where readers learn more."),
        click.option("--image", "images", multiple=True, metavar="PATH", help="An image; may be repeated."),
        click.option("--alt", "alts", multiple=True, metavar="WORDS", help="What the --image before it shows."),
        click.option(
            "--variant", "variants", multiple=True, metavar="CHANNEL=TEXT", help="Exact words for one channel."
        ),
        click.option("--urgency", metavar="WORD", default="normal", help="low, normal, urgent or emergency."),
        click.option("--language", metavar="TAG", help="The language of the text, e.g. en."),
        click.option("--route", metavar="ROUTE", help="A route's or channel's name, or an expression."),
        click.option("--key", metavar="KEY", help="Your name for it; a key is never sent twice."),
        click.option("--expires", metavar="SPAN|TIME", help="From when on it is better not sent, e.g. 2h."),
    )
    for option in reversed(options):
        command = option(command)
    return command


EXAMPLES = """\
\b
surecast send "Ferry 12 is cancelled today" --url https://ferries.example/12
surecast send - --image map.png --alt "The ferry's new berth" < notice.txt
"""


@click.command(cls=InOrder, epilog=EXAMPLES)
@announcement_options
@click.option(
    "--on-change",
    type=click.Choice(["raise", "keep"]),
    default="raise",
    help="A known key with other words: refuse, or keep the first.",
)
@click.option("--again", is_flag=True, help="Send once more what was just sent.")
@click.option("--no-wait", is_flag=True, help="End as soon as it is safely in the ledger.")
@click.option("--wait", "wait_s", callback=span, metavar="SPAN", help="Wait at most so long, e.g. 90s.")
@click.option("--reroute-ok", is_flag=True, help="Exit 0 also when it was reached by rerouting.")
@click.option("--sandbox", is_flag=True, help="Only rehearse, on simulated platforms.")
@click.option("--dry-run", is_flag=True, help="Post nothing: the same as surecast preview.")
@verb
def send(
    call: Call,
    *,
    on_change: str,
    again: bool,
    no_wait: bool,
    wait_s: float | None,
    reroute_ok: bool,
    sandbox: bool,
    dry_run: bool,
    route: str | None,
    **words: Any,
) -> int:
    """Sends an announcement over the configured channels and says who has it.

    Exits with 0 reached, 3 reached by rerouting, 4 missed, 5 unsure or pending.
    """
    if no_wait and wait_s is not None:
        raise UsageError("--no-wait and --wait contradict each other. Give one of them.")
    said = announcement(**words)
    if again and said.key is not None:
        raise UsageError("--again cannot send a key twice. Give another --key, or none.")
    if dry_run:
        from surecast.cli.preview import show_preview  # noqa: PLC0415 - only for --dry-run

        return show_preview(call, said, route, sandbox=sandbox)
    options: dict[str, Any] = {"route": route, "again": again, "on_change": on_change}
    options["wait"] = False if no_wait else True if wait_s is None else wait_s
    with opened(call, sandbox=sandbox) as house:
        began = time.time()
        try:
            report = _drive(call, house, said, options)
        except Stopped as stopped:
            return _leave(call, house, said, stopped, since=began if again else began - house.config.repeat_window_s)
        code = Exit.REACHED if no_wait else code_of(report.state, reroute_ok=reroute_ok)
        _tell(call, report, code)
        return code


def announcement(
    *,
    text: str | None,
    text_file: str | None,
    body_file: str | None,
    images: Sequence[str],
    alts: Sequence[str],
    variants: Sequence[str],
    urgency: str,
    expires: str | None,
    **plain: str | None,
) -> Announcement:
    """The announcement of a command line.

    Raises:
        UsageError: it cannot mean anything, or a file cannot be read.
    """
    from surecast.message import Announcement, Urgency  # noqa: PLC0415 - not for --help

    known = [each.value for each in Urgency]
    if urgency not in known:
        raise UsageError(f"{urgency!r} is no urgency. Write one of: {', '.join(known)}.")
    given: dict[str, Any] = {name: as_typed(value, name) for name, value in plain.items() if value is not None}
    return Announcement(
        text=_text(text, text_file, body_file),
        body=None if body_file is None else read_text(body_file, "body"),
        images=_images(images, alts),
        variants=_variants(variants),
        urgency=Urgency(urgency),
        expires=_expires(expires),
        **given,
    )


def _text(text: str | None, text_file: str | None, body_file: str | None) -> str:
    if text is not None and text_file is not None:
        raise UsageError("The text is given twice: as words and with --text-file. Give one of them.")
    if text is None and text_file is None:
        raise UsageError(
            "There is nothing to announce. Give the text in quotes, --text-file FILE, or - and pipe it in."
        )
    source = STDIN if text == STDIN else text_file
    if source == STDIN and body_file == STDIN:
        raise UsageError("Text and body cannot both come from standard input. Put one of them into a file.")
    return as_typed(text or "", "text") if source is None else read_text(source, "text")


def _images(paths: Sequence[str], alts: Sequence[str]) -> tuple[Image, ...]:
    """Pairs every --alt with the --image before it."""
    from surecast.message import Image  # noqa: PLC0415 - not for --help

    order = click.get_current_context().meta[InOrder.ORDER]
    left, words = iter(paths), iter(alts)
    pairs: list[list[str]] = []
    for name in order:
        if name == "images":
            pairs.append([next(left)])
        elif name == "alts":
            if not pairs:
                raise UsageError("An --alt stands before any --image. Put it right after the image that it describes.")
            if len(pairs[-1]) > 1:
                raise UsageError(f"Two --alt for one image, {pairs[-1][0]}. Say it in one.")
            pairs[-1].append(as_typed(next(words), "alt"))
    return tuple(Image(*pair) for pair in pairs)


def _variants(given: Sequence[str]) -> dict[str, str]:
    variants: dict[str, str] = {}
    for each in given:
        channel, sign, text = as_typed(each, "variant").partition("=")
        if not sign or not channel.strip():
            raise UsageError(f'--variant {each!r} names no channel. Write e.g. --variant bluesky="Other words".')
        if channel.strip() in variants:
            raise UsageError(f"Two --variant for {channel.strip()}. Give one.")
        variants[channel.strip()] = text
    return variants


def _expires(written: str | None) -> timedelta | datetime | None:
    if written is None:
        return None
    length_s = span_s(written)
    if length_s is not None:
        return timedelta(seconds=length_s)
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            return moment
    raise UsageError(f"--expires {written!r} cannot be read. Write a span such as 2h, or 2026-11-23T18:00+02:00.")


# Driving ------------------------------------------------------------------------------------------------------


def _drive(call: Call, house: House, said: Announcement, options: dict[str, Any]) -> Report:
    """Sends, and shows meanwhile on a terminal what happens; leaving it early takes the call back out of the loop."""
    from surecast.broadcaster.bridge import Bridge  # noqa: PLC0415 - not for --help

    gone = threading.Event()

    async def work() -> Report:
        try:
            return await house.broadcaster.abroadcast(said, **options)
        finally:
            gone.set()

    bridge = Bridge()
    future = asyncio.run_coroutine_threadsafe(work(), bridge.loop())
    try:
        if call.out.terminal and not call.out.quiet and options["wait"] is not False:
            since = 0.0 if options["again"] is False else time.time()
            _watch(call, house, said, future, since=since)
        return _settled(house, future.result()) if options["wait"] is True else future.result()
    except BaseException:
        future.cancel()
        gone.wait(GONE_S)
        raise
    finally:
        bridge.stop()


def _settled(house: House, report: Report) -> Report:
    """The report after what had just begun has ended, where that takes a moment only; leaving waits as long."""
    until = time.monotonic() + MOMENT_S
    while any(channel.status == "sending" for channel in report.channels.values()):
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_S / 2)
        report = dataclasses.replace(house.broadcaster.status(report.id), repeated=report.repeated)
    return report


def _watch(
    call: Call, house: House, said: Announcement, future: concurrent.futures.Future[Report], *, since: float
) -> None:
    from surecast.cli.progress import progress  # noqa: PLC0415 - only a terminal needs it

    with progress(call.out) as drawn:
        while not future.done():
            name = _find(house, said, since=since)
            drawn.show(house.broadcaster.status(name) if name else None)
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=LOOK_S)


def _find(house: House, said: Announcement, *, since: float) -> str | None:
    """The id under which the ledger has an announcement, if it does."""
    texts = {said.text, *said.variants.values()}
    for listed in house.broadcaster.listing(20):
        if said.key is not None:
            if listed.key == said.key:
                return listed.id
        elif listed.key is None and listed.text in texts and listed.created_at >= since - 1.0:
            return listed.id
    return None


def _leave(call: Call, house: House, said: Announcement, stopped: Stopped, *, since: float) -> int:
    """Says how to go on, at once; then records what is on its way, which may take a moment."""
    name = _find(house, said, since=since)
    if name is None:  # perhaps it is being accepted just now
        house.broadcaster.close()
        name = _find(house, said, since=since)
    if call.out.sandbox:
        sentence = "Stopped. It was a rehearsal, so nothing is kept."
    elif name is None:
        sentence = "Stopped before anything was sent or saved."
    else:
        go_on, stop = call.again(f"resume {name}"), call.again(f"cancel {name}")
        sentence = f"Saved as {name}. Go on: {go_on}. Stop for good: {stop}."
    call.out.hint(sentence)
    call.out.object({"schema": SCHEMA, "error": sentence, "id": name})
    return stopped.code


# The answer ---------------------------------------------------------------------------------------------------


def _tell(call: Call, report: Report, code: Exit) -> None:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    if call.out.quiet and code is Exit.REACHED:
        return
    more = _who_goes_on(call, report)
    show_report(call.out, report, more=more)
    if call.out.sandbox:
        call.out.lines("Nothing was published: the platforms were simulated, and nothing of this is kept.")


def _who_goes_on(call: Call, report: Report) -> list[str]:
    """What is not decided yet must be carried on by somebody: this process ends now."""
    from surecast.report.words import WORKER_SILENT_S  # noqa: PLC0415 - not for --help

    seen = report.worker_seen_at
    if report.state.value != "pending" or (seen is not None and report.at - seen <= WORKER_SILENT_S):
        return []
    cron = f"*/5 * * * * {call.again('work --once')}"
    return [f"Nobody is running to go on with it: {call.again(f'resume {report.id}')}, or in cron: {cron}"]
