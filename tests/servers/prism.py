"""Prism with Twilio's own OpenAPI document, on loopback: it says whether a request has the shape that Twilio documents.

It refuses a missing parameter or one of a wrong type or pattern (422), and a request without credentials (401). It has
no memory, knows none of Twilio's error codes, and lets unknown parameters and numbers that are none pass. What it
answers is made up, and a list is answered by 500, as the document's own examples break its rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers import web
from tests.servers.process import Server

if TYPE_CHECKING:
    from pathlib import Path


class Prism(Server):
    """The judge of requests to ``https://api.twilio.com``."""

    name = "prism"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._boot()

    @classmethod
    def start(cls, folder: Path) -> Prism:
        """Start one with its log in an empty folder."""
        return cls(folder)

    def _command(self) -> list[str | Path]:
        program = self.installed / "node_modules" / ".bin" / "prism"
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        # --errors: a bad request is refused, where it would be answered all the same
        return [program, "mock", "--errors", *where, self.installed / "twilio_api_v2010.json"]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/2010-04-01/Accounts.json")
