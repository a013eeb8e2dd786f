"""A far side for e-mail that costs almost nothing: for figures, where Postfix would be what is measured.

It takes every message in a process of its own that outlives its clients, and keeps who was written to, not the text.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import Server, answers


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that came."""

    sender: str
    recipients: tuple[str, ...]
    message_id: str | None
    """With its angle brackets, None for a message without one."""
    size: int
    """Bytes, without the end of the last line."""


class SmtpSink(Server):
    """Takes every message, and answers it after a delay if one is given; what came survives kill()."""

    name = "smtp_sink"
    ours = True

    def __init__(self, folder: Path, delay_seconds: float = 0.0) -> None:
        super().__init__(folder)
        self.host = "127.0.0.1"
        self.url = f"smtp://{self.host}:{self.port}"
        self._delay = delay_seconds
        self._journal = self.folder / "journal"
        self._boot()

    @classmethod
    def start(cls, folder: Path, delay_seconds: float = 0.0) -> SmtpSink:
        """Start one with its journal in an empty folder."""
        return cls(folder, delay_seconds)

    def _command(self) -> list[str | Path]:
        app = Path(__file__).with_name("smtp_sink_app.py")
        return [sys.executable, "-I", app, str(self.port), self._journal, str(self._delay)]

    def _ready(self) -> bool:
        return answers(self.port)

    def sent(self) -> list[Taken]:
        """The messages that came, in their order."""
        lines = [json.loads(line) for line in self._journal.read_text().splitlines()]
        return [Taken(**{**line, "recipients": tuple(line["recipients"])}) for line in lines]
