"""Secrets: read when they are needed, shown never."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from surecast.errors import SecretMissingError
from surecast.secret import Secret

VALUE = "correct horse battery staple"


def command(*words: str) -> Secret:
    return Secret("command", "\0".join(words))


def test_a_secret_is_read_where_it_is_at_the_moment_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    by_env, by_file = Secret("env", "THE_TOKEN"), Secret("file", str(file))
    for value in ("first", "second"):
        monkeypatch.setenv("THE_TOKEN", f"{value}\n")
        file.write_text(f"{value}\r\n", encoding="utf-8")
        assert (by_env.reveal(), by_file.reveal()) == (value, value)
    assert command(sys.executable, "-c", "print('from a vault')").reveal() == "from a vault"
    assert Secret.of(" as it is ").reveal() == " as it is "


@pytest.mark.parametrize(
    ("secret", "cure"),
    [
        (Secret("env", "NOT_SET"), "environment variable NOT_SET is empty or not set. Set it, e.g. export NOT_SET="),
        (Secret("file", "/nowhere/token"), "file /nowhere/token cannot be read. Write it into that file"),
        (Secret("file", "/"), "file / cannot be read"),
        (command("/nowhere/vault", "get"), "from the command /nowhere/vault cannot be read. Run the command by hand"),
        (command(sys.executable, "-c", "raise SystemExit(3)"), "cannot be read"),
        (command(sys.executable, "-c", "pass"), "is empty or not set. Run the command by hand"),
        (Secret.of(""), "given in the program is empty or not set. Give a value"),
    ],
)
def test_a_secret_that_is_not_there_says_where_it_was_expected(secret: Secret, cure: str) -> None:
    assert not secret.is_set()
    assert secret.fingerprint() == ""
    with pytest.raises(SecretMissingError) as caught:
        secret.reveal()
    assert cure in str(caught.value)


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.secret.COMMAND_TIMEOUT_S", 0.1)
    with pytest.raises(SecretMissingError):
        command(sys.executable, "-c", "import time; time.sleep(60)").reveal()


def test_no_print_shows_it() -> None:
    secret = Secret.of(VALUE)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret, secret.source, str([secret])]
    holder = dataclasses.make_dataclass("Holder", ["password"])(secret)
    assert VALUE not in "".join([*shown, repr(holder)])
    assert "--token" not in repr(command("vault", "--token", "t0k3n"))


def test_it_cannot_leave_the_process_by_copying() -> None:
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            leave(Secret.of(VALUE))


@pytest.mark.parametrize(
    "secret",
    [
        command(sys.executable, "-c", f"import sys; print('{VALUE}'); print('{VALUE}', file=sys.stderr); sys.exit(1)"),
        command(sys.executable, "-c", f"import sys; sys.stdout.buffer.write(b'{VALUE}' + bytes([255]))"),
    ],
    ids=["a command that fails", "a command whose output is no text"],
)
def test_no_error_shows_what_a_command_said(secret: Secret) -> None:
    with pytest.raises(SecretMissingError) as caught:
        secret.reveal()
    assert VALUE not in everything(caught.value)


def test_no_error_shows_what_a_file_held(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(VALUE.encode() + b"\xff")
    with pytest.raises(SecretMissingError) as caught:
        Secret("file", str(file)).reveal()
    assert VALUE not in everything(caught.value)


def everything(error: BaseException) -> str:
    """What a reporter of errors might show: the whole chain, with every object in it."""
    shown, link = "".join(traceback.format_exception(error)), error.__cause__ or error.__context__
    while link is not None:
        if error.__cause__ is not None or not error.__suppress_context__:
            shown += repr(link) + repr(vars(link)) + repr(link.args)
        link = link.__cause__ or link.__context__
    return shown


def test_a_fingerprint_changes_with_the_value_and_tells_it_not(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret("env", "THE_TOKEN")
    monkeypatch.setenv("THE_TOKEN", VALUE)
    first = secret.fingerprint()
    assert first == Secret.of(VALUE).fingerprint()
    assert len(first) == 12
    monkeypatch.setenv("THE_TOKEN", f"{VALUE}2")
    assert secret.fingerprint() not in {first, ""}
    assert VALUE not in first


def test_a_program_is_started_without_a_shell(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    assert command("/bin/echo", f"$(touch {trap}); `touch {trap}`").reveal() == f"$(touch {trap}); `touch {trap}`"
    assert not trap.exists()
    assert os.listdir(tmp_path) == []
