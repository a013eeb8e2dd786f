"""The Wagtail example, as an editor meets it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.servers.pds import Pds
from tests.servers.process import free_port

pytest.importorskip("wagtail", reason="pip install --group examples")

ROOT = Path(__file__).resolve().parents[2]
PAGES = 7

CONFIG = """
sender = "Harbour Ferries"
[routes]
default = "bluesky"
[channels.bluesky]
type = "bluesky"
handle = "{handle}"
service = "{service}"
app_password = {{ env = "PW" }}
"""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with Wagtail's own tables: half a minute of migrations, once."""
    folder = tmp_path_factory.mktemp("wagtail")
    (folder / "surecast.toml").write_text(CONFIG.format(service="http://127.0.0.1:9", handle="writer.test"), "utf-8")
    run(folder, str(ROOT / "examples" / "wagtail_site.py"), "migrate", "--verbosity=0")
    return folder / "site.sqlite3"


def run(folder: Path, *words: str) -> str:
    environment = {
        **os.environ,
        "PW": "pass-word-1234",
        "SITE_DB": str(folder / "site.sqlite3"),
        "SURECAST_CONFIG": str(folder / "surecast.toml"),
    }
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def drive(folder: Path, migrated: Path, service: str, handle: str) -> Any:
    shutil.copy(migrated, folder / "site.sqlite3")
    (folder / "surecast.toml").write_text(CONFIG.format(service=service, handle=handle), encoding="utf-8")
    told = run(folder, str(Path(__file__).parent / "drive_wagtail.py"), str(ROOT / "examples"), str(PAGES))
    return json.loads(told.splitlines()[-1])


@pytest.mark.server
@pytest.mark.slow
def test_publish_puts_the_post_on_the_real_pds_and_only_what_is_live_is_announced(
    tmp_path: Path, migrated: Path, pds: Pds
) -> None:
    handle = f"wagtail{random.randrange(10**6)}.test"
    did = pds.create_account(handle, "pass-word-1234")
    told = drive(tmp_path, migrated, pds.url, handle)
    expected = sorted(["The first page", *(f"Page {number}" for number in range(PAGES))])
    assert told["announced"] == expected
    posted = sorted(post["value"]["text"].split("\n")[0] for post in pds.posts(did))
    assert posted == expected


@pytest.mark.slow
def test_with_every_platform_down_publish_goes_through_and_the_posts_stay_owed(tmp_path: Path, migrated: Path) -> None:
    told = drive(tmp_path, migrated, f"http://127.0.0.1:{free_port()}", "writer.test")
    assert told["states"] == ["missed"]
    assert len(told["announced"]) == PAGES + 1
