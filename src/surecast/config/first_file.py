"""The first configuration: a commented file that works at once with the site, and grows by removing a few #."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from surecast.config.kinds import Kinds
from surecast.config.read import FILE_NAME, read_document
from surecast.errors import ConfigError, UsageError
from surecast.secret import Secret

SECRETS = "secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueskyAnswers:
    """An account on Bluesky."""

    handle: str
    app_password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class MastodonAnswers:
    """An account on a Mastodon server."""

    server: str
    access_token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person is asked.

    Attributes:
        sender: who speaks.
        url: the public address of `directory`.
        directory: where the site's pages are written, relative to the configuration's folder.
        bluesky, mastodon: None leaves the channel commented out, with instructions.
    """

    sender: str
    url: str
    directory: str = "public/notices"
    language: str = "en"
    time_zone: str = "UTC"
    bluesky: BlueskyAnswers | None = None
    mastodon: MastodonAnswers | None = None


def starter(answers: Answers, *, kinds: Kinds | None = None) -> str:
    """The text of a surecast.toml that reads without mistakes; secrets are named in it, never written into it.

    Raises:
        ConfigError: an answer cannot be used; with every mistake.
    """
    text = "\n".join((_top(answers), _routes(answers), _site(answers), _bluesky(answers), _mastodon(answers), _rest()))
    try:
        document = tomllib.loads(text)
        text.encode()
    except ValueError as error:
        raise ConfigError("An answer holds a character that no text file can. Type it again.") from error
    draft = read_document(document, Path(FILE_NAME).absolute(), text, kinds)
    if draft.config.mistakes:
        raise ConfigError("These answers cannot be used.", draft.config.mistakes)
    return text


def write_starter(folder: Path, answers: Answers, *, kinds: Kinds | None = None) -> list[Path]:
    """Writes surecast.toml, and the secrets below ``secrets/`` (mode 0600 in a folder of mode 0700).

    Nothing is ever overwritten, and no file is ever seen half written. The configuration comes last, so that it never
    refers to what is not there. A secret's file that already holds the same secret is left as it is.

    Returns:
        The files that are new, in the order of their writing.

    Raises:
        ConfigError: an answer cannot be used, or a secret is empty; nothing was written.
        UsageError: a file is already there, or a file cannot be written.
    """
    text = starter(answers, kinds=kinds)
    files = {folder / SECRETS / name: f"{secret.reveal()}\n" for name, secret in _secrets(answers).items()}
    files |= {folder / SECRETS / ".gitignore": "*\n"} if files else {}
    new = {path: content for path, content in files.items() if not _holds(path, content)}
    new[folder / FILE_NAME] = text
    for path in new:
        if path.name != ".gitignore" and os.path.lexists(path):
            raise UsageError(f"{path} is already there and is left as it is. Move it away, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if files:
            (folder / SECRETS).mkdir(mode=0o700, exist_ok=True)
        return [path for path, content in new.items() if _written(path, content)]
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder} cannot be written ({error.strerror}). Choose another folder."
        ) from error


def _secrets(answers: Answers) -> dict[str, Secret]:
    found: dict[str, Secret] = {}
    if answers.bluesky:
        found["bluesky"] = answers.bluesky.app_password
    if answers.mastodon:
        found["mastodon"] = answers.mastodon.access_token
    return found


def _holds(path: Path, content: str) -> bool:
    try:
        return path.read_text(encoding="utf-8").strip() == content.strip()
    except (OSError, UnicodeDecodeError):
        return False


def _written(path: Path, content: str) -> bool:
    """Makes a file whole or not at all, and never in the place of another one."""
    mode = 0o600 if path.parent.name == SECRETS else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        os.link(temporary, path)
    except FileExistsError:
        if path.name == ".gitignore":
            return False
        raise UsageError(f"{path} was made by somebody else just now and is left as it is.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return True


def _top(answers: Answers) -> str:
    return f"""\
# The configuration of surecast. Relative paths start at this file's folder.
# After every change:  surecast config check

sender = {_quoted(answers.sender)}
language = {_quoted(answers.language)}
time_zone = {_quoted(answers.time_zone)}
ledger = "surecast.db"          # remembers what was sent; keep it, and back it up with your other data
"""


def _routes(answers: Answers) -> str:
    social = [name for name, given in (("bluesky", answers.bluesky), ("mastodon", answers.mastodon)) if given]
    live = " & ".join(["site", f"({' | '.join(social)})" if len(social) > 1 else "".join(social)]) if social else "site"
    return f"""\
# Which channels, in which order:  A & B posts to both,  A | B posts to B when A does not reach in time.
[routes]
default = "{live}"
{"# " if len(social) < 2 else ""}{_urgent(social)}
"""


def _urgent(social: list[str]) -> str:
    route = 'urgent = "site & at_least(1, bluesky, mastodon)"'
    return route if len(social) == 2 else f"{route}       # once both are set up below"


def _site(answers: Answers) -> str:
    return f"""\
# Your own website: it stands when every platform is down. Pages and feeds are written into the directory.
[channels.site]
type = "site"
directory = {_quoted(answers.directory)}
url = {_quoted(answers.url)}
# after_write = ["rsync", "-a", "public/", "web:/srv/www/"]     # carries the files to the web server; no shell
"""


def _bluesky(answers: Answers) -> str:
    given = answers.bluesky
    lines = (
        "[channels.bluesky]",
        'type = "bluesky"',
        f"handle = {_quoted(given.handle if given else 'ferries.bsky.social')}",
        f'app_password = {{ file = "{SECRETS}/bluesky" }}',
    )
    about = """\
# Bluesky. Make an app password at https://bsky.app/settings/app-passwords (never your login's own), put it alone into
# the file secrets/bluesky, and let nobody else read it:  chmod 600 secrets/bluesky"""
    return _channel(about, lines, live=given is not None)


def _mastodon(answers: Answers) -> str:
    given = answers.mastodon
    lines = (
        "[channels.mastodon]",
        'type = "mastodon"',
        f"server = {_quoted(given.server if given else 'https://social.example')}",
        f'access_token = {{ file = "{SECRETS}/mastodon" }}',
    )
    about = """\
# Mastodon. On your server: Preferences, Development, New application, scopes read and write. Put the access token alone
# into the file secrets/mastodon, and let nobody else read it:  chmod 600 secrets/mastodon"""
    return _channel(about, lines, live=given is not None)


def _channel(about: str, lines: tuple[str, ...], *, live: bool) -> str:
    if live:
        return "\n".join((about, *lines, ""))
    later = "# Then remove the # before these lines, and name the channel in [routes]."
    return "\n".join((about, later, *(f"# {line}" for line in lines), ""))


def _rest() -> str:
    return """\
# Whom to turn to when a channel needs a person.
# [people.duty]
# name = "Duty manager"
# email = "duty@ferries.example"
# via = ["email"]

# One place for all platforms, where a network needs it.
# [network]
# proxy = "http://proxy.example:3128"
# ca_file = "corp-ca.pem"
"""


def _quoted(text: str) -> str:
    """A text as TOML writes it: JSON's escapes, and one that JSON does not have."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
