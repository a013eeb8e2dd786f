"""Questions before something that cannot be taken back; only a person on a terminal is asked."""

from __future__ import annotations

import sys

import click

from surecast.cli.output import Output

#: The exit code of a person's no: stopped, as by Ctrl-C.
NO = 130


def can_ask(out: Output) -> bool:
    """Whether somebody is there who sees a question and can answer it."""
    return out.terminal and not out.quiet and sys.stdin is not None and sys.stdin.isatty()


def agreed(out: Output, question: str) -> bool:
    """Asks; Enter alone is a no."""
    return click.confirm(out.mark(question), default=False)
