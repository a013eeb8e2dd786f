"""Calls to a Mastodon server through Mastodon.py, each with an end, and what their failures mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from surecast.channel import Context, Limits
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.secret import Secret
from surecast.threads import DaemonPool
from surecast.transport import redact
from surecast.transport.classify import classify
from surecast.transport.clients import requests_session, user_agent
from surecast.transport.status import from_status

if TYPE_CHECKING:
    import requests

    from surecast.transport.abortable import RequestsSession

PLATFORM = "Mastodon"
UPLOADS = ("media_post", "media")
WRITES = ("status_post", "status_delete")


class CallError(Exception):
    """A call failed; raised from the SDK's error, with the server's reply where there was one.

    Attributes:
        call: the SDK's method.
        reply: what the server had answered by then.
        status: the reply's status; 0 without one.
    """

    def __init__(self, call: str, reply: requests.Response | None) -> None:
        super().__init__(f"The call {call} failed.")
        self.call = call
        self.reply = reply
        self.status = 0 if reply is None else reply.status_code


class MediaPendingError(Exception):
    """An uploaded image was not ready in time."""


#: Connecting may use this much of a call's time, so that "never connected" is told apart from "no answer".
CONNECT_SHARE = 0.5


async def begin_talk(pool: DaemonPool, context: Context, *, server: str, token: str, timeout_s: float) -> Talk:
    """A talk with `server` as the token's account; no traffic yet.

    Args:
        pool: the threads in which the SDK's calls block.
        timeout_s: of each wait for the server, in seconds: a thread's last resort, where nobody cancels the call.
    """
    return await pool.run(_begin, pool, context, server, token, timeout_s)


def _begin(pool: DaemonPool, context: Context, server: str, token: str, timeout_s: float) -> Talk:
    from mastodon import Mastodon  # noqa: PLC0415 - costs more than all of surecast

    session = requests_session(context)  # a connection per call: snac closes them without a word
    client = Mastodon(
        api_base_url=server,
        session=session,
        request_timeout=(timeout_s * CONNECT_SHARE, timeout_s),  # type: ignore[arg-type]  # requests takes a pair
        ratelimit_method="throw",  # else it sleeps, and posts again by itself
        user_agent=user_agent(),
        # Unless it is told a version it asks for it before an upload, and when that fails takes an older method.
        mastodon_version="4.6.0",
        version_check_mode="created",
    )
    # Not through the constructor, which would open a file of that name.
    client.access_token = token
    return Talk(pool, session, client)


class Talk:
    """A few calls on a session of their own; close it at the end.

    What the session and the SDK note of a reply is safe to read only while nobody else calls.
    """

    def __init__(self, pool: DaemonPool, session: RequestsSession, client: Any) -> None:
        self.reply: requests.Response | None = None
        self._pool = pool
        self._session = session
        self._client = client

    @property
    def status(self) -> int:
        """The status of the last reply; 0 when there was none."""
        return 0 if self.reply is None else self.reply.status_code

    async def call(self, name: str, **arguments: Any) -> Any:
        """Calls the SDK's method `name`; when cancelled, its socket is shut and so its thread ends.

        Raises:
            CallError: whatever the SDK raised.
        """
        return await self._session.run(self._pool, self._call, name, arguments)

    async def one(self, name: str, **arguments: Any) -> dict[str, Any]:
        """`call` for an answer that is one thing with an id; anything else is an error."""
        answer = await self.call(name, **arguments)
        if not (isinstance(answer, dict) and answer.get("id")):
            raise CallError(name, self.reply)
        return answer

    async def many(self, name: str, **arguments: Any) -> list[dict[str, Any]]:
        """`call` for an answer that is a list of such things; anything else is an error."""
        answer = await self.call(name, **arguments)
        # The SDK makes an empty list of any answer that is none; that would be an absence.
        is_list = self.reply is not None and isinstance(self.reply.json(), list)
        if not (is_list and all(isinstance(each, dict) and each.get("id") for each in answer)):
            raise CallError(name, self.reply)
        return list(answer)

    async def limits(self, planned: Limits) -> Limits:
        """`planned` with what the server says (https://docs.joinmastodon.org/entities/Instance/#configuration)."""
        try:
            instance = await self.call("instance_v2")
        except CallError as error:
            if error.status != 404:
                raise
            instance = await self.call("instance_v1")  # snac 2.75 and servers before Mastodon 4.0 have only this
        statuses = _member(_member(instance, "configuration"), "statuses")
        return replace(
            planned,
            text=_number(statuses, "max_characters", planned.text),
            url_cost=_number(statuses, "characters_reserved_per_url", planned.url_cost),
            images=_number(statuses, "max_media_attachments", planned.images),
        )

    async def lacking(self, scopes: Sequence[str]) -> tuple[str, ...]:
        """Which `scopes` the token's application lacks; none where the server does not tell (before Mastodon 4.3)."""
        try:
            granted = set(_member(await self.call("app_verify_credentials"), "scopes") or scopes)
        except CallError:
            return ()
        return tuple(scope for scope in scopes if not granted & {scope, scope.partition(":")[0]})

    async def has_status(self, status_id: str) -> bool:
        """Whether the server has this status, for us."""
        try:
            await self.call("status", id=status_id)
        except CallError as error:
            if error.status != 404:
                raise
            return False
        return True

    def close(self) -> None:
        """Closes the connection."""
        self._session.close()

    def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        earlier = self._session.last_reply
        try:
            answer = getattr(self._client, name)(**arguments)
        except Exception as error:
            raise CallError(name, self._note(earlier)) from error
        reply = self._note(earlier)
        if reply is not None and reply.status_code >= 300:  # a redirect with a body that the SDK could read
            raise CallError(name, reply)
        return answer

    def _note(self, earlier: requests.Response | None) -> requests.Response | None:
        reply = self._session.last_reply
        self.reply = None if reply is earlier else reply
        return self.reply


def _member(values: Any, name: str) -> Any:
    return values.get(name) if isinstance(values, dict) else None


def _number(values: Any, name: str, otherwise: Any) -> Any:
    value = _member(values, name)
    return value if isinstance(value, int) and value > 0 else otherwise


def read_token(secret: Secret) -> str:
    """The token's value, masked from now on.

    Raises:
        ConfigError: when it is missing, or holds what no header can carry: an SDK's error would show it.
    """
    value = secret.reveal()
    if not re.fullmatch(r"[!-~]+", value):
        raise ConfigError(f"The access token {secret.source} holds characters that no token has. Copy it anew.")
    redact.register(value)
    return value


def judge(error: BaseException) -> Outcome | None:
    """The outcome by what the server answered; without an answer, only that of what the SDK refused to send.

    A call that publishes nothing leaves nothing in doubt.
    """
    if isinstance(error, MediaPendingError):
        return Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.TIMED_OUT, detail=str(error))
    if not isinstance(error, CallError):
        return None
    outcome = _judge_reply(error, error.reply) if error.reply is not None else _judge_silence(error)
    if error.call in WRITES:
        return outcome
    outcome = outcome or classify(error)
    if outcome.verdict is Verdict.UNCERTAIN:
        detail = f"{PLATFORM} gave no answer that can be used" + (f" ({error.status})." if error.status else ".")
        return replace(outcome, verdict=Verdict.UNAVAILABLE, detail=detail)
    return outcome


