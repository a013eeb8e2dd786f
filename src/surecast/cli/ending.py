"""How a run ends that did not end by itself: the sentence and the exit code of every exception."""

from __future__ import annotations

import os
import traceback

import click

from surecast.cli.codes import Exit
from surecast.cli.interrupt import Stopped
from surecast.cli.output import SCHEMA, Output, safe, safe_mistake
from surecast.errors import ConfigError, KeyReusedError, LedgerError, SurecastError

DEBUG = "SURECAST_DEBUG"


def end(error: BaseException, out: Output) -> int:
    """Says what `error` means for a person and gives the exit code.

    Raises:
        BaseException: `error` itself, where it is none of ours to answer.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else Exit.BUG
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        out.hint(error.format_message())
        return Exit.USAGE
    if isinstance(error, click.ClickException):
        return _refuse(out, *_usage(error))
    if isinstance(error, ConfigError) and error.mistakes:
        return _misconfigured(out, error)
    if isinstance(error, LedgerError) and error.broadcast is not None:
        out.hint(str(error))
        out.object({"schema": SCHEMA, "error": safe(str(error)), "id": error.broadcast})
        return int(Exit.UNSURE)
    if isinstance(error, SurecastError):
        return _refuse(out, _in_words_of_the_shell(error))
    if isinstance(error, Stopped | KeyboardInterrupt | click.Abort):
        number = error.code if isinstance(error, Stopped) else 130
        _tell(out, "Stopped.")
        return number
    if isinstance(error, Exception):
        return _bug(error, out)
    raise error


def _usage(error: click.ClickException) -> tuple[str, ...]:
    sentence = error.format_message().rstrip()
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return (sentence,)
    path = error.ctx.command_path
    return (f"{path}: {sentence}", f"What it takes: {path} --help")


def _in_words_of_the_shell(error: SurecastError) -> str:
    """The family speaks to programs; two of its sentences name arguments that are options here."""
    text = str(error)
    return text.replace('on_change="keep"', "--on-change keep") if isinstance(error, KeyReusedError) else text


def _refuse(out: Output, *lines: str) -> int:
    _tell(out, *lines)
    return Exit.USAGE


def _misconfigured(out: Output, error: ConfigError) -> int:
    """All mistakes at once, each on its own line."""
    sentence = str(error).split("\n")[0]
    out.hint(sentence)
    out.hint(*map(safe_mistake, error.mistakes), verbatim=True)
    mistakes = [{"place": each.place, "what": safe(each.what), "cure": safe(each.cure)} for each in error.mistakes]
    out.object({"schema": SCHEMA, "error": safe(sentence), "mistakes": mistakes})
    return Exit.USAGE


def _tell(out: Output, *lines: str) -> None:
    out.hint(*lines)
    out.object({"schema": SCHEMA, "error": safe(lines[0])})


def _bug(error: Exception, out: Output) -> int:
    """No traceback unless somebody asks for it; and then without secrets."""
    if os.environ.get(DEBUG):
        out.hint("".join(traceback.format_exception(error)).rstrip())
    what = "".join(traceback.format_exception_only(error)).strip()
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f", in {last[0].name} ({os.path.basename(last[0].filename)}:{last[0].lineno})" if last else ""  # noqa: PTH119
    _tell(
        out,
        f"This is a bug in surecast: {what}{where}. What was accepted is in the ledger; surecast status shows it. "
        f"{DEBUG}=1 before the command shows the whole traceback.",
    )
    return Exit.BUG
