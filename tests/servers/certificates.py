"""Certificates for servers on 127.0.0.1, signed by themselves: each is its own certificate authority."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.process import ServerError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """The two files of a certificate, valid for two days for 127.0.0.1 and localhost."""

    file: Path
    """The certificate, to be given to a client as its file of authorities."""
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server speaks TLS with; the files are not needed any more."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate in a folder; raises ServerError when the openssl command is missing or fails."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command += ["-keyout", str(made.key), "-out", str(made.file)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(f"a certificate needs the openssl command: {error}") from None
    return made
