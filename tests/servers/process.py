"""Child processes that cannot outlive the tests: how every test server is run, frozen and ended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, Final, Self

from tests.servers.cache import available, location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

START_SECONDS: Final = 90.0  # a cold start on a busy machine has taken a tenth of that
STOP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.03


class ServerError(Exception):
    """A test server did not start, or answered what it should not."""


class NotInstalledError(ServerError):
    """The server is not on this machine; the message says what to run."""


_given: set[int] = set()
_choice = random.SystemRandom()  # a seeded generator would give every test process the same ports


def free_port() -> int:
    """A loopback port nobody listens on, given out only once.

    It lies below the range of outgoing connections, so that it is still free after its server was killed.
    """
    for _ in range(1000):
        port = _choice.randrange(18000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise ServerError("no free port between 18000 and 32000")


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until the condition holds; raises ServerError with `what` after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"{what} within {seconds:g} s")
        time.sleep(POLL_SECONDS)


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


# A child asks the kernel to be killed with its parent, and then becomes the server under the same number.
_LEASH: Final = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""

# That kernel takes the *thread* that started a child for its parent, so one that lasts starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="test-servers")


def _end_group(popen: subprocess.Popen[bytes], owner: int) -> None:
    """Kill the process and all its children, if this is the process that started it."""
    if os.getpid() != owner or popen.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
    popen.wait()


class Process:
    """One running child in a process group of its own, its output in a log file.

    It ends with the tests, also when they are killed. Only its own group is ever signalled, by number.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path) -> None:
        owner = os.getpid()
        leashed = [sys.executable, "-I", "-S", "-c", _LEASH, str(owner), *command]

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    leashed, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=env,
                    start_new_session=True,
                )  # fmt: skip

        self.log = log
        self._lock = threading.Lock()
        self._popen = _starter.submit(start).result()
        self._finalizer = weakref.finalize(self, _end_group, self._popen, owner)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; a frozen process counts as running."""
        if self._popen.returncode is not None:
            return False
        # Looks without reaping: until kill() reaps it, its number cannot become another's.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def _signal(self, number: int) -> None:
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP); returns when it runs no more."""
        self._signal(signal.SIGSTOP)
        if self._popen.returncode is None:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it and its group at once (SIGKILL); returns when it is gone. Does nothing a second time."""
        with self._lock:
            self._finalizer()

    def stop(self) -> None:
        """End it politely (SIGTERM), thawed if need be, and after some seconds by force."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        with contextlib.suppress(ServerError):
            wait_until(lambda: not self.running, STOP_SECONDS, "did not stop")
        self.kill()

    def wait_ready(self, ready: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
        """Poll until `ready`; if it ends before or takes too long, kill it and raise with the log's tail."""
        try:
            wait_until(lambda: not self.running or ready(), seconds, f"{what} did not come up")
        except ServerError as error:
            failure = str(error)
        else:
            if self.running:
                return
            failure = f"{what} ended while starting"
        self.kill()
        raise ServerError(f"{failure}; the end of {self.log}:\n{tail(self.log)}")


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log file, empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class Server(ABC):
    """A test server with a folder and a port of its own, both kept for as long as the object is used.

    Use it as a context manager, or end it with stop(). Its log is `<folder>/<name>.log`.
    """

    name: ClassVar[str]
    ours: ClassVar[bool] = False
    """Whether it is a program of this folder, so that there is nothing to install."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        missing = None if self.ours else available(self.name)
        if missing:
            raise NotInstalledError(missing)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.absolute()
        self.log = self.folder / f"{self.name}.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {**self._clean_environment(), **(env or {})}
        self._process: Process | None = None
        self._ended = False

    @staticmethod
    def _clean_environment() -> dict[str, str]:
        """The environment without what would steer the servers or send their traffic elsewhere."""
        steering = ("PDS_", "LOG_", "NODE_", "PYTHON", "COVERAGE_", "COV_CORE_")
        return {
            key: value
            for key, value in os.environ.items()
            if not (key.startswith(steering) or key.lower().endswith("_proxy") or key in ("HOST", "PORT"))
        }

    @property
    def installed(self) -> Path:
        """The folder it is installed in."""
        return location(self.name)

    @property
    def process(self) -> Process:
        """The server's process; raises ServerError after kill() or stop()."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """What to run."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it serves requests by now; asked again and again during the start."""

    def _boot(self) -> None:
        self._process = Process(self._command(), self.log, self._env, self.folder)
        try:
            self._process.wait_ready(self._ready, self.name)
        except ServerError:
            self._process = None
            raise

    def freeze(self) -> None:
        """Make it hang: connections are accepted and requests taken by the kernel, nothing is processed."""
        self.process.freeze()

    def thaw(self) -> None:
        """Let it go on where it was frozen, including the requests that came meanwhile."""
        self.process.thaw()

    def kill(self) -> None:
        """Kill it as a crash would; connections are refused until restart(). Its data stay."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Start it again with the same data and at the same address, after ending it if it still runs."""
        if self._ended:
            raise ServerError(f"{self.name} was stopped for good: start a new one")
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._boot()

    def stop(self) -> None:
        """End it for good, at once and by force; safe to call twice, and after kill()."""
        self._ended = True
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
