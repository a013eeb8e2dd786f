"""Every option of `surecast send`, and what it does on the far side."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image

from surecast.sandbox import Fault, On, Sandbox
from surecast.sandbox.server import Post
from tests.cli.desk import SITE_URL, Desk


def words() -> str:
    """Words that no other test uses."""
    return f"Ferry {random.randrange(10**9)} is cancelled"


def posts(far_side: Sandbox, platform: str, text: str) -> list[Post]:
    return [post for post in far_side.platforms[platform].posts() if text in post.text]


def picture(path: Path, colour: str) -> str:
    Image.new("RGB", (8, 8), colour).save(path)
    return str(path)


# What is said -------------------------------------------------------------------------------------------------


def test_the_text_is_posted_and_the_answer_says_where(shop: Desk) -> None:
    ran = shop.run("send", "Ferry 12 is cancelled today")
    assert (ran.code, ran.err) == (0, "")
    first, second, channel, last = ran.lines
    assert first.startswith("REACHED ")
    assert first.endswith(": on your site.")
    assert second == "Nothing to do."
    assert channel.startswith(f"site: posted, {SITE_URL}/ferry-12-is-cancelled-today-")
    assert last.startswith("Broadcast ")
    assert len(shop.pages()) == 1


def test_a_dash_reads_standard_input_and_its_last_line_end_does_not_count(shop: Desk) -> None:
    assert shop.run("send", "-", typed="Fähre 12 fällt aus\n".encode()).code == 0
    again = shop.run("send", "Fähre 12 fällt aus", "--json")
    assert again.json["repeated"] is True


def test_standard_input_that_is_no_utf_8_is_answered_with_a_sentence(shop: Desk) -> None:
    ran = shop.run("send", "-", typed="Fähre".encode("latin-1"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "The text from standard input is not UTF-8 (byte 2). Convert it first, e.g. with iconv -f latin1 -t utf-8.\n"
    )
    assert not shop.ledger.exists()


def test_words_on_the_command_line_that_are_no_utf_8_are_answered_with_a_sentence(shop: Desk) -> None:
    ran = shop.run("send", "Fähre".encode("latin-1"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "The text is not UTF-8 (character 2). Set the terminal to UTF-8 and type it again.\n"


def test_text_and_body_from_files(shop: Desk) -> None:
    (shop.folder / "text").write_bytes(b"\xef\xbb\xbfFrom a file\r\n")
    (shop.folder / "body").write_text("First paragraph.\n\nSecond paragraph.\n", encoding="utf-8")
    ran = shop.run("send", "--text-file", "text", "--title", "A heading", "--body-file", "body")
    assert ran.code == 0
    (page,) = shop.pages()
    assert "From a file" in page
    assert "A heading" in page
    assert "Second paragraph." in page


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "There is nothing to announce. Give the text in quotes, --text-file FILE, or - and pipe it in."),
        (("",), "There is nothing to announce: the text is empty. Give at least one word."),
        (("a", "--text-file", "b"), "The text is given twice: as words and with --text-file. Give one of them."),
        (("-", "--body-file", "-"), "Text and body cannot both come from standard input. Put one of them into a file."),
        (
            ("--text-file", "nowhere"),
            "The text cannot be read from nowhere: No such file or directory. Correct the path.",
        ),
        (("a", "--url", "ferries"), "The url 'ferries' is not a web address. Begin it with https://."),
        (("a", "--urgency", "high"), "'high' is no urgency. Write one of: low, normal, urgent, emergency."),
        (("a", "--alt", "b"), "An --alt stands before any --image. Put it right after the image that it describes."),
        (("a", "--image", "i", "--alt", "b", "--alt", "c"), "Two --alt for one image, i. Say it in one."),
        (("a", "--image", "nowhere.png"), "The image nowhere.png is not there. Correct the path."),
        (("a", "--variant", "b"), "--variant 'b' names no channel. Write e.g. --variant bluesky=\"Other words\"."),
        (("a", "--variant", "site=b", "--variant", "site=c"), "Two --variant for site. Give one."),
        (
            ("a", "--variant", "sit=b"),
            "A variant is given for 'sit', but no channel has that name. Did you mean 'site'?",
        ),
        (
            ("a", "--expires", "soon"),
            "--expires 'soon' cannot be read. Write a span such as 2h, or 2026-11-23T18:00+02:00.",
        ),
        (
            ("a", "--expires", "2999-01-01T00:00"),
            "--expires '2999-01-01T00:00' cannot be read. Write a span such as 2h, or 2026-11-23T18:00+02:00.",
        ),
        (("a", "--expires", "0"), "The announcement has expired already. Give a later time, or leave expires out."),
        (("a", "--route", "sit"), "No route and no channel is named 'sit'. Did you mean 'site'?"),
        (("a", "--no-wait", "--wait", "1s"), "--no-wait and --wait contradict each other. Give one of them."),
        (("a", "--again", "--key", "k"), "--again cannot send a key twice. Give another --key, or none."),
        (("a", "--incident", " "), "The incident is empty. Give a name, or leave it out."),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_and_nothing_is_sent(
    shop: Desk, given: tuple[str, ...], sentence: str
) -> None:
    ran = shop.run("send", *given)
    assert (ran.code, ran.out, ran.err) == (2, "", f"{sentence}\n")
    assert shop.pages() == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("a", "--wait", "long"), "Invalid value for '--wait': 'long' is no time span. Write e.g. 90s, 10min or 2h."),
        (("a", "b"), "Got unexpected extra argument (b)"),
        (("a", "--text"), "No such option '--text'."),
        (("a", "--on-change", "drop"), "Invalid value for '--on-change': 'drop' is not one of 'raise', 'keep'."),
    ],
)
def test_a_command_line_that_cannot_be_read_is_a_sentence_and_where_to_look(
    shop: Desk, given: tuple[str, ...], sentence: str
) -> None:
    ran = shop.run("send", *given)
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first.startswith(f"surecast send: {sentence}")
    assert second == "What it takes: surecast send --help"


def test_every_alt_belongs_to_the_image_before_it(house: Desk, far_side: Sandbox) -> None:
    text = words()
    one, two, three = (picture(house.folder / f"{name}.png", name) for name in ("red", "green", "blue"))
    ran = house.run(
        "send", text, "--image", one, "--alt", "The red one", "--image", two, "--image", three, "--alt", "The blue one"
    )
    assert ran.code == 0, ran.err
    assert f"{two} has no alternative text; people who cannot see it will miss what it says." in ran.lines
    (post,) = posts(far_side, "bluesky", text)
    assert [shown.alt for shown in post.pictures] == ["The red one", "", "The blue one"]


def test_link_language_and_variant_reach_the_platform(house: Desk, far_side: Sandbox) -> None:
    text, exact = words(), words()
    ran = house.run(
        "send", text, "--url", "https://ferries.example/12", "--language", "el",
        "--route", "bluesky & mastodon", "--variant", f"mastodon={exact}",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (on_bluesky,) = posts(far_side, "bluesky", text)
    (on_mastodon,) = posts(far_side, "mastodon", exact)
    assert on_bluesky.text == f"{text}\n\nhttps://ferries.example/12"
    assert on_bluesky.language == "el"
    assert on_mastodon.text == exact
    assert on_mastodon.language == "el"


def test_the_urgency_chooses_route_and_expiry(house: Desk) -> None:
    house.route("site", urgent="site & mastodon")
    ran = house.run("send", words(), "--urgency", "urgent", "--json")
    assert (ran.code, ran.json["route"]) == (0, "site & mastodon")


@pytest.mark.parametrize("route", ["urgent", "mastodon", "mastodon | site", "at_least(1, site, mastodon)"])
def test_a_route_by_name_by_channel_and_as_an_expression(house: Desk, route: str) -> None:
    house.route("site", urgent="mastodon & site")
    ran = house.run("send", words(), "--route", route, "--json")
    assert (ran.code, ran.json["route"]) == (0, "mastodon & site" if route == "urgent" else route)


@pytest.mark.parametrize("expires", ["2h", "7200", "2999-01-01T00:00+02:00"])
def test_it_expires_when_somebody_said_so(shop: Desk, expires: str) -> None:
    told = shop.run("send", "a", "--expires", expires, "--json").json
    hour = {"2999-01-01T00:00+02:00": "2998-12-31T22:00:00.000Z"}.get(expires)
    assert told["expires"] == hour if hour else told["expires"] > told["created"]


# What is sent once --------------------------------------------------------------------------------------------


def test_pressing_enter_twice_sends_once_and_again_sends_once_more(shop: Desk) -> None:
    first = shop.run("send", "a", "--json").json
    second = shop.run("send", "a", "--json").json
    third = shop.run("send", "a", "--again", "--json").json
    assert (first["repeated"], second["repeated"], third["repeated"]) == (False, True, False)
    assert second["id"] == first["id"] != third["id"]
    assert len(shop.pages()) == 2


def test_a_key_is_sent_once_and_other_words_under_it_are_refused_or_kept(shop: Desk) -> None:
    first = shop.run("send", "a", "--key", "cms:412", "--json")
    assert (first.code, first.json["key"]) == (0, "cms:412")
    refused = shop.run("send", "b", "--key", "cms:412")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"The key 'cms:412' stands for another announcement (broadcast {first.json['id']}). "
        "Give a new key, or --on-change keep to leave the first one as it is.\n"
    )
    kept = shop.run("send", "b", "--key", "cms:412", "--on-change", "keep", "--json")
    assert (kept.code, kept.json["id"]) == (0, first.json["id"])
    assert len(shop.pages()) == 1


def test_of_an_incident_a_platform_that_was_down_gets_only_the_newest(house: Desk, far_side: Sandbox) -> None:
    older, newer, other = words(), words(), words()
    far_side.fault("bluesky", Fault.DOWN)
    for text, incident in ((older, "ferry-12"), (newer, "ferry-12"), (other, "pier-3")):
        ran = house.run("send", text, "--incident", incident, "--json")
        assert (ran.code, ran.json["owed"]) == (3, ["bluesky"]), ran.err
    far_side.lift()
    resumed = house.run("resume", "--json")
    on_bluesky = [each["channels"]["bluesky"] for each in resumed.json["broadcasts"]]
    assert sorted((each["status"], each["reason"]) for each in on_bluesky if each["status"] != "done") == [
        ("gave_up", "outdated")
    ]
    assert [len(posts(far_side, "bluesky", text)) for text in (older, newer, other)] == [0, 1, 1]
    assert [len(posts(far_side, "mastodon", text)) for text in (older, newer, other)] == [1, 1, 1]


# How it is answered -------------------------------------------------------------------------------------------


def test_no_wait_commits_and_says_who_must_deliver_it(shop: Desk) -> None:
    ran = shop.run("send", "a", "--no-wait")
    assert ran.code == 0
    assert ran.lines[0].startswith("PENDING ")
    name = ran.lines[-1].removeprefix("Broadcast ")
    (line,) = [line for line in ran.lines if line.startswith("Nobody is running")]
    assert f"surecast resume {name}, or in cron: */5 * * * * " in line
    assert "Nothing to do." not in ran.out
    assert shop.pages() == []
    assert shop.run("resume", name).code == 0
    assert len(shop.pages()) == 1


def test_no_wait_with_a_worker_needs_nobody(shop: Desk) -> None:
    shop.run("work", "--once")
    ran = shop.run("send", "a", "--no-wait")
    assert "Nothing to do." in ran.lines
    assert "Nobody is running" not in ran.out


def test_wait_ends_the_wait_although_nothing_is_decided(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    house.route("bluesky", slow="bluesky")
    ran = house.run("send", words(), "--wait", "0.4", "--json")
    assert (ran.code, ran.json["state"]) == (5, "pending")


def test_quiet_says_nothing_when_it_is_reached(house: Desk, far_side: Sandbox) -> None:
    reached = house.run("send", words(), "--quiet")
    assert (reached.code, reached.out, reached.err) == (0, "", "")
    far_side.fault("bluesky", Fault.REFUSED, on=On.WRITES)
    rerouted = house.run("send", words(), "--quiet")
    assert rerouted.code == 3
    assert rerouted.lines[0].startswith("REROUTED ")
    accepted = house.run("send", words(), "--quiet", "--reroute-ok")
    assert (accepted.code, accepted.out) == (0, "")


def test_the_configuration_by_option_and_by_variable(shop: Desk, tmp_path: Path) -> None:
    elsewhere = Desk(tmp_path / "elsewhere")
    assert elsewhere.run("send", "a").code == 2
    assert elsewhere.run("send", "a", "--config", str(shop.config)).code == 0
    assert elsewhere.run("status", "last", SURECAST_CONFIG=str(shop.config)).code == 0
    assert len(shop.pages()) == 1
    assert elsewhere.pages() == []


def test_no_configuration_is_a_sentence(desk: Desk) -> None:
    ran = desk.run("send", "a")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "No surecast.toml is found here or above. `surecast init` writes one; "
        "or name yours: --config FILE, or the variable SURECAST_CONFIG.\n"
    )


def test_a_configuration_that_cannot_be_used_shows_every_mistake(shop: Desk) -> None:
    shop.config.write_text('sendr = "x"\nledgr = "y"\n[routes]\ndefault = "site"\n[channels.site]\ntype = "site"\n')
    ran = shop.run("send", "a", "--json")
    assert ran.code == 2
    assert ran.json["schema"] == 1
    assert len(ran.json["mistakes"]) >= 3
    assert set(ran.json["mistakes"][0]) == {"place", "what", "cure"}
    assert len(ran.err.splitlines()) == len(ran.json["mistakes"]) + 1


def test_mistakes_that_stop_nobody_are_said_first_and_beside_the_answer(shop: Desk) -> None:
    shop.config.write_text(shop.config.read_text() + "colour = 1\n[breakr]\nfailures = 1\n", encoding="utf-8")
    ran = shop.run("preview", "a")
    assert ran.code == 0
    assert "breakr" in ran.err
    assert "breakr" not in ran.out
    assert shop.run("preview", "a", "--quiet").err == ""


# Rehearsing ---------------------------------------------------------------------------------------------------


def test_a_rehearsal_publishes_nothing_and_says_so_on_every_line(house: Desk, far_side: Sandbox) -> None:
    text = words()
    ran = house.run("send", text, "--sandbox")
    assert ran.code == 0, ran.err
    assert all(line.startswith("SANDBOX") for line in ran.lines)
    assert ran.lines[0].startswith("SANDBOX REACHED ")
    assert posts(far_side, "bluesky", text) == []
    assert house.pages() == []
    assert not house.ledger.exists()


def test_a_variable_makes_everything_a_rehearsal(house: Desk, far_side: Sandbox) -> None:
    text = words()
    ran = house.run("send", text, "--json", SURECAST_SANDBOX="1")
    assert (ran.code, ran.json["sandbox"], ran.json["state"]) == (0, True, "reached")
    assert posts(far_side, "bluesky", text) == []
    status = house.run("status", "last", SURECAST_SANDBOX="1")
    assert (status.code, status.err) == (2, "SANDBOX Nothing was broadcast yet from this ledger.\n")


def test_a_dry_run_is_a_preview(shop: Desk) -> None:
    ran = shop.run("send", "a", "--dry-run")
    assert ran.out == shop.run("preview", "a").out
    assert ran.lines[0] == "Posts to site."
    assert not shop.ledger.exists()


def test_a_dry_run_of_a_rehearsal_says_so(shop: Desk) -> None:
    ran = shop.run("send", "a", "--dry-run", "--sandbox")
    assert ran.code == 0
    assert all(line.startswith("SANDBOX") for line in ran.lines)
