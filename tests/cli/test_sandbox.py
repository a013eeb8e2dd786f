"""`surecast sandbox` and `surecast demo`."""

from __future__ import annotations

import json
import signal
import urllib.request

import pytest

from surecast.sandbox.run import PLATFORMS
from tests.cli.desk import Desk


def test_the_platforms_run_until_ctrl_c(desk: Desk) -> None:
    process = desk.start("sandbox")
    assert process.stdout is not None
    lines = [process.stdout.readline().decode().split() for _ in [*PLATFORMS, "control"]]
    assert [line[:2] for line in lines] == [["SANDBOX", name] for name in [*PLATFORMS, "control"]]
    with urllib.request.urlopen(f"{lines[-1][2]}/platforms", timeout=10) as answer:
        assert sorted(json.load(answer)) == sorted(PLATFORMS)
    process.send_signal(signal.SIGINT)
    ran = desk.ended(process)
    assert (ran.code, ran.err) == (0, "")


def test_as_json_and_until_sigterm(desk: Desk) -> None:
    process = desk.start("sandbox", "--json")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert set(told) == {"schema", "platforms", "control", "sandbox"}
    process.send_signal(signal.SIGTERM)
    assert desk.ended(process).code == 0


@pytest.mark.parametrize("port", ["70000", "many"])
def test_a_port_that_is_none(desk: Desk, port: str) -> None:
    ran = desk.run("sandbox", "--port", port)
    assert (ran.code, ran.out) == (2, "")
    assert "Invalid value for '--port'" in ran.err


def test_the_demo_plays_and_ends_well(desk: Desk) -> None:
    ran = desk.run("demo")
    assert ran.code == 0, ran.out
    assert all(line.startswith("SANDBOX") for line in ran.lines)
    assert ran.lines[-1].endswith("All as it must be.")


def test_the_demo_as_json(desk: Desk) -> None:
    told = desk.run("demo", "--json").json
    assert set(told) == {"schema", "ok", "lines", "sandbox"}
    assert told["ok"] is True
