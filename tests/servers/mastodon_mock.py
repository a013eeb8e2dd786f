"""mastodon_mock, an imitation of Mastodon 4.6 that honours Idempotency-Key, on loopback.

A post whose request a fault delayed past the client's patience is not stored: for "timed out but accepted"
freeze snac, or put a FaultServer("lost_reply") in front.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.servers import web
from tests.servers.process import Server
from tests.servers.snac import statuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Effect = Literal["status", "ratelimit", "latency", "malformed", "timeout"]
TOKEN: Final = "mock_token"


class MastodonMock(Server):
    """The mock with one account, and its data in a file, so that they survive kill() and restart()."""

    name = "mastodon_mock"
    access_token = TOKEN

    def __init__(self, folder: Path, rate_limit: tuple[int, int] | None = None) -> None:
        super().__init__(folder)
        self._settings = self.folder / "settings.toml"
        limit, window = rate_limit or (300, 300)
        self._settings.write_text(
            f"media_storage_path = {json.dumps(str(self.folder / 'media'))}\n"
            f"[database]\npath = {json.dumps(str(self.folder / 'mock.sqlite3'))}\n"
            f"[ratelimit]\nenabled = {json.dumps(rate_limit is not None)}\n"
            f"limit = {limit}\nwindow_seconds = {window}\n"
        )
        self._boot()
        me = web.get(f"{self.url}/api/v1/accounts/verify_credentials", token=TOKEN)
        self._account = str(me["id"])

    @classmethod
    def start(cls, folder: Path, rate_limit: tuple[int, int] | None = None) -> MastodonMock:
        """Start one with its data in an empty folder; `rate_limit` is (requests, seconds), default none."""
        return cls(folder, rate_limit)

    def _command(self) -> list[str | Path]:
        python = self.installed / "venv" / "bin" / "python"
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        return [python, "-m", "mastodon_mock", "serve", "--config", self._settings, *where]

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/api/v1/_mock/faults")

    def statuses(self) -> list[dict[str, Any]]:
        """The account's statuses as the API gives them, the newest first."""
        return statuses(self.url, TOKEN, self._account)

    def fault(
        self,
        effect: Effect = "status",
        *,
        status: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        delay_ms: int = 0,
        methods: Sequence[str] = ("POST",),
        path: str = "/api/v1/statuses",
        remaining: int | None = None,
    ) -> None:
        """Disturb the matching requests, `remaining` of them or all; of several faults the oldest counts.

        status: answer with it and do nothing; ratelimit: 429 with Mastodon's headers; latency: wait, then
        do it; malformed: 200 with broken JSON, nothing done; timeout: wait 30 s or longer, then do it.
        """
        what: dict[str, Any] = {"type": effect, "delay_ms": delay_ms, "body": body}
        what["headers"] = dict(headers or {})
        if status is not None:
            what["status"] = status
        rule = {"match": {"methods": list(methods), "path": path}, "effect": what, "count": remaining}
        web.send("POST", f"{self.url}/api/v1/_mock/faults", data=rule, token=TOKEN).json()

    def clear_faults(self) -> None:
        """Forget all faults; a restart does so too."""
        web.send("DELETE", f"{self.url}/api/v1/_mock/faults", token=TOKEN).json()
