"""What an announcement and the settings give to a letter, and whether the templates can be filled with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from importlib.resources import files

from surecast.channel import Post, Words
from surecast.channels._email_letter import HTML, TEXT, Frozen, Letter
from surecast.channels._email_settings import Settings, as_links
from surecast.errors import UsageError
from surecast.text.fit import clean
from surecast.text.mime import one_line

#: A subject that is not given is the first line, or its first words.
SUBJECT_CHARS = 78

WORDS = "email.json"


def dress(settings: Settings | None, post: Post) -> Post:
    """The post as it is; own templates are tried with its words, so that mistakes are told before anything is sent.

    `prepare` tries them again: they may have been changed meanwhile.

    Raises:
        UsageError: a template cannot be read or filled; it says where.
    """
    if settings is not None and settings.templates is not None:
        Letter(frozen(post, settings, templates(settings), key="", created_at=0.0)).try_out()
    return post


def frozen(post: Post, settings: Settings, sources: Mapping[str, str], *, key: str, created_at: float) -> Frozen:
    """The letter of an announcement: the same one whenever it is made.

    Args:
        sources: see `templates`.
        key, created_at: of the errand.
    """
    name, address = parseaddr(settings.sender)
    title, body, url = _beside(post.words)
    text = clean(post.parts[0].text)
    shared = {
        "title": title,
        "text": text,
        "body": body,
        "url": url,
        "sender": one_line(post.sender),
        "postal_address": one_line(settings.postal_address),
    }
    return Frozen(
        sender=(one_line(name or post.sender), in_ascii(address)),
        reply_to=settings.reply_to,
        envelope_from=settings.envelope_from,
        subject=one_line(title) or _first_words(text),
        date=format_datetime(datetime.fromtimestamp(created_at, UTC)),
        # A line of quoted-printable never holds "=_" (RFC 2045, 6.7).
        boundary=f"=_{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}",
        language=one_line(post.language),
        shared=shared,
        words=json.loads(files("surecast").joinpath("templates", WORDS).read_text(encoding="utf-8")),
        templates=sources,
        leave=_https_first(as_links(settings.unsubscribe)) if settings.one_click else as_links(settings.unsubscribe),
        one_click=settings.one_click,
    )


def templates(settings: Settings) -> dict[str, str]:
    """The sources of both templates; own ones stand before ours, file by file.

    Raises:
        UsageError: an own one cannot be read, or there is none.
    """
    own = settings.templates
    if own is not None and not any((own / name).is_file() for name in (TEXT, HTML)):
        raise UsageError(f"The folder {own} holds neither {HTML} nor {TEXT}. Correct templates, or leave it out.")
    sources = {}
    for name in (TEXT, HTML):
        path = own / name if own is not None and (own / name).is_file() else None
        try:
            source = path or files("surecast").joinpath("templates", name)
            sources[name] = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The template {path} cannot be read ({type(error).__name__}). Correct it.") from error
    return sources


def in_ascii(address: str) -> str:
    """The address with its domain as the DNS has it."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    import idna  # noqa: PLC0415 - comes with httpx; few addresses need it

    return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"


def _beside(words: Words) -> tuple[str, str, str]:
    """Title, long form and link; exact words are said alone."""
    if words.exact:
        return "", "", ""
    return clean(words.title or ""), clean(words.body or ""), "".join(clean(words.url or "").split())


def _first_words(text: str) -> str:
    line = one_line(text.partition("\n")[0])
    if len(line) <= SUBJECT_CHARS:
        return line
    return f"{line[: SUBJECT_CHARS - 1].rsplit(' ', 1)[0]}…"


def _https_first(links: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(links, key=lambda link: not link.startswith("https://")))
