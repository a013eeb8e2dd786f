"""`surecast watch`: from cron with --once, as a service until somebody stops it, and --check for whoever watches it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time

import pytest

from surecast.ledger import outages
from surecast.sandbox import Fault, Sandbox
from tests.cli.desk import COMMAND, Desk
from tests.ledger.open_files import opened

ALL_WELL = "All channels work as far as is known; nothing is owed."
CLOCK = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"
STOPPED = '{"schema": 1, "stopped": true}\n'
NOBODY = "No watch was ever seen over this ledger. Start one: surecast watch, or in cron: surecast watch --once."


@pytest.fixture
def harbour(house: Desk) -> Desk:
    """The house, whose watch looks again at once."""
    return house.top("[watch]", 'every = "1s"', 'recheck = "1s"').route("bluesky | mastodon")


def pass_s(seconds: float) -> None:
    threading.Event().wait(seconds)


def open_outages(desk: Desk) -> int:
    with opened(desk.ledger) as database:
        return len(outages.open_now(database))


# Once


def test_once_looks_delivers_what_is_owed_and_says_how_things_stand(shop: Desk) -> None:
    name = shop.run("send", "one", "--no-wait", "--json").json["id"]
    ran = shop.run("watch", "--once")
    assert (ran.code, ran.lines, ran.err) == (0, [ALL_WELL], "")
    assert len(shop.pages()) == 1
    assert shop.run("status", name, "--json").json["state"] == "reached"


def test_once_as_json_names_what_it_touched(shop: Desk) -> None:
    name = shop.run("send", "one", "--no-wait", "--json").json["id"]
    told = shop.run("watch", "--once", "--json").json
    assert set(told) == {"schema", "overview", "broadcasts"}
    assert told["broadcasts"] == [name]
    assert told["overview"]["watcher_seen"] is not None
    # Seldom the last word of a broadcast is recorded by the next run only.
    assert [] in [shop.run("watch", "--once", "--json").json["broadcasts"] for _ in range(2)]


def test_once_and_quiet_speaks_only_when_there_is_something_to_see_to(harbour: Desk, far_side: Sandbox) -> None:
    calm = harbour.run("watch", "--once", "--quiet")
    assert (calm.code, calm.out, calm.err) == (0, "", "")
    assert harbour.run("watch", "--once", "--quiet", "--json").out == ""
    far_side.fault("bluesky", Fault.DOWN)
    for _ in range(2):
        pass_s(1.0)
        ran = harbour.run("watch", "--once", "--quiet")
    assert ran.code == 0, "cron is told by words; a code would be taken for a fault of the watch"
    assert re.match(rf"DOWN: bluesky since {CLOCK}: ", ran.lines[0]), ran.out
    assert re.search(rf"; an outage since {CLOCK}, readers not told", ran.lines[0])
    with opened(harbour.ledger) as database:
        assert [outage.channel for outage in outages.open_now(database)] == ["bluesky"]


def test_one_bad_look_is_no_outage(harbour: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.DOWN)
    ran = harbour.run("watch", "--once")
    assert re.match(rf"DEGRADED: bluesky since {CLOCK}: asking it without posting failed just now: ", ran.lines[0])
    far_side.lift()
    pass_s(1.0)
    assert harbour.run("watch", "--once").lines == [ALL_WELL]
    with opened(harbour.ledger) as database:
        assert outages.since(database, 0.0) == ()


def test_two_at_once_make_one_look_each_round(harbour: Desk, far_side: Sandbox) -> None:
    harbour.run("watch", "--once")
    pass_s(1.0)
    far_side.platforms["mastodon"].forget_requests()
    running = [harbour.start("watch", "--once", "--quiet") for _ in range(4)]
    assert [harbour.ended(each).code for each in running] == [0] * 4
    assert 1 <= len(far_side.platforms["mastodon"].requests()) <= 3, "one look, or another after a second"


# As a service


def test_a_service_says_what_it_does_and_ends_in_order(shop: Desk) -> None:
    process = shop.start("watch")
    assert process.stdout is not None
    assert process.stdout.readline().decode() == (
        f"Watching site and delivering what is owed in {shop.ledger}, until Ctrl-C or SIGTERM. "
        "Notices to readers wait as drafts for surecast approve.\n"
    )
    assert shop.run("send", "one", "--no-wait").code == 0
    until = time.monotonic() + 20
    while not shop.pages():
        assert time.monotonic() < until
        pass_s(0.1)
    process.send_signal(signal.SIGTERM)
    ran = shop.ended(process)
    assert (ran.code, ran.out, ran.err) == (0, "Stopped; what is still owed stays in the ledger.\n", "")


def test_whether_notices_go_by_themselves_is_said_first(house: Desk) -> None:
    process = house.top("[watch]", 'act = "send"').route("bluesky | mastodon").start("watch")
    assert process.stdout is not None
    first = process.stdout.readline().decode()
    process.send_signal(signal.SIGINT)
    assert house.ended(process).code == 0
    assert first.startswith("Watching site, bluesky, mastodon and delivering ")
    assert first.endswith(" Notices to readers are sent.\n")


def test_a_service_keeps_a_journal_on_standard_error(harbour: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.DOWN)
    process = harbour.start("watch")
    assert process.stderr is not None
    degraded, down, began = (process.stderr.readline().decode() for _ in range(3))
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  bluesky is degraded: ", degraded), "the first line has the date"
    assert re.match(rf"{CLOCK}  bluesky is down: ", down)
    assert re.fullmatch(rf"{CLOCK}  Outage 1 of bluesky began\n", began)
    process.send_signal(signal.SIGTERM)
    assert harbour.ended(process).code == 0


def test_a_quiet_service_says_only_what_goes_wrong_and_nothing_secret(harbour: Desk, far_side: Sandbox) -> None:
    harbour.top('heartbeat = "http://127.0.0.1:1/ping-of-ours"').route("bluesky | mastodon")
    far_side.fault("bluesky", Fault.DOWN)
    process = harbour.start("watch", "--quiet")
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    said = "The sign of life did not arrive (its address cannot be reached). Look at heartbeat in [watch]"
    assert re.fullmatch(rf"{CLOCK}  {re.escape(said)}\n", line)
    process.send_signal(signal.SIGTERM)
    ran = harbour.ended(process)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_journal_that_nobody_reads_holds_nothing_up(harbour: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.DOWN)
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        while True:
            try:
                os.write(writing, b"x" * 65_536)
            except BlockingIOError:
                break
        os.set_blocking(writing, True)
        process = subprocess.Popen(
            [*COMMAND, "watch"], cwd=harbour.folder, env=harbour.environ(), stdout=subprocess.PIPE, stderr=writing
        )
        ends_at = time.monotonic() + 20
        while not (harbour.ledger.exists() and open_outages(harbour)):
            assert time.monotonic() < ends_at
            pass_s(0.1)
        process.send_signal(signal.SIGTERM)
        ran = harbour.ended(process)
    finally:
        os.close(reading)
        os.close(writing)
    assert ran.code == 0
    assert ran.lines[-1] == "Stopped; what is still owed stays in the ledger."


@pytest.mark.parametrize(
    ("words", "out"),
    [(("--json",), '{"schema": 1, "stopped": true}\n'), (("--quiet",), ""), (("--json", "--quiet"), "")],
)
def test_a_service_as_json_and_quiet(shop: Desk, words: tuple[str, ...], out: str) -> None:
    process = shop.start("watch", *words)
    until = time.monotonic() + 20
    while not shop.ledger.exists():
        assert time.monotonic() < until
        pass_s(0.1)
    process.send_signal(signal.SIGTERM)
    ran = shop.ended(process)
    assert (ran.code, ran.out, ran.err) == (0, out, "")


# Whether it is alive


def test_where_no_watch_ever_was_check_exits_with_4_and_makes_no_ledger(shop: Desk) -> None:
    ran = shop.run("watch", "--check")
    assert (ran.code, ran.lines, ran.err) == (4, [NOBODY], "")
    assert shop.run("watch", "--check", "--json").json == {"schema": 1, "alive": False, "seen": None}
    assert shop.run("watch", "--check", "--quiet").lines == [NOBODY]
    assert not shop.ledger.exists()
    shop.run("send", "one")
    shop.run("work", "--once")
    assert shop.run("watch", "--check").code == 4, "who only delivers does not watch"


def test_a_watch_that_was_seen_just_now_is_alive(shop: Desk) -> None:
    shop.run("watch", "--once")
    ran = shop.run("watch", "--check")
    assert ran.code == 0
    assert re.fullmatch(rf"A watch is alive; it was last seen at {CLOCK}\.", ran.lines[0])
    told = shop.run("watch", "--check", "--json").json
    assert (set(told), told["alive"]) == ({"schema", "alive", "seen"}, True)
    assert shop.run("watch", "--check", "--quiet").out == ""


def test_a_watch_that_was_not_seen_for_long_is_silent(shop: Desk) -> None:
    shop.run("watch", "--once")
    with opened(shop.ledger) as database, database.transaction():
        database.connection.execute("update worker set seen_at = seen_at - 3600")
    ran = shop.run("watch", "--check", "--quiet")
    assert ran.code == 4
    assert re.fullmatch(
        rf"The watch is silent since {CLOCK}\. Look at its service, or start one: surecast watch\.", ran.lines[0]
    )
    assert shop.run("watch", "--check", "--json").json["alive"] is False


def test_once_and_check_exclude_each_other(shop: Desk) -> None:
    ran = shop.run("watch", "--once", "--check")
    assert (ran.code, ran.out, ran.err) == (2, "", "--once and --check exclude each other. Give one of them.\n")
