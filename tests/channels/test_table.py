from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from surecast import channels
from surecast.channel import Kind
from surecast.errors import UsageError

SDKS = (
    "atproto",
    "mastodon",
    "telegram",
    "httpx",
    "requests",
    "jinja2",
    "PIL",
    "cryptography",
    "aiohttp",
    "tenacity",
    "msgspec",
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a package with entry points on the path, as pip would."""

    def put(package: str, code: str, **entry_points: str) -> None:
        (tmp_path / f"{package}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        lines = ["[surecast.channels]", *(f"{name} = {value}" for name, value in entry_points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))

    return put


PAGER = """
from dataclasses import dataclass
from surecast.channel import Kind, Limits, Traits

@dataclass(frozen=True)
class Settings: pass

TRAITS = Traits(platform="Pager", limits=Limits(text=80), resend="never")
KIND = Kind(name="pager", traits=TRAITS, settings=Settings, adapter=object)
"""


def test_the_built_in_kinds_are_named_in_order():
    assert channels.names() == ("bluesky", "email", "mastodon", "site", "telegram", "twilio")


@pytest.mark.parametrize("name", ["bluesky", "email", "mastodon", "site", "telegram", "twilio"])
def test_each_built_in_kind_loads_under_its_own_name(name: str):
    kind = channels.load(name)
    assert (type(kind), kind.name) == (Kind, name)


def test_loading_one_kind_imports_neither_its_sisters_nor_any_sdk():
    code = (
        "import sys; from surecast import channels; channels.load('site');"
        "print(*sorted(m for m in sys.modules if m.startswith('surecast.channels') or m in sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *SDKS], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.rpartition(".")[2] in {*SDKS, "bluesky"}] == []
    assert "surecast.channels.site" in loaded


@pytest.mark.parametrize(("typo", "meant"), [("mastadon", "mastodon"), ("Site", "site"), ("bsky", "bluesky")])
def test_a_mistyped_kind_is_answered_with_the_nearest_name(typo: str, meant: str):
    with pytest.raises(UsageError, match=f"Did you mean '{meant}'"):
        channels.load(typo)


def test_a_kind_like_no_other_is_answered_with_all_names():
    with pytest.raises(UsageError) as caught:
        channels.load("qqq")
    assert (
        str(caught.value)
        == "There is no channel type 'qqq'. Known types: bluesky, email, mastodon, site, telegram, twilio."
    )


def test_a_package_adds_a_kind(install):
    install("pagers", PAGER, pager="pagers:KIND")
    assert channels.names() == ("bluesky", "email", "mastodon", "pager", "site", "telegram", "twilio")
    assert channels.load("pager").traits.platform == "Pager"


def test_a_package_cannot_replace_a_built_in_kind(install):
    install("pagers", PAGER, site="pagers:KIND")
    assert channels.load("site").traits.platform == "Website"
    assert channels.names().count("site") == 1


def test_a_broken_package_is_named_and_breaks_nothing_else(install):
    install("ruined", "raise RuntimeError('half installed')", ruined="ruined:KIND", absent="ruined_too:KIND")
    install("pagers", PAGER, pager="pagers:KIND")
    assert channels.load("pager").name == "pager"
    assert {"ruined", "absent", "site"} <= set(channels.names())
    for name, cause in (("ruined", "RuntimeError: half installed"), ("absent", "No module named 'ruined_too'")):
        with pytest.raises(UsageError) as caught:
            channels.load(name)
        assert cause in str(caught.value)
        assert "package ruined" in str(caught.value)


def test_a_package_that_offers_something_else_is_named(install):
    install("strange", "KIND = 'a string'", strange="strange:KIND")
    with pytest.raises(UsageError, match=r"strange:KIND is no surecast\.channel\.Kind"):
        channels.load("strange")
