from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.audiences import census, reaches
from surecast.audiences.counting import MOST_KEPT
from surecast.audiences.seen import nothing_seen
from surecast.contact import Contact, Medium
from surecast.errors import ConfigError
from tests.audiences.lists import TODAY, Lists

PHONE, EMAIL, TELEGRAM = Medium.PHONE, Medium.EMAIL, Medium.TELEGRAM
HEADER = "id,phone,email,consent_sms,consent_email"


def number(last: int) -> str:
    return f"+3069412345{last:02d}"


def test_a_census_counts_who_is_reached_by_what(lists: Lists) -> None:
    audience = lists.csv(
        HEADER + ",notes",
        f"1,{number(1)},a@x.gr,yes,yes,",
        f"2,{number(2)},b@x.gr,yes,no,",
        f"3,{number(3)},,no,yes,",
        "4,,d@x.gr,yes,yes,",
        "5,12,@,yes,yes,",
        f"6,{number(6)},@,yes,yes,",
        "",
    )
    found = census(audience, latest=TODAY)
    assert (found.rows, found.contacts, found.bad, found.flawed, found.flaws_found) == (6, 5, 1, 1, 4)
    assert found.addresses == {PHONE: 4, EMAIL: 3, TELEGRAM: 0}
    assert found.without_consent == {PHONE: 1, EMAIL: 1, TELEGRAM: 0}
    assert found.reach == {PHONE: 3, EMAIL: 2, TELEGRAM: 0}
    assert found.by_mask == {
        frozenset({PHONE, EMAIL}): 1,
        frozenset({PHONE}): 2,
        frozenset(): 1,
        frozenset({EMAIL}): 1,
    }
    assert (found.duplicates, found.shared, found.unread) == (0, 0, ("notes",))


def test_who_stands_twice_is_counted_once_and_told_with_both_lines(lists: Lists) -> None:
    audience = lists.csv(
        HEADER,
        f"1,{number(1)},a@x.gr,yes,yes",
        f"1,{number(2)},b@x.gr,yes,yes",
        f"3,{number(1)},A@x.gr,yes,yes",
        f"4,{number(4)},a@x.gr,yes,yes",
    )
    found = census(audience, latest=TODAY)
    assert (found.contacts, found.duplicates, found.shared) == (4, 2, 1)
    assert found.reach == {PHONE: 2, EMAIL: 1, TELEGRAM: 0}
    assert found.by_mask == {frozenset({PHONE, EMAIL}): 1, frozenset({PHONE}): 1}
    assert [str(one).partition(". ")[0] for one in found.repeats] == [
        "line 3: it has the id of line 2",
        "line 4: it has the phone (+30***4501) of line 2",
        "line 4: it has the email (A***@x.gr) of line 2",
        "line 5: it has the email (a***@x.gr) of line 2",
    ]
    assert found.repeats_found == 4


def test_the_same_digits_as_a_phone_and_as_a_chat_are_two_addresses(lists: Lists) -> None:
    found = census(lists.csv("phone,telegram", f"{number(1)},", f",{number(1)[1:]}"))
    assert (found.duplicates, found.shared) == (0, 0)


def test_who_is_suppressed_is_counted_apart_from_who_never_agreed(lists: Lists) -> None:
    audience = lists.csv(HEADER, f"1,{number(1)},a@x.gr,yes,yes", f"2,{number(2)},b@x.gr,yes,no")

    def stopped(contact: Contact) -> Collection[Medium]:
        return {EMAIL, PHONE} if contact.key == "2" else {EMAIL}

    found = census(audience, suppressed=stopped, latest=TODAY)
    assert found.suppressed == {PHONE: 1, EMAIL: 1, TELEGRAM: 0}
    assert found.without_consent == {PHONE: 0, EMAIL: 1, TELEGRAM: 0}
    assert found.by_mask == {frozenset({PHONE}): 1, frozenset(): 1}


def test_the_first_flaws_and_repeats_are_kept_and_all_are_counted(lists: Lists) -> None:
    lines = [f"{n},12,,," for n in range(80)] + [f"7,{number(n)},,," for n in range(80)]
    found = census(lists.csv(HEADER, *lines))
    assert (len(found.flaws), found.flaws_found, found.bad) == (MOST_KEPT, 160, 80)
    assert (len(found.repeats), found.repeats_found, found.duplicates) == (MOST_KEPT, 79, 79)


def test_a_source_that_cannot_be_read_raises(lists: Lists) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        census(lists.csv())


def test_whether_anybody_is_reached_is_known_with_the_first_contacts(lists: Lists) -> None:
    module = lists.folder / "endless_riders.py"
    module.write_text(
        "def riders():\n"
        f"    yield {{'phone': '{number(1)}', 'consent_sms': 'no'}}\n"
        f"    yield {{'phone': '{number(2)}', 'email': 'a@x.gr', 'consent_sms': 'yes', 'consent_email': 'yes'}}\n"
        "    raise AssertionError('read on')\n"
    )
    audience = lists.csv("phone,email,consent_sms", f"{number(1)},a@x.gr,yes")
    assert reaches(audience, [PHONE, EMAIL, TELEGRAM]) == {PHONE}
    endless = type(audience)(source="endless_riders:riders", folder=lists.folder)
    assert reaches(endless, [PHONE, EMAIL]) == {PHONE, EMAIL}
    with pytest.raises(ConfigError, match="raised AssertionError"):
        reaches(endless, [TELEGRAM])


@given(st.lists(st.text(max_size=3), max_size=60))
def test_what_was_seen_is_remembered_with_its_first_number(texts: list[str]) -> None:
    with nothing_seen() as seen:
        assert [seen.first(text, place) for place, text in enumerate(texts)] == [texts.index(text) for text in texts]


COUNT = """
import resource, sys
from surecast.audiences import Audience, census
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def riders(count):
    for n in range(count):
        yield {"id": str(n), "phone": f"+3069{n:08d}", "email": f"u{n}@x.gr", "consent_sms": "yes"}
def few(): return riders(2_000)
def many(): return riders(60_000)
sys.modules["lists_of_this_test"] = sys.modules["__main__"]
assert census(Audience(source="lists_of_this_test:few")).reach["phone"] == 2_000
before = peak()
assert census(Audience(source="lists_of_this_test:many")).reach["phone"] == 60_000
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    """A Python set of the digests of 60,000 rows would take some 20 MB; the database's pages take 3."""
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert int(done.stdout) < 8_000
