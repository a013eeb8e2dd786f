"""A private Postfix on loopback, beside any instance of the machine: all it accepts stays in a folder of its own.

It takes mail for everybody at d.test except those of REFUSED, from everybody except REFUSED_SENDER, and for no other
domain (554). A message of more than 1 MB (552), a 51st recipient (452), ten idle seconds, and a session of many errors
end as they do at a real relay. It offers STARTTLS and no AUTH, which SmtpFaults has.
"""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import sys
import tempfile
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.servers.certificates import make_certificate
from tests.servers.process import STOP_SECONDS, Server, answers, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

REFUSED: Final = {
    "rejected@d.test": "550 5.1.1 no such user",
    "gone@d.test": "551 5.7.1 user moved",
    "full@d.test": "452 4.2.2 mailbox full",
    "grey@d.test": "450 4.2.0 greylisted, try again in 60 seconds",
}
REFUSED_SENDER: Final = "evil@d.test"
PROGRAMS: Final = Path("/usr/lib/postfix/sbin")
NOBODY: Final = 65534
QUEUE: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("private", "saved", "trace"),
)
WAITING: Final = ("maildrop", "incoming", "active", "deferred")

SETTINGS: Final = {
    "compatibility_level": "3.6",
    "command_directory": "/usr/sbin",
    "daemon_directory": PROGRAMS,
    "maillog_file": "/dev/stdout",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "myhostname": "mx.d.test",
    "mynetworks": "127.0.0.0/8",
    "mydestination": "",
    "alias_maps": "",
    "relayhost": "",
    "default_transport": "error:5.7.1 nothing leaves this machine",
    "relay_transport": "error:5.7.1 nothing leaves this machine",
    "virtual_mailbox_domains": "d.test",
    "virtual_mailbox_maps": "static:all/",
    "virtual_uid_maps": f"static:{NOBODY}",
    "virtual_gid_maps": f"static:{NOBODY}",
    "virtual_minimum_uid": "100",
    "smtpd_tls_security_level": "may",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    # Small, so that they are met; `settings` may raise them.
    "smtpd_recipient_limit": "50",
    "message_size_limit": "1000000",
    "smtpd_timeout": "10s",
    # Not in the way of ten thousand messages from one address.
    "smtpd_client_connection_count_limit": "0",
    "in_flow_delay": "0",
}

# Debian's master.cf but for what serves other ways in and out, without chroot.
SERVICES: Final = """
{address} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

# Changing its user frees it from the wish to die with the tests, so a child beside it watches them instead.
_GUARD: Final = """
import os, select, signal, sys
tests, group = os.pidfd_open(int(sys.argv[1])), os.getpid()
if os.fork():
    os.execv(sys.argv[2], sys.argv[2:])
select.select([tests], [], [])
os.killpg(group, signal.SIGKILL)
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in the mailbox of one recipient."""

    sender: str
    """The envelope's sender, empty for a bounce."""
    recipient: str
    message: EmailMessage
    raw: bytes
    """The message as it lies there: Postfix put Return-Path, X-Original-To, Delivered-To and Received in front."""


