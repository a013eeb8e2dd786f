"""Chats, consents, and values of other types."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from surecast.audiences.audience import FIELDS
from surecast.audiences.cells import as_cells
from surecast.audiences.chats import chat
from surecast.audiences.consent import latest_day, said
from surecast.audiences.flaws import Unusable
from tests.audiences.lists import TODAY


@pytest.mark.parametrize(
    ("written", "given"),
    [("123456789", "123456789"), ("-1001234567890", "-1001234567890"), ("@Harbour_Ferries", "@harbour_ferries")],
)
def test_a_chat_is_a_number_or_a_name(written: str, given: str) -> None:
    assert chat(written) == given


@pytest.mark.parametrize(
    "written", ["0", "-", "@", "@abc", "@1abc", "anna", "1.2E+08", "٣٤٥", "9" * 17, "https://t.me/anna"]
)
def test_anything_else_is_no_chat(written: str) -> None:
    with pytest.raises(Unusable, match="no Telegram chat"):
        chat(written)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        *(
            (word, "yes")
            for word in ("yes", "YES", "true", "1", "y", "2024-05-31", "2024-05-31T10:00:00Z", "2026-05-31")
        ),
        *((word, "no") for word in ("no", "False", "0", "n")),
        ("", "unsaid"),
    ],
)
def test_consent_is_a_word_or_a_day(written: str, answer: str) -> None:
    assert said(written, TODAY) == answer


@pytest.mark.parametrize("written", ["maybe", "ja", "31/05/2024", "2024-13-01", "2", "x", "\udce9"])
def test_what_does_not_say_whether_there_is_consent_is_none(written: str) -> None:
    with pytest.raises(Unusable, match="does not say"):
        said(written, TODAY)


def test_nobody_can_have_agreed_tomorrow() -> None:
    with pytest.raises(Unusable, match="in the future"):
        said("2026-06-01", TODAY)
    today = datetime.now(UTC).date()
    assert 0 <= (latest_day() - today).days <= 1


def test_values_of_a_database_are_the_texts_that_a_file_would_hold() -> None:
    day, uuid = date(2024, 5, 31), UUID(int=7)
    values = (
        7,
        None,
        306941234567.0,
        "a@x.gr",
        Decimal(12345),
        True,
        False,
        day,
        datetime(2024, 5, 31, 10, tzinfo=UTC),
        uuid,
    )
    assert as_cells(values, {}) == (
        "7",
        "",
        "306941234567",
        "a@x.gr",
        "12345",
        "yes",
        "no",
        "2024-05-31",
        "2024-05-31T10:00:00+00:00",
        str(uuid),
    )


@pytest.mark.parametrize(
    "value", [["+30"], {"a": 1}, b"+30", 1.5, float("nan"), float("inf"), Decimal("NaN"), object()]
)
def test_a_value_that_no_text_holds_is_refused_by_its_column(value: object) -> None:
    with pytest.raises(Unusable, match="Mobile is a"):
        as_cells((*("",) * 2, value, *("",) * (len(FIELDS) - 3)), {"phone": "Mobile"})
