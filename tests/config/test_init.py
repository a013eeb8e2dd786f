from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

from surecast import config


def test_every_public_name_is_there() -> None:
    for name in config.__all__:
        assert getattr(config, name) is not None
    assert set(dir(config)) == set(config.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no public name 'nothing'"):
        _ = config.nothing


def test_no_file_has_the_name_of_a_public_function() -> None:
    """Else the name would mean the file as soon as somebody imports it."""
    files = {module.name for module in pkgutil.iter_modules(config.__path__)}
    assert not files & set(config.__all__)


def test_what_a_send_does_not_need_is_not_loaded() -> None:
    script = "import sys, surecast.config; print(sorted(n for n in sys.modules if n.startswith('surecast.config.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for late in ("examination", "first_file", "json_schema", "key_reference", "simulated"):
        assert importlib.util.find_spec(f"surecast.config.{late}") is not None
        assert f"'surecast.config.{late}'" not in done.stdout
