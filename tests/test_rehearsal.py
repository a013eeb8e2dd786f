"""The real configuration on simulated platforms: nothing leaves the machine, nothing real is written."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from surecast.config import load_config
from surecast.config.assemble import assemble
from surecast.decide import State
from surecast.rehearsal import VARIABLE, rehearse, wanted
from tests.ledger.open_files import ROOT, environment

CONFIG = """
sender = "Harbour Ferries"
ledger = "real.db"

[routes]
default = "site & (bluesky | mastodon)"

[channels.site]
type = "site"
directory = "public"
url = "https://ferries.example/notices"
after_write = ["false"]

[channels.bluesky]
type = "bluesky"
handle = "ferries.example"
app_password = { env = "NOT_SET_ANYWHERE" }

[channels.mastodon]
type = "mastodon"
server = "https://social.invalid"
access_token = { file = "nowhere" }

[network]
proxy = "http://127.0.0.1:1"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "surecast.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", " anything "])
def test_a_variable_asks_for_it(value: str) -> None:
    assert wanted({VARIABLE: value})


@pytest.mark.parametrize("value", ["", "0", "false", "No", "OFF", " "])
def test_a_variable_may_also_say_no(value: str) -> None:
    assert not wanted({VARIABLE: value})
    assert not wanted({})


def test_a_whole_announcement_goes_out_on_simulated_platforms_without_any_secret(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_names(*_: object, **__: object) -> None:
        raise AssertionError("a name of the outside world was looked up")

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: real(host, *a, **k) if host in LOOPBACK else no_names()
    )
    with rehearse(load_config(shop / "surecast.toml")) as config:
        homes = {config.ledger_path(), *(Path(channel.settings.directory) for channel in [config.channels["site"]])}
        assert all(shop not in home.parents for home in homes)
        with assemble(config) as caster:
            report = caster.broadcast("Ferry 12 is cancelled", route="site & bluesky & mastodon")
            assert report.state is State.REACHED, str(report)
            assert "127.0.0.1" in str(report["mastodon"].url)
        folder = config.ledger_path().parent
        assert (folder / "site" / "index.html").exists()
    assert not folder.exists(), "it is removed at the end"
    assert sorted(path.name for path in shop.iterdir()) == ["surecast.toml"]


LOOPBACK = {"127.0.0.1", "localhost", None, b"127.0.0.1"}


def test_a_failure_in_the_middle_leaves_nothing_behind(shop: Path) -> None:
    with pytest.raises(ZeroDivisionError), rehearse(load_config(shop / "surecast.toml")) as config:
        folder = config.ledger_path().parent
        raise ZeroDivisionError
    assert not folder.exists()


def test_a_staging_copy_rehearses_every_call_of_broadcast(shop: Path) -> None:
    program = """
import surecast
report = surecast.broadcast("From the staging site", key="cms:1")
assert report.satisfied, str(report)
assert report["site"].status == "done"
print(report.state)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop,
        env=environment() | {VARIABLE: "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "reached\n", "")
    assert sorted(path.name for path in shop.iterdir()) == ["surecast.toml"]
    left = [path for path in Path(os.environ.get("TMPDIR", "/tmp")).glob("surecast-sandbox-*") if any(path.iterdir())]
    assert left == []
