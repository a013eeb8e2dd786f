"""What an error means: the one place where exceptions become outcomes.

Errors of the HTTP clients are matched by module root and class name, so that no client is imported here and a
client that is loaded late is known all the same.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from surecast.errors import ConfigError, LedgerError, UsageError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.redact import redact
from surecast.transport.status import MAYBE, from_error

__all__ = ["MAYBE", "classify"]

MALFORMED = Outcome(
    verdict=Verdict.SKIPPED,
    reason=Reason.MISCONFIGURED,
    detail="The address or a header cannot be used. Check the channel's address, and its secret for line breaks.",
)


def _not_sent(sentence: str) -> Outcome:
    return Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, detail=sentence)


def _in_doubt(reason: Reason, sentence: str) -> Outcome:
    return Outcome(verdict=Verdict.UNCERTAIN, reason=reason, detail=f"{sentence} {MAYBE}")


def _ours(sentence: str) -> Outcome:
    return Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.OURS, detail=sentence)


NO_CONNECTION = _not_sent("No connection could be made.")
NO_CONNECTION_IN_TIME = _not_sent("No connection was made in time.")
NONE_FREE = _not_sent("All connections were busy, and none became free in time.")
NO_NAME = _not_sent("The server's name could not be looked up (DNS).")
NO_TLS = _not_sent("No secure connection (TLS) could be set up.")
NO_TRUST = _not_sent(
    "The server's certificate could not be verified. "
    "Check the address, this machine's clock, and ca_file under [network]."
)
NO_PROXY = _not_sent("The proxy could not be reached or made no connection. Check proxy under [network].")
REFUSED_CONNECTION = _not_sent("The server refused the connection.")
TIMED_OUT = _in_doubt(Reason.TIMED_OUT, "No answer came in time.")
BROKEN_OFF = _in_doubt(Reason.INTERRUPTED, "The connection broke before the answer was complete.")
UNREADABLE = _in_doubt(Reason.UNREADABLE_REPLY, "The answer could not be read.")
REDIRECTED = _in_doubt(Reason.REDIRECTED, "The server answered with a redirect, which is not followed.")
CANCELLED = _in_doubt(Reason.CANCELLED_IN_FLIGHT, "The call was ended before its answer came.")


_Rows = MappingProxyType[tuple[str, str], Outcome]


def _rows(table: Mapping[tuple[str, ...], Mapping[str, Outcome]]) -> _Rows:
    """(module roots) -> class name -> outcome, flattened to (module root, class name) -> outcome."""
    return MappingProxyType(
        {(root, name): row for roots, classes in table.items() for name, row in classes.items() for root in roots}
    )


#: Errors of HTTP clients that settle the question. A subclass that is not named means what its parent means.
OF_CLIENTS = _rows(
    {
        ("httpx", "httpx2"): {
            "ConnectError": NO_CONNECTION,
            "ConnectTimeout": NO_CONNECTION_IN_TIME,
            "PoolTimeout": NONE_FREE,
            "ProxyError": NO_PROXY,
            "UnsupportedProtocol": _not_sent("The address must begin with https:// or http://."),
            "InvalidURL": MALFORMED,
            "TimeoutException": TIMED_OUT,
            "NetworkError": BROKEN_OFF,
            "ProtocolError": BROKEN_OFF,
            "DecodingError": UNREADABLE,
            "TooManyRedirects": REDIRECTED,
        },
        ("requests",): {
            "ConnectTimeout": NO_CONNECTION_IN_TIME,
            "ProxyError": NO_PROXY,
            "Timeout": TIMED_OUT,
            "ChunkedEncodingError": BROKEN_OFF,
            "ContentDecodingError": UNREADABLE,
            "JSONDecodeError": UNREADABLE,
            "TooManyRedirects": REDIRECTED,
            "InvalidHeader": MALFORMED,
            "InvalidSchema": MALFORMED,
            "InvalidURL": MALFORMED,
            "MissingSchema": MALFORMED,
            "URLRequired": MALFORMED,
        },
        ("urllib3",): {
            "NewConnectionError": NO_CONNECTION,
            "NameResolutionError": NO_NAME,
            "ConnectTimeoutError": NO_CONNECTION_IN_TIME,
            "EmptyPoolError": NONE_FREE,
            "ClosedPoolError": NO_CONNECTION,
            "ProxyError": NO_PROXY,
            "TimeoutError": TIMED_OUT,
            "ProtocolError": BROKEN_OFF,
            "IncompleteRead": BROKEN_OFF,
            "InvalidChunkLength": BROKEN_OFF,
            "DecodeError": UNREADABLE,
            "LocationValueError": MALFORMED,
        },
        ("aiohttp",): {
            "ClientConnectorError": NO_CONNECTION,
            "ClientConnectorDNSError": NO_NAME,
            "ClientConnectorCertificateError": NO_TRUST,
            "ClientSSLError": NO_TLS,
            "ConnectionTimeoutError": NO_CONNECTION_IN_TIME,
            "ServerFingerprintMismatch": NO_TRUST,
            "ClientProxyConnectionError": NO_PROXY,
            "ClientHttpProxyError": NO_PROXY,
            "InvalidURL": MALFORMED,
            "NonHttpUrlClientError": MALFORMED,
            "TooManyRedirects": REDIRECTED,
            "ServerTimeoutError": TIMED_OUT,
            "ClientConnectionError": BROKEN_OFF,
            "ClientPayloadError": BROKEN_OFF,
        },
    }
)

#: Errors of the standard library: they settle the question where no client's error does, else they only tell more.
OF_THE_SYSTEM = _rows(
    {
        ("socket",): {"gaierror": NO_NAME, "herror": NO_NAME},
        ("ssl",): {"SSLCertVerificationError": NO_TRUST, "SSLError": BROKEN_OFF},
        ("builtins",): {
            "ConnectionRefusedError": REFUSED_CONNECTION,
            "ConnectionError": BROKEN_OFF,
            "TimeoutError": TIMED_OUT,
            "EOFError": BROKEN_OFF,
            "UnicodeDecodeError": UNREADABLE,
            "MemoryError": _ours("This machine is out of memory."),
        },
        ("http",): {"HTTPException": BROKEN_OFF},
    }
)

#: What is left when nothing above was found anywhere in the chain.
OF_LAST_RESORT = _rows(
    {
        ("requests", "httpx", "httpx2"): {"RequestException": BROKEN_OFF, "HTTPError": BROKEN_OFF},
        ("urllib3",): {"HTTPError": BROKEN_OFF},
        ("aiohttp",): {"ClientError": BROKEN_OFF},
        ("urllib",): {"URLError": BROKEN_OFF},
        ("builtins",): {"ValueError": UNREADABLE},
        ("msgspec",): {"DecodeError": UNREADABLE},
        ("atproto_client",): {"ModelError": UNREADABLE},
    }
)

#: Faults of this machine; a platform is never blamed for them.
LOCAL_FAULTS = frozenset(
    {
        *(errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EIO),
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS),
        *(errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
    }
)

#: What to install for a module that is missing, where the two are named differently.
PACKAGES = MappingProxyType(
    {
        "PIL": "pillow",
        "atproto_client": "atproto",
        "mastodon": "Mastodon.py",
        "slack_sdk": "slack-sdk",
        "telegram": "python-telegram-bot",
    }
)

#: Mistakes in a program.
MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RecursionError, TypeError)


def classify(error: BaseException, own: Callable[[BaseException], Outcome | None] | None = None) -> Outcome:
    """The outcome of an action that ended with `error`.

    What surely was not sent is UNAVAILABLE; what may have arrived is UNCERTAIN. An SDK's wrapper is looked through,
    down to the error of the HTTP client or of the system.

    Args:
        error: as it was caught, with its causes.
        own: the adapter's table for its platform's own errors; asked right after our own time-outs.
    """
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit | GeneratorExit):
        return CANCELLED
    if type(error) is TimeoutError:  # a subclass belongs to an HTTP client
        return TIMED_OUT
    known = _asked(own, error) or _of_the_house(error)
    if known:
        return known
    return _of_transport(error) or _last_resort(error) or _unknown(error)


def _asked(own: Callable[[BaseException], Outcome | None] | None, error: BaseException) -> Outcome | None:
    try:
        return own(error) if own else None
    except Exception:  # noqa: BLE001 - a mistake in an adapter's table must not hide the error it was asked about
        return None


def _of_the_house(error: BaseException) -> Outcome | None:
    """The outcome of surecast's own errors and of missing packages: only what was raised on purpose counts."""
    seen: BaseException | None = error
    for _ in range(20):
        match seen:
            case None:
                return None
            case UsageError():
                return Outcome(
                    verdict=Verdict.SKIPPED,
                    scope=Scope.CONTENT,
                    reason=Reason.CANNOT_BE_FITTED,
                    detail=redact(str(seen)),
                )
            case ConfigError():
                return Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED, detail=redact(str(seen)))
            case LedgerError():
                return _ours(redact(str(seen)))
            case ImportError():
                return Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED, detail=_missing(seen))
        seen = seen.__cause__
    return None


