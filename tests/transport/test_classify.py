"""Errors become outcomes: the table, the walk through the chain, and what stays unsaid."""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
import socket
import ssl
import subprocess
import sys
from itertools import pairwise
from types import ModuleType

import aiohttp
import httpx
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from surecast.errors import ConfigError, LedgerBusyError, SecretMissingError, UsageError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport import classify as room
from surecast.transport.classify import classify

NOT_SENT = (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
TIMED_OUT = (Verdict.UNCERTAIN, Reason.TIMED_OUT)
BROKEN_OFF = (Verdict.UNCERTAIN, Reason.INTERRUPTED)
UNREADABLE = (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)
REDIRECTED = (Verdict.UNCERTAIN, Reason.REDIRECTED)
CANCELLED = (Verdict.UNCERTAIN, Reason.CANCELLED_IN_FLIGHT)
OURS = (Verdict.UNAVAILABLE, Reason.OURS)
MISTAKE = (Verdict.UNCERTAIN, Reason.OURS)
MISCONFIGURED = (Verdict.SKIPPED, Reason.MISCONFIGURED)

Meaning = tuple[Verdict, Reason]


def meaning(error: BaseException) -> Meaning:
    outcome = classify(error)
    return outcome.verdict, outcome.reason


def raised(*errors: BaseException, explicit: bool = True) -> BaseException:
    """The last of `errors`, each as if raised from the one before, or while that was being handled."""
    for inner, outer in pairwise(errors):
        outer.__context__ = inner
        if explicit:
            outer.__cause__ = inner
    return errors[-1]


class SdkError(Exception):
    """What an SDK wraps everything in."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("x"), NOT_SENT),
        (httpx.ConnectTimeout("x"), NOT_SENT),
        (httpx.PoolTimeout("x"), NOT_SENT),
        (httpx.ProxyError("x"), NOT_SENT),
        (httpx.UnsupportedProtocol("x"), NOT_SENT),
        (httpx.ReadTimeout("x"), TIMED_OUT),
        (httpx.WriteTimeout("x"), TIMED_OUT),
        (httpx.ReadError("x"), BROKEN_OFF),
        (httpx.WriteError("x"), BROKEN_OFF),
        (httpx.CloseError("x"), BROKEN_OFF),
        (httpx.RemoteProtocolError("x"), BROKEN_OFF),
        (httpx.LocalProtocolError("Too little data for declared Content-Length"), BROKEN_OFF),
        (httpx.LocalProtocolError("Illegal header value b'Bearer secret\\n'"), MISCONFIGURED),
        (httpx.InvalidURL("x"), MISCONFIGURED),
        (httpx.DecodingError("x"), UNREADABLE),
        (httpx.TooManyRedirects("x"), REDIRECTED),
        (requests.ConnectTimeout("x"), NOT_SENT),
        (requests.exceptions.ProxyError("x"), NOT_SENT),
        (requests.ReadTimeout("x"), TIMED_OUT),
        (requests.ConnectionError("x"), BROKEN_OFF),
        (requests.exceptions.SSLError("x"), BROKEN_OFF),
        (requests.exceptions.ChunkedEncodingError("x"), BROKEN_OFF),
        (requests.exceptions.ContentDecodingError("x"), UNREADABLE),
        (requests.exceptions.JSONDecodeError("x", "", 0), UNREADABLE),
        (requests.TooManyRedirects("x"), REDIRECTED),
        (requests.exceptions.MissingSchema("x"), MISCONFIGURED),
        (requests.exceptions.InvalidHeader("x"), MISCONFIGURED),
        (urllib3.exceptions.NewConnectionError(None, "x"), NOT_SENT),  # type: ignore[arg-type]
        (urllib3.exceptions.ConnectTimeoutError("x"), NOT_SENT),
        (urllib3.exceptions.ProtocolError("x"), BROKEN_OFF),
        (aiohttp.ClientConnectorDNSError(None, socket.gaierror(-2, "x")), NOT_SENT),  # type: ignore[arg-type]
        (aiohttp.ClientConnectorError(None, ConnectionRefusedError(111, "x")), NOT_SENT),  # type: ignore[arg-type]
        (aiohttp.ConnectionTimeoutError("x"), NOT_SENT),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "h", 1), NOT_SENT),
        (aiohttp.SocketTimeoutError("x"), TIMED_OUT),
        (aiohttp.ServerTimeoutError("x"), TIMED_OUT),
        (aiohttp.ClientOSError(104, "x"), BROKEN_OFF),
        (aiohttp.ServerDisconnectedError(), BROKEN_OFF),
        (aiohttp.ClientPayloadError("x"), BROKEN_OFF),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), NOT_SENT),
        (socket.gaierror(socket.EAI_AGAIN, "x"), NOT_SENT),
        (ssl.SSLCertVerificationError(1, "x"), NOT_SENT),
        (ssl.SSLError(1, "x"), BROKEN_OFF),
        (ConnectionResetError(errno.ECONNRESET, "x"), BROKEN_OFF),
        (BrokenPipeError(errno.EPIPE, "x"), BROKEN_OFF),
        (asyncio.IncompleteReadError(b"", 1), BROKEN_OFF),
        (json.JSONDecodeError("x", "", 0), UNREADABLE),
        (ValueError("x"), UNREADABLE),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), UNREADABLE),
        (asyncio.CancelledError(), CANCELLED),
        (KeyboardInterrupt(), CANCELLED),
        (TimeoutError(), TIMED_OUT),
        (MemoryError(), OURS),
        (OSError(errno.ENOSPC, "x"), OURS),
        (OSError(errno.EROFS, "x"), OURS),
        (OSError(errno.EDQUOT, "x"), OURS),
        (OSError(errno.EMFILE, "x"), OURS),
        (OSError(errno.ENFILE, "x"), OURS),
        (OSError(errno.ENETUNREACH, "x"), OURS),
        (OSError(errno.ENETDOWN, "x"), OURS),
        (PermissionError(errno.EACCES, "x"), OURS),
        (FileNotFoundError(errno.ENOENT, "x"), OURS),
        (LedgerBusyError("x"), OURS),
        (OSError("x"), MISTAKE),
        (TypeError("x"), MISTAKE),
        (AttributeError("x"), MISTAKE),
        (KeyError("x"), MISTAKE),
        (UnicodeEncodeError("ascii", "é", 0, 1, "x"), MISTAKE),
        (RuntimeError("Event loop is closed"), MISTAKE),
        (SdkError("x"), MISTAKE),
        (ModuleNotFoundError("x", name="mastodon.errors"), MISCONFIGURED),
        (SecretMissingError("x"), MISCONFIGURED),
        (ConfigError("x"), MISCONFIGURED),
        (UsageError("x"), (Verdict.SKIPPED, Reason.CANNOT_BE_FITTED)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped by an SDK"])
def test_what_an_error_means(error: BaseException, expected: Meaning, wrapped: bool) -> None:
    assert meaning(raised(error, SdkError("failed")) if wrapped and isinstance(error, Exception) else error) == (
        MISTAKE if wrapped and isinstance(error, room.MISTAKES) else expected
    )


def test_httpx_under_its_new_name_means_the_same() -> None:
    renamed = type("ConnectError", (Exception,), {"__module__": "httpx2._exceptions"})

    assert meaning(renamed("x")) == NOT_SENT


def test_a_class_of_another_library_with_a_known_name_means_nothing() -> None:
    stranger = type("ConnectError", (Exception,), {"__module__": "elsewhere"})

    assert meaning(stranger("x")) == MISTAKE


@pytest.mark.parametrize("explicit", [True, False], ids=["from", "while handling"])
def test_an_sdks_wrapper_is_looked_through(explicit: bool) -> None:
    sent = raised(httpx.ReadTimeout("x"), SdkError("a"), SdkError("b"), explicit=explicit)
    unsent = raised(httpx.ConnectTimeout("x"), SdkError("a"), SdkError("b"), explicit=explicit)

    assert (meaning(sent), meaning(unsent)) == (TIMED_OUT, NOT_SENT)


def test_a_reset_while_connecting_is_not_sent_although_a_reset_alone_is_in_doubt() -> None:
    assert meaning(raised(ConnectionResetError(104, "x"), httpx.ConnectError("x"))) == NOT_SENT


def test_a_second_try_that_did_not_connect_leaves_the_first_in_doubt() -> None:
    assert meaning(raised(httpx.ReadTimeout("x"), httpx.ConnectError("x"), explicit=False)) == TIMED_OUT


def test_a_second_try_that_was_malformed_leaves_the_first_in_doubt() -> None:
    assert meaning(raised(httpx.ReadTimeout("x"), httpx.InvalidURL("x"), explicit=False)) == TIMED_OUT


def test_a_first_try_that_did_not_connect_does_not_make_the_second_certain() -> None:
    assert meaning(raised(httpx.ConnectError("x"), httpx.ReadError("x"), explicit=False)) == BROKEN_OFF


def test_what_a_mistake_in_a_program_was_handling_does_not_explain_it() -> None:
    assert meaning(raised(httpx.ConnectError("x"), AttributeError("x"), explicit=False)) == MISTAKE


def test_a_package_that_somebody_did_without_is_not_the_cause() -> None:
    assert meaning(raised(ImportError("x", name="orjson"), SdkError("x"), explicit=False)) == MISTAKE


def test_a_reply_that_cannot_be_read_is_in_doubt_whatever_an_earlier_try_met() -> None:
    refused = httpx.HTTPStatusError("x", request=httpx.Request("POST", "http://h"), response=httpx.Response(400))

    assert meaning(raised(refused, ValueError("x"), explicit=False)) == UNREADABLE
    assert meaning(raised(httpx.ConnectError("x"), ValueError("x"), explicit=False)) == UNREADABLE


@pytest.mark.parametrize(
    "earlier", [FileNotFoundError(errno.ENOENT, "x"), ConnectionRefusedError(111, "x"), MemoryError()]
)
def test_that_nothing_was_sent_is_believed_only_of_a_named_cause(earlier: Exception) -> None:
    assert meaning(raised(earlier, SdkError("x"), explicit=False)) == MISTAKE


def test_a_tls_error_is_before_sending_only_where_it_is_raised_by_the_handshake() -> None:
    def do_handshake() -> None:
        raise ssl.SSLError(1, "wrong version number")

    with pytest.raises(ssl.SSLError) as caught:
        do_handshake()

    assert meaning(requests.exceptions.SSLError(caught.value)) == NOT_SENT
    assert meaning(requests.exceptions.SSLError(ssl.SSLError(1, "bad record mac"))) == BROKEN_OFF


def test_a_failed_handshake_of_a_second_try_leaves_the_first_in_doubt() -> None:
    def do_handshake() -> None:
        raise ssl.SSLError(1, "wrong version number") from requests.ReadTimeout("x")

    with pytest.raises(ssl.SSLError) as caught:
        do_handshake()

    assert classify(requests.exceptions.SSLError(caught.value)).verdict is Verdict.UNCERTAIN


def test_errors_that_urllib3_carries_in_arguments_are_found() -> None:
    refused = urllib3.exceptions.NewConnectionError(None, "x")  # type: ignore[arg-type]
    gave_up = urllib3.exceptions.MaxRetryError(None, "/", refused)  # type: ignore[arg-type]

    assert meaning(requests.ConnectionError(gave_up)) == NOT_SENT


def test_chains_with_a_loop_end() -> None:
    first, second = SdkError("a"), SdkError("b")
    first.__context__, second.__context__, second.args = second, first, (first,)

    assert meaning(first) == MISTAKE


def test_a_group_of_failed_addresses_is_not_sent() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "x")
    unreachable = OSError(errno.ENETUNREACH, "x")

    assert meaning(raised(ExceptionGroup("x", [unreachable, refused]), httpx.ConnectError("x"))) == NOT_SENT
    assert meaning(raised(ExceptionGroup("x", [unreachable]), httpx.ConnectError("x"))) == OURS


def test_no_network_at_all_is_our_own_fault() -> None:
    assert meaning(raised(OSError(errno.ENETUNREACH, "x"), httpx.ConnectError("x"))) == OURS


def test_the_adapter_is_asked_before_the_tables() -> None:
    mine = Outcome(verdict=Verdict.THROTTLED)

    assert classify(httpx.ReadTimeout("x"), own=lambda error: mine) is mine
    assert classify(httpx.ReadTimeout("x"), own=lambda error: None).verdict is Verdict.UNCERTAIN


@pytest.mark.parametrize("error", [TimeoutError(), asyncio.CancelledError()])
def test_our_own_time_out_is_nothing_to_ask_the_adapter_about(error: BaseException) -> None:
    assert classify(error, own=lambda error: Outcome(verdict=Verdict.REFUSED)).verdict is Verdict.UNCERTAIN


def test_a_mistake_in_an_adapters_table_does_not_hide_the_error() -> None:
    def own(error: BaseException) -> Outcome | None:
        raise KeyError("status")

    assert classify(httpx.ConnectError("x"), own=own).verdict is Verdict.UNAVAILABLE


async def _expire() -> Outcome:
    try:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    except TimeoutError as error:
        return classify(error)
    raise AssertionError("it must expire")


def test_an_attempt_that_outlasts_its_time_is_uncertain() -> None:
    outcome = asyncio.run(_expire())

    assert (outcome.verdict, outcome.reason) == TIMED_OUT


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (httpx.Response(429, headers={"Retry-After": "9"}), (Verdict.THROTTLED, Reason.RATE_LIMITED)),
        (httpx.Response(401, json={"error": "no"}), (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)),
        (httpx.Response(401, html="<p>no"), NOT_SENT),
        (httpx.Response(500), (Verdict.UNCERTAIN, Reason.SERVER_ERROR)),
    ],
)
def test_an_error_that_carries_an_answer_means_what_the_status_means(
    answered: httpx.Response, expected: Meaning
) -> None:
    answered.request = httpx.Request("POST", "http://127.0.0.1/?token=hush")
    with pytest.raises(httpx.HTTPStatusError) as caught:
        answered.raise_for_status()
    outcome = classify(raised(caught.value, SdkError("x")))

    assert (outcome.verdict, outcome.reason) == expected
    assert "hush" not in outcome.detail


def test_an_answer_that_nobody_has_read_is_not_waited_for() -> None:
    class Endless:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the network was asked")

    unread = requests.Response()
    unread.status_code, unread.raw = 500, Endless()

    assert meaning(requests.HTTPError("x", response=unread)) == (Verdict.UNCERTAIN, Reason.SERVER_ERROR)


@pytest.mark.parametrize(
    ("library", "answers"),
    [
        # These carry an answer, whose status decides, or are nothing a call can end with.
        (httpx, {"HTTPStatusError", "CookieConflict", "StreamError", "StreamConsumed", "StreamClosed",
                 "ResponseNotRead", "RequestNotRead"}),
        (requests.exceptions, set()),
        (urllib3.exceptions, set()),
        (aiohttp, {"ClientResponseError", "ContentTypeError", "WSServerHandshakeError", "WSMessageTypeError",
                   "WebSocketError", "EofStream", "PayloadEncodingWarning"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else "",
)  # fmt: skip
def test_every_error_of_an_http_client_has_a_row(library: ModuleType, answers: set[str]) -> None:
    kinds = [
        kind
        for name, kind in inspect.getmembers(library, inspect.isclass)
        if issubclass(kind, Exception) and not issubclass(kind, Warning) and kind.__module__ != "builtins"
        if kind.__name__ not in answers
    ]
    tables = (room.OF_CLIENTS, room.OF_THE_SYSTEM, room.OF_LAST_RESORT)
    missing = {
        kind.__name__
        for kind in kinds
        if not any(
            (each.__module__.partition(".")[0], each.__name__) in table for each in kind.__mro__ for table in tables
        )
    }

    assert len(kinds) > 10
    assert missing == set()


def test_what_cannot_be_fitted_concerns_the_content() -> None:
    outcome = classify(UsageError("The text cannot be made to fit 300 characters. Shorten it."))

    assert outcome.scope is Scope.CONTENT
    assert outcome.detail == "The text cannot be made to fit 300 characters. Shorten it."


def test_a_missing_package_is_named_as_pip_knows_it() -> None:
    outcome = classify(ModuleNotFoundError("No module named 'mastodon'", name="mastodon"))

    assert outcome.detail == "The package Mastodon.py cannot be loaded. Run: pip install Mastodon.py"


def test_a_local_fault_says_what_and_where() -> None:
    outcome = classify(FileNotFoundError(errno.ENOENT, "x", "/srv/www/notices"))

    assert outcome.detail == "On this machine: No such file or directory: /srv/www/notices."


def test_a_mistake_shows_its_class_and_nothing_else() -> None:
    outcome = classify(TypeError("Bearer hush-hush is no str"))

    assert outcome.detail == "An unexpected TypeError occurred. It may have been delivered."


_ERRORS = st.sampled_from(
    [httpx.ReadTimeout, httpx.ConnectError, requests.ConnectionError, SdkError, ValueError, TypeError, OSError,
     ConnectionResetError, ssl.SSLError, RuntimeError, ImportError, LookupError, UsageError, TimeoutError]
)  # fmt: skip


@given(st.lists(st.tuples(_ERRORS, st.text(max_size=12), st.booleans()), min_size=1, max_size=6))
def test_no_chain_breaks_it_and_no_text_of_a_stranger_is_shown(links: list[tuple[type[Exception], str, bool]]) -> None:
    error: BaseException | None = None
    for kind, text, explicit in links:
        following = kind(f"hush{text}")
        if explicit:
            following.__cause__ = error
        following.__context__ = error
        error = following
    assert error is not None
    outcome = classify(error)

    assert outcome.verdict not in (Verdict.ACCEPTED, Verdict.CONFIRMED)
    assert outcome.detail
    assert "hush" not in outcome.detail or outcome.reason is Reason.CANNOT_BE_FITTED


@given(st.lists(_ERRORS, max_size=3), st.lists(_ERRORS, max_size=3))
def test_doubt_anywhere_beneath_sdk_errors_is_never_lost(
    before: list[type[Exception]], after: list[type[Exception]]
) -> None:
    house = (*room.MISTAKES, UsageError, ImportError, TimeoutError)
    wrappers = [kind for kind in after if not issubclass(kind, house)]
    chain = [kind("x") for kind in [*before, httpx.ReadError, *wrappers]]
    for inner, outer in pairwise(chain):
        outer.__context__ = inner

    assert classify(chain[-1]).verdict is Verdict.UNCERTAIN


def test_importing_it_loads_no_http_client() -> None:
    script = (
        "import sys; import surecast.transport.classify, surecast.transport.clients\n"
        "print(*{'httpx', 'requests', 'aiohttp', 'urllib3', 'certifi'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
