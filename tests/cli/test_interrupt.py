"""Ctrl-C and SIGTERM in the middle: quick, saved, and nothing doubled afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import Desk
from tests.servers.faults import FaultServer

#: An attempt that has just begun may end within 2 s; the rest is for a slow machine.
LEAVES_WITHIN_S = 2.0 + 3.0


@pytest.fixture
def hanging() -> Iterator[FaultServer]:
    with FaultServer("hang_after_body") as server:
        yield server


def begun_without_end(ledger: Path) -> int:
    """Attempts of which the ledger does not know how they ended."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        kinds = [row[0] for row in connection.execute("select kind from fact where action is not null")]
    return kinds.count("began") - kinds.count("ended")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_stopped_while_a_channel_hangs(desk: Desk, hanging: FaultServer, number: int, code: int) -> None:
    desk.site().bluesky(hanging.url).route("site & bluesky")
    process = desk.start("send", "Ferry 12 is cancelled")
    hanging.wait_for(1, 30)
    began = time.monotonic()
    process.send_signal(number)
    ran = desk.ended(process)
    assert time.monotonic() - began < LEAVES_WITHIN_S
    assert (ran.code, ran.out) == (code, "")
    name = desk.run("status", "last", "--json").json["id"]
    assert ran.err == f"Saved as {name}. Go on: surecast resume {name}. Stop for good: surecast cancel {name}.\n"
    assert begun_without_end(desk.ledger) == 0
    assert len(desk.pages()) == 1


def test_the_sentence_comes_at_once(desk: Desk, hanging: FaultServer) -> None:
    desk.bluesky(hanging.url).route("bluesky")
    process = desk.start("send", "Ferry 12 is cancelled")
    hanging.wait_for(1, 30)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    began = time.monotonic()
    assert process.stderr.readline().startswith(b"Saved as ")
    assert time.monotonic() - began < 1.5  # before the attempt has had its last seconds
    desk.ended(process)


def test_a_second_signal_ends_it_at_once(desk: Desk, hanging: FaultServer) -> None:
    desk.bluesky(hanging.url).route("bluesky")
    process = desk.start("send", "Ferry 12 is cancelled")
    hanging.wait_for(1, 30)
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)  # one Ctrl-C may come twice
    threading.Event().wait(0.5)
    process.send_signal(signal.SIGINT)
    ran = desk.ended(process)
    assert (ran.code, ran.err) == (130, "")
    assert begun_without_end(desk.ledger) == 1  # as after kill -9; the next run looks it up


def test_commands_to_type_next_name_the_same_configuration(desk: Desk, hanging: FaultServer) -> None:
    desk.bluesky(hanging.url).route("bluesky")
    process = desk.start("send", "Ferry 12 is cancelled", "--config", "surecast.toml")
    hanging.wait_for(1, 30)
    process.send_signal(signal.SIGINT)
    err = desk.ended(process).err
    name = err.split()[2].rstrip(".")
    assert f"Go on: surecast resume {name} --config surecast.toml. " in err
    assert f"Stop for good: surecast cancel {name} --config surecast.toml." in err


def test_with_json_the_one_object_has_the_id(desk: Desk, hanging: FaultServer) -> None:
    desk.bluesky(hanging.url).route("bluesky")
    process = desk.start("send", "Ferry 12 is cancelled", "--json", "--key", "cms:412")
    hanging.wait_for(1, 30)
    process.send_signal(signal.SIGINT)
    ran = desk.ended(process)
    assert set(ran.json) == {"schema", "error", "id"}
    assert ran.json["id"] == desk.run("status", "last", "--json").json["id"]


def test_what_was_interrupted_goes_on_and_is_there_once(house: Desk, far_side: Sandbox) -> None:
    text = f"Ferry {random.randrange(10**9)} is cancelled"
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    house.route("site & bluesky")
    process = house.start("send", text)
    bluesky = far_side.platforms["bluesky"]
    while not any(text in post.text for post in bluesky.posts()):
        assert process.poll() is None
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    assert house.ended(process).code == 130
    far_side.lift()
    resumed = house.run("resume", "last", "--json")
    assert resumed.code == 0, resumed.out
    assert sum(text in post.text for post in bluesky.posts()) == 1
    assert len(house.pages()) == 1


def test_stopped_while_it_resumes(desk: Desk, hanging: FaultServer) -> None:
    desk.bluesky(hanging.url).route("bluesky")
    assert desk.run("send", "Ferry 12 is cancelled", "--no-wait").code == 0
    process = desk.start("resume")
    hanging.wait_for(1, 30)
    process.send_signal(signal.SIGINT)
    ran = desk.ended(process)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "Stopped; what is owed stays in the ledger. Go on: surecast resume.\n"
    assert begun_without_end(desk.ledger) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_before_anything_was_accepted(shop: Desk, number: int, code: int) -> None:
    slow = shop.folder / "slow"
    os.mkfifo(slow)
    process = shop.start("send", "--text-file", "slow")
    writer = None
    until = time.monotonic() + 30
    while writer is None:
        assert time.monotonic() < until
        with contextlib.suppress(OSError):  # until somebody reads
            writer = os.open(slow, os.O_WRONLY | os.O_NONBLOCK)
        threading.Event().wait(0.05)
    process.send_signal(number)
    os.close(writer)
    ran = shop.ended(process)
    assert (ran.code, ran.out, ran.err) == (code, "", "Stopped.\n")
    assert not shop.ledger.exists()
