"""Rates and quiet hours as a person writes them."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from surecast.config.findings import BAD, At, Finding
from surecast.config.rates import QuietShape, RateShape
from surecast.message import Urgency
from surecast.quiet import Quiet
from surecast.rate import Rate


def read(shape: RateShape | QuietShape, value: Any) -> tuple[Any, list[Finding]]:
    findings: list[Finding] = []
    at = At(path=("channels", "sms", "rate"), folder=Path(), findings=findings)
    return shape.read(value, at), findings


@pytest.mark.parametrize(
    ("written", "rate"), [("10/s", Rate(count=10, span_s=1)), ("3 / day", Rate(count=3, span_s=86_400))]
)
def test_a_rate_is_read(written: str, rate: Rate) -> None:
    assert read(RateShape(), written) == (rate, [])
    assert re.fullmatch(RateShape().schema()["pattern"], written)


@pytest.mark.parametrize("written", [10, "10", "0/s", "10/fortnight", None, True])
def test_what_is_no_rate_is_found_with_its_cure(written: object) -> None:
    value, findings = read(RateShape(), written)
    assert value is BAD
    assert '"10/s"' in str(findings[0])


@pytest.mark.parametrize(
    ("written", "quiet"),
    [
        ({"from": "22:00", "to": "07:00"}, Quiet(begins=time(22), ends=time(7))),
        (
            {"from": "13:00", "to": "15:30", "below": "urgent"},
            Quiet(begins=time(13), ends=time(15, 30), below=Urgency.URGENT),
        ),
    ],
)
def test_quiet_hours_are_read(written: dict[str, str], quiet: Quiet) -> None:
    value, findings = read(QuietShape(), written)
    assert (value, findings) == (quiet, [])
    assert isinstance(value.below, Urgency)


@pytest.mark.parametrize(
    "written",
    [
        "22:00-07:00",
        {},
        {"from": "22:00"},
        {"from": "22:00", "to": "22:00"},
        {"from": "24:00", "to": "07:00"},
        {"from": "9:00", "to": "07:00"},
        {"from": 22, "to": 7},
        {"from": "22:00", "to": "07:00", "below": "panic"},
        {"from": "22:00", "to": "07:00", "till": "08:00"},
    ],
)
def test_what_are_no_quiet_hours_is_found(written: object) -> None:
    value, findings = read(QuietShape(), written)
    assert value is BAD
    assert len(findings) == 1


def test_the_schema_for_editors_asks_for_both_ends() -> None:
    schema = QuietShape().schema()
    assert schema["required"] == ["from", "to"]
    assert [bool(re.fullmatch(schema["properties"]["from"]["pattern"], clock)) for clock in ("22:00", "24:00")] == [
        True,
        False,
    ]
