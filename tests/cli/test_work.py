"""`surecast work`: from cron with --once, or as a service until somebody stops it."""

from __future__ import annotations

import random
import signal
import threading
import time

from surecast.sandbox import Fault, Sandbox
from tests.cli.desk import Desk


def test_once_delivers_what_is_due_and_says_so(shop: Desk) -> None:
    name = shop.run("send", "one", "--no-wait", "--json").json["id"]
    ran = shop.run("work", "--once")
    assert ran.code == 0
    assert ran.lines[0].startswith("REACHED ")
    assert ran.lines[-1] == f"Broadcast {name}"
    assert len(shop.pages()) == 1
    assert shop.run("work", "--once").lines == ["Nothing is due."]


def test_once_as_json(shop: Desk) -> None:
    name = shop.run("send", "one", "--no-wait", "--json").json["id"]
    told = shop.run("work", "--once", "--json").json
    assert set(told) == {"schema", "broadcasts"}
    assert [each["id"] for each in told["broadcasts"]] == [name]


def test_once_and_quiet_speaks_only_of_what_is_not_reached(house: Desk, far_side: Sandbox) -> None:
    house.run("send", "one", "--no-wait", "--route", "site")
    assert house.run("work", "--once", "--quiet").out == ""
    far_side.fault("bluesky", Fault.DOWN)
    house.run("send", f"two {random.random()}", "--no-wait", "--route", "bluesky")
    ran = house.run("work", "--once", "--quiet")
    assert (ran.code, ran.lines[0][:7]) == (0, "MISSED ")


def test_a_service_delivers_what_others_accept_until_it_is_told_to_stop(shop: Desk) -> None:
    process = shop.start("work")
    assert process.stdout is not None
    first = process.stdout.readline().decode()
    assert first == f"Delivering what is owed in {shop.ledger}, until Ctrl-C or SIGTERM.\n"
    assert shop.run("send", "one", "--no-wait").code == 0
    until = time.monotonic() + 20
    while not shop.pages():
        assert time.monotonic() < until
        threading.Event().wait(0.1)
    process.send_signal(signal.SIGTERM)
    ran = shop.ended(process)
    assert (ran.code, ran.out, ran.err) == (0, "Stopped; what is still owed stays in the ledger.\n", "")


def test_a_service_as_json_prints_its_one_object_at_the_end(shop: Desk) -> None:
    process = shop.start("work", "--json")
    until = time.monotonic() + 20
    while not shop.ledger.exists():
        assert time.monotonic() < until
        threading.Event().wait(0.1)
    process.send_signal(signal.SIGINT)
    ran = shop.ended(process)
    assert (ran.code, ran.json) == (0, {"schema": 1, "stopped": True})
