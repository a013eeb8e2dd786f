"""Plain HTTP for talking to test servers: no SDK, no proxy from the environment, no redirect followed."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.servers.process import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON; raises ServerError when it is none or the status is no success."""
        if not 200 <= self.status < 300:
            raise ServerError(f"HTTP {self.status}: {self.text[:500]}")
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise ServerError(f"no JSON: {self.text[:500]}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def send(
    method: str,
    url: str,
    *,
    data: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    timeout: float = 60.0,
) -> Reply:
    """Send one request, `data` as JSON or `form` as a form, and return the reply of any status.

    Raises OSError (TimeoutError and urllib's URLError among them) or HTTPException when none came.
    """
    body, sent = None, dict(headers or {})
    if data is not None:
        body = json.dumps(data).encode()
        sent["Content-Type"] = "application/json"
    elif form is not None:
        body = urllib.parse.urlencode(form).encode()
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=body, headers=sent, method=method)
    try:
        with _opener.open(request, timeout=timeout) as reply:
            return Reply(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


def basic(user: str, password: str) -> dict[str, str]:
    """The header that logs in with a name and a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def get(url: str, query: Mapping[str, str] | None = None, *, token: str | None = None) -> Any:
    """The JSON at an address; raises ServerError for anything else."""
    return send("GET", f"{url}?{urllib.parse.urlencode(query)}" if query else url, token=token).json()


def reachable(url: str) -> bool:
    """Whether an address answers at all, with a success or with the caller's own fault."""
    try:
        return send("GET", url, timeout=2).status < 500
    except (OSError, http.client.HTTPException):
        return False