class Postfix(Server):
    """The relay. Its folder lies in /tmp, as its processes are of several users, and is removed by stop()."""

    name = "postfix"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        folder = Path(tempfile.mkdtemp(prefix="surecast-postfix-", dir="/tmp"))
        try:
            super().__init__(folder)
            self.host = "127.0.0.1"
            self.url = f"smtp://{self.host}:{self.port}"
            self.ca_file = self._configure(settings or {})
            self._boot()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None) -> Postfix:
        """Start one; `settings` are lines of main.cf, as ``{"smtpd_recipient_limit": "1000"}``."""
        return cls(settings)

    def _configure(self, settings: Mapping[str, str]) -> Path:
        """Write its configuration, and return the certificate it shows."""
        self.folder.chmod(0o755)
        self._etc, self._queue, self._mail = (self.folder / name for name in ("etc", "spool", "mail"))
        data = self.folder / "data"
        for made in (self._etc, self._queue, self._mail, data):
            made.mkdir()
        shutil.chown(data, "postfix")
        shutil.chown(self._mail, NOBODY)
        certificate = make_certificate(self._etc)
        refused = "".join(f"{address} {answer}\n" for address, answer in REFUSED.items())
        (self._etc / "recipients").write_text(refused)
        (self._etc / "senders").write_text(f"{REFUSED_SENDER} REJECT\n")
        lines = {
            **SETTINGS,
            "queue_directory": self._queue,
            "data_directory": data,
            "virtual_mailbox_base": self._mail,
            "smtpd_tls_cert_file": certificate.file,
            "smtpd_tls_key_file": certificate.key,
            "smtpd_recipient_restrictions": f"check_recipient_access texthash:{self._etc / 'recipients'}, permit",
            "smtpd_sender_restrictions": f"check_sender_access texthash:{self._etc / 'senders'}",
            **settings,
        }
        (self._etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
        (self._etc / "master.cf").write_text(SERVICES.format(address=f"{self.host}:{self.port}"))
        for written in self._etc.iterdir():
            os.utime(written, (0, 0))  # one that was just written is taken to be unfinished, and waited for
        self._make_queue()
        return certificate.file

    def _make_queue(self) -> None:
        """Make the folders of the queue, as `postfix check` does more slowly."""
        modes = dict.fromkeys(QUEUE, 0o700) | {"maildrop": 0o730, "public": 0o710}
        for name, mode in modes.items():
            made = self._queue / name
            made.mkdir()
            shutil.chown(made, "postfix", "postdrop" if mode & 0o070 else None)
            made.chmod(mode)
        (self._queue / "pid").mkdir()

    def _command(self) -> list[str | Path]:
        # Not by `postfix start`, which would take it out of this process group. -s: it logs to its standard output.
        guard = [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid())]
        return [*guard, PROGRAMS / "master", "-c", self._etc, "-s"]

    def _boot(self) -> None:
        self._wait_for_port()
        super()._boot()

    def kill(self) -> None:
        """Kill it as a crash would; what it accepted stays in its queue, and is delivered after restart()."""
        super().kill()
        self._wait_for_port()

    def _wait_for_port(self) -> None:
        # Its children are reaped by nobody here, and the last of them may hold the port for a moment more.
        wait_until(lambda: not answers(self.port), STOP_SECONDS, "its port was not given up")

    def _ready(self) -> bool:
        try:
            with smtplib.SMTP(self.host, self.port, timeout=5) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def count(self) -> int:
        """How many messages lie in mailboxes by now; what it accepted a moment ago may still be in its queue."""
        return len(self._delivered())

    def mails(self) -> list[Mail]:
        """All it accepted, one for each recipient, in the order of delivery; waits for its queue to be empty."""
        self.settle()
        return [_read(file) for file in self._delivered()]

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until all it accepted is delivered; raises ServerError after that many seconds."""
        wait_until(lambda: not self._queued(), seconds, "the queue was not empty")

    def reset(self) -> None:
        """Forget all mail."""
        self.settle()
        for file in self._delivered():
            file.unlink()

    def _queued(self) -> bool:
        return any(file.is_file() for name in WAITING for file in (self._queue / name).rglob("*"))

    def _delivered(self) -> list[Path]:
        return sorted((self._mail / "all" / "new").glob("*"), key=_when)

    def stop(self) -> None:
        """End it for good and remove its folder with all mail; safe to call twice."""
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _when(file: Path) -> tuple[int, ...]:
    """The second and the microsecond of delivery, which the name of a file in a Maildir holds."""
    named = re.match(r"(\d+)\.V[0-9a-f]+I[0-9a-f]+M(\d+)\.", file.name)
    return tuple(map(int, named.groups())) if named else ()


def _read(file: Path) -> Mail:
    raw = file.read_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    return Mail(str(message["Return-Path"]).strip("<>"), str(message["X-Original-To"]), message, raw)
