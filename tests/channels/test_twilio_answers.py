"""What Twilio's answers and delivery receipts are taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.channels.twilio_bench import says

from surecast.channels._twilio_answers import FAILURES, REFUSALS, CallError, Reply, judge, receipt_of
from surecast.outcome import PASSES_BY_ITSELF, RULES, Outcome, Reason, Scope, Verdict

NUMBER = "+15559871234"


def judged(status: int, code: int | None, message: str = f"The number {NUMBER} is bad", **headers: str) -> Outcome:
    body = json.dumps(says(code, message))
    outcome = judge(CallError(Reply(status=status, headers={"Content-Type": "application/json", **headers}, body=body)))
    assert outcome is not None
    return outcome


def judged_page(status: int, **headers: str) -> Outcome:
    """An answer of something that is not Twilio."""
    outcome = judge(CallError(Reply(status=status, headers={"Content-Type": "text/html", **headers}, body="<html>")))
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *((code, Reason.NO_SUCH_ADDRESS) for code in (21211, 21217, 21614, 21635)),
        (21610, Reason.OPTED_OUT),
        *((code, Reason.NOT_ALLOWED) for code in (21408, 21608, 21612)),
    ],
)
def test_what_concerns_one_person_settles_only_that_delivery(code: int, reason: Reason) -> None:
    outcome = judged(400, code)
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.REFUSED, Scope.RECIPIENT, reason)


@pytest.mark.parametrize("code", [20404, 21212, 21603, 21606, 21659, 21703, 21712, 30034])
def test_a_sender_that_cannot_send_stops_the_channel_until_it_is_corrected_and_is_no_outage(code: int) -> None:
    outcome = judged(400, code)
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.SKIPPED, Scope.CHANNEL, Reason.MISCONFIGURED)
    assert RULES[outcome.verdict].breaker == "ignores"
    assert outcome.reason in PASSES_BY_ITSELF


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 20003), (403, 20403), (403, 20005), (400, 30002)])
def test_an_account_that_may_not_send_is_unauthorized(status: int, code: int) -> None:
    outcome = judged(status, code)
    assert (outcome.verdict, outcome.scope) == (Verdict.UNAUTHORIZED, Scope.CHANNEL)


@pytest.mark.parametrize("code", [21602, 21617, 30007])
def test_words_that_are_refused_stop_the_batch(code: int) -> None:
    outcome = judged(400, code)
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_code_that_nobody_knows_is_a_matter_of_the_one_recipient(status: int) -> None:
    outcome = judged(status, 29_999)
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.RECIPIENT)
    assert "29999" in outcome.detail


def test_a_wait_that_is_stated_is_kept() -> None:
    outcome = judged(429, 20429, **{"Retry-After": "7"})
    assert (outcome.verdict, outcome.retry_after_s) == (Verdict.THROTTLED, 7.0)


@pytest.mark.parametrize(("status", "code"), [(429, 20429), (429, 21611), (400, 21611), (429, 63_038), (429, None)])
def test_too_many_messages_are_no_refusal(status: int, code: int | None) -> None:
    assert judged(status, code).verdict is Verdict.THROTTLED


@pytest.mark.parametrize(("status", "code"), [(500, 20500), (503, 20503), (500, None), (504, None)])
def test_a_server_that_fails_may_have_sent_it(status: int, code: int | None) -> None:
    assert judged(status, code).verdict is Verdict.UNCERTAIN


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_fails_in_front_of_it_may_have_passed_it_on(status: int) -> None:
    outcome = judged_page(status)
    assert outcome.verdict is Verdict.UNCERTAIN
    assert "was not reached" not in outcome.detail


@pytest.mark.parametrize("status", [401, 403, 521, 526])
def test_a_page_that_says_that_it_was_not_reached_is_believed(status: int) -> None:
    assert judged_page(status).verdict is Verdict.UNAVAILABLE


@pytest.mark.parametrize("body", ["[]", '"no"', '{"code": 404}', '{"code": "21610"}', "{", "[" * 100_000])
def test_what_has_no_code_of_twilio_s_is_judged_by_its_status(body: str) -> None:
    outcome = judge(CallError(Reply(status=404, body=body)))
    assert outcome is not None
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CHANNEL)


def test_errors_of_others_are_left_to_the_common_rules() -> None:
    assert judge(TimeoutError()) is None


@pytest.mark.parametrize("code", [*sorted(REFUSALS), 29_999])
def test_nobody_s_number_is_shown(code: int) -> None:
    outcome = judged(400, code)
    assert "5559871234" not in outcome.detail
    assert str(code) in outcome.detail
    assert outcome.detail.startswith("Twilio ")


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_what_arrived_is_confirmed(status: str) -> None:
    outcome = receipt_of(status, None)
    assert outcome is not None
    assert outcome.verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", None])
def test_what_is_on_its_way_says_nothing(status: str | None) -> None:
    assert receipt_of(status, None) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (21610, Reason.OPTED_OUT),
        (30005, Reason.NO_SUCH_ADDRESS),
        (30006, Reason.NO_SUCH_ADDRESS),
        *((code, Reason.UNDELIVERED) for code in (30003, 30004, 30007, 30008, 30034, 30036, 39_999, None)),
    ],
)
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_what_did_not_arrive_says_why(status: str, code: int | None, reason: Reason) -> None:
    outcome = receipt_of(status, code)
    assert outcome is not None
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.INVISIBLE, Scope.RECIPIENT, reason)
    assert str(code or status) in outcome.detail


def test_every_sentence_reads_on_after_the_platform_s_name() -> None:
    rows: list[Any] = [row.sentence for row in REFUSALS.values()] + [sentence for _, sentence in FAILURES.values()]
    assert [sentence for sentence in rows if not sentence[0].islower() or sentence.endswith(".")] == []