def _missing(error: ImportError) -> str:
    module = (error.name or "").partition(".")[0]
    if not module:
        return "A package this channel needs cannot be loaded. Install surecast anew."
    package = PACKAGES.get(module, module)
    return f"The package {package} cannot be loaded. Run: pip install {package}"


def _chain(error: BaseException, *, alone: tuple[type[BaseException], ...] = ()) -> Iterator[BaseException]:
    """`error` and everything it came from, nearest first, each once.

    What was being handled when an error was raised is its cause with SDKs that raise without `from`; it may as well
    be an earlier try, or have nothing to do with it.

    Args:
        alone: classes of errors for which it is left out.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        links: list[Any] = [node.__cause__, None if isinstance(node, alone) else node.__context__]
        links += [*node.args, getattr(node, "reason", None)]  # as urllib3's errors carry others
        if isinstance(node, BaseExceptionGroup):
            links += node.exceptions
        waiting += [link for link in links if isinstance(link, BaseException)]


def _of_transport(error: BaseException) -> Outcome | None:
    """What HTTP clients and the system say; one sign of doubt outweighs any sign that nothing was sent.

    An SDK may have tried twice: then the first try stands in the chain of the second.
    """
    chain = tuple(_chain(error, alone=(*MISTAKES, ValueError)))
    clients: list[Outcome] = []
    for node in chain:
        row = _row(node, OF_CLIENTS)
        answered = None if row or clients else _answered(node)
        if answered:
            return answered
        if row:
            clients.append(row)
    if not clients:
        # That nothing was sent is believed only of what was raised on purpose.
        anchor = next((node for node in chain if _row(node, OF_LAST_RESORT)), error)
        named = tuple(_chain(anchor, alone=(BaseException,)))
        return _before_sending(named) or _in_doubt_by(OF_THE_SYSTEM, chain) or _told(named)
    doubt = _in_doubt_by(OF_CLIENTS, _chain(error))
    if doubt:
        return _before_sending(chain) or doubt
    return _told(chain) or clients[0] if clients[0].verdict is Verdict.UNAVAILABLE else clients[0]


def _row(node: BaseException, rows: _Rows) -> Outcome | None:
    """The row of the nearest class that has one."""
    for kind in type(node).__mro__:
        row = rows.get((kind.__module__.partition(".")[0], kind.__name__))
        if row:
            # h11 refuses a header with a line break before anything is sent, by a class that also means broken replies
            illegal = kind.__name__ == "ProtocolError" and str(node).startswith("Illegal header")
            return MALFORMED if illegal else row
    return None


def _answered(node: BaseException) -> Outcome | None:
    """The outcome of an error that carries an HTTP answer, as those of httpx, requests, aiohttp and atproto do."""
    answer = getattr(node, "response", None)
    held: dict[str, Any] = getattr(answer, "__dict__", {})
    status, headers = getattr(answer, "status_code", None), getattr(answer, "headers", None)
    content: object = held.get("_content") or held.get("content")  # never the property: it may wait for the network
    if type(node).__module__.partition(".")[0] == "aiohttp":
        status, headers, content = getattr(node, "status", None), getattr(node, "headers", None) or {}, None
    if isinstance(status, int) and status and isinstance(headers, Mapping):
        return from_error(status, headers, content or None, platform="The platform")
    return None


def _before_sending(chain: tuple[BaseException, ...]) -> Outcome | None:
    """The outcome of what failed while a connection was being set up, where the class alone does not say so.

    requests gives the same ReadTimeout and SSLError for a handshake and for a reply: only the place where the error
    was raised tells them apart. A proxy's refusal of a tunnel is a plain OSError from `http.client`.
    """
    for node in chain:
        refused_tunnel = type(node) is OSError and str(node).startswith("Tunnel connection failed")
        if refused_tunnel or _raised_in(node, "do_handshake"):
            if _in_doubt_by(OF_CLIENTS, _chain(node)):  # an earlier try
                return None
            return NO_PROXY if refused_tunnel else _told(chain) or NO_TLS
    return None


def _raised_in(node: BaseException, function: str) -> bool:
    trace = node.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_name == function


def _told(chain: tuple[BaseException, ...]) -> Outcome | None:
    """Why nothing was sent, more exactly than a client's class says it.

    A server with several addresses gives several errors: it is this machine's fault only when all of them are.
    """
    local: Outcome | None = None
    for node in chain:
        row = _row(node, OF_THE_SYSTEM)
        if row and row.verdict is Verdict.UNAVAILABLE:
            return row
        if row is None and isinstance(node, OSError) and node.errno in LOCAL_FAULTS:
            local = local or _ours(_local_fault(node))
    return local


def _local_fault(error: OSError) -> str:
    what = os.strerror(error.errno or 0)
    where = f": {error.filename}" if isinstance(error.filename, str) else ""
    return redact(f"On this machine: {what}{where}.")


def _in_doubt_by(rows: _Rows, chain: Iterable[BaseException]) -> Outcome | None:
    found = (_row(node, rows) for node in chain)
    return next((row for row in found if row and row.verdict is Verdict.UNCERTAIN), None)


def _last_resort(error: BaseException) -> Outcome | None:
    for node in _chain(error):
        if isinstance(node, (*MISTAKES, UnicodeEncodeError)):
            return None
        row = _row(node, OF_LAST_RESORT)
        if row:
            return row
    return None


def _unknown(error: BaseException) -> Outcome:
    """Nobody knows whether it was sent; the text of such an error may hold anything and is never shown."""
    return _in_doubt(Reason.OURS, f"An unexpected {type(error).__name__} occurred.")
