"""Opened ledgers for tests: real files, used in the thread that opened them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests import stories

from surecast.history import Fact, Plan
from surecast.ledger import batches, broadcasts
from surecast.ledger.broadcasts import Turn
from surecast.ledger.database import Database

ROOT = Path(__file__).resolve().parents[2]
NOW = stories.START
ME, OTHER = "me", "other"


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as database:
        yield database


def alive(_owner: str) -> bool:
    """Nobody is dead."""
    return False


def plan(route: str = "a", *, key: str | None = None, text: str = "f", at: float = NOW, **own: Any) -> Plan:
    """A plan that is not accepted yet."""
    return replace(stories.plan(route, **own), id="", key=key, fingerprint=text, created_at=at)


def accept(
    database: Database, some: Plan, *, since: float | None = None, images: Mapping[str, bytes] | None = None
) -> broadcasts.Accepted:
    return broadcasts.accept(database, some, images or {}, repeat_since=since)


def open_turn(database: Database, route: str = "a", **own: Any) -> tuple[Plan, int]:
    """An accepted broadcast whose first channel has its turn; gives the plan and the id of the batch."""
    accepted = accept(database, plan(route, **own)).plan
    return accepted, open_turns(database, accepted, "a")[0]


def open_turns(database: Database, accepted: Plan, *channels: str) -> list[int]:
    epoch = broadcasts.claim(database, accepted.id, ME, NOW, alive)
    assert epoch is not None
    turns = tuple(Turn(channel=channel, skip=None, not_before=None) for channel in channels)
    assert broadcasts.settle(
        database, accepted, epoch, turns=turns, state="pending", final=False, owed=channels, wake_at=None, now=NOW
    )
    by_channel = {found.channel: found.id for found in batches.listed(database, accepted.id)}
    return [by_channel[channel] for channel in channels]


def claimed(database: Database, batch: int, owner: str = ME, now: float = NOW) -> batches.Claim:
    claim = batches.claim(database, batch, owner, now, alive)
    assert claim is not None
    return claim


def began(attempt: int = 1) -> Fact:
    return stories.began("a", NOW, attempt)


def rows(path: Path, question: str) -> list[tuple[Any, ...]]:
    """What the file holds, seen by somebody else."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def run_python(program: str, *arguments: object, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own, with this checkout."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *map(str, arguments)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def start_python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts one, and does not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *map(str, arguments)],
        env=environment(),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment() -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("SURECAST")}
    return {**kept, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@contextmanager
def running(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A program that runs while the block lasts."""
    with start_python(program, *arguments) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait(20)
