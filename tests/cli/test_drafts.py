"""`surecast drafts` and `approve`: what readers would be told, and the word that lets it go."""

from __future__ import annotations

import random
import re
import threading
import time

import pytest

from surecast.ledger import outages, signals
from surecast.outage import Sort
from surecast.sandbox import Fault, Sandbox
from surecast.signals import Answer, Signal, Source
from tests.cli.desk import Desk
from tests.ledger.open_files import opened

#: Scripts read these. A key may be added; none may go or change its meaning.
DRAFT_KEYS = {"id", "outage", "sort", "text", "route", "created"}
NONE = "No notice waits for you."
CLOCK = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"


def draft(desk: Desk, text: str = "We cannot reach you there.", sort: Sort = Sort.NOTICE, number: int = 0) -> str:
    """Enters an outage of Bluesky, if there is none, and a notice of it for Mastodon, as a watch does."""
    desk.run("work", "--once")
    now = time.time()
    with opened(desk.ledger) as database:
        open_now = outages.open_now(database)
        outage = (
            open_now[0] if open_now else outages.begin(database, "bluesky", began_at=now, why="w", facts=(), now=now)
        )
        assert outage is not None
        notice = outages.draft(database, outage, sort, number=number, text=text, route="mastodon", now=now)
    assert notice is not None
    return notice.id


def on_mastodon(far_side: Sandbox, text: str) -> int:
    return sum(text in post.text for post in far_side.platforms["mastodon"].posts())


# The list


def test_where_none_waits_it_says_so_and_makes_no_ledger(house: Desk) -> None:
    ran = house.run("drafts")
    assert (ran.code, ran.lines, ran.err) == (0, [NONE], "")
    assert house.run("drafts", "--json").json == {"schema": 1, "drafts": []}
    assert house.run("drafts", "--quiet").out == ""
    assert not house.ledger.exists()


def test_each_is_shown_to_the_letter_with_what_to_type(house: Desk) -> None:
    first = draft(house, "We cannot reach you there.\nFollow us here: https://ferries.example")
    second = draft(house, "Still not.", Sort.UPDATE, 1)
    ran = house.run("drafts")
    assert ran.code == 0
    assert [re.sub(CLOCK, "06:02", line) for line in ran.lines] == [
        f"{first}  outage notice of 06:02, for mastodon:",
        "    We cannot reach you there.",
        "    Follow us here: https://ferries.example",
        f"    Send it: surecast approve {first}    Drop it: surecast drafts --drop {first}",
        f"{second}  update of 06:02, for mastodon:",
        "    Still not.",
        f"    Send it: surecast approve {second}    Drop it: surecast drafts --drop {second}",
    ]
    assert house.run("drafts", "--quiet").lines == ran.lines
    told = house.run("drafts", "--json").json
    assert set(told) == {"schema", "drafts"}
    assert all(set(each) == DRAFT_KEYS for each in told["drafts"])
    assert [(each["id"], each["sort"]) for each in told["drafts"]] == [(first, "notice"), (second, "update")]


def test_a_draft_cannot_steer_a_terminal(house: Desk) -> None:
    draft(house, "red \x1b[31malert\x07")
    assert "\x1b" not in house.run("drafts").out


# Dropping


def test_one_that_is_dropped_is_never_said(house: Desk, far_side: Sandbox) -> None:
    name, before = draft(house), len(far_side.platforms["mastodon"].posts())
    ran = house.run("drafts", "--drop", name)
    assert (ran.code, ran.lines, ran.err) == (0, [f"The draft {name} is dropped: readers are not told."], "")
    assert house.run("drafts").lines == [NONE]
    for words in (("drafts", "--drop", name), ("approve", name)):
        again = house.run(*words)
        assert (again.code, again.out) == (2, "")
        assert again.err == f"The draft {name} was dropped already. `surecast drafts` lists what waits.\n"
    assert len(far_side.platforms["mastodon"].posts()) == before


