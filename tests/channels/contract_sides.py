"""The far sides on which the adapters run their contract: simulated platforms, real servers, a folder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer

from surecast.channel import Adapter
from surecast.channels.site import Settings, Site
from surecast.outcome import Verdict
from surecast.sandbox import Fault, Kind, On, Platform, Trouble
from surecast.sandbox.server import Request
from surecast.testing import a_context

#: What the faults of a simulated platform are called, whatever the platform.
SIMULATED: dict[str, Verdict] = {
    Fault.DOWN: Verdict.UNAVAILABLE,
    Fault.HANG_BEFORE: Verdict.UNCERTAIN,
    Fault.HANG_AFTER: Verdict.UNCERTAIN,
    Fault.LOST_REPLY: Verdict.UNCERTAIN,
    Fault.HALF: Verdict.UNCERTAIN,
    Fault.SLOW: Verdict.UNCERTAIN,
    Fault.RESET: Verdict.UNCERTAIN,
    Fault.CLOSE: Verdict.UNCERTAIN,
    Fault.THROTTLED: Verdict.THROTTLED,
    Fault.UNAUTHORIZED: Verdict.UNAUTHORIZED,
    Fault.FORBIDDEN: Verdict.UNAUTHORIZED,
    Fault.REFUSED: Verdict.REFUSED,
    Fault.ERROR: Verdict.UNCERTAIN,
    Fault.UNAVAILABLE: Verdict.UNAVAILABLE,
    Fault.GARBAGE: Verdict.UNCERTAIN,
}

#: The same for a `FaultServer` in front of a real one.
PROXIED: dict[str, Verdict] = {
    "hang_after_body": Verdict.UNCERTAIN,
    "lost_reply": Verdict.UNCERTAIN,
    "lost_reply_hang": Verdict.UNCERTAIN,
    "half": Verdict.UNCERTAIN,
    "302": Verdict.UNCERTAIN,
    "401": Verdict.UNAUTHORIZED,
    "408": Verdict.UNCERTAIN,
    "413": Verdict.REFUSED,
    "422": Verdict.REFUSED,
    "429-date": Verdict.THROTTLED,
    "429-none": Verdict.THROTTLED,
    "500": Verdict.UNCERTAIN,
    "503": Verdict.UNAVAILABLE,
    "504": Verdict.UNCERTAIN,
    "200-html": Verdict.UNCERTAIN,
    "200-broken-json": Verdict.UNCERTAIN,
}


class SimulatedSide:
    """A platform of the sandbox.

    Args:
        platform: of a sandbox that runs.
        begin: makes an adapter on a server's address.
        mark: what a request is recognised by.
    """

    def __init__(self, platform: Platform, begin: Callable[[str], Adapter], mark: Callable[[Request], str]) -> None:
        self._platform = platform
        self._begin = begin
        self._mark = mark

    def adapter(self) -> Adapter:
        return self._begin(self._platform.url)

    def texts(self) -> Sequence[str]:
        return [post.text for post in self._platform.posts()]

    def writes(self) -> Sequence[str]:
        return [self._mark(request) for request in self._platform.requests() if request.kind is Kind.WRITE]

    def break_(self, fault: str) -> None:
        on = On.ALL if fault == Fault.DOWN else On.WRITES
        self._platform.trouble(Trouble(fault=Fault(fault), on=on))

    def mend(self) -> None:
        self._platform.trouble()


class ProxiedSide:
    """A real server, behind a `FaultServer` that hands everything on until it is told to break the writes.

    Args:
        server: the proxy; its `only` picks the writes.
        begin: makes an adapter on a server's address.
        texts: what the real server holds.
        mark: what a request is recognised by.
    """

    def __init__(
        self,
        server: FaultServer,
        begin: Callable[[str], Adapter],
        texts: Callable[[], Sequence[str]],
        mark: Callable[[Recorded], str],
    ) -> None:
        self._server = server
        self._begin = begin
        self._mark = mark
        self.texts = texts

    def adapter(self) -> Adapter:
        return self._begin(self._server.url)

    def writes(self) -> Sequence[str]:
        only = self._server.only
        assert only is not None
        return [self._mark(request) for request in self._server.requests if only(request.method, request.path)]

    def break_(self, fault: str) -> None:
        self._server.set_fault(fault)

    def mend(self) -> None:
        self._server.clear()


class FolderSide:
    """A website's folder, and a command that carries it on; a run of that command is a write.

    Args:
        around: an empty folder, for the website's own and for the switches of the command.
    """

    FAULTS = ("busy", "command_fails", "command_hangs", "file_in_its_place", "foreign_start_page")

    #: Notes what it carries on, and ends well, with an error, or not before it may.
    COMMAND = (
        'printf "%s\\n" "$(ls site/entries | tr "\\n" " ")" >> writes\n'
        "while [ -e command_hangs ]; do sleep 0.02; done\n"
        "test ! -e command_fails\n"
    )

    def __init__(self, around: Path) -> None:
        self._around = around
        self._folder = around / "site"
        self._broken = ExitStack()

    def adapter(self) -> Adapter:
        settings = Settings(
            directory=self._folder,
            url="http://127.0.0.1:1/notices",  # nobody serves it
            after_write=("sh", "-c", self.COMMAND),
            after_write_in=self._around,
        )
        return Site(settings, a_context("site"))

    def texts(self) -> Sequence[str]:
        return [json.loads(path.read_bytes())["text"] for path in self._folder.glob("entries/**/*.json")]

    def writes(self) -> Sequence[str]:
        noted = self._around / "writes"
        return noted.read_text().splitlines() if noted.exists() else []

    def break_(self, fault: str) -> None:
        match fault:
            case "command_fails" | "command_hangs":
                self._put(self._around / fault, "")
            case "file_in_its_place":
                self._put(self._folder, "not a folder")
            case "foreign_start_page":
                self._put(self._folder / "index.html", "<title>Somebody else's</title>")
            case "busy":
                self._lock()
            case _:
                raise ValueError(f"A folder has no fault {fault!r}. It has: {', '.join(self.FAULTS)}.")

    def mend(self) -> None:
        self._broken.close()

    def _put(self, path: Path, content: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        self._broken.callback(path.unlink)

    def _lock(self) -> None:
        """As another process that writes."""
        path = self._folder / ".surecast" / "write.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self._broken.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
