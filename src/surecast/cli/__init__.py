"""The command line: one file per verb, or per small family of verbs, loaded when the verb is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from surecast import __version__
from surecast.cli.ending import end
from surecast.cli.interrupt import watching
from surecast.cli.output import Output, prepare


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is, and what it does in a few words."""

    module: str
    attribute: str
    about: str


#: All verbs as the help shows them. The command itself is loaded only when it is called.
SECTIONS: dict[str, dict[str, Verb]] = {
    "First steps": {
        "init": Verb("init", "init", "Write the first surecast.toml."),
        "preview": Verb("preview", "preview", "Show what would be posted where, to the letter."),
        "demo": Verb("sandbox", "demo", "See an outage, without an account."),
    },
    "Announcing": {
        "send": Verb("send", "send", "Send an announcement."),
        "status": Verb("status", "status", "Show what became of it."),
        "resume": Verb("orders", "resume", "Deliver now what is still owed."),
        "cancel": Verb("orders", "cancel", "Stop what has not begun."),
        "settle": Verb("orders", "settle", "Say whether what is in doubt is there."),
    },
    "Looking after it": {
        "channels": Verb("channels", "channels", "List the channels; check them without posting."),
        "audience": Verb("audience", "audience", "Count who is reached; find bad rows."),
        "suppress": Verb("suppress", "suppress", "Keep the list of people not to be written to."),
        "forget": Verb("suppress", "forget", "Remove a person from the ledger."),
        "config": Verb("config", "config", "Check the configuration; print its schema."),
        "watch": Verb("watch", "watch", "Notice outages, tell of them, deliver what is owed."),
        "drafts": Verb("drafts", "drafts", "List notices to readers that wait for you."),
        "approve": Verb("drafts", "approve", "Send one of them."),
        "work": Verb("work", "work", "Deliver what is owed as it falls due, and watch nothing."),
        "sandbox": Verb("sandbox", "sandbox", "Run simulated platforms to try things on."),
    },
}
VERBS: dict[str, Verb] = {name: verb for verbs in SECTIONS.values() for name, verb in verbs.items()}


class _Lazy(click.Group):
    """Knows its verbs by name, and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command: click.Command = getattr(importlib.import_module(f"surecast.cli.{verb.module}"), verb.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, verb.about) for name, verb in verbs.items()], col_max=12)


EPILOG = """\
\b
surecast VERB --help says more about each.
Exit codes: 0 reached, 3 reached by rerouting, 4 missed, 5 unsure or
pending, 2 usage or configuration, 1 a bug, 130 or 143 interrupted.
"""


@click.group(
    cls=_Lazy,
    epilog=EPILOG,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(__version__, message="surecast %(version)s")
def surecast() -> None:
    """Gets an announcement out although a platform is down."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and gives its exit code; never raises what belongs to a person.

    Args:
        arguments: without the program's name; else those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    out = Output(as_json=_wants_json(words))
    prepare()
    with watching():
        try:
            done: Any = surecast.main(words, prog_name="surecast", standalone_mode=False, obj=out)
            return int(done or 0)
        except BaseException as error:  # noqa: BLE001 - `end` raises again what it has no answer for
            return end(error, out)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether mistakes in the command line itself are to be told as JSON."""
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _unknown(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for the mistake

    near = get_close_matches(name, VERBS, n=1, cutoff=0.5)
    return f"No verb is called {name!r}. " + (f"Did you mean {near[0]}?" if near else f"There are: {', '.join(VERBS)}.")
