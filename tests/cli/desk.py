"""A folder with a surecast.toml in which the real command runs: in a pipe, or on a terminal of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "surecast")
SITE_URL = "https://ferries.example/notices"
LIMIT_S = 60.0

#: Makes its standard input the terminal that controls it, as a window does, and becomes the command.
IN_A_WINDOW = (
    sys.executable,
    "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])",
)

#: What moves the cursor, colours or clears: everything on a terminal but the characters themselves.
ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output; fails when there is anything else."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True, slots=True)
class Screen:
    """What a command wrote on a terminal, standard error included."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        return ANSI.sub("", self.raw).replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        """The lines that are left when the command has ended; what a progress erased is not among them."""
        kept = self.raw.rpartition("\x1b[2K")[2]
        return ANSI.sub("", kept).replace("\r", "").splitlines()


class Desk:
    """Somebody's working folder and environment."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment: dict[str, str] = {
            "APP_PASSWORD": "abcd-efgh-ijkl-mnop",
            "ACCESS_TOKEN": "token-of-the-shop",
            "ACCOUNT_SID": f"AC{'0' * 31}1",
            "AUTH_TOKEN": "token-of-the-telephone",
        }
        self._top = ['sender = "Harbour Ferries"', 'time_zone = "Europe/Athens"']
        self._channels: list[str] = []

    # The configuration

    @property
    def config(self) -> Path:
        return self.folder / "surecast.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "surecast.db"

    def top(self, *lines: str) -> Desk:
        self._top += lines
        return self

    def site(self) -> Desk:
        return self.channel("site", "site", directory="public", url=SITE_URL)

    def bluesky(self, url: str, **terms: str) -> Desk:
        return self.channel(
            "bluesky",
            "bluesky",
            handle="ferries.example",
            service=url,
            appview=url,
            app_password={"env": "APP_PASSWORD"},
            **terms,
        )

    def mastodon(self, url: str, name: str = "mastodon", **terms: str) -> Desk:
        return self.channel(name, "mastodon", server=url, access_token={"env": "ACCESS_TOKEN"}, **terms)

    def sms(self, url: str, **terms: Any) -> Desk:
        """A channel that writes to the telephones of the riders."""
        given = {"price": 0.0083, "max_cost": 400, "max_cost_per_day": 800, "audience": "riders", **terms}
        secrets = {"account_sid": {"env": "ACCOUNT_SID"}, "auth_token": {"env": "AUTH_TOKEN"}}
        return self.channel("sms", "twilio", api=url, **{"from": "+15005550006"}, **secrets, **given)

    def newsletter(self, url: str, **terms: Any) -> Desk:
        """A channel that writes e-mail to the riders."""
        own = {
            "from": "Harbour Ferries <notices@ferries.example>",
            "unsubscribe": "mailto:stop@ferries.example",
            "postal_address": "Pier 3, Harbour",
            "audience": "riders",
        }
        return self.channel("newsletter", "email", relays=[{"host": url}], **{**own, **terms})

    def riders(self, *people: tuple[str, str, str]) -> Desk:
        """The audience: name, telephone number and e-mail address of each; all of them agreed."""
        rows = [f"{name},{phone},{email},yes,yes" for name, phone, email in people]
        head = "name,phone,email,consent_sms,consent_email"
        (self.folder / "riders.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        self._channels += ["[audiences.riders]", 'source = "riders.csv"']
        return self

    def channel(self, name: str, kind: str, **settings: Any) -> Desk:
        self._channels += [f"[channels.{name}]", f'type = "{kind}"']
        self._channels += [f"{key} = {_toml(value)}" for key, value in settings.items()]
        return self

    def route(self, expression: str, **others: str) -> Desk:
        """Sets the default route and writes the file."""
        routes = [f'{name} = "{route}"' for name, route in {"default": expression, **others}.items()]
        self.config.write_text("\n".join([*self._top, "[routes]", *routes, *self._channels]) + "\n", encoding="utf-8")
        return self

    # Running

    def start(self, *words: str | bytes, stdin: int = subprocess.DEVNULL, **more: str) -> subprocess.Popen[bytes]:
        """Starts a command in a pipe and does not wait for it; `more` are environment variables."""
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.folder,
            env=self.environ(**more),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *words: str | bytes, typed: bytes | None = None, **more: str) -> Ran:
        """Runs a command in a pipe to its end, with `typed` on its standard input."""
        process = self.start(*words, stdin=subprocess.DEVNULL if typed is None else subprocess.PIPE, **more)
        out, err = process.communicate(typed, timeout=LIMIT_S)
        return Ran(process.returncode, out.decode(), err.decode())

    def ended(self, process: subprocess.Popen[bytes]) -> Ran:
        """Waits for a command that was started."""
        out, err = process.communicate(timeout=LIMIT_S)
        return Ran(process.returncode, out.decode(), (err or b"").decode())

    def terminal(self, *words: str, columns: int = 100, **more: str) -> Terminal:
        """Starts a command on a terminal of its own."""
        return Terminal(words, cwd=self.folder, env=self.environ(**more), columns=columns)

    def watch(self, *words: str, columns: int = 100, **more: str) -> Screen:
        """Runs a command on a terminal to its end."""
        return self.terminal(*words, columns=columns, **more).end()

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "TERM"}}
        source = {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        return {**kept, **source, **self.environment, **more}

    # What is there

    def pages(self) -> list[str]:
        """The texts of the site's pages of announcements."""
        found = sorted((self.folder / "public").glob("*.html"))
        return [page.read_text(encoding="utf-8") for page in found if page.name != "index.html"]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value)


class Terminal:
    """A command on a pseudo-terminal that is its controlling one, as in a window."""

    def __init__(self, words: tuple[str, ...], *, cwd: Path, env: dict[str, str], columns: int, rows: int = 40) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [*IN_A_WINDOW, *COMMAND, *words],
            cwd=cwd,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._seen = b""

    @property
    def raw(self) -> str:
        return self._seen.decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait_for(self, words: str, seconds: float = LIMIT_S) -> None:
        """Reads until `words` have been written."""
        until = time.monotonic() + seconds
        while words not in ANSI.sub("", self.raw):
            assert time.monotonic() < until, f"{words!r} did not come: {self.raw!r}"
            if not self._read(0.2) and self.process.poll() is not None:
                assert words in ANSI.sub("", self.raw), f"{words!r} never came: {self.raw!r}"

    def end(self) -> Screen:
        """Reads to the end of the command."""
        until = time.monotonic() + LIMIT_S
        while self.process.poll() is None or self._read(0.0):
            assert time.monotonic() < until, f"it does not end: {self.raw!r}"
            self._read(0.2)
        with contextlib.suppress(OSError):
            os.close(self._ours)
        return Screen(self.process.returncode, self.raw)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._ours, 65_536)
        except OSError:  # the other end is closed
            return False
        self._seen += piece
        return bool(piece)
