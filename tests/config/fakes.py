"""Types of channels for the tests: what an adapter may declare, without any adapter behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from surecast.channel import Kind, Limits, Traits
from surecast.errors import UsageError
from surecast.secret import Secret
from surecast.settings import setting, web_address


def _no_spaces(value: str) -> str:
    return "it holds a space. Write it without" if " " in value else ""


def _breaks(value: int) -> str:
    raise ZeroDivisionError(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSettings:
    account: str = setting("The account.", example="ferries", check=_no_spaces)
    token: Secret = setting("The account's token.")
    server: str = setting(
        "Where it is.",
        default="https://plain.example",
        example="https://a.example",
        check=web_address,
        sandbox="endpoint",
    )
    mood: Literal["calm", "loud"] = setting("How it speaks.", default="calm")
    from_address: str | None = setting("Who writes.", default=None, name="from")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSettings:
    directory: Path = setting("The folder.", example="public", sandbox="folder")
    templates: str = setting("More files.", default="templates", sandbox="folder")
    after_write: tuple[str, ...] = setting("A command.", default=(), example='["rsync"]', sandbox="default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    host: str = setting("The host.", example="mail.example")
    password: Secret = setting("Its password.")
    port: int = setting("The port.", default=587)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    relays: tuple[Relay, ...] = setting("The relays.")
    pause_s: float = setting("Between two mails.", default=0.5, example="2s")
    ratio: float = setting("A number.", default=0.95)
    odd: int = setting("Its check breaks.", default=1, check=_breaks)

    def __post_init__(self) -> None:
        if self.ratio > 1:
            raise ValueError("ratio is above 1. Write a share between 0 and 1")


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RichSettings:
    keys: Mapping[str, Secret] = setting("Secrets by name.")
    size: Size = setting("How large.", default=Size.SMALL)
    rest_s: float = setting("A span.", default=1.5, example="90")
    either: int | tuple[str, ...] = setting("A number or words.", default=1)
    raw: Any = setting("Anything.", default=None)
    bare: object = setting("Anything.", default=None)
    own: str = "not declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenSettings:
    thing: Nowhere = setting("Its type cannot be found.")  # type: ignore[name-defined]  # noqa: F821


def kind(name: str, settings: type, *, public: bool = True, costly: bool = False, sdk: tuple[str, ...] = ()) -> Kind:
    traits = Traits(platform=name.title(), limits=Limits(), resend="never", public=public, costly=costly)
    return Kind(name=name, traits=traits, settings=settings, adapter=lambda _settings, _context: None, sdk=sdk)  # type: ignore[arg-type,return-value]


@dataclass(frozen=True)
class FakeKinds:
    """Types of channels by name, and errors that loading others raises."""

    kinds: dict[str, Kind] = field(
        default_factory=lambda: {
            "plain": kind("plain", PlainSettings),
            "files": kind("files", FilesSettings),
            "mail": kind("mail", MailSettings, public=False),
            "texts": kind("texts", PlainSettings, costly=True),
            "rich": kind("rich", RichSettings),
            "broken": kind("broken", BrokenSettings),
            "heavy": kind("heavy", PlainSettings, sdk=("json", "no_such_package_of_mine.client")),
        }
    )
    errors: dict[str, Exception] = field(
        default_factory=lambda: {
            "extra": ModuleNotFoundError("No module named 'heavy'", name="heavy.client"),
            "foreign": RuntimeError("a bug in somebody else's package"),
        }
    )

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.kinds, *self.errors}))

    def load(self, kind: str) -> Kind:
        if kind in self.errors:
            raise self.errors[kind]
        if kind not in self.kinds:
            raise UsageError(f"There is no channel type {kind!r}.")
        return self.kinds[kind]


KINDS = FakeKinds()

GOOD = """\
sender = "Harbour Ferries"

[routes]
default = "site & (one | two)"
urgent = "site & one & two"

[channels.site]
type = "files"
directory = "public"

[channels.one]
type = "plain"
account = "ferries"
token = { env = "ONE_TOKEN" }

[channels.two]
type = "plain"
account = "ferries2"
token = { file = "secrets/two" }
within = "20s"
"""


def write(folder: Path, text: str) -> Path:
    """A configuration file with this text."""
    path = folder / "surecast.toml"
    path.write_text(text, encoding="utf-8")
    return path
