"""One Bluesky account on its server (PDS): the SDK's client, and the login session that all processes share.

Logging in is rationed (30 in 5 minutes, 300 a day: https://docs.bsky.app/docs/advanced-guides/rate-limits, checked
2026-11-22), so the session is stored, restored without any traffic, and renewed by one process at a time: a refresh
token dies when it is used. The password is sent only when there is no session or the server refuses it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from surecast.errors import LedgerError
from surecast.threads import DaemonPool
from surecast.transport.clients import httpx_options, user_agent
from surecast.transport.redact import register

if TYPE_CHECKING:
    from atproto_client import AsyncClient, Session, SessionEvent
    from atproto_client.request import Response

    from surecast.channel import Context
    from surecast.secret import Secret

log = logging.getLogger(__name__)

#: With these the server says that the access token is of no use any more. Measured on the reference PDS 0.5.35.
TOKEN_REFUSED = frozenset({"ExpiredToken", "InvalidToken"})

#: Getting a session may use this much of a step's time, so that "no session" is known before the step is cut off.
_SESSION_SHARE = 0.8

#: Connecting may use this much, so that "never connected" is told apart from "no answer".
_CONNECT_SHARE = 0.5

#: Where no other limit is given; `asyncio.timeout` ends a call sooner.
_LONGEST_WAIT_S = 30.0

#: An access token that ends so soon (in seconds) is renewed before it is used.
_ENDS_SOON_S = 60.0


class SessionError(Exception):
    """There is no session, for the reason in `__cause__`; the call that needed it was not made."""


class UnreadableReplyError(Exception):
    """A success whose body is not what the API promises."""


def is_loopback(url: str) -> bool:
    """Whether a web address leads to this very machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def error_code(error: BaseException) -> str:
    """The API's own name for an error, e.g. ``ExpiredToken``; empty when it gave none."""
    content = getattr(getattr(error, "response", None), "content", None)
    # The SDK gives a model, something like a dict (when there are extra fields), or bytes (when it is no JSON).
    code = content.get("error") if isinstance(content, Mapping) else getattr(content, "error", None)
    return code if isinstance(code, str) else ""


