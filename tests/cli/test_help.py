"""Help: quick, complete, and the same as the documentation."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import click
import pytest

import surecast
from surecast.cli import SECTIONS, VERBS
from tests.cli.desk import ROOT, Desk

MANUAL = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

#: Nobody who asks for help, or mistypes, waits for these.
HEAVY = (
    *("asyncio", "httpx", "aiohttp", "atproto", "mastodon", "requests", "jinja2", "PIL", "cryptography", "tenacity"),
    *("msgspec", "aiosql", "regex", "rich", "sqlite3", "surecast.broadcaster", "surecast.config", "surecast.channels"),
)

#: The SDKs and what only they or a terminal need: a send by a script loads none of them before a channel does.
SDKS = ("httpx", "aiohttp", "atproto", "mastodon", "requests", "PIL", "rich", "surecast.sandbox", "surecast.demo")


def command(name: str) -> click.Command:
    verb = VERBS[name]
    found = getattr(importlib.import_module(f"surecast.cli.{verb.module}"), verb.attribute)
    assert isinstance(found, click.Command)
    return found


def commands() -> list[tuple[str, click.Command]]:
    """Every verb and what is below it, by the words that a person types."""
    found = []
    for name in VERBS:
        made = command(name)
        found.append((name, made))
        if isinstance(made, click.Group):
            found += [(f"{name} {below}", each) for below, each in made.commands.items()]
    return found


COMMANDS = dict(commands())


def section(verb: str) -> str:
    """The part of the manual about a verb."""
    found = re.search(rf"^## {verb.split(maxsplit=1)[0]}\n(.*?)(?=^## |\Z)", MANUAL, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section about {verb}"
    return found[1]


def loaded_by(*words: str, desk: Desk) -> set[str]:
    script = f"import sys\nfrom surecast.cli import main\nmain({list(words)!r})\nprint('\\nLOADED', *sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=desk.folder,
        env=desk.environ(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ran.stdout.rpartition("LOADED ")[2].split())


def test_the_first_help_names_every_verb(desk: Desk) -> None:
    ran = desk.run("--help")
    assert (ran.code, ran.err) == (0, "")
    for title, verbs in SECTIONS.items():
        assert f"{title}:" in ran.out
        assert all(
            re.search(rf"^  {name} +{re.escape(verb.about)}$", ran.out, re.MULTILINE) for name, verb in verbs.items()
        )
    assert "Exit codes: 0 reached" in ran.out


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("--version",), ("send", "--help"), ("channels", "check", "-h")]
)
def test_help_loads_nothing_heavy(desk: Desk, words: tuple[str, ...]) -> None:
    loaded = loaded_by(*words, desk=desk)
    assert [name for name in HEAVY if name in loaded] == []


def test_sending_to_a_site_loads_no_sdk(shop: Desk) -> None:
    loaded = loaded_by("send", "a", desk=shop)
    assert [name for name in SDKS if name in loaded] == []


def test_previewing_for_all_platforms_loads_no_sdk(house: Desk) -> None:
    loaded = loaded_by("preview", "a", desk=house)
    assert [name for name in SDKS if name in loaded] == []


@pytest.mark.parametrize("words", COMMANDS)
def test_every_verb_explains_itself(desk: Desk, words: str) -> None:
    ran = desk.run(*words.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    made = COMMANDS[words]
    for param in made.params:
        if isinstance(param, click.Option):
            assert param.help, f"{words} {param.opts[0]} has no help"
            assert param.opts[0] in ran.out
    assert max(map(len, ran.lines)) <= 80


@pytest.mark.parametrize("words", COMMANDS)
def test_every_verb_and_option_is_in_the_manual(words: str) -> None:
    part = section(words)
    assert f"`surecast {words}" in part or f"surecast {words}" in part
    common = MANUAL.partition("## Options of every verb")[2].partition("\n## ")[0]
    for param in COMMANDS[words].params:
        if isinstance(param, click.Option):
            option = param.opts[-1]
            assert re.search(rf"`{option}[ `]", part) or f"`{option}`" in common or f"`{option} " in common, option


def test_the_manual_names_no_option_that_is_not_there() -> None:
    known = {option for made in COMMANDS.values() for param in made.params for option in param.opts}
    known |= {"--help", "--version", "--not-there"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", MANUAL)) - known == set()


def test_the_version(desk: Desk) -> None:
    ran = desk.run("--version")
    assert (ran.code, ran.out) == (0, f"surecast {surecast.__version__}\n")


def test_without_a_verb_it_shows_the_help(desk: Desk) -> None:
    ran = desk.run()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: surecast [OPTIONS] VERB ...")


def test_a_verb_that_is_not_there(desk: Desk) -> None:
    ran = desk.run("sned", "a")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == "surecast: No verb is called 'sned'. Did you mean send?"


def test_a_mistake_in_the_command_line_as_json(desk: Desk) -> None:
    ran = desk.run("sned", "--json")
    assert (ran.code, ran.json) == (
        2,
        {"schema": 1, "error": "surecast: No verb is called 'sned'. Did you mean send?"},
    )
