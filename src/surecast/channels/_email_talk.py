"""Setting up connections to mail servers with aiosmtplib; importing this module loads it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib

from surecast.channels._email_replies import Reply, Stage, judge
from surecast.channels._email_wire import Offers, Wire
from surecast.outcome import Outcome, Reason, Verdict
from surecast.transport.classify import (
    NO_CONNECTION,
    NO_CONNECTION_IN_TIME,
    NO_TLS,
    NO_TRUST,
    classify,
)
from surecast.transport.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a relay is, and how it is spoken to.

    Attributes:
        tls: None where nothing is encrypted.
        at_once: whether encryption begins with the connection; else with STARTTLS.
        hello: what this machine calls itself.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    at_once: bool
    hello: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """For people."""
        return f"The relay {self.host}"


class NoConnectionError(Exception):
    """There is no connection on which mail could be sent; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


async def connect(place: Place, until: float) -> Wire:
    """A connection that is greeted, secured and logged in.

    Args:
        until: in the loop's time.

    Raises:
        NoConnectionError: with the outcome; nothing was sent.
    """
    smtp = aiosmtplib.SMTP(
        hostname=place.host,
        port=place.port,
        local_hostname=place.hello,
        use_tls=place.at_once,
        start_tls=False,  # below, where it is never left out
        tls_context=place.tls,
        timeout=None,  # the whole has its limit here
    )
    stage = Stage.HELLO
    try:
        async with asyncio.timeout_at(until):
            await smtp.connect()
            await _hello(smtp)
            if place.tls is not None and not place.at_once:
                await _secure(smtp, place)
            if place.user:
                stage = Stage.LOGIN
                await _log_in(smtp, place)
        return _handed_on(smtp)
    except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
        _leave(smtp)
        raise NoConnectionError(_why(error, place, stage)) from error
    except BaseException:
        _leave(smtp)
        raise


async def _hello(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not smtp.is_connected:
            raise
        await smtp.helo()


async def _secure(smtp: aiosmtplib.SMTP, place: Place) -> None:
    """STARTTLS, always: a server that does not offer it may be somebody in between who took the offer out."""
    if not smtp.supports_extension("starttls"):
        detail = f"{place.name} offers no encryption (STARTTLS), so nothing was sent. Check host, port and security."
        raise NoConnectionError(Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, detail=detail))
    await smtp.starttls()
    await _hello(smtp)


async def _log_in(smtp: aiosmtplib.SMTP, place: Place) -> None:
    if not smtp.supported_auth_methods:
        detail = f"{place.name} offers no login that is known here. Check port and security, or leave out user."
        raise NoConnectionError(Outcome(verdict=Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS, detail=detail))
    await smtp.login(place.user, place.password)


def _leave(smtp: aiosmtplib.SMTP) -> None:
    """Ends a connection now; over TLS, the SDK's polite end would go on after the event loop."""
    transport = smtp.transport
    smtp.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _handed_on(smtp: aiosmtplib.SMTP) -> Wire:
    if smtp.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("gone again")
    offers = Offers(
        pipelining=smtp.supports_extension("pipelining"),
        size=smtp.supports_extension("size"),
        utf8=smtp.supports_extension("smtputf8"),
    )
    return Wire(cast("asyncio.Transport", smtp.transport), offers)


def _why(error: BaseException, place: Place, stage: Stage) -> Outcome:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return judge(place.name, stage, Reply(error.code, error.message))
    causes = (error, error.__cause__, error.__context__)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _named(place, NO_TRUST)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _named(place, NO_TLS)
    if isinstance(error, TimeoutError):
        return _named(place, NO_CONNECTION_IN_TIME)
    told = classify(error.__cause__ or error)
    return _named(place, told if told.verdict is Verdict.UNAVAILABLE else NO_CONNECTION)


def _named(place: Place, outcome: Outcome) -> Outcome:
    detail = redact(f"{place.name}, port {place.port}: {outcome.detail}")
    return Outcome(verdict=outcome.verdict, reason=outcome.reason, detail=detail)
