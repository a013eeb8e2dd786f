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


@pytest.mark.xfail(strict=True, reason="an empty text is refused everywhere")
@pytest.mark.parametrize(("watch", "site"), [('digest = ""', ""), ("", 'status_page = ""')])
def test_an_empty_text_for_none_is_no_mistake(tmp_path: Path, watch: str, site: str) -> None:
    (tmp_path / "surecast.toml").write_text(CONFIG.format(watch=watch, site=site), encoding="utf-8")
    config = load_config(tmp_path / "surecast.toml")
    assert (config.mistakes, config.channels["site"].misconfigured) == ((), "")
    assert config.watch.digest == ("" if watch else "mon 09:00")
    assert config.channels["site"].status_page == ("" if site else None)
