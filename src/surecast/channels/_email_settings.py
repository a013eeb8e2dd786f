"""What a person writes in the table of a channel of type ``email``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Literal

from surecast.channels._email_letter import ADDRESS, TOKEN
from surecast.errors import ConfigError
from surecast.secret import Secret
from surecast.settings import setting

Security = Literal["starttls", "tls", "none"]

LONGEST_LINK = 500  # so that a header line stays below 998 characters with an address in it (RFC 5322, 2.1.1)

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{1,63}")
_SIMULATED = re.compile(r"smtp://(127\.\d+\.\d+\.\d+|localhost):(\d+)/?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[\w.-]+|\[?[0-9A-Fa-f:.]+\]?")


def _mailbox(value: str) -> str:
    name, address = parseaddr(value)
    if _CONTROL.search(value) or not _ADDRESS.fullmatch(address):
        return f'{value!r} is no e-mail address. Write e.g. "Harbour Ferries <notices@ferries.example>"'
    if not address.partition("@")[0].isascii():
        return f"{value!r}: the part before the @ must be in Latin letters"
    if name and not re.match(r'\s*"?[^"<]+"?\s*<', value):
        return f'{value!r} cannot be read for sure. Write it as "Name <address>"'
    return ""


def _bare_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        return f"{value!r} is no e-mail address. Write the address alone, without a name"
    return "" if value.isascii() else f"{value!r} must be in Latin letters here"


def _reply_to(value: str) -> str:
    return _bare_address(value) if value else ""


def _envelope(value: str) -> str:
    return _bare_address(value.replace(ADDRESS, "to")) if value else ""


def _link(value: str) -> str:
    if not value.startswith(("mailto:", "https://")):
        return f'{value!r} must begin with mailto: or https://, e.g. "mailto:stop@ferries.example"'
    if not value.isascii() or len(value) > LONGEST_LINK or re.search(r"[\s<>\"\\]", value):
        return f"{value[:40]!r} holds what no link may hold, or is too long. Encode it as in an address bar"
    if value.startswith("mailto:") and not _ADDRESS.fullmatch(value[7:].partition("?")[0]):
        return f"{value!r} names no e-mail address behind mailto:"
    return ""


def _links(value: str | tuple[str, ...]) -> str:
    links = as_links(value)
    return next((why for why in map(_link, links) if why), "") if links else "it is empty. Name at least one address"


def _something(value: str) -> str:
    return "" if value.strip() else "it is empty. Write the address at which letters on paper reach you"


def _some(value: tuple[Relay, ...]) -> str:
    return "" if value else "it names no relay. Give at least one"


def _host(value: str) -> str:
    if _SIMULATED.fullmatch(value) or _HOST.fullmatch(value):
        return ""
    return f'{value!r} is no name of a server. Write the name alone, e.g. "mail.ferries.example"'


def _port(value: int) -> str:
    return "" if 0 < value < 65_536 else 'it is no port. Write 587, or 465 with security = "tls"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A server that takes mail and carries it on."""

    host: str = setting(
        "The server's name, as its operator gives it.",
        example="mail.ferries.example",
        check=_host,
        sandbox="endpoint",
    )
    port: int = setting("The port: 587, or 465 with tls.", default=587, example="465", check=_port)
    user: str = setting("The name to log in with; without it there is no login.", default="", example="notices")
    password: Secret | None = setting("The password for that.", default=None, example='{ file = "secrets/smtp" }')
    security: Security = setting(
        "How the connection is encrypted: starttls or tls; none only for a server on this very machine.",
        default="starttls",
        example="tls",
    )

    def __post_init__(self) -> None:
        if self.where[2] == "none" and not _on_this_machine(self.where[0]):
            raise ConfigError(
                'security = "none" would send addresses and texts readable for everybody on the way. '
                'Write "starttls" or "tls"'
            )
        if bool(self.user) != (self.password is not None):
            raise ConfigError("user and password go together. Write both, or neither")

    @property
    def where(self) -> tuple[str, int, Security]:
        """Host, port and security; the address of a simulated relay, ``smtp://127.0.0.1:PORT``, holds all three."""
        if found := _SIMULATED.fullmatch(self.host):
            return found[1], int(found[2]), "none"
        return self.host.strip("[]"), self.port, self.security


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person writes in the table of a channel of type ``email``."""

    sender: str = setting(
        "Who writes: a name and an address of yours, for which your relay may send.",
        example="Harbour Ferries <notices@ferries.example>",
        check=_mailbox,
        name="from",
    )
    relays: tuple[Relay, ...] = setting(
        "The servers that take your mail, in the order in which they are tried.",
        example='[{ host = "mail.ferries.example", user = "notices", password = { file = "secrets/smtp" } }]',
        check=_some,
    )
    unsubscribe: str | tuple[str, ...] = setting(
        "How readers leave the list: a mailto: or https: address, or both; the first is shown in the message. "
        "{address} and {token} in it stand for the reader.",
        example="mailto:stop@ferries.example",
        check=_links,
    )
    postal_address: str = setting(
        "Where letters on paper reach you; the law of many countries wants it in every newsletter.",
        example="Pier 3, 18538 Piraeus, Greece",
        check=_something,
    )
    one_click: bool = setting(
        "Whether the https: address of unsubscribe answers to a single click in the mail program (RFC 8058).",
        default=False,
        example="true",
    )
    unsubscribe_key: Secret | None = setting(
        "Makes the {token} in unsubscribe, by which your site knows that a link was not made up.",
        default=None,
        example='{ file = "secrets/unsubscribe" }',
    )
    reply_to: str = setting(
        "Where answers go, if not to the sender.", default="", example="office@ferries.example", check=_reply_to
    )
    envelope_from: str = setting(
        "Where bounces go, if not to the sender; {address} in it stands for the reader.",
        default="",
        example="bounces+{address}@ferries.example",
        check=_envelope,
    )
    templates: Path | None = setting(
        "A folder with your own email.html or email.txt.", default=None, example="templates"
    )

    def __post_init__(self) -> None:
        links = as_links(self.unsubscribe)
        if self.one_click and not any(link.startswith("https://") and _names_the_reader(link) for link in links):
            raise ConfigError(
                "one_click needs an https: address in unsubscribe that names the reader, "
                'e.g. "https://ferries.example/stop?who={address}&proof={token}"'
            )
        if any(TOKEN in link for link in links) and self.unsubscribe_key is None:
            raise ConfigError("unsubscribe holds {token}, and there is no unsubscribe_key to make it with. Write one")


def as_links(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The addresses in ``unsubscribe``."""
    return (value,) if isinstance(value, str) else tuple(value)


def _names_the_reader(link: str) -> bool:
    return ADDRESS in link or TOKEN in link


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
