from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.sandbox.bluesky_accounts import Accounts, Sessions, TokenError, _decoded
from tests.sandbox.bench import TurnedClock

DID = "did:plc:ferries"


def claims(token: str) -> dict[str, object]:
    return dict(json.loads(_decoded(token.split(".")[1])))


def test_tokens_say_what_the_sdk_reads() -> None:
    tokens = Sessions(TurnedClock(1_000.5)).begin(DID)
    assert claims(tokens.access) == {
        "scope": "com.atproto.appPass",
        "aud": "did:web:localhost",
        "sub": DID,
        "iat": 1000,
        "exp": 8200,
    }
    refresh = claims(tokens.refresh)
    assert (refresh["scope"], refresh["exp"]) == ("com.atproto.refresh", 1000 + 90 * 86_400)


def test_the_same_logins_give_the_same_tokens() -> None:
    runs = [[Sessions(TurnedClock(5.0)).begin(DID) for _ in range(2)] for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "é.é.é", "e30.e30.e30", "..", "a.b.c.d"])
def test_what_is_no_token_is_not_taken(token: str) -> None:
    sessions = Sessions(TurnedClock(0.0))
    for use in (sessions.account, sessions.renew, sessions.end):
        with pytest.raises(TokenError) as caught:
            use(token)
        assert caught.value.error == "InvalidToken"


@given(st.text(max_size=60))
def test_no_text_breaks_it(token: str) -> None:
    with pytest.raises(TokenError):
        Sessions(TurnedClock(0.0)).account(token)


def test_a_token_that_was_changed_is_not_taken() -> None:
    sessions = Sessions(TurnedClock(0.0))
    head, body, signature = sessions.begin(DID).access.split(".")
    with pytest.raises(TokenError):
        sessions.account(f"{head}.{body}.{signature[::-1]}")


def test_one_kind_of_token_is_not_the_other() -> None:
    sessions = Sessions(TurnedClock(0.0))
    tokens = sessions.begin(DID)
    for use, token in ((sessions.account, tokens.refresh), (sessions.renew, tokens.access)):
        with pytest.raises(TokenError) as caught:
            use(token)
        assert caught.value.error == "InvalidToken"


def test_an_access_token_ends_to_the_second() -> None:
    clock = TurnedClock(0.0)
    sessions = Sessions(clock)
    token = sessions.begin(DID).access
    clock.moment = 7199.9
    assert sessions.account(token) == DID
    clock.moment = 7200.0
    with pytest.raises(TokenError) as caught:
        sessions.account(token)
    assert caught.value.error == "ExpiredToken"


@pytest.mark.parametrize("identifier", ["", "ferries", "ferry bay.example", "a@b.example", "-x.example", "x..example"])
def test_what_is_no_handle_has_no_account(identifier: str) -> None:
    assert Accounts().enter(identifier) is None


def test_a_did_logs_in_as_well_as_a_handle() -> None:
    accounts = Accounts()
    made = accounts.enter(DID)
    assert made is not None
    assert (made.did, accounts.find(made.handle)) == (DID, made)


def test_an_account_is_found_by_handle_and_by_did() -> None:
    accounts = Accounts()
    made = accounts.enter("Ferries.Example")
    assert made is not None
    assert [accounts.find(each) for each in ("ferries.example", made.did)] == [made, made]
    assert accounts.enter(made.did) is made
