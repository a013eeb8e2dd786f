"""Calls of Twilio's API through its own SDK, on one pool of connections; importing this module loads the SDK.

The SDK's HTTP clients are not used: the asynchronous one has no time-out and no proxy, formats each request for a log
that nobody reads, and both lose the headers of a refusal. Its one seam, `http_client`, takes ours.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus
from urllib.request import getproxies, proxy_bypass

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from surecast.channel import Context
from surecast.channels._twilio_answers import CallError, Reply
from surecast.transport.clients import tls_context, user_agent
from surecast.transport.redact import quiet_sdks

#: How long a connection is kept between two messages, in seconds. One that the far side has closed meanwhile gives an
#: error that looks as if the message might have arrived; no server on the way closes one so early.
KEPT_S = 2.0

#: The share of an attempt's time that making a connection may take. What ends there was surely not sent.
CONNECT_SHARE = 0.4

#: The SDK takes a time for each call, and its resources do not pass it on.
_times: ContextVar[aiohttp.ClientTimeout] = ContextVar("surecast_twilio_times")


class _Http(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's seam: one request on the pool, and a `CallError` with all of the answer where that is no success."""

    def __init__(self, session: aiohttp.ClientSession, proxy: Mapping[str, Any]) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=True)
        self._session = session
        self._proxy = proxy

    async def request(  # noqa: PLR0917 - the SDK's signature
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the SDK's resources never give one
        allow_redirects: bool = False,  # noqa: ARG002 - a message answered with a redirect is in doubt
    ) -> Response:
        headers = headers or {}
        if auth is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(':'.join(auth).encode()).decode()}"
        async with self._session.request(
            method,
            _url(uri) if not params else URL(uri).update_query(params),
            data=_form(data) if data else None,
            headers=headers,
            allow_redirects=False,
            timeout=_times.get(),
            **self._proxy,
        ) as answer:
            body = (await answer.read()).decode("utf-8", "replace")
            if not 200 <= answer.status < 300:
                raise CallError(Reply(status=answer.status, headers=dict(answer.headers), body=body))
        return Response(answer.status, body)


class Talk:
    """The connections to Twilio, for one event loop; made within it, without traffic.

    Args:
        api: where the API is; its other products are looked for beside it.
    """

    def __init__(self, context: Context, api: str) -> None:
        quiet_sdks()  # numbers and whole messages stand in what it logs
        self._api = URL(api)
        # How many messages are on their way at once is the caller's to say.
        connector = aiohttp.TCPConnector(ssl=tls_context(context), limit=0, keepalive_timeout=KEPT_S)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._http = _Http(self._session, _proxy(context, self._api))

    def account(self, sid: str, token: str) -> Account:
        """The calls that are made as this account."""
        client = Client(
            sid,
            token,
            http_client=self._http,
            environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},  # `api` says where, not the environment
            user_agent_extensions=[user_agent()],
        )
        client.api.base_url = str(self._api).rstrip("/")
        client.messaging.base_url = _messaging(self._api)
        return Account(client)

    async def close(self) -> None:
        """Ends the connections, whatever hangs on them."""
        await self._session.close()


class Account:
    """Calls as one account. All may raise `CallError` and what aiohttp raises."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = client.api.v2010
        self._messages = client.api.v2010.account.messages
        self._sent_to = f"/Accounts/{client.account_sid}/Messages.json"

    async def send(self, fields: Mapping[str, Any], to: str, timeout_s: float) -> str | None:
        """Sends one message; Twilio's name for it, or None where its answer gives none.

        This is what the SDK's `messages.create` does, without the object of thirty fields that it makes of each answer.

        Args:
            fields: of the message, as Twilio names them, without ``To``.
        """
        _limit(timeout_s)
        answer = await self._version.create_async("POST", self._sent_to, data={"To": to, **fields})
        sid = answer.get("sid") if isinstance(answer, dict) else None
        return sid if isinstance(sid, str) else None

    async def page(self, timeout_s: float, **filters: Any) -> Any:
        """The first page of a list of messages, newest first: the SDK's `MessagePage`."""
        _limit(timeout_s)
        return await self._messages.page_async(**filters)

    async def next_page(self, page: Any, timeout_s: float) -> Any | None:
        """The page after `page`, or None."""
        _limit(timeout_s)
        return await page.next_page_async()

    async def look(self, timeout_s: float) -> Any:
        """The account itself."""
        _limit(timeout_s)
        return await self._client.api.v2010.accounts(self._client.username).fetch_async()

    async def numbers(self, number: str, timeout_s: float) -> list[Any]:
        """Those of the account's numbers, or short codes, that are `number`."""
        _limit(timeout_s)
        account = self._client.api.v2010.account
        if number.startswith("+"):
            return list(await account.incoming_phone_numbers.list_async(phone_number=number, limit=1))
        return list(await account.short_codes.list_async(short_code=number, limit=1))

    async def service(self, sid: str, timeout_s: float) -> Any:
        """A messaging service."""
        _limit(timeout_s)
        return await self._client.messaging.v1.services(sid).fetch_async()


def _form(data: Mapping[str, Any]) -> bytes:
    """A form's body. The same words go to everybody, so they are quoted once; nobody's number is kept."""
    return "&".join(
        f"{name}={quote_plus(value) if name == 'To' else _quoted(str(value))}" for name, value in data.items()
    ).encode()


_quoted = lru_cache(maxsize=16)(quote_plus)


#: Messages go to one address, and have one time-out.
_url = lru_cache(maxsize=4)(URL)


def _limit(timeout_s: float) -> None:
    _times.set(_time(timeout_s))


@lru_cache(maxsize=4)
def _time(timeout_s: float) -> aiohttp.ClientTimeout:
    # Without the threshold, aiohttp rounds times of more than five seconds up.
    return aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * CONNECT_SHARE, ceil_threshold=timeout_s + 1.0)


def _messaging(api: URL) -> str:
    """Where the messaging services are: at a name of their own at Twilio, below the same one anywhere else."""
    host = api.host or ""
    if host.startswith("api.") and host.endswith(".twilio.com"):
        return str(api.with_host(f"messaging.{host.removeprefix('api.')}")).rstrip("/")
    return str(api / "messaging")


def _proxy(context: Context, api: URL) -> dict[str, Any]:
    """The arguments for the proxy, found once: aiohttp itself would read the whole environment each time."""
    address = context.proxy
    if address is None and context.use_environment and not proxy_bypass(api.host or ""):
        address = getproxies().get(api.scheme)
    if address is None:
        return {}
    proxy = URL(address if "://" in address else f"http://{address}")
    if proxy.user is None:
        return {"proxy": proxy}
    credentials = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return {"proxy": proxy.with_user(None), "proxy_headers": {"Proxy-Authorization": f"Basic {credentials}"}}