class Account:
    """Calls the account's server with a live session; in another event loop it opens itself anew.

    Args:
        handle: the name to log in with.
        service: the address to log in at, ``https://host``.
    """

    def __init__(self, *, handle: str, app_password: Secret, service: str, context: Context) -> None:
        self._handle = handle
        self._app_password = app_password
        self._service = service.rstrip("/")
        self._context = context
        self._client: AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None
        self._threads = DaemonPool("bluesky", size=1)

    async def open(self) -> None:
        """Loads the SDK (about 0.7 s, in a thread) and builds the client; no traffic."""
        loop = asyncio.get_running_loop()
        if self._client is not None and self._loop is loop:
            return
        client = await self._threads.run(self._build)
        if self._client is not None and self._loop is loop:  # somebody else opened it meanwhile
            await client.request.close()
            return
        client.on_session_change(self._remember)
        self._client, self._loop, self._session = client, loop, None

    async def close(self) -> None:
        """Ends all connections."""
        client, self._client, self._session = self._client, None, None
        self._threads.close()
        self._threads = DaemonPool("bluesky", size=1)
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.request.close()

    @property
    def name(self) -> str:
        """What stands in the account's public address: its handle, or its DID while the handle is broken."""
        if self._session is None:
            return self._handle
        return str(self._session.did if self._session.handle == "handle.invalid" else self._session.handle)

    async def query(self, nsid: str, params: dict[str, str], timeout_s: float) -> dict[str, Any]:
        """Reads with GET. `timeout_s` limits each phase; the caller limits the whole."""
        client = await self._opened()
        return await self._call(
            lambda: client.invoke_query(
                f"{nsid}?{urlencode(params)}", timeout=_phases(timeout_s), ignore_session_check=True
            ),
            timeout_s,
        )

    async def procedure(
        self, nsid: str, body: bytes, timeout_s: float, media_type: str = "application/json"
    ) -> dict[str, Any]:
        """Writes with POST, the body exactly as given (the SDK's models would drop a null)."""
        client = await self._opened()
        return await self._call(
            lambda: client.invoke_procedure(
                nsid,
                content=body,
                headers={"Content-Type": media_type},
                timeout=_phases(timeout_s),
                ignore_session_check=True,
            ),
            timeout_s,
        )

    async def session(self, timeout_s: float) -> Session:
        """The session, restored without traffic where possible.

        Raises:
            SessionError: when there is none to be had.
        """
        await self._opened()
        if self._session is None or _ends_soon(self._session):
            await self._renew(self._session, timeout_s)
        assert self._session is not None
        return self._session

    async def _call(self, send: Callable[[], Awaitable[Response]], timeout_s: float) -> dict[str, Any]:
        # `ignore_session_check`: the SDK would renew by itself, blind to other processes.
        session = await self.session(timeout_s)
        try:
            reply = await _sent(send)
        except Exception as error:
            if error_code(error) not in TOKEN_REFUSED:
                raise
            await self._renew(session, timeout_s)
            reply = await _sent(send)
        if not reply.content:
            return {}
        if not isinstance(reply.content, dict):
            raise UnreadableReplyError
        return reply.content

    async def _renew(self, refused: Session | None, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s * _SESSION_SHARE):
                if refused is None and await self._restore(None):
                    return
                async with self._context.sessions.renewing():
                    if not await self._restore(refused):
                        await self._adopt(await self._new_session())
                        await self._store()
        except Exception as error:
            raise SessionError from error

    async def _restore(self, refused: Session | None) -> bool:
        """Takes the stored session unless it is the refused one; another process may have renewed it."""
        stored = await self._context.sessions.load()
        if stored is None:
            return False
        try:
            kept = json.loads(stored)
            if (kept["service"], kept["handle"]) != (self._service, self._handle):
                return False
            await self._adopt(kept["session"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        session = self._session
        assert session is not None
        return not _ends_soon(session) and (refused is None or session.access_jwt != refused.access_jwt)

    async def _new_session(self) -> str:
        from atproto_client.exceptions import (  # noqa: PLC0415 - the SDK is lazy
            BadRequestError,
            UnauthorizedError,
        )

        if self._session is not None:
            try:
                return await self._refresh(self._session)
            except (BadRequestError, UnauthorizedError) as error:
                log.info("%s: Bluesky refused to renew the session (%s); logging in anew", *self._about(error))
        return await self._log_in()

    async def _refresh(self, session: Session) -> str:
        from atproto_client import Session as NewSession  # noqa: PLC0415 - the SDK is lazy

        client = await self._opened()
        reply = await client.invoke_procedure(
            "com.atproto.server.refreshSession",
            headers={"Authorization": f"Bearer {session.refresh_jwt}"},
            ignore_session_check=True,
        )
        given = reply.content
        if not isinstance(given, dict) or not {"handle", "did", "accessJwt", "refreshJwt"} <= given.keys():
            raise UnreadableReplyError
        tokens = (given["accessJwt"], given["refreshJwt"])
        return str(NewSession(given["handle"], given["did"], *tokens, session.pds_endpoint).export())

    async def _log_in(self) -> str:
        # A client of its own: one that has a session sends its token along, and the server takes offence.
        client = await self._threads.run(self._build)
        try:
            password = await self._threads.run(self._app_password.reveal)
            register(password)
            await client.login(self._handle, password, fetch_bsky_profile=False)
            return str(client.export_session_string())
        finally:
            await client.request.close()

    async def _adopt(self, exported: str) -> None:
        client = await self._opened()
        await client.login(session_string=exported, fetch_bsky_profile=False)  # no traffic

    def _remember(self, _event: SessionEvent, session: Session) -> None:
        """The SDK's callback: it must not call the client, whose lock is held."""
        assert self._client is not None
        self._session = session
        self._client.update_base_url(self._host(session))

    def _host(self, session: Session) -> str:
        """Where the account lives, by its DID document; a service on this machine is never left for another."""
        host = session.pds_endpoint or ""
        return host if host.startswith("https://") and not is_loopback(self._service) else self._service

    async def _store(self) -> None:
        assert self._session is not None
        kept = {"service": self._service, "handle": self._handle, "session": self._session.export()}
        try:
            await self._context.sessions.save(json.dumps(kept))
        except LedgerError as error:
            log.warning("%s: the Bluesky session was not stored (%s); it works on", *self._about(error))

    def _about(self, error: Exception) -> tuple[str, str]:
        return self._context.name, error_code(error) or type(error).__name__

    async def _opened(self) -> AsyncClient:
        await self.open()
        assert self._client is not None
        return self._client

    def _build(self) -> AsyncClient:
        from atproto_client import AsyncClient  # noqa: PLC0415 - the SDK is lazy
        from atproto_client.request import AsyncRequest  # noqa: PLC0415 - the SDK is lazy

        request = AsyncRequest(timeout=_LONGEST_WAIT_S, **httpx_options(self._context))
        request.add_additional_header("User-Agent", user_agent())  # else the SDK's own one wins
        return AsyncClient(self._service, request=request)


async def _sent(send: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await send()
    except ValueError as error:  # the SDK lets its JSON parser's error through
        raise UnreadableReplyError from error


def _phases(timeout_s: float) -> tuple[float, float, float, float]:
    """The limits of httpx for connecting, reading, writing and waiting for a free connection."""
    return timeout_s * _CONNECT_SHARE, timeout_s, timeout_s, timeout_s * _CONNECT_SHARE


def _ends_soon(session: Session) -> bool:
    from atproto_core.exceptions import (  # noqa: PLC0415 - the SDK is lazy
        AtProtocolError,
    )

    try:
        ends_at = session.access_jwt_payload.exp
    except AtProtocolError:  # tokens are opaque by contract; one that cannot be read is simply tried
        return False
    return ends_at is not None and ends_at - time.time() < _ENDS_SOON_S
