"""What the people in charge are told of an outage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.ops.stage import MINUTE, house

from surecast.ops.service import watch_over


def test_who_is_told_that_a_notice_went_out_reads_it_and_where(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        message = stage.people.read("notice_sent")
        assert message.subject == "Readers were told about Bluesky on Mastodon"
        assert "Readers were told on Mastodon:\n\nWe cannot reach our readers on Bluesky" in message.body


def test_nobody_is_told_that_it_counts_as_down_when_the_all_clear_goes_out(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        before = len(stage.people.of("notice_sent"))
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        assert stage.posts("mastodon")[-1].startswith("Bluesky works for us again")
        assert len(stage.people.of("notice_sent")) == before == 1


def test_that_it_is_over_is_told_with_how_long_it_was(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        (values,) = stage.people.of("outage_over")
        (outage,) = stage.outages
        assert (values["since"], values["until"], values["outage"]) == (outage.began_at, outage.up_since, outage.id)
        assert stage.people.read("outage_over").subject.startswith("Bluesky works again after 1")


def test_that_it_is_over_is_not_told_with_the_words_that_nothing_was_missed_when_something_was(tmp_path: Path) -> None:
    with house(tmp_path, top='[catch_up]\npolicy = "all"\n') as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.announce("Ferry 12 is late")
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        while not stage.posts("bluesky"):  # it is the trial that finds the platform back, as what is owed often is
            stage.clock.advance(10)
            stage.do(lambda desk: desk.deliver_due())
        stage.play(15 * MINUTE)
        assert len(stage.posts("bluesky")) == 1
        message = stage.people.read("outage_over").body
        assert "It missed nothing" not in message
        assert "Ferry 12 is late" in message


def test_what_it_got_when_it_was_well_is_told_with_its_end(tmp_path: Path) -> None:
    with house(tmp_path, top='[catch_up]\npolicy = "all"\npace = "1/min"\n') as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        for number in range(3):
            stage.announce(f"Ferry {number} is late")
            stage.clock.advance(20)
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        assert len(stage.posts("bluesky")) == 3
        (values,) = stage.people.of("outage_over")
        assert values["posts"]
        assert all(post.split(" (")[0].endswith("is late") for post in values["posts"])


# By real letters


PEOPLE = """
[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{{ host = "{email}" }}]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"

[audiences.riders]
source = "riders.csv"
consent = {{ email = "signup form" }}

[people.duty]
name = "Dora Manager"
email = "dora@ferries.example"
via = ["email"]
"""


def test_that_letters_do_not_go_out_is_told_by_another_way_though_readers_are_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "riders.csv").write_text("email\nrider@ferries.example\n", "utf-8")
    with house(tmp_path, more=PEOPLE, platforms=("bluesky", "mastodon", "email")) as stage:
        stage.down("email")
        stage.play(10 * MINUTE)
        assert [outage.channel for outage in stage.open_outages] == ["newsletter"]
        assert stage.people.sorts == ["outage_untold"]
        (values,) = stage.people.of("outage_untold")
        assert (values["channel"], values["failing"]) == ("newsletter", "newsletter")
        message = stage.people.read("outage_untold")
        assert message.subject == "E-mail counts as down since 09:00 EEST; readers are told nothing"
        assert "It writes no notice, as this channel writes to people one by one." in message.body
        stage.up("email")
        stage.play(20 * MINUTE)
        assert stage.people.sorts == ["outage_untold", "outage_over"]
        assert (stage.notices(), stage.posts("mastodon")) == ((), [])


def test_a_person_gets_a_letter_about_a_draft_and_one_when_it_is_over(tmp_path: Path) -> None:
    (tmp_path / "riders.csv").write_text("email\nrider@ferries.example\n", "utf-8")
    platforms = ("bluesky", "mastodon", "email")
    with house(tmp_path, act="draft", more=PEOPLE, platforms=platforms) as stage:

        async def gone(desk: Any) -> None:
            watch = watch_over(desk, stage.config)
            for number in range(40):
                if number == 8:
                    stage.up("bluesky")
                await watch.round()
                await desk.deliver_due()
                stage.clock.advance(30)

        stage.down("bluesky")
        stage.do(gone)
        letters = stage.sandbox.platforms["email"].posts()
        assert {letter.raw["to"] for letter in letters} == {"dora@ferries.example"}
        draft, over = (str(letter.raw["message"]["Subject"]) for letter in letters)
        assert draft.startswith("A notice about Bluesky waits for you: surecast approve ")
        assert over.startswith("Bluesky works again after ")
        assert stage.posts("mastodon") == []
