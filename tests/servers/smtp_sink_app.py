"""The process of SmtpSink: `python smtp_sink_app.py PORT JOURNAL DELAY_SECONDS`. It needs the standard library only.

SMTP by hand, as a mail library would be the slowest part of what is measured. No STARTTLS, no login, no refusals.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import TextIO

EXTENSIONS = b"250-sink.d.test\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
FIXED = {
    b"EHLO": EXTENSIONS,
    b"HELO": b"250 sink.d.test\r\n",
    b"NOOP": b"250 OK\r\n",
    b"RSET": b"250 OK\r\n",
    b"QUIT": b"221 Bye\r\n",
}


class Conversation(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, journal: TextIO, delay: float) -> None:
        self.journal = journal
        self.delay = delay
        self.buffer = bytearray()
        self.in_message = False
        self.sender = ""
        self.recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink.d.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take every line and every message that is complete."""
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n.\r\n" if self.in_message else b"\r\n")
            if end < 0:
                return
            part = bytes(self.buffer[:end])
            if self.in_message:
                del self.buffer[: end + 5]
                self.message(part)
            else:
                del self.buffer[: end + 2]
                self.command(part)

    def command(self, line: bytes) -> None:
        """Answer one command."""
        verb = line[:4].upper()
        if verb in (b"MAIL", b"RCPT"):
            address = line[line.index(b"<") + 1 : line.index(b">")].decode()
            if verb == b"RCPT":
                self.recipients.append(address)
            else:
                self.sender, self.recipients = address, []
            self.transport.write(b"250 OK\r\n")
        elif verb == b"DATA":
            self.in_message = True
            self.transport.write(b"354 Go on\r\n")
        else:
            self.transport.write(FIXED.get(verb, b"500 What?\r\n"))
            if verb == b"QUIT":
                self.transport.close()

    def message(self, content: bytes) -> None:
        """Take a message: from now on it is out, whether or not its sender hears of it."""
        self.in_message = False
        found = MESSAGE_ID.search(content)
        taken = {
            "sender": self.sender,
            "recipients": self.recipients,
            "message_id": found[1].decode(errors="replace") if found else None,
            "size": len(content),
        }
        self.journal.write(json.dumps(taken) + "\n")
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.confirm)
        else:
            self.confirm()

    def confirm(self) -> None:
        """Tell the client, if it is there still."""
        if not self.transport.is_closing():
            self.transport.write(b"250 OK\r\n")


async def main(port: int, journal: TextIO, delay: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(journal, delay), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a", buffering=1) as opened:
        asyncio.run(main(int(sys.argv[1]), opened, float(sys.argv[3])))
