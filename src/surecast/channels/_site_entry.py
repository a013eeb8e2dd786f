"""An announcement as the website keeps it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from surecast.channel import Errand, Picture
from surecast.clock import iso
from surecast.text import fit

#: An entry without a title is headed by its first line when that is no longer; else by its first words.
HEADING_CHARS = 100

#: How each kind of picture is named; one that no browser shows in an <img> without risk is left out.
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif"}

SCHEMA = 1
_SLUG_WORDS, _SLUG_CHARS = 8, 48

# Noncharacters: XML 1.0 (2.2) forbids some, HTML calls all of them a parse error.
_NONCHARACTERS = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)) + "]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture on a page."""

    file: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An announcement as the website keeps it; its JSON is the payload, and the file under ``entries``.

    Attributes:
        slug: the page's name without ``.html``.
        uid: its name in feeds, for ever.
        published, expires: Unix seconds.
    """

    slug: str
    uid: str
    text: str
    title: str | None
    body: str | None
    url: str | None
    language: str
    published: float
    expires: float
    pictures: tuple[Shown, ...] = ()

    @classmethod
    def of(cls, errand: Errand, site_url: str) -> Entry:
        """The entry of a delivery: the same one for the same errand, wherever and whenever it is made."""
        post, words = errand.post, errand.post.words
        text = clean(post.parts[errand.part].text)
        title = None if words.exact else _or_none(words.title)
        slug = slug_of(title or words.text, errand.key)
        return cls(
            slug=slug,
            uid=uuid.uuid5(uuid.NAMESPACE_URL, f"{site_url}/{slug}.html").urn,
            text=text,
            title=title,
            body=None if words.exact else _or_none(words.body),
            url=None if words.exact else _web(words.url),
            language=clean(post.language),
            published=errand.created_at,
            expires=errand.expires_at,
            pictures=tuple(
                Shown(file=file, alt=clean(picture.alt), width=picture.width, height=picture.height)
                for picture in post.pictures
                if (file := picture_file(slug, picture))
            ),
        )

    @classmethod
    def read(cls, data: bytes, slug: str | None = None) -> Entry:
        """Reads what `payload` gave, also when somebody else had it in hand.

        Args:
            slug: the one it must have, where that is known.

        Raises:
            ValueError: it is no such entry.
        """
        try:
            raw = json.loads(data)
            raw.pop("schema")
            raw["published"], raw["expires"] = _seconds(raw["published"]), _seconds(raw["expires"])
            raw["pictures"] = tuple(Shown(**picture) for picture in raw["pictures"])
            raw["url"] = _web(raw["url"])
            entry = cls(**raw)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not an entry: {error}") from error
        texts = (entry.uid, entry.text, entry.language, entry.title or "", entry.body or "")
        if not all(isinstance(text, str) for text in texts) or slug not in (None, entry.slug):
            raise ValueError("not an entry")
        for name in (entry.slug, *(picture.file for picture in entry.pictures)):
            safe_name(name)
        return entry

    def payload(self) -> bytes:
        """The entry for programs; the same bytes for the same entry."""
        fields = {**asdict(self), "published": iso(self.published), "expires": iso(self.expires)}
        return as_json({"schema": SCHEMA, **fields})

    @property
    def page(self) -> str:
        return f"{self.slug}.html"

    @property
    def heading(self) -> str:
        """One line that stands for the whole."""
        if self.title:
            return " ".join(self.title.split())
        first = " ".join(self.text.partition("\n")[0].split())
        if len(first) <= HEADING_CHARS:
            return first
        return f"{first[:HEADING_CHARS].rsplit(' ', 1)[0]}…"

    @property
    def lead(self) -> str:
        """The text without what the heading says already; a heading cannot show a link that can be followed."""
        first, _, rest = self.text.partition("\n")
        said = " ".join(first.split()) == self.heading and "://" not in first
        return rest.strip() if said else self.text

    @property
    def shown_url(self) -> str:
        """The link's address as people read it."""
        return re.sub(r"^https?://(www\.)?|/$", "", self.url or "")


def safe_name(name: str) -> str:
    """`name`, when it is a file's of this site; ValueError when it could lead elsewhere."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name, re.ASCII):
        raise ValueError(f"{name!r} is no file of a website")
    return name


def slug_of(words: str, key: str) -> str:
    """The name of a delivery's page: a few words to recognise it, and a digest of its key to be the only one."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    readable = "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", ""))[:_SLUG_WORDS])
    if len(readable) > _SLUG_CHARS:
        readable = readable[:_SLUG_CHARS].rpartition("-")[0] or readable[:_SLUG_CHARS]
    digest = hashlib.sha256(b"surecast site\0" + key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if not re.search("[a-z]{2}", readable):
        readable = "notice"  # little is left of a script other than Latin
    return f"{readable}-{digest}"


def picture_file(slug: str, picture: Picture) -> str:
    """The name of a picture's file, its delivery's own; empty when it cannot be shown."""
    suffix = SUFFIXES.get(picture.media_type)
    return f"{slug}-{picture.digest[:12].lower()}.{suffix}" if suffix else ""


def clean(text: str) -> str:
    """`text` without characters that no HTML page or no XML feed may hold; line breaks are line feeds."""
    return _NONCHARACTERS.sub("", fit.clean(text)).strip()


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sorts by time of publication, the same everywhere where two have the same."""
    return sorted(entries, key=lambda entry: (entry.published, entry.slug), reverse=True)


def select(entries: Iterable[Entry], keep: int, now: float) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Sorts entries, each newest first: the valid ones, those that ended but are still listed, and the others.

    A valid entry never leaves the list, however many there are.
    """
    newest = newest_first(entries)
    valid = [entry for entry in newest if entry.expires > now]
    ended = [entry for entry in newest if entry.expires <= now]
    room = max(0, keep - len(valid))
    return valid, ended[:room], ended[room:]


def as_json(value: Any) -> bytes:
    """`value` as the site's JSON files are written."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _web(url: str | None) -> str | None:
    """The address when a browser may be sent there, else None."""
    url = "".join(clean(url or "").split())
    return url if re.match(r"https?://[^/?#]", url, re.IGNORECASE) else None


def _or_none(text: str | None) -> str | None:
    return clean(text or "") or None


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
