"""A small business with a configuration, that runs the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shop:
    """A folder with a surecast.toml; every command runs in a process of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._channels: list[str] = []
        self._secrets: dict[str, str] = {}
        self._top = ['sender = "Harbour Ferries"']
        self._routes = ""

    def site(self) -> Shop:
        return self._channel("site", "site", directory="public", url="https://ferries.example/notices")

    def bluesky(self, name: str, service: str, handle: str, password: str, **own: str) -> Shop:
        self._secrets[f"PW_{name.upper()}"] = password
        return self._channel(
            name, "bluesky", service=service, handle=handle, app_password_env=f"PW_{name.upper()}", **own
        )

    def mastodon(self, name: str, server: str, token: str, **own: str) -> Shop:
        self._secrets[f"TOKEN_{name.upper()}"] = token
        return self._channel(name, "mastodon", server=server, access_token_env=f"TOKEN_{name.upper()}", **own)

    def top(self, line: str) -> Shop:
        self._top.append(line)
        return self

    def route(self, expression: str) -> Shop:
        """Sets the default route and writes the file."""
        text = "\n".join([*self._top, "[routes]", f'default = "{expression}"', *self._channels])
        (self.folder / "surecast.toml").write_text(text, encoding="utf-8")
        return self

    def _channel(self, name: str, kind: str, **settings: str) -> Shop:
        lines = [f"[channels.{name}]", f'type = "{kind}"']
        for key, value in settings.items():
            if key.endswith("_env"):
                lines.append(f'{key.removesuffix("_env")} = {{ env = "{value}" }}')
            else:
                lines.append(f'{key} = "{value}"')
        self._channels += lines
        return self

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts a command and does not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "surecast", *words],
            cwd=self.folder,
            env={**os.environ, **self._secrets, "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> Ran:
        """Runs a command to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=110)
        return Ran(process.returncode, out, err)

    def pages(self) -> list[str]:
        """Names of the site's pages of announcements."""
        folder = self.folder / "public"
        return (
            sorted(page.name for page in folder.glob("*.html") if page.name != "index.html") if folder.exists() else []
        )
