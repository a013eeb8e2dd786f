"""Requests and refusals in the form that Bluesky's servers give them (https://atproto.com/specs/xrpc)."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from surecast.sandbox.server import RefusedError

JSON_LIMIT_BYTES = 1_000_000  # putRecord.js, opts.jsonLimit
MOST_IN_A_PAGE = 100


def refused(status: int, error: str, message: str) -> RefusedError:
    """A refusal with its XRPC error name."""
    return RefusedError(status, {"error": error, "message": message})


def bad_param(request: web.Request, problem: str) -> RefusedError:
    """The refusal of a query."""
    return refused(400, "InvalidRequest", f"Invalid {request.match_info['method']} params: {problem}")


def param(request: web.Request, name: str) -> str:
    """A query's parameter, which must be there."""
    if name not in request.query:
        raise bad_param(request, f'Missing required key "{name}"')
    return request.query[name]


def limit(request: web.Request) -> int:
    """How many results a query asks for."""
    given = request.query.get("limit", "50")
    try:
        number = int(given)
    except ValueError:
        raise bad_param(request, f"Expected integer value type (got {given})") from None
    if number < 1:
        raise bad_param(request, f"integer too small (minimum 1, got {number})")
    if number > MOST_IN_A_PAGE:
        raise bad_param(request, f"integer too big (maximum {MOST_IN_A_PAGE}, got {number})")
    return number


def token(request: web.Request) -> str:
    """The bearer token, which must be there."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise refused(401, "AuthMissing", "Authentication Required")
    return given


async def body(request: web.Request, *required: str) -> dict[str, Any]:
    """A procedure's JSON input, which must have these keys."""
    if "Content-Type" not in request.headers:
        raise refused(400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
    if request.content_type != "application/json":
        raise refused(400, "InvalidRequest", f"Wrong request encoding (Content-Type): {request.content_type}")
    data = await request.read()
    if len(data) > JSON_LIMIT_BYTES:
        raise refused(413, "PayloadTooLarge", "request entity too large")
    try:
        given = json.loads(data)
    except ValueError:
        raise refused(400, "SyntaxError", "Unexpected end of JSON input") from None
    if not isinstance(given, dict):
        raise refused(400, "InvalidRequest", "Expected object value type at $")
    for name in required:
        if name not in given:
            raise refused(400, "InvalidRequest", f'Missing required key "{name}" at $')
    return given
