"""What is said to readers, in surecast's own words and in the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jinja2
import pytest
from tests.text.folders import written

from surecast.channel import Limits
from surecast.errors import UsageError
from surecast.text import notices
from surecast.text.measure import fits, graphemes
from surecast.text.notices import NOTICES, SAMPLE_NOTICE, NoticeValues, languages, render_notice, speaks
from surecast.text.own_templates import check_folder

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


# What is shipped


def test_every_language_has_every_notice_and_nothing_else():
    assert languages() == ("de", "el", "en", "es", "fr", "it", "nl", "pt")
    shipped = files("surecast").joinpath("templates", "notices")
    there = {each.name: sorted(file.name for file in each.iterdir()) for each in shipped.iterdir()}
    assert there == {language: sorted(f"{name}.txt.j2" for name in NOTICES) for language in languages()}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_is_one_calm_line_that_names_the_platform(name: str, language: str):
    for values in (SAMPLE_NOTICE, only_given(name)):
        said = render_notice(name, language=language, **values)
        assert "Bluesky" in said or name == "late_mark", "only that one is about the post itself"
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
        note, short = (
            render_notice(name, language=language, platform="X") for name in ("reroute_note", "reroute_note_short")
        )
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


def test_the_sample_holds_every_value():
    assert set(SAMPLE_NOTICE) == set(NoticeValues.__annotations__) == set(notices._NO_NOTICE)


def test_templates_are_loaded_with_the_first_notice():
    code = "import sys, surecast.planning; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
