from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from surecast.config import check, examine
from surecast.config.examination import Examination
from surecast.config.first_file import _quoted
from surecast.text.notices import NOTICES
from tests.config.fakes import GOOD, KINDS, write
from tests.config.test_read import DOCUMENTS


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where everything is as it should be."""
    monkeypatch.setenv("ONE_TOKEN", "secret-one")
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "two").write_text("secret-two\n", encoding="utf-8")
    (secrets / "two").chmod(0o600)
    write(tmp_path, GOOD).chmod(0o644)
    return tmp_path / "surecast.toml"


def told(path: Path) -> list[str]:
    return [str(mistake) for mistake in check(path, kinds=KINDS)]


def test_a_good_file_has_no_mistakes_and_no_notes(good: Path) -> None:
    found = examine(good, kinds=KINDS)
    assert (found.mistakes, found.notes) == ((), ())
    assert found.config is not None


def test_a_file_that_cannot_be_read_is_a_mistake_and_no_error(tmp_path: Path) -> None:
    found = examine(tmp_path / "none.toml", kinds=KINDS)
    assert found == Examination(mistakes=found.mistakes)
    assert "there is no such file" in str(found.mistakes[0])


def test_secrets_that_are_not_there_are_mistakes_in_their_lines(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONE_TOKEN")
    (good.parent / "secrets" / "two").unlink()
    assert told(good) == [
        (
            "surecast.toml:14 [channels.one] token: The secret from the environment variable ONE_TOKEN is empty or not "
            "set. Set it, e.g. export ONE_TOKEN=..."
        ),
        (
            f"surecast.toml:19 [channels.two] token: The secret from the file {good.parent}/secrets/two cannot be read"
            f". Write it into that file (chmod 600 {good.parent}/secrets/two)."
        ),
    ]


def test_a_secret_within_a_list_is_looked_at(good: Path) -> None:
    mail = '[channels.news]\ntype = "mail"\nrelays = [{ host = "a", password = { env = "NOT_SET_AT_ALL" } }]\n'
    write(good.parent, GOOD.replace("one & two", "one & two & news") + mail)
    (found,) = told(good)
    assert found.startswith("surecast.toml:23 [channels.news] relays: The secret from the environment variable")


def test_commands_are_run_and_what_they_print_is_not_shown(good: Path) -> None:
    def with_command(script: str) -> list[str]:
        command = f"{{ command = [{_quoted(sys.executable)}, '-c', {_quoted(script)}] }}"
        write(good.parent, GOOD.replace('{ env = "ONE_TOKEN" }', command))
        return told(good)

    assert with_command("print('hunter2')") == []
    (found,) = with_command("import sys; print('hunter2'); sys.exit(1)")
    assert "cannot be read. Run the command by hand" in found
    assert "hunter2" not in found


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_a_secret_that_everybody_can_read_is_a_mistake_unless_its_folder_is_closed(good: Path) -> None:
    secret = good.parent / "secrets" / "two"
    secret.chmod(0o644)
    assert told(good) == []  # the folder lets nobody in
    folders = [good.parent / "secrets", *secret.parents]
    modes = {folder: folder.stat().st_mode & 0o7777 for folder in folders}
    try:
        for folder in folders:
            if not folder.stat().st_mode & 0o001:
                folder.chmod(modes[folder] | 0o001)
        assert told(good) == [
            (
                "surecast.toml:19 [channels.two] token: everybody on this machine can read the secret's file. "
                f"chmod 600 {secret}"
            )
        ]
        secret.chmod(0o640)
        assert told(good) == []
    finally:
        for folder, mode in modes.items():
            if folder.stat().st_mode & 0o7777 != mode:
                folder.chmod(mode)


def test_a_file_that_everybody_can_write_is_a_mistake(good: Path) -> None:
    good.chmod(0o666)
    assert told(good) == [f"surecast.toml: everybody on this machine can write this file. chmod o-w {good}"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ('sender = "X"', ["surecast.toml [channels]: there is no channel. "]),
        (GOOD + "priority = 2\n", ["surecast.toml:21 [channels.two] priority: priorities count only where no route"]),
        (GOOD + '[network]\nca_file = "none.pem"\n', ["surecast.toml:22 [network] ca_file: there is no such file"]),
        (GOOD.replace("default =", "other ="), ["surecast.toml:3 [routes]: no route is for normal announcements"]),
        (
            'ledger = { env = "LEDGER_AT" }\n' + GOOD,
            ["surecast.toml:1 ledger: The secret from the environment variable"],
        ),
        ('ledger_key = { env = "NO_KEY" }\n' + GOOD, ["surecast.toml:1 ledger_key: The secret from the environment"]),
        (
            GOOD + '[watch]\nheartbeat = { env = "NO_ADDRESS" }\n',
            ["surecast.toml:22 watch.heartbeat: The secret from the environment variable NO_ADDRESS"],
        ),
        (
            'sender = "X"\n[channels.news]\ntype = "mail"\nrelays = []\n',
            ["surecast.toml [routes]: no channel posts in public, and others take part only in a written route"],
        ),
    ],
)
def test_what_reading_alone_does_not_show(good: Path, change: str, expected: list[str]) -> None:
    write(good.parent, change)
    found = told(good)
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_a_ledger_behind_a_reference_is_looked_at(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(good.parent, 'ledger = { env = "LEDGER_AT" }\n' + GOOD)
    monkeypatch.setenv("LEDGER_AT", "state/s.db")
    found = examine(good, kinds=KINDS)
    assert found.mistakes == ()
    assert found.config is not None
    assert found.config.ledger_path() == good.parent / "state" / "s.db"
    monkeypatch.setenv("LEDGER_AT", "postgresql://u:hunter2@h/db")
    (mistake,) = told(good)
    assert mistake == (
        "surecast.toml:1 ledger: The ledger (from the environment variable LEDGER_AT) cannot be used: a ledger in "
        'PostgreSQL is not supported yet. Name a file, e.g. ledger = "surecast.db"'
    )


def test_mistakes_in_the_file_and_around_it_come_together_in_the_order_of_lines(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONE_TOKEN")
    write(good.parent, GOOD.replace('within = "20s"', 'within = "soon"') + "[urgencies.x]\n")
    places = [mistake.place for mistake in check(good, kinds=KINDS)]
    assert places == [
        "surecast.toml:14 [channels.one] token",
        "surecast.toml:20 [channels.two] within",
        "surecast.toml:21 [urgencies.x]",
    ]


def test_notes_say_what_is_allowed_and_may_surprise(good: Path) -> None:
    text = GOOD.replace('default = "site & (one | two)"', 'default = "site & one"').replace("& one & two", "& one")
    text = text.replace(
        'account = "ferries"\n', 'account = "ferries"\nserver = "http://127.0.0.1:9"\nconfirm = "visible"\n'
    )
    write(good.parent, text)
    found = examine(good, kinds=KINDS)
    assert found.mistakes == ()
    assert [str(note) for note in found.notes] == [
        (
            "surecast.toml:14 [channels.one] server: posts go to this machine and to no public platform. "
            "Good for a rehearsal only"
        ),
        (
            "surecast.toml:15 [channels.one] confirm: nobody can look whether a post is visible here. "
            "Acceptance counts, unconfirmed"
        ),
        "surecast.toml:18 [channels.two]: no route names this channel. Name it in [routes], or leave it for later",
    ]


def test_templates_of_ones_own_are_tried(good: Path) -> None:
    write(good.parent, 'templates = "words"\n' + GOOD)
    assert told(good) == [
        f"surecast.toml:1 templates: The folder {good.parent}/words cannot be read (No such file or directory). "
        "Make it, or leave templates out"
    ]
    words = good.parent / "words"
    words.mkdir()
    (words / "all_clear.txt.j2").write_text("Back:\n{{ platfrom }}", encoding="utf-8")
    (words / "all_clar.txt.j2").write_text("Back", encoding="utf-8")
    assert told(good) == [
        f"surecast.toml:1 templates: The template {words}/all_clar.txt.j2 is none that surecast uses. "
        "Call it all_clear.txt.j2",
        f"surecast.toml:1 templates: The template {words}/all_clear.txt.j2, line 2, cannot be filled: 'platfrom' is "
        "undefined. Correct it there",
    ]
    (words / "all_clar.txt.j2").unlink()
    (words / "all_clear.txt.j2").write_text("Back: {{ platform }}", encoding="utf-8")
    assert told(good) == []


def test_a_language_without_notices_is_a_remark_unless_there_are_ones_own(good: Path) -> None:
    write(good.parent, 'language = "ja"\ntemplates = "words"\n' + GOOD)
    words = good.parent / "words"
    words.mkdir()
    (words / "all_clear.txt.j2").write_text("{{ platform }}", encoding="utf-8")
    found = examine(good, kinds=KINDS)
    assert found.mistakes == ()
    assert [str(note) for note in found.notes] == [
        "surecast.toml:1 language: there are no notices to readers in this language, so they are in English. "
        "Write your own, see docs/notices.md"
    ]
    for name in NOTICES:
        (words / f"{name}.txt.j2").write_text("{{ platform }}", encoding="utf-8")
    assert examine(good, kinds=KINDS).notes == ()
    write(good.parent, 'language = "pt-BR"\n' + GOOD)
    assert examine(good, kinds=KINDS).notes == ()


def toml(value: Any) -> str:
    """Any value as TOML, without the commands that an examination would run."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)} = {toml(v)}" for k, v in value.items() if k != "command") + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool | str):
        return _quoted(value) if isinstance(value, str) else str(value).lower()
    return "0" if value is None else str(value)


@given(DOCUMENTS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_file_is_examined_without_an_error(tmp_path: Path, document: dict[str, Any]) -> None:
    text = "\n".join(f"{_quoted(key)} = {toml(value)}" for key, value in document.items() if key != "command")
    path = tmp_path / "surecast.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for mistake in check(path, kinds=KINDS):
        assert mistake.place
        assert mistake.what
        assert mistake.cure
