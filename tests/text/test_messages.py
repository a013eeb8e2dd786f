"""What is said to the people in charge, in surecast's own words and in the user's."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from tests.text.folders import written

from surecast.errors import UsageError
from surecast.text import messages
from surecast.text.messages import MESSAGES, SAMPLE_MESSAGE, Spell, render_message
from surecast.text.own_templates import check_folder

SINCE = 1_776_308_520.0  # 2026-04-16 06:02 in Athens


def test_every_message_is_there():
    shipped = {file.name for file in files("surecast").joinpath("templates", "people").iterdir()}
    assert {name for name in shipped if not name.startswith("_")} == {f"{name}.txt.j2" for name in MESSAGES}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_a_subject_that_fits_into_an_sms_and_a_body(name: str):
    given = {key: SAMPLE_MESSAGE[key] for key in MESSAGES[name]}  # type: ignore[literal-required]
    for values in (SAMPLE_MESSAGE, given):
        told = render_message(name, **values)  # type: ignore[arg-type,misc]
        assert told.subject.isascii()
        assert 10 < len(told.subject) <= 160
        assert told.body
        assert str(told) == f"{told.subject}\n\n{told.body}"
        assert "\n\n\n" not in told.body
        for nothing in ("None", "!", "{", "}", "()", "  ."):
            assert nothing not in str(told)


def test_what_is_wrong_is_cut_in_the_subject_alone():
    why = "the server says at great length what it thinks of us " * 5
    told = render_message("needs_a_person", platform="Bluesky", channel="bluesky", why=why)
    assert len(told.subject) <= 160
    assert why.strip() in told.body


def test_a_draft_says_how_to_send_it_and_how_to_drop_it():
    told = render_message("draft_ready", platform="Bluesky", notice="n7q2", text="We cannot reach you.")
    assert told.body.splitlines() == [
        "This would be said to readers:",
        "",
        "We cannot reach you.",
        "",
        "Nothing is said before you approve it.",
        "  surecast approve n7q2",
        "  surecast drafts --drop n7q2",
    ]


@pytest.mark.parametrize(
    ("days", "said"),
    [(14, "end in 14 days, on"), (1, "end tomorrow, on"), (0, "end today, 2026-04-30"), (-3, "ended on 2026-04-30")],
)
def test_the_end_of_credentials_is_said_as_people_say_it(days: int, said: str):
    assert said in render_message("credentials_end", **{**SAMPLE_MESSAGE, "days": days}).subject


def test_the_digest_of_a_calm_week_and_of_another():
    calm = render_message("digest", since=SINCE - 604_800, now=SINCE, states={"reached": 1}, time_zone="UTC")
    assert calm.subject == "surecast this week: 1 announcement, 0 outages"
    assert calm.body.splitlines() == [
        "From 2026-04-09 03:02 UTC to 03:02 UTC.",
        "",
        "Announcements: 1 reached.",
        "Outages: none.",
        "Still to be delivered: nothing.",
        "Needs you: nothing.",
        "",
        "Worker last seen: never. Watcher last seen: never.",
    ]
    busy = render_message("digest", **{**SAMPLE_MESSAGE, "outages": [Spell(platform="Bluesky", lasted_s=29_880)]})
    assert busy.subject == "surecast this week: 14 announcements, 1 outage, 1 for you"
    assert "Outages: Bluesky 8 h 18 min." in busy.body


def test_messages_of_the_users_own_are_in_a_folder_of_their_own(tmp_path: Path):
    written(tmp_path, "people/late.txt.j2", "Late\r\n\r\n{% include 'people/_to_do.txt.j2' %}")
    told = render_message("late", tmp_path, platform="Bluesky", channel="bluesky", posts=["x"])
    assert (told.subject, told.body) == ("Late", "Nothing to do.")
    assert render_message("own_network", tmp_path, **SAMPLE_MESSAGE).subject.startswith("This machine was cut off")
    written(tmp_path, "people/late.txt.j2", "{{ nobody }}")
    with pytest.raises(UsageError, match=r"people/late\.txt\.j2, line 1, cannot be filled: 'nobody' is undefined"):
        render_message("late", tmp_path, **SAMPLE_MESSAGE)
    assert len(check_folder(tmp_path, "en")) == 1


def test_the_sample_holds_every_value():
    assert set(SAMPLE_MESSAGE) == set(messages.MessageValues.__annotations__) == set(messages._NO_MESSAGE)
