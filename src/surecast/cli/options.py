"""What several verbs take: their common options, time spans, and texts from files or standard input."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from surecast.cli.house import Call
from surecast.cli.output import Output
from surecast.errors import UsageError

LARGEST_TEXT_BYTES = 1_000_000
STDIN = "-"


Verb = Callable[..., int | None]


def verb(function: Verb) -> Verb:
    """Adds the options of every verb that needs a configuration; the function gets a `Call`, gives the exit code."""
    named = click.option(
        "--config", metavar="FILE", help="The configuration; else SURECAST_CONFIG, else surecast.toml."
    )
    return named(bare_verb(function))


def bare_verb(function: Verb) -> Verb:
    """Adds the options of every verb."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
    @click.option("--quiet", is_flag=True, help="Print only when something is not as wanted.")
    @functools.wraps(function)
    def run(*, as_json: bool, quiet: bool, config: str | None = None, **rest: Any) -> int | None:
        root = click.get_current_context().find_root()
        out: Output = root.ensure_object(Output)
        out.as_json, out.quiet = as_json, quiet
        return function(Call(named=config, out=out), **rest)

    return run


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """An option's time span in seconds: ``90s``, ``2h``, ``1h 30min``; a plain number is seconds."""
    if value is None:
        return None
    found = span_s(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time span. Write e.g. 90s, 10min or 2h.", ctx, param)
    return found


def span_s(written: str) -> float | None:
    """A written span in seconds; None when it is none."""
    from surecast.config.durations import seconds  # noqa: PLC0415 - not for --help

    try:
        return seconds(float(written))
    except ValueError:
        return seconds(written)


def read_text(source: str, what: str) -> str:
    """The text of a file, or of standard input for ``-``; line ends at its end do not count.

    Args:
        what: what the text is, for the sentence when it cannot be read.

    Raises:
        UsageError: it cannot be read, is no UTF-8, or is too long.
    """
    place = "standard input" if source == STDIN else source
    try:
        data = _stdin() if source == STDIN else _file(Path(source))
    except OSError as error:
        raise UsageError(f"The {what} cannot be read from {place}: {error.strerror}. Correct the path.") from error
    if len(data) > LARGEST_TEXT_BYTES:
        raise UsageError(f"The {what} from {place} is larger than {LARGEST_TEXT_BYTES} bytes. Give a shorter one.")
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The {what} from {place} is not UTF-8 (byte {error.start + 1}). "
            "Convert it first, e.g. with iconv -f latin1 -t utf-8."
        ) from error


def as_typed(text: str, what: str) -> str:
    """A text from the command line.

    Raises:
        UsageError: the shell handed on bytes that are no UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The {what} is not UTF-8 (character {error.start + 1}). Set the terminal to UTF-8 and type it again."
        ) from error
    return text


def _stdin() -> bytes:
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        click.echo("Type the text; Ctrl-D on a line of its own ends it.", err=True)
    return sys.stdin.buffer.read(LARGEST_TEXT_BYTES + 1)


def _file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_TEXT_BYTES + 1)
