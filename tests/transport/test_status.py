"""What a status means, row by row, and the waits platforms ask for."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.status import LONGEST_QUOTE, MAYBE, from_error, from_status, own_words, unreadable

NOW = 1_790_000_000.0
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE = b"<!DOCTYPE html><title>502</title>"

V, R, S = Verdict, Reason, Scope


def judge(status: int, headers: dict[str, str] | None = None, body: bytes | None = b"{}", error: str = "") -> Outcome:
    return from_status(status, headers=JSON | (headers or {}), body=body, error=error, platform="Harbour", now=NOW)


@pytest.mark.parametrize(
    ("status", "verdict", "reason", "scope"),
    [
        (200, V.UNCERTAIN, R.UNREADABLE_REPLY, S.CHANNEL),
        (204, V.UNCERTAIN, R.UNREADABLE_REPLY, S.CHANNEL),
        (100, V.UNCERTAIN, R.UNREADABLE_REPLY, S.CHANNEL),
        (301, V.UNCERTAIN, R.REDIRECTED, S.CHANNEL),
        (302, V.UNCERTAIN, R.REDIRECTED, S.CHANNEL),
        (308, V.UNCERTAIN, R.REDIRECTED, S.CHANNEL),
        (400, V.REFUSED, R.TEXT_REFUSED, S.CONTENT),
        (401, V.UNAUTHORIZED, R.CREDENTIALS, S.CHANNEL),
        (402, V.UNAUTHORIZED, R.NOT_ALLOWED, S.CHANNEL),
        (403, V.UNAUTHORIZED, R.NOT_ALLOWED, S.CHANNEL),
        (404, V.REFUSED, R.NOT_ALLOWED, S.CHANNEL),
        (405, V.REFUSED, R.NOT_ALLOWED, S.CHANNEL),
        (407, V.UNAVAILABLE, R.OURS, S.CHANNEL),
        (408, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (409, V.REFUSED, R.TEXT_REFUSED, S.CONTENT),
        (410, V.REFUSED, R.NOT_ALLOWED, S.CHANNEL),
        (413, V.REFUSED, R.MEDIA_REFUSED, S.CONTENT),
        (415, V.REFUSED, R.MEDIA_REFUSED, S.CONTENT),
        (418, V.REFUSED, R.TEXT_REFUSED, S.CONTENT),
        (421, V.UNAVAILABLE, R.NOT_CONNECTED, S.CHANNEL),
        (422, V.REFUSED, R.TEXT_REFUSED, S.CONTENT),
        (425, V.UNAVAILABLE, R.NOT_CONNECTED, S.CHANNEL),
        (429, V.THROTTLED, R.RATE_LIMITED, S.CHANNEL),
        (451, V.REFUSED, R.NOT_ALLOWED, S.CONTENT),
        (500, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (501, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (502, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (503, V.UNAVAILABLE, R.SERVER_ERROR, S.CHANNEL),
        (504, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (511, V.UNAVAILABLE, R.OURS, S.CHANNEL),
        (520, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (521, V.UNAVAILABLE, R.NOT_CONNECTED, S.CHANNEL),
        (522, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (523, V.UNAVAILABLE, R.NOT_CONNECTED, S.CHANNEL),
        (524, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (599, V.UNCERTAIN, R.SERVER_ERROR, S.CHANNEL),
        (600, V.UNCERTAIN, R.UNREADABLE_REPLY, S.CHANNEL),
    ],
)
def test_every_row_of_the_table(status: int, verdict: Verdict, reason: Reason, scope: Scope) -> None:
    outcome = judge(status)

    assert (outcome.verdict, outcome.reason, outcome.scope) == (verdict, reason, scope)


@pytest.mark.parametrize("status", [401, 403, 502])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HTML, PAGE),
        (HTML, None),
        ({}, b"\xef\xbb\xbf\r\n <html>"),
        ({}, b"<?xml version='1.0'?><Error>AccessDenied</Error>"),
        ({"content-type": "text/plain"}, b"error code: 1020\n"),
    ],
)
def test_a_page_from_an_edge_is_not_the_platforms_word(
    status: int, headers: dict[str, str], body: bytes | None
) -> None:
    outcome = from_status(status, headers=headers, body=body, platform="Harbour", now=NOW)

    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)


@pytest.mark.parametrize(
    ("status", "verdict"), [(500, Verdict.UNCERTAIN), (504, Verdict.UNCERTAIN), (503, Verdict.UNAVAILABLE)]
)
def test_a_page_changes_nothing_about_other_statuses(status: int, verdict: Verdict) -> None:
    assert judge(status, HTML, PAGE).verdict is verdict


def test_an_empty_401_is_the_platforms_word_although_it_is_called_html() -> None:
    assert judge(401, HTML, b"").verdict is Verdict.UNAUTHORIZED


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"RETRY-AFTER": "0"}, 0.0),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"RateLimit-Reset": str(int(NOW) + 30)}, 30.0),
        ({"RateLimit-Reset": str(int(NOW) - 30)}, 0.0),
        ({"RateLimit-Reset": "30"}, 30.0),
        ({"X-RateLimit-Reset": "2026-09-21T14:14:20.000Z"}, 60.0),
        ({"X-RateLimit-Reset": "2026-09-21T16:14:20+02:00"}, 60.0),
        ({"X-RateLimit-Reset": str((int(NOW) + 30) * 1000)}, 30.0),
        ({"x-rate-limit-reset": str(int(NOW) + 5)}, 5.0),
        ({"RateLimit-Reset": "tomorrow", "X-RateLimit-Reset": str(int(NOW) + 8)}, 8.0),
        ({"Retry-After": "3", "RateLimit-Reset": str(int(NOW) + 30)}, 3.0),
        ({"Retry-After": "soon", "RateLimit-Reset": str(int(NOW) + 30)}, 30.0),
    ],
)
def test_a_429_says_when_to_come_back(headers: dict[str, str], wait_s: float | None) -> None:
    assert judge(429, headers).retry_after_s == wait_s


def test_the_platforms_own_clock_counts_when_ours_is_wrong() -> None:
    theirs = NOW + 5000
    headers = {"Date": formatdate(theirs, usegmt=True), "Retry-After": formatdate(theirs + 20, usegmt=True)}

    assert judge(429, headers).retry_after_s == 20.0


def test_a_503_says_when_to_come_back() -> None:
    assert judge(503, {"Retry-After": "120"}).retry_after_s == 120.0


def test_a_rate_limits_reset_on_another_status_is_no_wait() -> None:
    assert judge(503, {"RateLimit-Reset": str(int(NOW) + 30)}).retry_after_s is None


@pytest.mark.parametrize("status", [400, 401, 422, 500])
def test_only_what_may_be_repeated_carries_a_wait(status: int) -> None:
    assert judge(status, {"Retry-After": "120"}).retry_after_s is None


@given(
    status=st.integers(0, 700),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "Date", "Content-Type"]),
        st.text(max_size=40) | st.integers().map(str) | st.datetimes().map(lambda when: when.isoformat()),
    ),
    body=st.none() | st.binary(max_size=80) | st.text(max_size=80),
)
def test_any_answer_gives_an_outcome_with_a_wait_in_the_future(
    status: int, headers: dict[str, str], body: bytes | str | None
) -> None:
    outcome = from_status(status, headers=headers, body=body, platform="Harbour", now=NOW)

    assert outcome.retry_after_s is None or 0 <= outcome.retry_after_s < float("inf")
    assert outcome.detail.startswith("Harbour ")
    assert outcome.verdict not in (Verdict.ACCEPTED, Verdict.CONFIRMED)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ""),
        (b"", ""),
        (b"plain words, perhaps the post itself", ""),
        ("Text limit of 500\n exceeded", "Text limit of 500 exceeded"),
        (b'{"error": "InvalidRequest", "message": "too long"}', "InvalidRequest: too long"),
        ({"error": "ExpiredToken", "message": "Token has expired"}, "ExpiredToken: Token has expired"),
        (b'{"error": "invalid_grant", "error_description": "revoked"}', "invalid_grant: revoked"),
        (b'{"ok": false, "description": "Bad Request: chat not found"}', "Bad Request: chat not found"),
        (b'{"type": "about:blank", "title": "Too long", "detail": "501 of 500"}', "Too long: 501 of 500"),
        (b'{"error": {"message": "Unsupported post", "code": 100}}', "Unsupported post"),
        (b'{"error": "same", "message": "same"}', "same"),
        (b"[1, 2]", ""),
        (b"17", ""),
        ("<html>oops</html>", ""),
    ],
)
def test_the_platforms_own_words_are_found_in_any_shape(content: object, words: str) -> None:
    assert own_words(content) == words


def test_words_of_an_object_are_found_as_atproto_gives_them() -> None:
    from atproto_client.models.common import XrpcError

    outcome = from_error(400, {}, XrpcError(error="InvalidRequest", message="too long"), platform="Bluesky")

    assert outcome.detail == "Bluesky refused the post (400): InvalidRequest: too long."


def test_the_words_are_redacted_and_cut() -> None:
    said = "token=sup3rsecret for rider@dock.example " + "blah " * 100
    detail = judge(422, error=said).detail

    assert "sup3rsecret" not in detail
    assert "rider@dock.example" not in detail
    assert len(detail) <= LONGEST_QUOTE + len("Harbour refused the post (422): ")


def test_a_raw_body_is_never_shown() -> None:
    outcome = judge(500, {"Content-Type": "text/plain"}, b"Ferry 12 is cancelled today")

    assert outcome.detail == f"Harbour failed (500). {MAYBE}"


def test_an_unreadable_success_is_uncertain() -> None:
    outcome = unreadable("Harbour")

    assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)
    assert outcome.detail == f"Harbour gave an answer that cannot be read. {MAYBE}"
