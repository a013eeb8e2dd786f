"""telemelya, an independent imitation of Telegram's Bot API, on loopback.

It refuses nothing, knows no @names, and has no getChat: it shows what a request of the real SDK holds when somebody
else reads it. It answers every error with 200 and ``ok`` false.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tests.servers import web
from tests.servers.process import Server

ANY: Final = "any"  # the control API wants a token, and takes every one


class Telemelya(Server):
    """The imitation; all it was sent is kept in memory."""

    name = "telemelya"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._boot()

    @classmethod
    def start(cls, folder: Path) -> Telemelya:
        """Start one with its log in an empty folder."""
        return cls(folder)

    def _command(self) -> list[str | Path]:
        python = self.installed / "venv" / "bin" / "python"
        # -P: this folder has a module of the same name
        return [python, "-P", Path(__file__).with_name("telemelya_app.py"), str(self.port)]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/")

    def sent(self) -> list[dict[str, Any]]:
        """What bots sent, in the order it came: `method`, `chat_id`, `text` or `caption`, `file_id`, `raw`."""
        return list(web.get(f"{self.url}/api/v1/test/responses", token=ANY)["responses"])

    def photo(self, file_id: str) -> bytes:
        """The bytes of a photo that was sent."""
        return web.send("GET", f"{self.url}/api/v1/test/media/{file_id}", token=ANY).body
