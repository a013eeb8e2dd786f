"""The public face: few names, all of them there, each with a word about itself."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import surecast

ROOT = Path(__file__).resolve().parents[1]


def test_all_names_resolve_and_no_others_are_offered() -> None:
    assert sorted(surecast.__all__) == surecast.__all__
    assert len(surecast.__all__) == len(set(surecast.__all__)) <= 25
    assert sorted(surecast._HOMES) == surecast.__all__
    assert set(dir(surecast)) == {*surecast.__all__, "__version__"}


@pytest.mark.parametrize("name", surecast.__all__)
def test_every_name_has_a_docstring_of_its_own(name: str) -> None:
    thing = getattr(surecast, name)
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}("), "that is only the signature of a dataclass"
    home = importlib.import_module(f"surecast.{surecast._HOMES[name]}")
    assert getattr(home, name) is thing


@pytest.mark.parametrize("name", ["Broadcaster", "Report"])
def test_every_public_method_says_what_it_promises(name: str) -> None:
    cls = getattr(surecast, name)
    methods = [each for each, _ in inspect.getmembers(cls, callable) if not each.startswith("_")]
    assert methods
    assert [each for each in methods if not getattr(cls, each).__doc__] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no public name 'brodcast'"):
        surecast.brodcast  # noqa: B018


def test_a_star_import_gives_exactly_these() -> None:
    space: dict[str, object] = {}
    exec("from surecast import *", space)
    assert set(space) - {"__builtins__"} == set(surecast.__all__)


def test_the_version_is_that_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert surecast.__version__ == project["version"]


def test_no_name_is_resolved_before_it_is_used() -> None:
    program = "import sys, surecast; print([name for name in sys.modules if name.startswith('surecast.')])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout == "[]\n"


def test_the_helpers_for_tests_resolve_too() -> None:
    from surecast import testing

    assert sorted(testing.__all__) == testing.__all__
    for name in testing.__all__:
        assert getattr(testing, name).__doc__


def test_the_helpers_for_tests_need_no_pytest() -> None:
    program = (
        "import sys\nsys.modules['pytest'] = None\nimport surecast.testing\nprint('pytest' in sys.modules and "
        "sys.modules['pytest'] is None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout == "True\n"


@pytest.mark.slow
def test_the_typed_interface_is_what_its_users_write(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file", ""),
            *("--cache-dir", str(ROOT / ".mypy_cache" / "typing"), str(ROOT / "tests" / "typing" / "api.py")),
        ],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["Success: no issues found in 1 source file"]), (
        done.stdout + done.stderr
    )
