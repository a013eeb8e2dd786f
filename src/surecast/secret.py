"""Secrets by reference: read when needed, never shown."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from surecast.errors import SecretMissingError

T = TypeVar("T")

COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that only `reveal` gives away; `repr`, `str` and pickling never do.

    Args:
        kind: where it comes from: the environment, a file, a command's output, or given as it is.
        reference: the variable's name, the file's path, the command line (arguments joined by NUL), or the value.
    """

    kind: Literal["env", "file", "command", "literal"]
    reference: str = field(repr=False)

    @classmethod
    def of(cls, value: str) -> Secret:
        """A secret given as it is, for programs that keep their own vault."""
        return cls("literal", value)

    def reveal(self) -> str:
        """The value itself, without a trailing line break.

        Raises:
            SecretMissingError: with the sentence that says where it was expected.
        """
        value = self._read()
        if not value:
            raise SecretMissingError(f"The secret {self.source} is empty or not set. {self._cure()}")
        return value

    def is_set(self) -> bool:
        """Whether `reveal` would give a value."""
        try:
            return bool(self.reveal())
        except SecretMissingError:
            return False

    def fingerprint(self) -> str:
        """Twelve hex digits that change when the value changes; empty when there is none."""
        try:
            return hashlib.sha256(b"surecast secret\0" + self.reveal().encode()).hexdigest()[:12]
        except SecretMissingError:
            return ""

    @property
    def source(self) -> str:
        """Where the value comes from, safe to print."""
        if self.kind == "literal":
            return "given in the program"
        if self.kind == "command":
            return f"from the command {self.reference.split(chr(0))[0]}"
        return f"from the {'environment variable' if self.kind == 'env' else 'file'} {self.reference}"

    def _read(self) -> str:
        if self.kind == "literal":
            return self.reference
        if self.kind == "env":
            return os.environ.get(self.reference, "").strip()
        if self.kind == "file":
            try:
                return Path(self.reference).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                # The cause is dropped on purpose, here and below: an error about bytes carries all of them.
                raise SecretMissingError(f"The secret {self.source} cannot be read. {self._cure()}") from None
        import subprocess  # noqa: PLC0415 - few secrets come from a command

        try:
            done = subprocess.run(  # noqa: S603 - the owner of the configuration names the command
                self.reference.split("\0"),
                capture_output=True,
                text=True,
                timeout=COMMAND_TIMEOUT_S,
                check=True,
            )
        except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
            raise SecretMissingError(f"The secret {self.source} cannot be read. {self._cure()}") from None
        return done.stdout.strip()

    def _cure(self) -> str:
        return {
            "env": f"Set it, e.g. export {self.reference}=...",
            "file": f"Write it into that file (chmod 600 {self.reference}).",
            "command": "Run the command by hand and see what it says.",
            "literal": "Give a value.",
        }[self.kind]

    def __repr__(self) -> str:
        return f"Secret({self.source})"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret cannot be pickled; pass its reference instead.")


def secrets_of(value: Any) -> Iterator[Secret]:
    """Every secret in settings, however deep."""
    if isinstance(value, Secret):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from secrets_of(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_of(item)


def unset(secret: Secret) -> str:
    """Why a secret cannot be had; empty when it can."""
    try:
        secret.reveal()
    except SecretMissingError as error:
        return str(error)
    except (ValueError, OSError):  # a name or a command line that the system does not take
        return f"The secret {secret.source} cannot be read."
    return ""


def commands_run(value: T) -> T:
    """Settings whose commands have been run: whoever reads such a secret later no longer waits for one.

    Raises:
        SecretMissingError: a command gives nothing.
    """
    if isinstance(value, Secret):
        return Secret.of(value.reveal()) if value.kind == "command" else value  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return dataclasses.replace(value, **{name: commands_run(item) for name, item in found.items()})
    if isinstance(value, tuple):
        return tuple(map(commands_run, value))  # type: ignore[return-value]
    return value
