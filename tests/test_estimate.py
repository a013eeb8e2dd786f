"""What an announcement would come to."""

from __future__ import annotations

from typing import Any

import pytest

from surecast.channel import Terms
from surecast.estimate import Count, Estimate, estimate
from surecast.outcome import Outcome, Reason, Verdict
from surecast.rate import Rate
from tests.stories import EXPIRES, START, direct, plan, sms

LETTERS, SMS = direct("letters", rate=Rate.parse("10/s")), sms(rate=Rate.parse("1/s"))


def estimated(route: str, *, people: int = 1_200, texts: int = 500, **own: Terms) -> Estimate:
    riders = Count(contacts=people, people=people, reach={"letters": 1_000, "sms": texts})
    named: dict[str, Any] = {"letters": LETTERS, "sms": SMS, **own}
    return estimate(plan(route, **named), {"riders": riders}, "EUR")


def test_letters_cost_nothing_and_take_their_time() -> None:
    found = estimated("letters")
    assert (found.cost, found.seconds, found.worst_cost, found.worst_seconds) == (0, 100.0, 0, 100.0)
    assert (found.shares["letters"].contacts, found.shares["letters"].capped, found.fails) == (1_000, None, ())


def test_a_channel_without_a_rate_takes_no_time_that_is_known() -> None:
    found = estimated("a & sms", sms=sms())
    assert (found.shares["sms"].seconds, found.seconds) == (None, 0.0)


def test_members_of_a_fan_out_go_side_by_side_and_alternatives_one_after_the_other() -> None:
    assert estimated("letters & sms").seconds == 500.0
    found = estimated("letters | sms")
    assert (found.seconds, found.worst_seconds, found.fails) == (100.0, 600.0, ("letters",))
    assert estimated("a & optional(letters)").seconds == 0.0


def test_those_whom_only_money_reaches_cost_it_whatever_happens() -> None:
    found = estimated("letters | sms")
    assert found.shares["sms"].alone == 200
    assert [found.cost, found.worst_cost] == pytest.approx([2.0, 5.0])


@pytest.mark.parametrize("route", ["a | letters | sms", "a | sms"])
def test_behind_a_public_channel_nothing_is_spent_when_all_goes_well(route: str) -> None:
    found = estimated(route)
    assert found.shares["sms"].alone == 0
    assert [found.cost, found.worst_cost] == pytest.approx([0.0, 5.0])


def test_a_cap_is_where_it_ends_and_is_told() -> None:
    found = estimated("sms", sms=sms(max_cost=2.0))
    assert [found.shares["sms"].capped, found.cost] == pytest.approx([200, 2.0])
    assert "sms stops at its cap: 200 of 500 contacts are paid for." in found.warnings[0]
    nothing = estimated("letters | sms", sms=sms(max_cost=0.001))
    assert (nothing.shares["sms"].capped, nothing.cost) == (0, 0.0)


def test_a_careful_first_send_goes_to_a_few() -> None:
    found = estimated("sms", sms=sms(limit=3))
    assert [found.shares["sms"].contacts, found.cost] == pytest.approx([3, 0.03])


def test_who_cannot_be_written_to_in_time_is_told() -> None:
    found = estimated("sms", texts=10_000, people=10_000, sms=sms(rate=Rate.parse("1/s")))
    in_time = int(EXPIRES - START)
    assert f"at 1/s only {in_time:,} of 10,000 contacts get it in time." in found.warnings[0]


def test_nobody_to_write_to_is_told() -> None:
    assert estimated("sms", texts=0).warnings == ("sms reaches nobody in the audience riders.",)


def test_words_that_do_not_fit_a_channel_cost_nothing() -> None:
    unfit = Outcome(verdict=Verdict.SKIPPED, reason=Reason.CANNOT_BE_FITTED, detail="Shorten the text.")
    found = estimated("sms", sms=sms(skip=unfit))
    assert ("sms" in found.shares, found.cost) == (False, 0.0)


def test_a_channel_without_an_audience_is_left_out() -> None:
    assert estimated("letters & sms", letters=direct("letters", audience="")).shares.keys() == {"sms"}
