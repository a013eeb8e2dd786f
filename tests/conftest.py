"""Fixtures that every test may ask for."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from surecast.transport import redact

pytest_plugins = ["tests.servers.fixtures"]

# Machines that run tests are often slow and shared; a property does not fail because of that.
settings.register_profile("surecast", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("surecast")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the configuration, the proxies or the secrets of the person who runs it."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name in {"SURECAST_CONFIG", "SURECAST_SANDBOX"}:
            monkeypatch.delenv(name)
    # What one test registered as a secret must not be masked in the texts of another.
    monkeypatch.setattr(redact, "_registered", ())
