"""Printing: nothing secret, nothing that steers a terminal, and no reader who goes away changes the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from surecast.cli.output import Output, safe
from surecast.transport.redact import register
from tests.cli.desk import COMMAND, Desk


def test_a_reader_who_goes_away_changes_nothing(shop: Desk) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "send", "a"],
        cwd=shop.folder,
        env=shop.environ(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(shop.pages()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_behind_the_answer_changes_nothing(shop: Desk) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "send", "a"],
            cwd=shop.folder,
            env=shop.environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0
    assert done.stderr == b"The answer could not be printed (No space left on device); everything else was done.\n"


def test_closed_streams_change_nothing(shop: Desk) -> None:
    line = " ".join([*COMMAND, "send", "a", ">&-", "2>&-", "<&-"])
    done = subprocess.run(["/bin/sh", "-c", line], cwd=shop.folder, env=shop.environ(), timeout=60, check=False)
    assert done.returncode == 0
    assert len(shop.pages()) == 1


def test_a_stream_without_unicode_gets_escapes(shop: Desk) -> None:
    ran = shop.run("preview", "Fähre …", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.lines[-1]) == (0, "  | F\\xe4hre \\u2026")
    told = shop.run("preview", "Fähre …", "--json", PYTHONIOENCODING="ascii")
    assert told.out.isascii()
    assert told.json["channels"]["site"]["parts"] == ["Fähre …"]


def test_json_is_utf_8_where_it_can_be(shop: Desk) -> None:
    assert "Fähre" in shop.run("preview", "Fähre", "--json").out


def test_half_a_surrogate_pair_does_not_stop_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).object({"text": "\ud83d"})
    assert json.loads(capsys.readouterr().out) == {"text": "\ud83d"}


def test_secrets_and_steering_characters_do_not_come_out(capsys: pytest.CaptureFixture[str]) -> None:
    register("correct-horse-battery")
    Output().lines("It said \x1b[31mcorrect-horse-battery\x07\u202e")
    Output().hint("password=hunter2 \x9b2J")
    captured = capsys.readouterr()
    assert captured.out == "It said \ufffd[31m***\ufffd\ufffd\n"
    assert captured.err == "password=*** \ufffd2J\n"


def test_an_address_survives_where_it_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    address = "https://social.example/0123456789abcdef0123456789abcdef"
    Output().lines(address, verbatim=True)
    assert capsys.readouterr().out == f"{address}\n"
    assert safe(address) == "https://social.example/***"


def test_in_a_sandbox_every_line_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(sandbox=True)
    out.lines("one\ntwo", "", "three")
    out.hint("four")
    captured = capsys.readouterr()
    assert captured.out == "SANDBOX one\nSANDBOX two\nSANDBOX\nSANDBOX three\n"
    assert captured.err == "SANDBOX four\n"


def test_the_module_runs_as_the_command_does(desk: Desk) -> None:
    installed = Path(sys.executable).parent / "surecast"
    done = subprocess.run(
        [installed, "--version"], capture_output=True, text=True, timeout=60, check=False, env=desk.environ()
    )
    assert (done.returncode, done.stdout) == (0, desk.run("--version").out)
