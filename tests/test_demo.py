"""The demo tells the truth: what it prints is what the simulated platforms hold."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from surecast.config import load_config
from surecast.demo import CONFIG, FIRST, SECOND, run_demo


@pytest.mark.slow
def test_the_demo_plays_to_its_end_and_shows_what_happened(tmp_path: Path) -> None:
    lines: list[str] = []
    began = time.monotonic()
    code = run_demo(lines.append, folder=tmp_path / "demo")
    told = "\n".join(lines)
    assert code == 0, told
    assert "All as it must be." in told
    assert time.monotonic() - began < 30
    acts = re.split(r"\n\d\. ", told)[1:]
    assert len(acts) == 4
    assert "REROUTED" in acts[0]
    assert f"What readers see on mastodon: {FIRST}" in acts[0]
    assert "What readers see on bluesky: nothing" in acts[0]
    assert "REACHED" in acts[1]
    assert f"What readers see on bluesky: {FIRST}" in acts[1]
    assert "nobody can see it" in acts[2]
    assert f"What readers see on bluesky: {FIRST}\n" in f"{acts[2]}\n", "and not the second one"
    assert f"{FIRST}; {SECOND}" in acts[2]
    assert "REROUTED" in acts[3]
    assert re.search(r"email +took in 2 messages", acts[3])
    assert re.search(r"twilio +took in 2 messages", acts[3])
    assert "Traceback" not in told
    page = tmp_path / "demo" / "site" / "index.html"
    assert SECOND in page.read_text(encoding="utf-8")


def test_the_configuration_of_the_demo_is_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "surecast.toml").write_text(CONFIG, encoding="utf-8")
    config = load_config(tmp_path / "surecast.toml")
    assert set(config.channels) == {"site", "bluesky", "mastodon", "newsletter", "sms"}
    assert str(config.routes["default"]) == "site & (bluesky | mastodon)"
    assert not any(channel.misconfigured for channel in config.channels.values())
