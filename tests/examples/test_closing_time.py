"""The cron script, run as cron runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "closing_time.py"

CONFIG = """
sender = "Corner shop"
[channels.site]
type = "site"
directory = "public"
url = "https://shop.example/notices"
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )


def test_it_announces_and_a_second_run_on_the_same_day_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "surecast.toml").write_text(CONFIG, encoding="utf-8")
    first, second = run(tmp_path), run(tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    pages = [page for page in (tmp_path / "public").glob("*.html") if page.name != "index.html"]
    assert len(pages) == 1
    assert "nothing was sent now" in second.stdout
