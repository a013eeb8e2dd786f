"""`surecast demo SCENARIO`: an outage played again; a short one stands for the long ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from xml.etree import ElementTree as ET

import pytest

from surecast.replay import TIMELINES, Figures
from tests.cli.desk import Desk, Ran

#: The real command, with a scenario of a quarter of an hour; `lasts` is in minutes, and an all-clear comes after 45.
SHORT = """\
import sys
import surecast.replay
from surecast.replay import Spell, Timeline
from surecast.sandbox import Fault

surecast.replay.TIMELINES = {
    "short": Timeline(
        title="A short outage",
        source="",
        platform="bluesky",
        spells=(Spell(begins_s=60.0, ends_s=600.0, fault=Fault.HIDDEN),),
        announcing_s=1_100.0,
        every_s=100.0,
        incidents=2,
        lasts_s=60.0 * int(sys.argv.pop(1)),
    )
}
from surecast.cli import main

sys.exit(main())
"""
KEYS = {"schema", "scenario", "catch_up", "ok", "sandbox"} | {each.name for each in fields(Figures)} - {"marks"}


def play(desk: Desk, *words: str, lasts: int = 75) -> Ran:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHORT, str(lasts), "demo", "short", *words],
        cwd=desk.folder,
        env=desk.environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_it_tells_the_figures_and_draws_them(desk: Desk) -> None:
    ran = play(desk, "--svg", "outage.svg")
    assert (ran.code, ran.err) == (0, "")
    assert all(line.startswith("SANDBOX") for line in ran.lines)
    said = [line.removeprefix("SANDBOX").strip() for line in ran.lines]
    assert said[0] == "Playing A short outage, hour by hour; nothing leaves this machine."
    assert said[1:3] == ["0 h of 1 h are played", "1 h of 1 h are played"]
    rows = [line.split("  ")[0].strip() for line in said]
    assert [row for row in rows if row in {"nobody sees", "bluesky", "mastodon", "readers told"}] == [
        *("nobody sees", "bluesky", "mastodon", "readers told"),
    ]
    assert any(line.startswith("Announcements: 11; in time for readers: 11 (") for line in said)
    assert any("1 notice, 0 updates, 1 all-clear; outages entered: 1." in line for line in said)
    assert said[-2:] == ["Drawn into outage.svg.", "All as it must be."]
    assert ET.parse(desk.folder / "outage.svg").getroot().tag.endswith("svg")
    assert not desk.ledger.exists(), "it plays in a folder of its own"


@pytest.mark.parametrize(
    "catch_up",
    [
        "latest",
        "all",
        "none",
    ],
)
def test_as_json(desk: Desk, catch_up: str) -> None:
    ran = play(desk, "--json", "--catch-up", catch_up)
    assert (ran.code, ran.err, set(ran.json)) == (0, "", KEYS)
    assert (ran.json["ok"], ran.json["scenario"], ran.json["catch_up"]) == (True, "short", catch_up)
    assert (ran.json["announcements"], ran.json["in_time"], ran.json["doubled"]) == (11, 11, 0)
    assert set(ran.json["dropped"]) <= {"latest": {"outdated"}, "all": set(), "none": {"had_elsewhere"}}[catch_up]


def test_quiet_says_nothing_when_all_is_as_it_must_be(desk: Desk) -> None:
    ran = play(desk, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_what_is_not_as_it_must_be_exits_with_4(desk: Desk) -> None:
    ran = play(desk, lasts=30)  # too short for an all-clear
    assert (ran.code, ran.lines[-1]) == (4, "SANDBOX Not as it must be.")
    assert play(desk, "--json", lasts=30).json["ok"] is False


def test_quiet_speaks_when_it_is_not_as_it_must_be(desk: Desk) -> None:
    ran = play(desk, "--quiet", lasts=30)
    assert (ran.code, ran.lines[-1:]) == (4, ["SANDBOX Not as it must be."])


def test_a_drawing_that_cannot_be_written_is_a_sentence(desk: Desk) -> None:
    ran = play(desk, "--svg", "nowhere/outage.svg")
    assert (ran.code, ran.out) == (2, "")
    assert "nowhere/outage.svg" in ran.err


def test_a_scenario_that_is_not_there_is_a_sentence_that_names_those_that_are(desk: Desk) -> None:
    sentence = f"There is no scenario 'april'. There are: {', '.join(TIMELINES)}."
    ran = desk.run("demo", "april", "--json")
    assert (ran.code, ran.err) == (2, f"SANDBOX {sentence}\n")
    assert ran.json == {"schema": 1, "error": sentence, "sandbox": True}


def test_an_order_of_return_that_is_none(desk: Desk) -> None:
    ran = desk.run("demo", "april-2026", "--catch-up", "some")
    assert (ran.code, ran.out) == (2, "")
    assert "'some' is not one of 'latest', 'all', 'none'" in ran.err