def test_dropping_as_json_and_quiet(house: Desk) -> None:
    name = draft(house)
    assert house.run("drafts", "--drop", name, "--json").json == {"schema": 1, "dropped": name}
    quiet = house.run("drafts", "--drop", draft(house, sort=Sort.UPDATE, number=1), "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


# Approving


def test_one_that_is_approved_is_sent_once_on_its_route(house: Desk, far_side: Sandbox) -> None:
    text = f"We cannot reach you there. {random.random()}"
    name = draft(house, text)
    ran = house.run("approve", name)
    assert (ran.code, ran.err) == (0, "")
    assert re.match(rf"REACHED {CLOCK} \w+: on Mastodon\.", ran.lines[0])
    assert on_mastodon(far_side, text) == 1
    assert house.run("drafts").lines == [NONE]
    again = house.run("approve", name)
    assert (again.code, again.out) == (2, "")
    assert again.err == f"The draft {name} was sent already. `surecast drafts` lists what waits.\n"
    assert house.run("drafts", "--drop", name).code == 2, "what was sent cannot be dropped"
    assert on_mastodon(far_side, text) == 1


def seen(desk: Desk, answer: Answer) -> None:
    """What three looks at Bluesky found just now."""
    with opened(desk.ledger) as database:
        for _ in range(3):
            signals.record(database, "bluesky", (Signal(source=Source.PROBE, answer=answer),), time.time())


@pytest.mark.parametrize(
    ("sort", "answer", "how"),
    [
        (Sort.NOTICE, Answer.GOOD, "works again"),
        (Sort.UPDATE, Answer.GOOD, "works again"),
        (Sort.ALL_CLEAR, Answer.BAD, "is down again"),
    ],
)
def test_what_is_not_true_any_more_is_refused_unless_a_person_insists(
    house: Desk, far_side: Sandbox, sort: Sort, answer: Answer, how: str
) -> None:
    text = f"What is so. {random.random()}"
    name = draft(house, text, sort, 1)
    seen(house, answer)
    ran = house.run("approve", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"bluesky {how}, so this is not true any more. Drop it: surecast drafts --drop {name}; "
        f"or send it all the same: surecast approve {name} --anyway.\n"
    )
    assert on_mastodon(far_side, text) == 0
    assert house.run("approve", name, "--anyway").code == 0
    assert on_mastodon(far_side, text) == 1


@pytest.mark.parametrize(("sort", "answer"), [(Sort.NOTICE, Answer.BAD), (Sort.ALL_CLEAR, Answer.GOOD)])
def test_what_is_still_true_is_sent(house: Desk, far_side: Sandbox, sort: Sort, answer: Answer) -> None:
    text = f"What is so. {random.random()}"
    name = draft(house, text, sort)
    seen(house, answer)
    assert house.run("approve", name).code == 0
    assert on_mastodon(far_side, text) == 1


def test_two_people_who_approve_at_once_send_it_once(house: Desk, far_side: Sandbox) -> None:
    text = f"We cannot reach you there. {random.random()}"
    name = draft(house, text)
    running = [house.start("approve", name) for _ in range(4)]
    codes = sorted(house.ended(each).code for each in running)
    assert codes == [0, 2, 2, 2]
    assert on_mastodon(far_side, text) == 1


def test_the_beginning_of_an_id_is_enough_and_capitals_do_not_matter(house: Desk) -> None:
    name = draft(house)
    assert house.run("approve", name[:3].upper(), "--quiet").code == 0


def test_approving_as_json_and_quiet(house: Desk) -> None:
    told = house.run("approve", draft(house, f"a {random.random()}"), "--json")
    assert (told.code, told.json["schema"], told.json["state"]) == (0, 1, "reached")
    assert list(told.json["channels"]) == ["mastodon"]
    assert house.run("status", "--json").json["broadcasts"][0]["purpose"] == "notice"
    quiet = house.run("approve", draft(house, f"b {random.random()}", Sort.UPDATE, 1), "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_what_became_of_it_is_the_exit_code(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("mastodon", Fault.DOWN)
    ran = house.run("approve", draft(house), "--quiet")
    assert (ran.code, ran.lines[0][:7]) == (4, "MISSED ")
    assert house.run("drafts").lines == [NONE], "it is owed now, like any announcement"
    assert [each["channel"] for each in house.run("status", "--json").json["overview"]["owed"]] == ["mastodon"]


# What is not there


@pytest.mark.parametrize("words", [("approve", "zzzzz"), ("drafts", "--drop", "zzzzz"), ("approve", "")])
def test_one_that_is_not_there_is_a_sentence(house: Desk, words: tuple[str, ...]) -> None:
    ran = house.run(*words)
    assert (ran.code, ran.out, ran.err) == (2, "", f"No draft is called {words[-1]!r}. {NONE}\n")
    assert not house.ledger.exists()
    draft(house)
    ran = house.run(*words, "--json")
    sentence = f"No draft is called {words[-1]!r}. `surecast drafts` lists them."
    assert (ran.code, ran.json) == (2, {"schema": 1, "error": sentence})


def test_an_id_must_be_given(house: Desk) -> None:
    ran = house.run("approve")
    assert (ran.code, ran.out) == (2, "")
    assert "Missing argument 'ID'" in ran.err


# From an outage to its drafts


def test_what_a_watch_wrote_waits_for_a_person_and_goes_where_readers_are(house: Desk, far_side: Sandbox) -> None:
    times = ('every = "1s"', 'recheck = "1s"', 'notice_after = "0s"')
    house.top(f'follow = "https://ferries.example/{random.random()}"', "[watch]", *times).route("bluesky | mastodon")
    far_side.fault("bluesky", Fault.DOWN)
    until = time.monotonic() + 40
    while not (waiting := house.run("drafts", "--json").json["drafts"]):
        assert time.monotonic() < until
        house.run("watch", "--once", "--quiet")
        threading.Event().wait(1.0)
    (notice,) = waiting
    assert notice["sort"] == "notice"
    assert notice["text"].startswith("We cannot reach our readers on Bluesky at the moment (since ")
    assert "bluesky" not in notice["route"]
    assert on_mastodon(far_side, notice["text"]) == 0
    assert f"surecast approve {notice['id']}" in house.run("status").out
    assert house.run("approve", notice["id"]).code == 0
    assert on_mastodon(far_side, notice["text"]) == 1
    assert house.run("status", "--json").json["overview"]["down"][0]["outage"]["notices"] == 1
