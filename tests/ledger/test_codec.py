"""Plans and facts to JSON and back: nothing is lost, and ledgers of earlier versions stay readable."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import stories

from surecast.history import Action, Fact, Kind, Order, Plan
from surecast.ledger.codec import fact_of, fact_row, from_json, plan_of, to_json
from surecast.outcome import Look, Outcome, Reason, Receipt, Scope, Sighting, Verdict

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.floats(0, 4e9)
RECEIPTS = st.builds(Receipt, id=TEXTS, url=st.none() | TEXTS, extra=st.dictionaries(TEXTS, TEXTS, max_size=2))
OUTCOMES = st.builds(
    Outcome,
    verdict=st.sampled_from(Verdict),
    scope=st.sampled_from(Scope),
    reason=st.sampled_from(Reason),
    detail=TEXTS,
    receipt=st.none() | RECEIPTS,
    retry_after_s=st.none() | MOMENTS,
)
LOOKS = st.builds(Look, sighting=st.sampled_from(Sighting), answered=st.booleans(), receipt=st.none() | RECEIPTS)
FACTS = st.builds(
    Fact,
    seq=st.integers(1, 1000),
    channel=TEXTS,
    kind=st.sampled_from(Kind),
    at=MOMENTS,
    action=st.none() | st.sampled_from(Action),
    attempt=st.integers(0, 1000),
    outcome=st.none() | OUTCOMES,
    look=st.none() | LOOKS,
    order=st.none() | st.sampled_from(Order),
    not_before=st.none() | MOMENTS,
)


@given(FACTS)
def test_every_fact_comes_back_as_it_was(fact: Fact) -> None:
    given = fact_row("b", fact, owner="me", epoch=3)
    columns = ", ".join(f":{name} as {name}" for name in given)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(f"select {fact.seq} as seq, {columns}", given).fetchone()
    assert fact_of(row) == fact


def test_a_plan_comes_back_with_its_route() -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, scope=Scope.CONTENT, reason=Reason.CANNOT_BE_FITTED, detail="too long")
    some = stories.plan("a & (b | c)", c=stories.terms("c", skip=skip, confirm="visible"))
    text = to_json(some)
    assert text is not None
    again = plan_of(text)
    assert again == some
    assert str(again.route) == "a & (b | c)"


def test_nothing_stays_nothing() -> None:
    assert (to_json(None), from_json(None, Outcome)) == (None, None)


def test_what_an_earlier_version_did_not_know_has_its_default_and_what_a_later_one_knew_is_left_out() -> None:
    text = to_json(stories.plan("a"))
    assert text is not None
    import json

    value = json.loads(text)
    del value["warnings"], value["terms"]["a"]["settle_after_s"]
    value["mood"] = "calm"
    again = plan_of(json.dumps(value))
    assert isinstance(again, Plan)
    assert (again.warnings, again.terms["a"].settle_after_s) == ((), 10.0)


@pytest.mark.parametrize("enum", [Verdict, Scope, Reason, Sighting, Action, Kind, Order])
def test_no_stored_word_has_changed(enum: type) -> None:
    # A word in a ledger is for ever: renaming one makes old ledgers unreadable.
    assert [word.value for word in enum] == STORED[enum.__name__]  # type: ignore[attr-defined]


STORED = {
    "Verdict": [
        *("accepted", "confirmed", "invisible", "refused", "throttled"),
        *("unavailable", "unauthorized", "uncertain", "skipped"),
    ],
    "Scope": ["channel", "recipient", "content"],
    "Reason": [
        *("", "not_connected", "timed_out", "interrupted", "crashed", "cancelled_in_flight", "server_error"),
        *("unreadable_reply", "redirected", "rate_limited", "text_refused", "media_refused", "credentials"),
        *("not_allowed", "not_visible", "ours", "no_network", "breaker_open", "isolated", "spared", "misconfigured"),
        *("cannot_be_fitted", "suppressed", "over_the_cap", "expired", "superseded", "cancelled"),
        *("too_often", "not_worth_it", "outdated", "had_elsewhere", "nobody_there", "opted_out", "no_such_address"),
        "undelivered",
    ],
    "Sighting": ["seen", "unseen", "unknown"],
    "Action": ["prepare", "publish", "find", "confirm", "retract"],
    "Kind": ["turn", "began", "ended", "ordered"],
    "Order": ["there", "not_there", "cancel"],
}
