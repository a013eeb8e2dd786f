"""Whole broadcasters that write to riders through fake direct channels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ledger.recount import recount

from surecast.audiences import Audience
from surecast.broadcaster import Broadcaster
from surecast.contact import Medium
from surecast.report import Report
from surecast.testing import FakeChannel

COLUMNS = "id,name,phone,email,consent_sms,consent_email"


def phone(number: int) -> str:
    return f"+30694{number:07}"


def email(number: int) -> str:
    return f"rider{number}@ferries.example"


def row(number: int, *, phones: bool = True, emails: bool = True, sms: str = "yes", mail: str = "yes") -> str:
    return f"{number},Anna {number},{phone(number) if phones else ''},{email(number) if emails else ''},{sms},{mail}"


def audience(folder: Path, rows: Iterable[str] | int, name: str = "riders.csv") -> Audience:
    """An audience in a file; of a number of riders, or of rows."""
    lines = [row(number) for number in range(rows)] if isinstance(rows, int) else list(rows)
    (folder / name).write_text("\n".join([COLUMNS, *lines, ""]), encoding="utf-8")
    return Audience(source=name, folder=folder)


def sms(name: str = "sms", **own: Any) -> FakeChannel:
    return _direct(name, Medium.PHONE, own)


def mail(name: str = "mail", **own: Any) -> FakeChannel:
    return _direct(name, Medium.EMAIL, own)


def _direct(name: str, medium: Medium, own: dict[str, Any]) -> FakeChannel:
    channel = {"audience": "riders", "settle_after_s": 0.05, **own.pop("channel", {})}
    given = {"resend": "after_lookup", **own}
    return FakeChannel(name, public=False, medium=medium, channel=channel, **given)


@contextmanager
def harbour(
    tmp_path: Path, *fakes: FakeChannel, riders: Iterable[str] | int | None = 10, **own: Any
) -> Iterator[Broadcaster]:
    """A broadcaster over fakes; whatever is done with it, the ledger's numbers are right in the end."""
    given = {"ledger": tmp_path / "ledger.db", "route": " | ".join(fake.name for fake in fakes), **own}
    if riders is not None:
        given.setdefault("audiences", {"riders": audience(tmp_path, riders)})
    else:
        given.setdefault("audiences", {"riders": Audience(source="riders.csv", folder=tmp_path)})
    with Broadcaster([fake.channel for fake in fakes], **given) as caster:
        yield caster
    recount(tmp_path / "ledger.db")


def soon(true: Callable[[], Any], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


def final(caster: Broadcaster, name: str = "last", seconds: float = 10.0) -> Report:
    soon(lambda: caster.status(name).final, seconds)
    return caster.status(name)


def raw(folder: Path) -> bytes:
    """Every byte of the ledger's files."""
    return b"".join(path.read_bytes() for path in folder.glob("ledger.db*"))
