"""snac, a small real Mastodon-API server, on loopback. It ignores Idempotency-Key: a retry is a duplicate."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any, Final

from tests.servers import web
from tests.servers.process import Server, ServerError

USER: Final = "writer"
OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"


class Snac(Server):
    """A snac with one user, and an access token of that user that survives restarts."""

    name = "snac"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = self.folder / "data"
        self._password = self._make_user()
        self._boot()
        try:
            self.access_token = self._authorize()
            me = web.get(f"{self.url}/api/v1/accounts/verify_credentials", token=self.access_token)
            self._account = str(me["id"])
        except BaseException:
            self.stop()
            raise

    @classmethod
    def start(cls, folder: Path) -> Snac:
        """Start one with its data in an empty folder, log its user in and keep the token."""
        return cls(folder)

    def _command(self) -> list[str | Path]:
        return [self.installed / "snac", "httpd", self.data]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/api/v1/instance")

    def _snac(self, *arguments: str | Path, answers: str = "") -> str:
        done = subprocess.run(
            [self.installed / "snac", *arguments], input=answers, capture_output=True, text=True, timeout=60,
            env=self._env, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"snac {arguments[0]} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def _make_user(self) -> str:
        # It asks for the address and port to listen on, the host name, a path and an e-mail address.
        wanted = ("127.0.0.1", str(self.port), f"localhost:{self.port}", "", "admin@example.com", "")
        self._snac("init", self.data, answers="\n".join(wanted))
        file = self.data / "server.json"
        settings = json.loads(file.read_text()) | {"protocol": "http"}
        # It delivers each post to its own inbox too: with few threads these deliveries wait for one another.
        settings |= {"num_threads": 128, "queue_timeout": 1, "queue_timeout_2": 1, "queue_retry_max": 0}
        file.write_text(json.dumps(settings))
        said = self._snac("adduser", self.data, USER)
        password = re.search(r"^User password is (.+)$", said, re.MULTILINE)
        if password is None:
            raise ServerError(f"snac adduser gave no password: {said}")
        return password[1]

    def _authorize(self) -> str:
        """The OAuth walk of a person: register an app, log in on the page, trade the code for a token."""
        scopes = "read write"
        app = {"client_name": "tests", "redirect_uris": OUT_OF_BAND, "scopes": scopes}
        client = web.send("POST", f"{self.url}/api/v1/apps", form=app).json()
        asked = {
            "client_id": client["client_id"],
            "response_type": "code",
            "redirect_uri": OUT_OF_BAND,
            "scope": scopes,
        }
        page = web.send("GET", f"{self.url}/oauth/authorize?{urllib.parse.urlencode(asked)}").text
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        form |= {"login": USER, "passwd": self._password}
        shown = web.send("POST", f"{self.url}/oauth/x-snac-login", form=form).text
        grant = {
            "grant_type": "authorization_code",
            "code": shown.partition("&")[0].strip(),
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "redirect_uri": OUT_OF_BAND,
            "scope": scopes,
        }
        return str(web.send("POST", f"{self.url}/oauth/token", form=grant).json()["access_token"])

    def kill(self) -> None:
        """Kill it as a crash would, and remove the shared memory that a killed snac leaves behind."""
        pid = self._process and self._process.pid
        super().kill()
        for name in (f"sem.job_{pid}", f"localhost:{self.port}_snac_state"):
            Path("/dev/shm", name).unlink(missing_ok=True)

    def statuses(self) -> list[dict[str, Any]]:
        """The user's statuses as the API gives them, the newest first."""
        return statuses(self.url, self.access_token, self._account)


def statuses(url: str, token: str, account: str) -> list[dict[str, Any]]:
    """All statuses of an account of a Mastodon-API server, the newest first."""
    found: dict[str, dict[str, Any]] = {}
    query = {"limit": "40"}
    while True:
        page = web.get(f"{url}/api/v1/accounts/{account}/statuses", query, token=token)
        new = {str(status["id"]): status for status in page if str(status["id"]) not in found}
        if not new:
            return list(found.values())
        found |= new
        query["max_id"] = str(page[-1]["id"])
