"""From the bytes of a status page to one word, whatever their format: what is not understood is UNKNOWN, never GOOD."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from surecast.vendor.feeds import feed
from surecast.vendor.members import as_object
from surecast.vendor.pages import better_stack, slack
from surecast.vendor.statuspage import instatus, statuspage
from surecast.vendor.view import View, line, unknown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: The first that knows a document reads it.
READERS = (slack, better_stack, instatus, statuspage)

CURE = "Give the address of its JSON or of its feed, e.g. /api/v2/summary.json or /history.atom."


def parse(content: bytes, media_type: str, *, now: float, component: str = "") -> View:
    """What a status page says; never raises because of what stands in it.

    Known are Atlassian Statuspage (and what answers like it), Slack, Instatus, Better Stack, and feeds of incidents
    (RSS 2.0, Atom). They are recognised by their content.

    Args:
        media_type: as the server gave it; only told to people.
        now: Unix seconds; times after it are ignored.
        component: only the components whose name contains it count, in any case; empty for the whole page.
    """
    view = _parse(content, line(media_type.partition(";")[0], 50), now, component.strip())
    return replace(view, detail=line(view.detail))


def _parse(content: bytes, media_type: str, now: float, component: str) -> View:
    start = content[:1024].replace(b"\0", b"").lower().lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")  # byte order marks
    if start.startswith((b"{", b"[")):
        return _of_json(content, now, component)
    if start.startswith(b"<") and b"<html" not in start and b"<!doctype html" not in start:
        return _of_xml(content, now, component)
    kind = f" ({media_type})" if media_type else ""
    return unknown(f"The status page is of a kind that cannot be read{kind}. {CURE}")


def _of_json(content: bytes, now: float, component: str) -> View:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):  # numbers of thousands of digits are a ValueError, too
        return unknown("The status page is JSON that cannot be read.")
    if isinstance(document, list) and document and all("name" in as_object(each) for each in document):
        document = {"components": document}  # as the documentation of Instatus shows them
    for reader in READERS:
        view = reader(as_object(document), now=now, component=component)
        if view is not None:
            return view
    return unknown(f"The status page is JSON of a form that is not known. {CURE}")


def _of_xml(content: bytes, now: float, component: str) -> View:
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - most pages are JSON
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - see above

    try:
        root: Element = fromstring(content.lstrip(), forbid_dtd=True)
    except DefusedXmlException:
        return unknown("The status page is XML with a document type or entities of its own, which is not read.")
    except (SyntaxError, ValueError, LookupError):  # ill-formed, or in an encoding that is not known
        return unknown("The status page is XML that cannot be read.")
    view = feed(root, now=now, component=component)
    return view or unknown(f"The status page is XML, but no feed of incidents. {CURE}")
