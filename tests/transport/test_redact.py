"""What a text may show: nothing that was registered, and nothing that looks like a secret or an address."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.transport import redact as room
from surecast.transport.redact import RedactingFilter, quiet_sdks, redact, register

TELEGRAM = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
MASTODON = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    before = room._registered
    room._registered = ()
    yield
    room._registered = before


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("headers={'Authorization': 'Bearer abc', 'Accept': '*/*'}", "headers={'Authorization': ***, 'Accept': '*/*'}"),
        ("sent Bearer abc123 to it", "sent Bearer *** to it"),
        ("sent Basic dXNlcjpwYXNz to it", "sent Basic *** to it"),
        (f"the jwt is {JWT}.", "the jwt is ***"),
        ("use abcd-efgh-ijkl-mnop to log in", "use *** to log in"),
        (
            f"POST https://api.telegram.org/bot{TELEGRAM}/sendMessage",
            "POST https://api.telegram.org/bot***/sendMessage",
        ),
        ("https://user:p@ss@proxy.corp:3128/x", "https://***@proxy.corp:3128/x"),
        ("redis://:hunter2@127.0.0.1/0", "redis://***@127.0.0.1/0"),
        ("GET /feed?access_token=abc&page=2", "GET /feed?access_token=***&page=2"),
        ("GET /ghost?key=abc123&code=xyz", "GET /ghost?key=***&code=***"),
        ('{"app_password": "hush \\"hush", "name": "x"}', '{"app_password": ***, "name": "x"}'),
        ("api_key=abc, retry=2", "api_key=***, retry=2"),
        ("X-Api-Key: abc", "X-Api-Key: ***"),
        ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: ***; Path=/"),
        ("slack says xoxb-123456789012-abcdefDEF is revoked", "slack says *** is revoked"),
        ("https://hooks.slack.com/services/T0/B0/XyZ failed", "https://hooks.slack.com/services/*** failed"),
        ("https://discord.com/api/webhooks/42/abc_DEF failed", "https://discord.com/api/webhooks/42/*** failed"),
        ("AC0123456789abcdef0123456789abcdef:fedcba9876543210fedcba9876543210", "AC***:***"),
        (f"token {MASTODON} was revoked", "token *** was revoked"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "***"),
        ("mail to rider@dock.example failed", "mail to r***@d***.example failed"),
        ("To=rider%40dock.example", "To=r***@d***.example"),
        ("SMS to +30 694 123 4123 failed", "SMS to +30******123 failed"),
        ("To=%2B306941234123&Body=x", "To=+30******123&Body=x"),
    ],
)
def test_what_looks_like_a_secret_or_an_address_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Mastodon refused the post (422): Text character limit of 500 exceeded.",
        "InvalidRequest: Invalid app.bsky.feed.post record: Record/text must not be longer than 300 graphemes",
        "at://did:plc:z72i7hdynmk6r22z27h6tvur/app.bsky.feed.post/3lbxyz2abcd2k",
        "bafyreib2rxk3rybloqtqwbo7skzxl5hc6qxj5ut4u5f5bxnvwqv5g2u5ba",
        "https://social.example/@rider@dock.example/115000000000000001",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "2026-11-22T06:02:00+02:00",
        "Forbidden: bot was kicked from the channel chat",
        "The key cms:412 already stands for another text.",
        "Basic authentication is off; use Bearer tokens.",
    ],
)
def test_ordinary_words_and_public_names_stay_readable(text: str) -> None:
    assert redact(text) == text


_SECRETS = st.text(min_size=room.SHORTEST_SECRET, max_size=60).filter(lambda text: len(text.strip()) >= 4)


@given(
    secrets=st.lists(_SECRETS, min_size=1, max_size=4), around=st.lists(st.text(max_size=20), min_size=5, max_size=5)
)
def test_a_registered_value_never_survives(secrets: list[str], around: list[str]) -> None:
    room._registered = ()
    for secret in secrets:
        register(secret)
    said = "".join(part + secret for part, secret in zip(around, [*secrets, ""] * 5, strict=False))
    shown = redact(said)

    assert not [secret for secret in secrets if secret in shown]


@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4)
)
def test_a_registered_value_does_not_survive_in_a_url_in_json_or_in_a_repr(secret: str) -> None:
    room._registered = ()
    register(secret)
    forms = [quote(secret), quote_plus(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]]

    assert not [form for form in forms if form in redact(f"<{form}>")]


@given(value=st.text("*ar.@exmpl", min_size=4, max_size=12), text=st.text("*ar.@exmpl", max_size=60))
def test_masks_that_meet_do_not_spell_a_registered_value(value: str, text: str) -> None:
    room._registered = ()
    register(value)

    assert value not in redact(text)


def test_each_line_of_a_registered_value_is_masked() -> None:
    register("first line\nsecond line")

    assert redact("it printed: second line") == "it printed: ***"


def test_a_very_short_value_is_left_alone() -> None:
    register("abc")

    assert redact("abc") == "abc"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("tests.redact.child")
    parent = logging.getLogger("tests.redact")
    parent.addHandler(handler)
    yield logger, stream
    parent.removeHandler(handler)


def test_a_log_record_is_masked_with_its_arguments(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("HTTP Request: POST %s -> %d", f"https://api.telegram.org/bot{TELEGRAM}/getMe", 200)

    assert stream.getvalue() == "HTTP Request: POST https://api.telegram.org/bot***/getMe -> 200\n"


def test_a_traceback_in_a_log_is_masked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    try:
        int("Bearer abc" + "123")
    except ValueError:
        logger.exception("it failed")

    assert "base 10: 'Bearer ***'" in stream.getvalue()
    assert "abc123" not in stream.getvalue()


def test_extra_texts_of_a_record_are_masked() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "sent", None, None)
    record.url = "https://user:hush@host/"
    RedactingFilter().filter(record)

    assert vars(record)["url"] == "https://***@host/"
    assert record.name == "x"


def test_a_record_whose_arguments_do_not_fit_is_still_masked() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "token=hush %d %d", ("no number",), None)

    assert RedactingFilter().filter(record) is True
    assert record.getMessage() == "token=*** %d %d"


def test_sdks_are_quiet_unless_somebody_made_them_quieter() -> None:
    names = ("httpx", "telegram")
    before = {name: logging.getLogger(name).level for name in names}
    logging.getLogger("telegram").setLevel(logging.CRITICAL)
    try:
        quiet_sdks()
        levels = [logging.getLogger(name).level for name in names]
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

    assert levels == [logging.WARNING, logging.CRITICAL]
