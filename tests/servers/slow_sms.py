"""A far side for text messages that is fast, and takes its time on purpose: for figures, and for killed clients.

It speaks as much of Twilio's API as sending and looking up takes, in a process of its own that outlives its clients and
tells afterwards what they sent. Emulate is the one that was written by somebody else.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import web
from tests.servers.emulate import ACCOUNT_SID, AUTH_TOKEN, NUMBER, SERVICE_SID
from tests.servers.process import Server


@dataclass(frozen=True, slots=True)
class Counts:
    """What came since the start or the last reset()."""

    requests: int
    creates: int
    """Requests that ask for a message to be sent, refused ones too."""
    most_in_flight: int
    """The highest number of such requests that were unanswered at one time."""


class SlowSms(Server):
    """Takes every message at once and answers after a delay; all is in memory, and lost by kill().

    It asks for some login, and takes any. It refuses a message without a recipient (21604), without a text (21602),
    with more than 1600 characters (21617), and those to Twilio's own test numbers:

    +15005550001 is no number (21211), ...2 cannot be reached (21612), ...3 lies in a country that is not enabled
    (21408), ...4 does not want messages any more (21610), and ...9 is a landline (21614).
    """

    name = "slow_sms"
    ours = True
    account_sid = ACCOUNT_SID
    auth_token = AUTH_TOKEN
    number = NUMBER
    service_sid = SERVICE_SID

    def __init__(self, folder: Path, delay_seconds: float = 0.05) -> None:
        super().__init__(folder)
        self._delay = delay_seconds
        self._boot()

    @classmethod
    def start(cls, folder: Path, delay_seconds: float = 0.05) -> SlowSms:
        """Start one with its log in an empty folder."""
        return cls(folder, delay_seconds)

    def _command(self) -> list[str | Path]:
        app = Path(__file__).with_name("slow_sms_app.py")
        return [sys.executable, "-I", app, str(self.port), str(self._delay)]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/_counts")

    def sent(self) -> list[dict[str, Any]]:
        """The messages it took, in the order they came: as the API gives them, and `status_callback`."""
        return list(web.get(f"{self.url}/_sent"))

    def counts(self) -> Counts:
        """How many requests came, and how many at one time."""
        return Counts(**web.get(f"{self.url}/_counts"))

    def set_delay(self, seconds: float) -> None:
        """Take that long for the answers from now on."""
        self._delay = seconds
        web.send("POST", f"{self.url}/_delay", form={"Seconds": str(seconds)}).json()

    def reset(self) -> None:
        """Forget all messages and counts."""
        web.send("POST", f"{self.url}/_reset", form={}).json()
