"""How an adapter declares its settings: one field, one sentence; everything else is derived from that.

Reading a configuration, its mistakes, the JSON Schema for editors, the documentation and the sandbox all look at
these declarations, so a setting is described once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

#: What happens to a setting when the real configuration runs on simulated platforms: kept; replaced by the simulated
#: platform's address; replaced by a temporary folder; left at its default.
InSandbox = Literal["keep", "endpoint", "folder", "default"]

ABOUT, EXAMPLE, CHECK, SANDBOX = "about", "example", "check", "sandbox"


def setting(
    about: str,
    *,
    default: Any = dataclasses.MISSING,
    example: str = "",
    check: Callable[[Any], str] | None = None,
    sandbox: InSandbox = "keep",
    name: str = "",
) -> Any:
    """A settings field.

    Args:
        about: one sentence for people: what it is and where to find it.
        default: the value when it is not written; without one the setting is required.
        example: what a person might write.
        check: gives what is wrong with a value and what to write instead, or an empty string.
        sandbox: see `InSandbox`.
        name: the name in the file where it is no Python name, e.g. ``from``.
    """
    metadata = {ABOUT: about, EXAMPLE: example, CHECK: check, SANDBOX: sandbox, "name": name}
    return dataclasses.field(default=default, metadata=metadata)


def web_address(value: str) -> str:
    """What is wrong with a web address; empty when nothing is."""
    if not value.startswith(("https://", "http://")):
        return f"{value!r} is not a web address. Begin it with https://"
    if "@" in value.split("/", 3)[2]:
        return "a web address must not hold a user name or password. Use the settings for secrets"
    return ""


def hosts(settings: object) -> tuple[tuple[str, int], ...]:
    """Where a channel's platform is, host and port: from the settings that a simulated platform would replace."""
    found: list[tuple[str, int]] = []
    if not dataclasses.is_dataclass(settings):
        return ()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.metadata.get(SANDBOX) == "endpoint" and isinstance(value, str):
            found += _place(value, getattr(settings, "port", None))
        for inner in value if isinstance(value, tuple) else ():
            found += hosts(inner)
    return tuple(found)


def _place(address: str, port: int | None) -> list[tuple[str, int]]:
    written = urlsplit(address if "//" in address else f"//{address}")
    try:
        number = written.port or port or (80 if written.scheme == "http" else 443)
    except ValueError:
        return []
    return [(written.hostname, number)] if written.hostname else []
