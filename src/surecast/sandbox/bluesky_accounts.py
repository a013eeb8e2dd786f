"""Accounts of the simulated Bluesky and their logins, with tokens that look and age like those of its own server (PDS).

Access tokens live 120 minutes, refresh tokens 90 days; every renewal gives a new refresh token (@atproto/pds 0.5.35,
account-manager/helpers/auth.js). The keys are no secret: these tokens open nothing but this simulation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from surecast.clock import Clock
from surecast.sandbox.bluesky_records import DID, HANDLE

_KEY = b"a key for simulated sessions only"
_ACCESS, _REFRESH = "com.atproto.appPass", "com.atproto.refresh"


class TokenError(Exception):
    """A token that is not taken, with the server's name for the reason and its sentence."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


@dataclass(slots=True)
class Record:
    """A record in an account's repository."""

    cid: str
    value: dict[str, Any]


@dataclass(slots=True)
class Account:
    """An account with its repository and its blobs.

    Attributes:
        records: by collection, then by record key.
        blobs: media type and bytes, by CID.
        commits: how many there were so far.
    """

    did: str
    handle: str
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    commits: int = 0


class Accounts:
    """All accounts of one simulated server; each is made when its handle first logs in."""

    def __init__(self) -> None:
        self._by_did: dict[str, Account] = {}
        self._by_handle: dict[str, Account] = {}

    def find(self, actor: str) -> Account | None:
        """The account with this DID or handle."""
        return self._by_did.get(actor) or self._by_handle.get(actor.lower())

    def enter(self, identifier: str) -> Account | None:
        """The account that logs in, new if need be; None when the identifier is neither a handle nor a DID."""
        if (known := self.find(identifier)) is not None:
            return known
        letters = base64.b32encode(hashlib.sha256(identifier.lower().encode()).digest()).decode().lower()
        if DID.match(identifier):
            account = Account(did=identifier, handle=f"{letters[:12]}.test")
        elif HANDLE.match(identifier.lower()):
            account = Account(did=f"did:plc:{letters[:24]}", handle=identifier.lower())
        else:
            return None
        self._by_did[account.did] = self._by_handle[account.handle] = account
        return account


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a login or a renewal gives."""

    did: str
    access: str
    refresh: str


@dataclass(slots=True)
class _Refresh:
    expires_at: float
    next_id: str = ""


class Sessions:
    """All logins of one simulated server.

    Attributes:
        access_s, refresh_s: how long tokens live, in seconds.
        grace_s: how long a refresh token that was used still gives the same successor. The real server says two
            hours; here none, so that a client that loses a renewed token, or renews twice, is noticed.
    """

    def __init__(self, clock: Clock) -> None:
        self.access_s = 120 * 60.0
        self.refresh_s = 90 * 86_400.0
        self.grace_s = 0.0
        self._clock = clock
        self._refreshes: dict[str, _Refresh] = {}
        self._issued = 0

    def begin(self, did: str) -> Tokens:
        """A login."""
        return self._issue(did, self._new_id(did))

    def renew(self, token: str) -> Tokens:
        """New tokens for a refresh token, which is spent by this.

        Raises:
            TokenError: when it is none, has expired or was revoked.
        """
        claims = self._verified(token, _REFRESH)
        now, known = self._clock.now(), self._refreshes.get(claims["jti"])
        if known is None or known.expires_at <= now:
            raise TokenError("ExpiredToken", "Token has been revoked")
        known.expires_at = min(known.expires_at, now + self.grace_s)
        known.next_id = known.next_id or self._new_id(claims["sub"])
        return self._issue(claims["sub"], known.next_id)

    def end(self, token: str) -> None:
        """Logs out: the refresh token is revoked, the access token lives on.

        Raises:
            TokenError: as for `renew`.
        """
        self._refreshes.pop(self._verified(token, _REFRESH)["jti"], None)

    def revoke_all(self) -> None:
        """Ends every session, as a changed password does."""
        self._refreshes.clear()

    def account(self, token: str) -> str:
        """The DID whose access token this is.

        Raises:
            TokenError: when it is none or has expired.
        """
        return str(self._verified(token, _ACCESS)["sub"])

    def _new_id(self, did: str) -> str:
        self._issued += 1
        return base64.b64encode(hashlib.sha256(f"{did} {self._issued}".encode()).digest()).decode().rstrip("=")

    def _issue(self, did: str, refresh_id: str) -> Tokens:
        now = self._clock.now()
        self._refreshes.setdefault(refresh_id, _Refresh(now + self.refresh_s))
        common = {"aud": "did:web:localhost", "sub": did}
        times = {"iat": int(now), "exp": int(now + self.access_s)}
        access = _sign("at+jwt", {"scope": _ACCESS, **common, **times})
        times["exp"] = int(now + self.refresh_s)
        refresh = _sign("refresh+jwt", {"scope": _REFRESH, **common, "jti": refresh_id, **times})
        return Tokens(did=did, access=access, refresh=refresh)

    def _verified(self, token: str, scope: str) -> dict[str, Any]:
        try:
            head, body, signature = token.split(".")
            claims: dict[str, Any] = json.loads(_decoded(body))
            genuine = hmac.compare_digest(_signature(f"{head}.{body}").encode(), signature.encode())
        except (ValueError, UnicodeError):
            raise TokenError("InvalidToken", "Token could not be verified") from None
        if not genuine or claims["scope"] != scope:
            raise TokenError("InvalidToken", "Token could not be verified")
        if claims["exp"] <= self._clock.now():
            raise TokenError("ExpiredToken", "Token has expired")
        return claims


def _sign(kind: str, claims: dict[str, Any]) -> str:
    text = f"{_encoded({'typ': kind, 'alg': 'HS256'})}.{_encoded(claims)}"
    return f"{text}.{_signature(text)}"


def _signature(text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(_KEY, text.encode(), "sha256")).decode().rstrip("=")


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
