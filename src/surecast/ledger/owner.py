"""Who holds a lease: a name that another process on this host can prove dead."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

#: So long a lease holds without a word from its owner, in seconds.
LEASE_S = 15.0


def new_owner() -> str:
    """A name for one dispatcher of this process: ``host:namespace:pid:start:random``."""
    pid = os.getpid()
    return ":".join([_host(), _namespace(), str(pid), _start(pid), secrets.token_hex(3)])


def proven_dead(owner: str) -> bool:
    """Whether the process behind `owner` certainly ended; False where that cannot be known from here.

    A process is known by host, process-id namespace (containers), id and start time: an id used again is another
    process. Where the system tells no start time, only a missing id proves death, and a lease runs out by itself.
    """
    try:
        host, namespace, pid_text, start, _ = owner.split(":")
        pid = int(pid_text)
    except ValueError:
        return False
    if (host, namespace) != (_host(), _namespace()):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    now = _start(pid)
    return bool(start and now) and now != start


def _host() -> str:
    return socket.gethostname().replace(":", "-")


def _namespace() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie has ended and only waits to be collected: field 3 is the state, field 22 the start time.
    return "" if len(fields) < 20 else ("ended" if fields[0] in "ZX" else fields[19])
