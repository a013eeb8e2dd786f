"""Exit codes are read by scripts: one test for each."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from surecast.cli.codes import Exit, code_of, worst
from surecast.decide import State
from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import Desk, Ran

BUG = "import sys, surecast.cli, surecast.cli.house as house\nhouse.Call.path = lambda self: 1 / 0\n"


def words() -> str:
    return f"Pier {random.randrange(10**9)} is closed"


def test_0_reached(house: Desk, far_side: Sandbox) -> None:
    ran = house.run("send", words(), "--json")
    assert (ran.code, ran.json["state"]) == (0, "reached")


def test_3_reached_by_rerouting_and_0_where_that_is_as_good(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.DOWN)
    ran = house.run("send", words(), "--json")
    assert (ran.code, ran.json["state"], ran.json["owed"]) == (3, "rerouted", ["bluesky"])
    assert house.run("send", words(), "--reroute-ok").code == 0


def test_4_missed(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.REFUSED, on=On.WRITES)
    ran = house.run("send", words(), "--route", "bluesky", "--json")
    assert (ran.code, ran.json["state"]) == (4, "missed")


def test_5_unsure(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    ran = house.run("send", words(), "--route", "bluesky", "--json")
    assert (ran.code, ran.json["state"]) == (5, "unsure")


def test_2_configuration(desk: Desk) -> None:
    assert desk.run("send", "a").code == 2


def test_2_ledger(shop: Desk) -> None:
    shop.ledger.write_bytes(b"no ledger at all" * 100)
    ran = shop.run("send", "a")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"The ledger {shop.ledger} is damaged or no ledger at all.")


def with_a_bug(desk: Desk, **environment: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{BUG}sys.exit(surecast.cli.main(['status']))"],
        cwd=desk.folder,
        env=desk.environ(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_1_a_bug_is_one_sentence_that_says_how_to_see_more(desk: Desk) -> None:
    ran = with_a_bug(desk)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        "This is a bug in surecast: ZeroDivisionError: division by zero, in <lambda> (<string>:2)"
    )
    assert "SURECAST_DEBUG=1" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_1_the_traceback_is_shown_only_on_request(desk: Desk) -> None:
    ran = with_a_bug(desk, SURECAST_DEBUG="1")
    assert ran.code == 1
    assert ran.err.startswith("Traceback (most recent call last):")


@pytest.mark.parametrize(
    ("state", "code"),
    [("reached", 0), ("rerouted", 3), ("missed", 4), ("unsure", 5), ("pending", 5)],
)
def test_every_state_has_its_code(state: str, code: int) -> None:
    assert code_of(State(state)) == code
    assert code_of(State(state), reroute_ok=True) == (0 if state == "rerouted" else code)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((), Exit.REACHED),
        ((Exit.REACHED, Exit.REROUTED), Exit.REROUTED),
        ((Exit.UNSURE, Exit.REROUTED), Exit.UNSURE),
        ((Exit.UNSURE, Exit.MISSED, Exit.REACHED), Exit.MISSED),
    ],
)
def test_the_worst_of_several(codes: tuple[Exit, ...], expected: Exit) -> None:
    assert worst(codes) is expected
