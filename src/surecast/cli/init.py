"""``surecast init``: the first configuration, which works at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call
from surecast.cli.options import bare_verb
from surecast.cli.output import SCHEMA
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.config import Answers, BlueskyAnswers, MastodonAnswers

DIRECTORY = "public/notices"
#: Works on every machine: `python3 -m http.server --directory public` shows it.
URL = "http://localhost:8000/notices"


@click.command()
@click.argument("folder", required=False, default=".", metavar="[FOLDER]")
@click.option("--yes", is_flag=True, help="Ask nothing: take the options, and defaults for the rest.")
@click.option("--sender", metavar="NAME", help="Who speaks; readers see it.")
@click.option("--url", metavar="URL", help="The public address of the site's folder.")
@click.option("--directory", metavar="DIR", help=f"The site's folder; else {DIRECTORY}.")
@click.option("--language", metavar="TAG", help="The language of announcements, e.g. en.")
@click.option("--time-zone", metavar="ZONE", help="The time zone of all times, e.g. Europe/Athens.")
@bare_verb
def init(call: Call, *, folder: str, yes: bool, **given: str | None) -> int:
    """Writes a commented surecast.toml into FOLDER; your website is the first channel, so `send` works at once.

    On a terminal it asks, also for accounts on Bluesky and Mastodon; their secrets go into files of their own that
    only you can read. Nothing is ever overwritten.
    """
    from surecast.config import FILE_NAME, load_config, resolve_route, write_starter  # noqa: PLC0415 - not for --help
    from surecast.route import describe  # noqa: PLC0415

    place = Path(folder)
    file = place / FILE_NAME
    if os.path.lexists(file):
        raise UsageError(f"{file} is already there and is left as it is. Move it away, or choose another folder.")
    written = write_starter(place, _answers(place, given, yes=yes))
    sentence = describe(resolve_route(load_config(file))[0])
    config = "" if place.absolute() == Path.cwd() else f" --config {file}"
    command = f'surecast preview "Hello"{config}'
    call.out.object({"schema": SCHEMA, "files": [str(path) for path in written], "route": sentence, "next": command})
    if not call.out.quiet:
        call.out.lines(*(f"Written: {path}" for path in written), sentence)
        call.out.lines(f"Next: {command}, then surecast send with the same words.")
    return Exit.REACHED


def _answers(place: Path, given: dict[str, str | None], *, yes: bool) -> Answers:
    from surecast.config import Answers  # noqa: PLC0415 - not for --help

    defaults = {
        "sender": _sender(place),
        "url": URL,
        "directory": DIRECTORY,
        "language": _language(),
        "time_zone": _time_zone(),
    }
    chosen = {name: given[name] or default for name, default in defaults.items()}
    if yes:
        return Answers(**chosen, bluesky=None, mastodon=None)
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask. Say --yes to take the defaults, with options for what differs.")
    for name, question in _QUESTIONS.items():
        if given[name] is None:
            chosen[name] = _ask(question, default=defaults[name])
    return Answers(**chosen, bluesky=_bluesky(), mastodon=_mastodon())


_QUESTIONS = {
    "sender": "Who speaks (readers see it)",
    "directory": "The folder for your website's notices",
    "url": "Its public address",
    "language": "The language of announcements",
    "time_zone": "The time zone",
}


def _bluesky() -> BlueskyAnswers | None:
    from surecast.config import BlueskyAnswers  # noqa: PLC0415 - not for --help
    from surecast.secret import Secret  # noqa: PLC0415

    handle = _ask("Your Bluesky handle (empty for none)", default="").strip().removeprefix("@")
    if not handle:
        return None
    password = _ask("An app password, made at https://bsky.app/settings/app-passwords", hidden=True)
    return BlueskyAnswers(handle=handle, app_password=Secret.of(password))


def _mastodon() -> MastodonAnswers | None:
    from surecast.config import MastodonAnswers  # noqa: PLC0415 - not for --help
    from surecast.secret import Secret  # noqa: PLC0415

    server = _ask("Your Mastodon server, e.g. https://social.example (empty for none)", default="").strip()
    if not server:
        return None
    if "://" not in server:
        server = f"https://{server}"
    token = _ask("An access token (Preferences, Development, New application)", hidden=True)
    return MastodonAnswers(server=server, access_token=Secret.of(token))


def _ask(question: str, *, default: str | None = None, hidden: bool = False) -> str:
    """Asks beside the answer: questions go to standard error."""
    shown = bool(default)
    answer: str = click.prompt(question, default=default, show_default=shown, hide_input=hidden, err=True)
    return answer.strip()


# Defaults -----------------------------------------------------------------------------------------------------


def _sender(place: Path) -> str:
    """The folder's name as a person would write it."""
    name = place.absolute().name.replace("-", " ").replace("_", " ").strip()
    return name.title() if name else "Our house"


def _language() -> str:
    """The language of this person's environment."""
    written = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    tag = written.partition(".")[0].partition("@")[0].replace("_", "-")
    return tag.partition("-")[0] if tag not in {"", "C", "POSIX"} else "en"


def _time_zone() -> str:
    """The time zone of this machine, where its name can be found."""
    link = os.path.realpath("/etc/localtime")
    for name in (os.environ.get("TZ", "").lstrip(":"), link.partition("zoneinfo/")[2]):
        try:
            if name:
                ZoneInfo(name)
                return name.removeprefix("Etc/")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"
