"""What is said to readers and to the people in charge, in surecast's own words and in the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import pytest

from surecast.channel import Limits
from surecast.errors import UsageError
from surecast.text import notices
from surecast.text.measure import fits, graphemes
from surecast.text.notices import (
    MESSAGES,
    NOTICES,
    SAMPLE_MESSAGE,
    SAMPLE_NOTICE,
    Moment,
    NoticeValues,
    Spell,
    check_folder,
    duration,
    languages,
    render_message,
    render_notice,
    speaks,
)

SINCE = 1_776_308_520.0  # 2026-04-16 06:02 in Athens
NOON = SINCE + 6 * 3_600
URL = "https://ferries.example/notices"

#: As long as they may be and still fit into a post of Bluesky.
LONG: NoticeValues = {
    **SAMPLE_NOTICE,
    "platform": "A platform of twenty",
    "others": ("Mastodon of twenty 1", "Mastodon of twenty 2", "Mastodon of twenty 3"),
    "follow": "https://ferries.example/".ljust(80, "x"),
    "now": SAMPLE_NOTICE["now"] + 3 * 86_400,  # type: ignore[operator]
    "time_zone": "America/Sao_Paulo",
    "number": 12,
}


def only_given(name: str) -> NoticeValues:
    """The values that are always there; the others are left out."""
    return {key: SAMPLE_NOTICE[key] for key in NOTICES[name]}  # type: ignore[literal-required,return-value,misc]


def written(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# What is shipped


def test_every_language_has_every_notice_and_nothing_else():
    assert languages() == ("de", "el", "en", "es", "fr", "it", "nl", "pt")
    shipped = files("surecast").joinpath("templates", "notices")
    there = {each.name: sorted(file.name for file in each.iterdir()) for each in shipped.iterdir()}
    assert there == {language: sorted(f"{name}.txt.j2" for name in NOTICES) for language in languages()}


def test_every_message_is_there():
    shipped = {file.name for file in files("surecast").joinpath("templates", "people").iterdir()}
    assert {name for name in shipped if not name.startswith("_")} == {f"{name}.txt.j2" for name in MESSAGES}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_is_one_calm_line_that_names_the_platform(name: str, language: str):
    for values in (SAMPLE_NOTICE, only_given(name)):
        said = render_notice(name, language=language, **values)
        assert "Bluesky" in said
        assert "\n" not in said
        assert "  " not in said
        assert "None" not in said
        assert not set("!{}%") & set(said)
        assert said[-1] == "." or said.endswith(URL)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", NOTICES)
@pytest.mark.parametrize("why", ["", "posts are taken there and shown to nobody, and nobody knows why that is so"])
def test_a_notice_with_the_longest_values_fits_into_a_post_of_bluesky(name: str, language: str, why: str):
    said = render_notice(name, language=language, **{**LONG, "why": why})
    assert fits(said, Limits(text=300, text_bytes=3000)), (graphemes(said), said)
    if name in {"outage_notice", "outage_update"}:
        assert all(each in said for each in ("20", *LONG["others"], LONG["follow"]))


def test_the_short_note_is_the_shorter_one():
    for language in languages():
        note, short = (render_notice(name, language=language, platform="X") for name in list(NOTICES)[-2:])
        assert graphemes(short) < graphemes(note)
        assert URL not in render_notice("reroute_note_short", language=language, platform="X", follow=URL)


def test_the_notice_says_since_when_why_and_where_to_follow():
    said = render_notice("outage_notice", language="en", **SAMPLE_NOTICE)
    assert said == (
        "We cannot reach our readers on Bluesky at the moment (since 06:02 EEST). Reason: posts are taken but not "
        "shown. You can follow us here: Mastodon, Telegram, https://ferries.example/notices"
    )


def test_where_nothing_else_is_known_nothing_else_is_said():
    said = render_notice("outage_notice", language="en", platform="Bluesky", since=SINCE, now=NOON, time_zone="UTC")
    assert said == "We cannot reach our readers on Bluesky at the moment (since 03:02 UTC)."


def test_the_all_clear_says_what_became_of_what_was_missed():
    said = render_notice("all_clear", language="en", **SAMPLE_NOTICE)
    assert said == (
        "Bluesky works for us again. We could not reach our readers there from 06:02 EEST to 14:20 EEST. "
        "What was missed is posted there now."
    )
    nothing_missed = render_notice("all_clear", language="en", **{**SAMPLE_NOTICE, "missed": 0})
    assert nothing_missed.endswith("There is nothing you need to do.")


def test_an_address_stands_at_the_end_without_a_full_stop():
    values = {"platform": "Bluesky", "since": SINCE, "now": NOON}
    with_url = render_notice("outage_notice", language="en", **values, others=["Mastodon"], follow=URL)
    assert with_url.endswith(f"here: Mastodon, {URL}")
    assert render_notice("outage_notice", language="en", **values, others=["Mastodon"]).endswith("here: Mastodon.")


def test_two_accounts_on_one_platform_are_named_once():
    said = render_notice("outage_notice", language="en", **{**SAMPLE_NOTICE, "others": ["Mastodon", "Mastodon"]})
    assert said.count("Mastodon") == 1


def test_a_reason_that_makes_the_notice_too_long_is_left_out():
    short = render_notice("outage_notice", language="en", **{**SAMPLE_NOTICE, "why": "its posts are not shown."})
    assert "Reason: its posts are not shown. You" in short
    long = render_notice("outage_notice", language="en", **{**SAMPLE_NOTICE, "why": "its posts are not shown " * 12})
    assert long == render_notice("outage_notice", language="en", **{**SAMPLE_NOTICE, "why": ""})


# Languages


@pytest.mark.parametrize(
    ("language", "beginning"),
    [
        ("de", "Wir erreichen"),
        ("de-AT", "Wir erreichen"),
        ("pt-BR", "Neste momento"),
        ("PT_br", "Neste momento"),
        ("ja", "We cannot"),
        ("", "We cannot"),
        ("../en", "We cannot"),
    ],
)
def test_a_narrower_language_takes_the_wider_one_and_an_unknown_one_english(language: str, beginning: str):
    assert render_notice("outage_notice", language=language, **SAMPLE_NOTICE).startswith(beginning)


def test_it_is_known_which_languages_are_spoken(tmp_path: Path):
    assert speaks("el")
    assert speaks("pt-BR")
    assert not speaks("ja")
    for name in NOTICES:
        assert not speaks("ja", tmp_path)
        written(tmp_path, f"ja/{name}.txt.j2", "{{ platform }}")
    assert speaks("ja", tmp_path)


# Times


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("Europe/Athens", NOON, "06:02 EEST"),
        ("Europe/Athens", SINCE + 86_400, "2026-04-16 06:02 EEST"),
        ("Europe/Athens", None, "2026-04-16 06:02 EEST"),
        ("America/Sao_Paulo", NOON, "00:02 UTC-03"),
        ("UTC", SINCE, "03:02 UTC"),
    ],
)
def test_a_moment_is_also_what_the_clock_shows(zone: str, now: float | None, expected: str):
    moment = Moment(SINCE, ZoneInfo(zone), now)
    assert (moment, moment.clock) == (SINCE, expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1 min"),
        (-5, "1 min"),
        (119, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (29_900, "8 h 18 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_span_is_read_alike_in_every_language(seconds: float, expected: str):
    assert duration(seconds) == expected


# The user's own words


def test_own_templates_stand_before_ours_file_by_file(tmp_path: Path):
    written(tmp_path, "outage_notice.txt.j2", "{{ sender }}: no {{ platform }} since {{ since | iso }}, {{ duration }}")
    said = render_notice("outage_notice", language="de", folder=tmp_path, **{**SAMPLE_NOTICE, "until": None})
    assert said == "Harbour Ferries: no Bluesky since 2026-04-16T03:02:00.000Z, 8 h 44 min"
    ours = render_notice("all_clear", language="de", folder=tmp_path, **SAMPLE_NOTICE)
    assert ours.startswith("Bluesky funktioniert für uns wieder.")


def test_an_own_template_of_the_language_stands_before_one_for_all(tmp_path: Path):
    for place in ("", "pt/", "pt-BR/"):
        written(tmp_path, f"{place}all_clear.txt.j2", f"{place}{{{{ language }}}}")

    def said(language: str) -> str:
        return render_notice("all_clear", language=language, folder=tmp_path, **SAMPLE_NOTICE)

    assert [said(tag) for tag in ("pt-br", "pt-PT", "fr")] == ["pt-BR/pt-br", "pt/pt-PT", "fr"]


def test_an_own_template_may_build_on_ours_and_on_others_of_its_own(tmp_path: Path):
    written(tmp_path, "_foot.txt.j2", "{{ sender }}")
    written(
        tmp_path,
        "all_clear.txt.j2",
        '{% include "notices/en/all_clear.txt.j2" %}\n\n{% include "_foot.txt.j2" %}',
    )
    said = render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE)
    assert said.startswith("Bluesky works for us again.")
    assert said.endswith("Harbour Ferries")
    assert check_folder(tmp_path, "en") == []


def test_a_changed_template_is_read_anew_and_a_missing_folder_leaves_ours(tmp_path: Path):
    path = written(tmp_path, "all_clear.txt.j2", "first")
    assert render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE) == "first"
    path.write_text("second", encoding="utf-8")
    os.utime(path, (1, 1))
    assert render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE) == "second"
    path.unlink()
    ours = render_notice("all_clear", language="en", **SAMPLE_NOTICE)
    assert render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE) == ours
    assert render_notice("all_clear", language="en", folder=tmp_path / "none", **SAMPLE_NOTICE) == ours


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ok\n{% if %}", r"all_clear\.txt\.j2, line 2, cannot be read: .*\. Correct it there\."),
        ("ok\n\n{{ platfrom }}", r"all_clear\.txt\.j2, line 3, cannot be filled: 'platfrom' is undefined"),
        ("{{ 1 / number_of }}", "'number_of' is undefined"),
        ('{% include "nothing.txt" %}', r"nothing\.txt is not there"),
        ('{% include "all_clear.txt.j2" %}', "leads back to itself"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line(tmp_path: Path, source: str, said: str):
    written(tmp_path, "all_clear.txt.j2", source)
    with pytest.raises(UsageError, match=said):
        render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE)
    (flaw,) = check_folder(tmp_path, "en")
    assert flaw.startswith("The template ")


def test_a_template_that_cannot_be_read_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path, "all_clear.txt.j2", "ok")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"all_clear\.txt\.j2 is not UTF-8\. Save it as UTF-8\."):
        render_notice("all_clear", language="en", folder=tmp_path, **SAMPLE_NOTICE)

    def kept_out(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(jinja2.FileSystemLoader, "get_source", kept_out)
    path.write_text("ok", encoding="utf-8")
    (flaw,) = check_folder(tmp_path, "en")
    assert flaw == f"The template {path} cannot be used: Permission denied. Correct it there."


def test_a_name_that_is_none_is_a_mistake():
    with pytest.raises(UsageError, match="is not there"):
        render_notice("outage_notise", language="en", **SAMPLE_NOTICE)


# Looking at a folder


def test_a_good_folder_has_no_flaws(tmp_path: Path):
    for name in NOTICES:
        written(tmp_path, f"el/{name}.txt.j2", "{{ platform }}")
    written(tmp_path, "people/digest.txt.j2", "This week\n\n{{ states }}")
    written(tmp_path, "_part.txt.j2", "{{ whatever }}")
    written(tmp_path, "email.html", "{{ text }}")
    written(tmp_path, "reroute_note.txt.j2", "")
    assert check_folder(tmp_path, "el") == []


def test_a_folder_that_is_not_there_or_holds_nothing_is_told(tmp_path: Path):
    (flaw,) = check_folder(tmp_path / "none", "en")
    assert flaw == (
        f"The folder {tmp_path}/none cannot be read (No such file or directory). Make it, or leave templates out."
    )
    (flaw,) = check_folder(tmp_path, "en")
    assert flaw.startswith(f"The folder {tmp_path} holds no template that surecast uses. Write one, e.g. ")


def test_a_value_that_may_be_missing_must_not_be_taken_for_granted(tmp_path: Path):
    written(tmp_path, "all_clear.txt.j2", "Until {{ until.clock }}")
    (flaw,) = check_folder(tmp_path, "en")
    assert flaw.startswith(f"The template {tmp_path}/all_clear.txt.j2, line 1, cannot be filled: ")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("outage_notise.txt.j2", "none that surecast uses. Call it outage_notice.txt.j2."),
        ("xyz.j2", "none that surecast uses. There are outage_notice, outage_update,"),
        ("outage_notice.txt", "is not read under this name. Call it outage_notice.txt.j2."),
        ("people/outage_notice.txt.j2", "none that surecast uses. "),
        ("en/digest.txt.j2", "none that surecast uses. "),
    ],
)
def test_a_file_that_is_never_read_is_told(tmp_path: Path, file: str, said: str):
    written(tmp_path, "all_clear.txt.j2", "ok")
    written(tmp_path, file, "ok")
    (flaw,) = check_folder(tmp_path, "en")
    assert said in flaw


def test_an_empty_notice_is_told_and_an_empty_note_is_a_wish(tmp_path: Path):
    written(tmp_path, "outage_notice.txt.j2", "{# nothing #}")
    written(tmp_path, "reroute_note.txt.j2", "{# nothing #}")
    assert check_folder(tmp_path, "en") == [
        f"The template {tmp_path}/outage_notice.txt.j2 says nothing. Write at least one line in it."
    ]


# To the people in charge


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


def test_the_samples_hold_every_value():
    assert set(SAMPLE_NOTICE) == set(NoticeValues.__annotations__) == set(notices._NO_NOTICE)
    assert set(SAMPLE_MESSAGE) == set(notices.MessageValues.__annotations__) == set(notices._NO_MESSAGE)


def test_templates_are_loaded_with_the_first_notice():
    code = "import sys, surecast.planning; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
