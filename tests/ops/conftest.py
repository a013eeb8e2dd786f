"""What every test of the watch needs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The house's secrets are set."""
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "pass-word-4711")
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "token-4711")
