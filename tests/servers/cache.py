"""Where the test servers are installed, and whether they are there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

PDS: Final = "0.5.35"
PLC: Final = "0.0.1"
NODE: Final = "22.23.3"
DEV_ENV: Final = "0.6.7"
SNAC: Final = "2.75-2"
MASTODON_MOCK: Final = "0.6.1"
TELEMELYA: Final = "0.2.2"
FAKEREDIS: Final = "2.40.0"
EMULATE: Final = "0.12.2"
EMULATE_NODE: Final = "24.20.0"
PRISM: Final = "5.14.2"
TWILIO_CLI: Final = "9.0.0"  # its core holds Twilio's OpenAPI document

# The versions are part of the name: a new pin is a new folder, and an old one is never taken for it.
FOLDERS: Final = {
    "pds": f"pds-{PDS}_plc-{PLC}_node-{NODE}",
    "network": f"network-{DEV_ENV}_node-{NODE}",
    "snac": f"snac-{SNAC}",
    "mastodon_mock": f"mastodon_mock-{MASTODON_MOCK}",
    "telemelya": f"telemelya-{TELEMELYA}_fakeredis-{FAKEREDIS}",
    "emulate": f"emulate-{EMULATE}_node-{EMULATE_NODE}",
    "prism": f"prism-{PRISM}_twilio-{TWILIO_CLI}",
    "postfix": "postfix-debian",
}
# What a server takes from the machine itself: a cache that was kept may meet a machine without it.
COMMANDS: Final = {
    "prism": ("node",),
    "postfix": ("postfix", "openssl"),
    "network": ("initdb", "redis-server"),
}
POSTGRESQL: Final = Path("/usr/lib/postgresql")  # a folder for each version; Debian has none of them on the PATH
ROOT_ONLY: Final = ("postfix",)
MARKER: Final = "finished"


def cache() -> Path:
    """The folder that holds them all: $SURECAST_TEST_CACHE, else one in the user's cache directory."""
    chosen = os.environ.get("SURECAST_TEST_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "surecast-test-servers"


def location(name: str) -> Path:
    """The folder of one server, whether or not it is there; raises ValueError for an unknown name."""
    if name not in FOLDERS:
        raise ValueError(f"no test server is called {name!r}; there are {', '.join(FOLDERS)}")
    return cache() / FOLDERS[name]


def program(name: str) -> Path | None:
    """The machine's program of that name, PostgreSQL's newest among them; None when it is not there."""
    found = shutil.which(name)
    if found:
        return Path(found)
    named = POSTGRESQL.glob(f"[0-9]*/bin/{name}")
    return max(named, key=lambda path: int(path.parts[-3].partition(".")[0]), default=None)


def available(name: str) -> str | None:
    """None when the server is completely installed, else the sentence that says what to run."""
    if name in ROOT_ONLY and os.geteuid() != 0:
        return f"only root can run {name}: run the tests as root, or without it by `-m 'not server'`"
    if (location(name) / MARKER).is_file() and all(map(program, COMMANDS.get(name, ()))):
        return None
    return f"{name} is not installed: run `python -m tests.servers.install {name}`"