def _judge_silence(error: CallError) -> Outcome | None:
    if not isinstance(error.__cause__, ValueError):  # MastodonIllegalArgumentError is one
        return None
    detail = "Mastodon.py does not send this post. Check the channel's settings and the images."
    return Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT, reason=_refusal(error), detail=detail)


def _judge_reply(error: CallError, reply: requests.Response) -> Outcome:
    """Also of a success that the SDK makes an error of, e.g. because it cannot read X-RateLimit-Reset."""
    body = vars(reply).get("_content") or b""  # never `content`, which may wait for the network
    headers = dict(reply.headers)
    if not body:  # snac calls the empty body of its 401 HTML, but that is no page of somebody in between
        headers.pop("content-type", None)
    outcome = from_status(reply.status_code, headers=headers, body=body, platform=PLATFORM)
    if reply.status_code == 502:
        # The nginx in front of every Mastodon says so too when the server dies in the middle of a request.
        detail = f"{PLATFORM} broke off (502). It may have been delivered."
        return Outcome(verdict=Verdict.UNCERTAIN, reason=Reason.SERVER_ERROR, detail=detail)
    if outcome.verdict is Verdict.REFUSED and outcome.scope is Scope.CONTENT:
        return replace(outcome, reason=_refusal(error))
    return outcome


def _refusal(error: CallError) -> Reason:
    return Reason.MEDIA_REFUSED if error.call in UPLOADS else Reason.TEXT_REFUSED
