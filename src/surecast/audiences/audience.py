"""An audience as a configuration names it. The declarations here are also its documentation and its schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from surecast.contact import Medium
from surecast.errors import ConfigError
from surecast.secret import Secret
from surecast.settings import ABOUT, EXAMPLE, setting

#: Our names for the columns that are read.
FIELDS = (
    "id",
    "name",
    "phone",
    "email",
    "telegram",
    "language",
    "time_zone",
    "consent_sms",
    "consent_email",
    "consent_telegram",
)

#: By which address a consent allows to write, by the words that a configuration may use.
CONSENTS: Mapping[str, Medium] = MappingProxyType(
    {"sms": Medium.PHONE, "phone": Medium.PHONE, "email": Medium.EMAIL, "telegram": Medium.TELEGRAM}
)

CSV, JSON_LINES = frozenset({".csv", ".tsv"}), frozenset({".jsonl", ".ndjson"})

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")  # the outline of BCP 47 (RFC 5646, 2.1)

Sort = Literal["csv", "json lines", "database", "function", "rows"]


def is_language(value: str) -> bool:
    """Whether it has the outline of a language tag."""
    return _LANGUAGE.fullmatch(value) is not None


def is_time_zone(value: str) -> bool:
    """Whether the zone database has it."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # a name, a path that leads outside, a folder of the zone database
        return False
    return True


def _language(value: str) -> str:
    return "" if is_language(value) else 'it is no language tag. Write one of BCP 47, e.g. "en" or "pt-BR"'


def _time_zone(value: str) -> str:
    return "" if is_time_zone(value) else 'it is no time zone. Write a name of the IANA database, e.g. "Europe/Athens"'


def _region(value: str) -> str:
    return "" if re.fullmatch("[A-Z]{2}", value) else 'it is no country. Write two capitals (ISO 3166), e.g. "GR"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """``[audiences.NAME]``: where contacts are kept, and what holds for all of them.

    Attributes:
        folder: where a relative path starts, and where a module is looked for after the usual places.
        rows: the contacts themselves, by the names of their columns, where a program gives them; `source` is then the
            words that say where they are from.
    """

    source: str | Secret = setting(
        "Where the contacts are: a file (.csv, .jsonl), a database (sqlite:///crm.db, or a reference to its address), "
        "or a function of yours (module:function).",
        example='"riders.csv"',
    )
    query: str | None = setting(
        "For a database: what to ask it.", default=None, example='"select id, name, phone, email from riders"'
    )
    columns: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            ABOUT: f"What the source calls its columns, where it is not {', '.join(FIELDS)}.",
            EXAMPLE: '{ phone = "Mobile" }',
        },
    )
    consent: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            ABOUT: "What proves that everybody on the list agreed to be written to, by sms, email or telegram.",
            EXAMPLE: '{ email = "signup form, since 2024-05" }',
        },
    )
    region: str | None = setting(
        "The country of telephone numbers without a country code (ISO 3166).",
        default=None,
        example="GR",
        check=_region,
    )
    time_zone: str | None = setting(
        "The time zone of contacts that have none of their own (IANA).",
        default=None,
        example="Europe/Athens",
        check=_time_zone,
    )
    language: str | None = setting(
        "The language of contacts that have none of their own (BCP 47).", default=None, example="en", check=_language
    )
    folder: Path = field(default_factory=Path)
    rows: tuple[Mapping[str, str], ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuses what does not go together.

        Raises:
            ConfigError: with the sentence that says what to write.
        """
        if self.sort == "database":
            if not self.query:
                raise ConfigError('a database needs a query. Write query = "select id, name, phone, email from ..."')
            if isinstance(self.source, str) and _password(self.source):
                raise ConfigError(
                    'a password must not stand in this file. Write source = { env = "CRM_URL" } and set that variable'
                )
        elif self.query:
            raise ConfigError("only a database is queried. Remove query, or name a database as source")
        for names, known, table in ((self.columns, FIELDS, "columns"), (self.consent, tuple(CONSENTS), "consent")):
            if strange := next((name for name in names if name not in known), None):
                raise ConfigError(f"{table} does not know {strange!r}. Known are {', '.join(known)}")

    @property
    def sort(self) -> Sort:
        """Which sort of source it is.

        Raises:
            ConfigError: none that is known.
        """
        if self.rows is not None:
            return "rows"
        if isinstance(self.source, Secret) or "://" in self.source:
            return "database"
        if _FUNCTION.fullmatch(self.source):
            return "function"
        ending = Path(self.source).suffix.lower()
        if ending in CSV:
            return "csv"
        if ending in JSON_LINES:
            return "json lines"
        raise ConfigError(
            "source is none that can be read. Name a file that ends in .csv, .tsv, .jsonl or .ndjson, "
            "a database (sqlite:///crm.db) or a function (module:function)"
        )

    @property
    def path(self) -> Path:
        """The file; only of a source that is one."""
        assert isinstance(self.source, str)
        try:
            return self.folder / Path(self.source).expanduser()
        except RuntimeError:  # no such user, or no home: then it is a name like any other
            return self.folder / self.source

    @property
    def where(self) -> str:
        """The source in words that are safe to print."""
        if isinstance(self.source, Secret):
            return f"the database ({self.source.source})"
        return str(self.path) if self.sort in {"csv", "json lines"} else self.source

    @property
    def consented(self) -> frozenset[Medium]:
        """By which addresses everybody on the list agreed to be written to."""
        return frozenset(CONSENTS[word] for word in self.consent)


def _password(address: str) -> bool:
    """Whether an address holds a password, or cannot be read and so may."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    return parts.password is not None or "password=" in parts.query.lower()
