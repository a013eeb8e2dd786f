"""What is announced: the options that say it, and the announcement that they make."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from surecast.cli.options import STDIN, as_typed, read_text, span_s
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.message import Announcement, Image


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
        click.option("--incident", metavar="NAME", help="What it is about; only its newest is caught up on."),
        click.option("--expires", metavar="SPAN|TIME", help="From when on it is better not sent, e.g. 2h."),
    )
    for option in reversed(options):
        command = option(command)
    return command


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
