"""``[watch]`` and ``[catch_up]`` as a person writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from surecast.config import Config, load_config
from surecast.config.watching import CatchUpTable, Watch, some_time, weekly

FILE = """\
sender = "Harbour Ferries"
{lines}

[routes]
default = "bluesky"

[channels.bluesky]
type = "bluesky"
handle = "ferries.example"
app_password = {{ env = "BLUESKY_APP_PASSWORD" }}
{own}
"""


def read(tmp_path: Path, lines: str = "", own: str = "") -> Config:
    path = tmp_path / "surecast.toml"
    path.write_text(FILE.format(lines=lines, own=own), "utf-8")
    return load_config(path)


def mistakes(config: Config) -> list[str]:
    return [f"{mistake.place}: {mistake.what}" for mistake in config.mistakes]


def test_without_a_word_the_watch_drafts_and_catches_up_with_the_newest(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert mistakes(config) == []
    assert (config.watch, config.catch_up) == (Watch(), CatchUpTable())
    assert (config.watch.act, config.watch.route, config.watch.heartbeat) == ("draft", None, None)
    assert (config.catch_up.policy, str(config.watch.digest)) == ("latest", "mon 09:00")


def test_everything_may_be_written(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [watch]
        act = "send"
        route = "bluesky"
        every = "2 min"
        recheck = "5s"
        notice_after = "0s"
        update_after = ["1h", "90 min"]
        all_clear_after = "1h"
        between_switches = "10s"
        status_every = "10 min"
        heartbeat = "https://watch.example/ping"
        heartbeat_every = "1 min"
        digest = "fri 17:30"
        credentials_before = "30 days"
        [catch_up]
        policy = "all"
        pace = "1/s"
        """,
    )
    assert mistakes(config) == []
    assert config.watch == Watch(
        act="send",
        route="bluesky",
        every_s=120.0,
        recheck_s=5.0,
        notice_after_s=0.0,
        update_after_s=(3_600.0, 5_400.0),
        all_clear_after_s=3_600.0,
        between_switches_s=10.0,
        status_every_s=600.0,
        heartbeat="https://watch.example/ping",
        heartbeat_every_s=60.0,
        digest="fri 17:30",
        credentials_before_s=30 * 86_400.0,
    )
    assert (config.catch_up.policy, config.catch_up.pace.per_s) == ("all", 1.0)
    assert config.house.catch_up == "all"


@pytest.mark.parametrize(
    "line",
    [
        'act = "shout"',
        'every = "0s"',
        'recheck = "0s"',
        'all_clear_after = "0s"',
        'status_every = "0s"',
        'heartbeat_every = "0s"',
        'digest = "monday 9"',
        'digest = "mon 24:00"',
        'heartbeat = "not an address"',
        'update_after = ["soon"]',
        'updates = "1h"',
    ],
)
def test_what_cannot_be_meant_is_a_mistake(tmp_path: Path, line: str) -> None:
    assert len(mistakes(read(tmp_path, f"[watch]\n{line}"))) == 1


@pytest.mark.parametrize("value", ["mon 09:00", "sun 23:59", "wed 00:00", "never"])
def test_a_day_of_the_week_and_a_time(value: str) -> None:
    assert weekly(value) == ""


@pytest.mark.parametrize("value", ["Mon 09:00", "mon 9:00", "mon  09:00", "09:00", "mon", "mon 09:60", "mon 09:00 "])
def test_anything_else_is_no_day_and_time(value: str) -> None:
    assert 'Write e.g. "mon 09:00"' in weekly(value)


def test_a_time_must_be_above_zero() -> None:
    assert (some_time(0.1), bool(some_time(0.0)), bool(some_time(-1.0))) == ("", True, True)


def test_a_digest_may_be_written_as_never(tmp_path: Path) -> None:
    config = read(tmp_path, '[watch]\ndigest = "never"')
    assert (mistakes(config), config.watch.digest) == ([], "never")


def test_a_status_page_may_be_written_as_none(tmp_path: Path) -> None:
    config = read(tmp_path, own='status_page = "none"')
    assert mistakes(config) == []
    assert (config.channels["bluesky"].status_page, config.channels["bluesky"].misconfigured) == ("none", "")
