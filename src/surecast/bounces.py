"""What came back of a newsletter: bounces and complaints, read from the mailbox to which they were sent.

Formats: RFC 3464 (delivery status notifications), RFC 5965 (complaints of mailbox providers), mbox. What a server wrote
in words alone is left to a person: only what is said by a code can take somebody off a list.
"""

from __future__ import annotations

import mailbox
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from pathlib import Path

from surecast.errors import UsageError
from surecast.outcome import Reason

#: RFC 3463, 3.2 and the registry: the address itself is wrong, now and later.
NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})

#: RFC 5965, 7.3, and RFC 6650 for what people did not sign up for.
COMPLAINTS = frozenset({"abuse", "opt-out", "opt-out-list", "fraud"})

_ADDRESS = re.compile(r"[^\s@<>;]+@[^\s@<>;]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What is known of one address.

    Attributes:
        reason: `NO_SUCH_ADDRESS` and `OPTED_OUT` take it off the list; `UNDELIVERED` says that this one did not arrive.
        status: the enhanced code, e.g. ``5.1.1``; empty for a complaint.
    """

    address: str = field(repr=False)
    reason: Reason
    status: str = ""

    @property
    def permanent(self) -> bool:
        """Whether nobody can be reached there, now or later."""
        return self.reason is Reason.NO_SUCH_ADDRESS

    @property
    def opted_out(self) -> bool:
        """Whether the person wants no more of it."""
        return self.reason is Reason.OPTED_OUT


def parse(data: bytes) -> tuple[Bounce, ...]:
    """What a file of bounces says, in its order: an mbox, or one message as it came.

    Delays, successes and messages of other sorts say nothing and are left out.

    Raises:
        UsageError: it is neither.
    """
    found = [bounce for message in _messages(data) for bounce in _of(message)]
    return tuple(dict.fromkeys(found))


def _messages(data: bytes) -> Iterator[EmailMessage]:
    if data.startswith(b"From "):
        yield from _of_mbox(data)
        return
    message = message_from_bytes(data, policy=policy.default)
    if not any(name in message for name in ("From", "Received", "Content-Type", "Return-Path", "Date")):
        raise UsageError("The file holds no e-mail. Give an mbox, or one message as it came (.eml).")
    yield message


def _of_mbox(data: bytes) -> Iterator[EmailMessage]:
    """The standard library reads an mbox from a file only."""
    with tempfile.TemporaryDirectory(prefix="surecast-bounces-") as folder:
        path = Path(folder) / "mbox"
        path.touch(mode=0o600)
        path.write_bytes(data)
        box = mailbox.mbox(path, create=False)
        try:
            for key in box.iterkeys():
                yield message_from_bytes(box.get_bytes(key), policy=policy.default)
        finally:
            box.close()


def _of(message: EmailMessage) -> Iterator[Bounce]:
    # The original message may be a part as well: what stands in it is not said of this one.
    parts = [message, *_parts(message)]
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                yield from _notified(part)
            case "message/feedback-report":
                yield from _complained(part, parts)


def _parts(message: Message) -> Iterator[Message]:
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(payload, list):
        yield from (part for part in payload if isinstance(part, Message))


def _notified(part: Message) -> Iterator[Bounce]:
    """Groups of fields: the first is about the message, each other one about a recipient."""
    for group in _groups(part):
        action = _text(group, "Action").lower()
        status = re.match(r"[245]\.\d{1,3}\.\d{1,3}", _text(group, "Status"))
        address = _address(group, "Original-Recipient") or _address(group, "Final-Recipient")
        if action != "failed" or status is None or not address:
            continue
        reason = Reason.NO_SUCH_ADDRESS if status[0] in NO_SUCH_ADDRESS else Reason.UNDELIVERED
        yield Bounce(address=address, reason=reason, status=status[0])


def _complained(report: Message, parts: list[Message]) -> Iterator[Bounce]:
    for group in _groups(report):
        if _text(group, "Feedback-Type").lower() not in COMPLAINTS:
            continue
        address = _address(group, "Original-Rcpt-To") or _address(group, "Removal-Recipient") or _first_to(parts)
        if address:
            yield Bounce(address=address, reason=Reason.OPTED_OUT)


def _groups(part: Message) -> list[Message]:
    """The groups of fields in a part; some writers' parts are read as one text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [group for group in payload if isinstance(group, Message)]
    return [message_from_bytes(text.encode(), policy=policy.compat32) for text in re.split(r"\n\s*\n", str(payload))]


def _first_to(parts: list[Message]) -> str:
    """To whom the message went that was complained about, where the report brings it along."""
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            return _address(payload[0], "To") if isinstance(payload[0], Message) else ""
    return ""


def _address(group: Message, name: str) -> str:
    """The address in ``rfc822; ann@example.org`` or ``<ann@example.org>``."""
    kind, _, rest = _text(group, name).rpartition(";")
    found = _ADDRESS.search(rest)
    known = not kind or kind.strip().lower() in {"rfc822", "utf-8"}
    return found[0] if found is not None and known else ""


def _text(group: Message, name: str) -> str:
    return str(group.get(name, "")).strip()
