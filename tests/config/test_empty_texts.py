"""Where an empty text is documented to mean "none", it may be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from surecast.config import load_config

CONFIG = """\
sender = "Harbour Ferries"
[watch]
{watch}
[routes]
default = "site"
[channels.site]
type = "site"
directory = "public"
url = "https://ferries.example/notices"
{site}
"""


@pytest.mark.parametrize(("watch", "site"), [('digest = "never"', ""), ("", 'status_page = "none"')])
def test_what_is_not_wanted_is_said_in_a_word(tmp_path: Path, watch: str, site: str) -> None:
    (tmp_path / "surecast.toml").write_text(CONFIG.format(watch=watch, site=site), encoding="utf-8")
    config = load_config(tmp_path / "surecast.toml")
    assert (config.mistakes, config.channels["site"].misconfigured) == ((), "")
    assert config.watch.digest == ("never" if watch else "mon 09:00")
    assert config.channels["site"].status_page == ("none" if site else None)
