"""From an announcement to a plan: route, exact words and terms, and what cannot be planned."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.channel import Channel, Limits, Picture, Post
from surecast.contact import Medium
from surecast.errors import RouteError, UsageError
from surecast.history import Plan
from surecast.ledger.codec import plan_of, to_json
from surecast.message import Announcement, Image, Urgency
from surecast.outcome import Reason, Scope, Verdict
from surecast.planning import DEFAULT_TIMES, PER_CONTACT, Few, House, Times, make_plan
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.route import Route
from surecast.testing import FakeChannel
from surecast.text.fit import fit
from surecast.text.measure import fits, units

NOW = 1_000_000.0
HOUR = 3_600.0


def channel(name: str, *, own: dict[str, Any] | None = None, **fake: Any) -> Channel:
    return replace(FakeChannel(name, **fake).channel, **(own or {}))


def planned(
    route: str = "a",
    *channels: Channel,
    said: Announcement | None = None,
    house: House | None = None,
    pictures: tuple[Picture, ...] = (),
) -> Plan:
    by_name = {each.name: each for each in (channels or (channel("a"), channel("b"), channel("c")))}
    return make_plan(
        said or Announcement(text="Ferry 12 is cancelled"),
        house or House(sender="Harbour Ferries"),
        by_name,
        Route.parse(route),
        route_name="default",
        pictures=pictures,
        now=NOW,
    )


# What every channel posts


def test_only_the_channels_of_the_route_are_planned() -> None:
    plan = planned("a & b")
    assert (set(plan.posts), set(plan.terms), plan.route_text, plan.route_name) == (
        {"a", "b"},
        {"a", "b"},
        "a & b",
        "default",
    )
    assert (plan.id, plan.created_at, plan.urgency) == ("", NOW, Urgency.NORMAL)


def test_each_channel_has_words_that_fit_it() -> None:
    short = channel("a", limits=Limits(text=20))
    plan = planned("a & b", short, channel("b"), said=Announcement(text="Ferry 12 is cancelled because of the wind"))
    assert plan.posts["b"].parts[0].text == "Ferry 12 is cancelled because of the wind"
    assert plan.posts["a"].parts[0].text.startswith("Ferry 12 is")
    assert plan.posts["a"].count <= 20
    assert plan.posts["a"].cut
    assert plan.posts["b"].cut == ""
    assert plan.posts["a"].words.text == "Ferry 12 is cancelled because of the wind", "for a server with other limits"


def test_a_variant_is_posted_as_it_stands_and_only_there() -> None:
    plan = planned("a & b", said=Announcement(text="Long words", variants={"a": "Exactly this"}))
    assert [plan.posts[name].parts[0].text for name in "ab"] == ["Exactly this", "Long words"]
    assert [plan.posts[name].words.exact for name in "ab"] == [True, False]


def test_a_variant_for_an_unknown_channel_is_a_mistake_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r"'bluesy'.*Did you mean 'bluesky'"):
        planned("bluesky", channel("bluesky"), said=Announcement(text="x", variants={"bluesy": "y"}))
    with pytest.raises(UsageError, match="Known are: a, b, c"):
        planned("a", said=Announcement(text="x", variants={"zzz": "y"}))


def test_the_language_is_the_announcements_or_the_houses() -> None:
    assert planned(house=House(language="el")).posts["a"].language == "el"
    assert planned(said=Announcement(text="x", language="de")).posts["a"].language == "de"


def test_pictures_beyond_the_limit_are_left_out_and_that_is_said() -> None:
    pictures = tuple(Picture(digest=f"d{n}", media_type="image/png", alt="x", width=1, height=1) for n in range(3))
    said = Announcement(text="x", images=tuple(Image(f"{n}.png", "x") for n in range(3)))
    two = channel("a", limits=Limits(images=2))
    plan = planned("a & b", two, channel("b"), said=said, pictures=pictures)
    assert (plan.posts["a"].pictures, plan.posts["a"].cut) == (pictures[:2], "1 of 3 images are left out.")
    assert (plan.posts["b"].pictures, plan.posts["b"].cut) == ((), "3 of 3 images are left out.")


def test_words_that_fit_nowhere_on_a_channel_skip_it_for_good_and_leave_the_others() -> None:
    tiny = channel("a", limits=Limits(text=5))
    plan = planned("a | b", tiny, channel("b"), said=Announcement(text="x", variants={"a": "Donaudampfschiff"}))
    skip = plan.terms["a"].skip
    assert skip is not None
    assert (skip.verdict, skip.reason, skip.scope) == (Verdict.SKIPPED, Reason.CANNOT_BE_FITTED, Scope.CONTENT)
    assert plan.posts["a"].parts == ()
    assert plan.terms["b"].skip is None


def test_a_misconfigured_channel_is_skipped_with_its_reason() -> None:
    plan = planned("a | b", channel("a", own={"misconfigured": "The secret TOKEN is not set."}), channel("b"))
    skip = plan.terms["a"].skip
    assert skip is not None
    assert (skip.reason, skip.detail) == (Reason.MISCONFIGURED, "The secret TOKEN is not set.")
    assert plan.posts["a"].parts, "it may be set up before the post expires"


# Terms


@pytest.mark.parametrize(
    ("urgency", "within_s", "timeout_s", "expires_s"),
    [
        ("low", 600.0, 10.0, 24 * HOUR),
        ("normal", 60.0, 10.0, 24 * HOUR),
        ("urgent", 15.0, 5.0, 4 * HOUR),
        ("emergency", 10.0, 10 / 3, 2 * HOUR),
    ],
)
def test_an_urgency_sets_the_times(
    urgency: Literal["low", "normal", "urgent", "emergency"], within_s: float, timeout_s: float, expires_s: float
) -> None:
    plan = planned(said=Announcement(text="x", urgency=Urgency(urgency)))
    assert (plan.terms["a"].within_s, plan.terms["a"].timeout_s) == (within_s, pytest.approx(timeout_s))
    assert plan.expires_at == NOW + expires_s


def test_a_channels_own_values_win() -> None:
    own = {
        "within_s": 5.0,
        "visible_within_s": 7.0,
        "confirm": "visible",
        "when_unsure": "hold",
        "timeout_s": 1.5,
        "attempts": 1,
        "settle_after_s": 3.0,
    }
    terms = planned("a", channel("a", own=own)).terms["a"]
    found = {name: getattr(terms, name) for name in own}
    assert found == own


def test_the_house_may_set_other_times() -> None:
    times = {
        **DEFAULT_TIMES,
        Urgency.NORMAL: Times(within_s=7.0, expires_s=60.0, visible_within_s=9.0, confirm="visible"),
    }
    plan = planned(house=House(times=times))
    assert (plan.terms["a"].within_s, plan.terms["a"].visible_within_s, plan.terms["a"].confirm) == (
        7.0,
        9.0,
        "visible",
    )
    assert plan.expires_at == NOW + 60


def test_the_members_of_an_alternative_share_its_longest_turn() -> None:
    plan = planned("a & b | c", channel("a", own={"within_s": 5.0}), channel("b", own={"within_s": 9.0}), channel("c"))
    assert [plan.terms[name].within_s for name in "abc"] == [9.0, 9.0, 60.0]


@pytest.mark.parametrize(
    ("fake", "confirms", "confirm"),
    [
        ({}, False, "accepted"),
        ({"confirms": True}, True, "accepted"),
        ({"confirms": True, "read_back_needs_no_setup": True}, True, "visible"),
        ({"read_back_needs_no_setup": True}, False, "accepted"),
    ],
)
def test_visibility_is_asked_for_where_it_can_be_had_without_set_up(
    fake: dict[str, Any], confirms: bool, confirm: str
) -> None:
    terms = planned("a", channel("a", **fake)).terms["a"]
    assert (terms.confirms, terms.confirm) == (confirms, confirm)


def test_a_read_side_that_is_not_configured_is_none() -> None:
    fake = FakeChannel("a", confirms=True, read_back_needs_no_setup=True, settings="no read side")
    kind = replace(fake.kind, reads_back=lambda settings: settings != "no read side")
    terms = planned("a", replace(fake.channel, kind=kind)).terms["a"]
    assert (terms.confirms, terms.confirm) == (False, "accepted")
    without_settings = replace(fake.channel, kind=kind, settings=None, misconfigured="no secret")
    assert planned("a", without_settings).terms["a"].confirms, "nobody can be asked, so nothing is ruled out"


@pytest.mark.parametrize(
    ("public", "urgency", "own", "expected"),
    [
        (True, "normal", None, "reroute"),
        (False, "normal", None, "hold"),
        (False, "emergency", None, "reroute"),
        (True, "normal", "hold", "hold"),
        (True, "emergency", "hold", "reroute"),
    ],
)
def test_who_may_go_on_while_a_channel_is_in_doubt(public: bool, urgency: str, own: Any, expected: str) -> None:
    said = Announcement(text="x", urgency=Urgency(urgency))
    some = channel("a", public=public, own={"when_unsure": own})
    assert planned("a", some, said=said).terms["a"].when_unsure == expected


def test_the_abilities_of_the_adapter_are_noted() -> None:
    plan = planned("a & b", channel("a", finds=False, resend="never"), channel("b", resend="after_lookup"))
    assert [(plan.terms[name].finds, plan.terms[name].resend) for name in "ab"] == [
        (False, "never"),
        (True, "after_lookup"),
    ]


# Expiry, and what cannot be planned


@pytest.mark.parametrize("expires", [timedelta(minutes=5), datetime.fromtimestamp(NOW + 300, UTC)])
def test_an_announcement_may_say_when_it_expires(expires: datetime | timedelta) -> None:
    assert planned(said=Announcement(text="x", expires=expires)).expires_at == NOW + 300


@pytest.mark.parametrize("expires", [timedelta(0), timedelta(days=-1), datetime.fromtimestamp(NOW, UTC)])
def test_what_has_expired_already_is_not_sent(expires: datetime | timedelta) -> None:
    with pytest.raises(UsageError, match="has expired already"):
        planned(said=Announcement(text="x", expires=expires))


def test_an_unknown_channel_in_the_route_is_a_mistake() -> None:
    with pytest.raises(RouteError, match="No channel is named 'd'"):
        planned("a | d")


def test_a_time_zone_that_does_not_exist_is_a_mistake_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match=r"Mars/Phobos.*Europe/Athens"):
        planned(house=House(time_zone="Mars/Phobos"))


def test_a_picture_without_words_is_warned_of_or_refused() -> None:
    said = Announcement(text="x", images=(Image("ferry.png"), Image("map.png", "the route")))
    [warning] = planned(said=said).warnings
    assert warning.startswith("ferry.png has no alternative text")
    with pytest.raises(UsageError, match=r"ferry\.png.*--alt"):
        planned(said=said, house=House(require_alt=True))


# Direct channels

PAID = {"audience": "riders", "price": 0.01, "max_cost": 5.0, "max_cost_per_day": 10.0}


def texts(**own: Any) -> Channel:
    given = {**PAID, **own}
    return channel("sms", public=False, medium=Medium.PHONE, costly=True, own=given)


def letters(**own: Any) -> Channel:
    return channel("letters", public=False, medium=Medium.EMAIL, own={"audience": "riders", **own})


def test_a_direct_channel_knows_its_audience_and_holds_what_is_in_doubt() -> None:
    some = planned("a & letters", channel("a"), letters(enough=0.9, in_flight=3, rate=Rate.parse("5/s")))
    found = some.terms["letters"]
    assert (found.direct, found.audience, found.medium, found.enough) == (True, "riders", Medium.EMAIL, 0.9)
    assert (found.in_flight, found.rate, found.when_unsure, found.skip) == (3, Rate.parse("5/s"), "hold", None)
    assert (some.terms["a"].direct, some.terms["a"].audience) == (False, "")


def test_in_an_emergency_a_doubt_reroutes_nobody_is_let_sleep_and_money_waits_a_minute() -> None:
    house = House(quiet=Quiet(begins=time(22), ends=time(7)))
    calm = planned("sms", texts(), house=house)
    assert (calm.quiet, calm.per_contact, calm.terms["sms"].spend_after_s) == (house.quiet, PER_CONTACT, 300.0)
    said = Announcement(text="Leave the pier", urgency=Urgency.EMERGENCY)
    some = planned("sms", texts(), said=said, house=house)
    assert (some.quiet, some.per_contact) == (None, None)
    assert (some.terms["sms"].when_unsure, some.terms["sms"].spend_after_s) == ("reroute", 60.0)
    assert planned("sms", texts(spend_after_s=0.0)).terms["sms"].spend_after_s == 0.0


@pytest.mark.parametrize("segments", [1, 3])
def test_every_segment_costs(segments: int) -> None:
    def dress(_: object, post: Post) -> Post:
        return replace(post, count=segments)

    some = replace(texts(), kind=replace(texts().kind, dress=dress))
    assert planned("sms", some).terms["sms"].unit_cost == pytest.approx(0.01 * segments)


def test_what_cannot_be_dressed_is_skipped() -> None:
    def dress(_: object, post: Post) -> Post:
        raise UsageError("Too long by 40 characters.")

    bad = replace(letters(), kind=replace(letters().kind, dress=dress))
    skip = planned("letters", bad).terms["letters"].skip
    assert skip is not None
    assert (skip.reason, skip.scope, skip.detail) == (
        Reason.CANNOT_BE_FITTED,
        Scope.CONTENT,
        "Too long by 40 characters.",
    )


@pytest.mark.parametrize(
    ("some", "word"),
    [
        (letters(audience=None), "audience"),
        (texts(price=None), "price"),
        (texts(max_cost=None), "max_cost"),
        (texts(max_cost_per_day=None), "max_cost_per_day"),
    ],
)
def test_without_an_audience_or_a_bound_for_money_it_cannot_be_used(some: Channel, word: str) -> None:
    skip = planned(some.name, some).terms[some.name].skip
    assert skip is not None
    assert skip.reason is Reason.MISCONFIGURED
    assert word in skip.detail


def test_a_careful_first_send_is_not_the_announcement_and_posts_nothing_in_public() -> None:
    whole = planned("letters", letters())
    few = make_few(Few(limit=3, only="h"))
    assert (few.terms["letters"].limit, few.terms["letters"].only) == (3, "h")
    assert few.fingerprint != whole.fingerprint
    with pytest.raises(UsageError, match="names a. Give a route of direct channels"):
        make_few(Few(limit=3), "letters & a")
    with pytest.raises(UsageError, match="at least 1"):
        make_few(Few(limit=0))


def make_few(few: Few, route: str = "letters") -> Plan:
    by_name = {each.name: each for each in (letters(), channel("a"))}
    said = Announcement(text="Ferry 12 is cancelled")
    return make_plan(said, House(sender="Harbour Ferries"), by_name, Route.parse(route), now=NOW, few=few)


# The note below a post that takes the place of another

TRAITS = channel("b").kind.traits
FOLLOW = "https://ferries.example/notices"
NOTE = "Posted here because we cannot reach our readers on A at the moment."
SHORT = "Here because we cannot reach our readers on A now."
FERRY = Announcement(text="Ferry 12 is cancelled", url="https://ferries.example/12")


def notes(route: str, *channels: Channel, said: Announcement = FERRY, **house: Any) -> dict[str, str]:
    """The notes by channel."""
    some = planned(route, *channels, said=said, house=House(sender="Harbour Ferries", **house))
    return {name: note.post.below for name, note in some.notes.items()}


def test_what_stands_behind_another_has_a_note_below_its_whole_post() -> None:
    some = planned("a | b", said=FERRY, house=House(follow=FOLLOW))
    [(name, note)] = some.notes.items()
    assert (name, note.failing, note.post.below) == ("b", "a", f"{NOTE} All our notices: {FOLLOW}")
    assert note.post.parts[0].text == f"{some.posts['b'].parts[0].text}\n\n{note.post.below}"
    assert note.post.parts[0].text.startswith("Ferry 12 is cancelled\n\nhttps://ferries.example/12\n\nPosted here")
    assert note.post.count == len(note.post.parts[0].text)
    assert note.post.below == note.post.below
    own = some.posts["b"]
    assert replace(note.post, parts=own.parts, count=own.count, below="") == own


def test_without_an_address_the_note_names_none_and_without_the_wish_there_is_none() -> None:
    assert notes("a | b") == {"b": NOTE}
    assert notes("a | b", reroute_notes=False) == {}


def test_an_address_that_stands_in_the_post_is_not_repeated() -> None:
    assert notes("a | b", said=Announcement(text="See", url=FOLLOW), follow=FOLLOW) == {"b": NOTE}


def test_the_note_speaks_the_language_of_the_post() -> None:
    assert notes("a | b", language="de")["b"].startswith("Hier veröffentlicht, weil")
    said = Announcement(text="x", language="pt-BR")
    assert notes("a | b", said=said, language="de")["b"].startswith("Publicado aqui")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("a", {}),
        ("a & b", {}),
        ("a | b | c", {"b": "a", "c": "a"}),
        ("c & (a | b)", {"b": "a"}),
        ("a & b | c", {"c": "a"}),
        ("a | b & c", {"b": "a", "c": "a"}),
        ("a | c & (b | a)", {"b": "a", "c": "a"}),
        ("at_least(1, a, b) | c", {"c": "a"}),
        ("b & (a | b | c)", {"c": "a"}),
        ("(a | b) & (c | b)", {"b": "a"}),
        ("a | b & (c | b)", {"b": "a", "c": "a"}),
    ],
)
def test_the_note_names_the_first_channel_before_and_only_what_may_wait_has_one(
    route: str, expected: dict[str, str]
) -> None:
    assert {name: note.failing for name, note in planned(route).notes.items()} == expected


def test_exact_words_stay_alone() -> None:
    said = Announcement(text="x", variants={"b": "Exactly this"})
    assert set(notes("a | b | c", said=said)) == {"c"}


def test_websites_and_direct_channels_neither_have_notes_nor_are_named() -> None:
    site = channel("site", long_form=True, local=True)
    assert notes("a | site | letters", channel("a"), site, letters()) == {}
    assert notes("site | a", channel("a"), site) == {}
    assert notes("letters | a", channel("a"), letters()) == {}
    assert notes("site & a | b", channel("a"), channel("b"), site) == {"b": NOTE}


def test_another_account_on_the_same_platform_has_none() -> None:
    assert notes("a | b", channel("a"), channel("b", platform="A")) == {}


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (len(NOTE), {"b": NOTE}),
        (len(NOTE) - 1, {"b": SHORT}),
        (len(SHORT), {"b": SHORT}),
        (len(SHORT) - 1, {}),
    ],
)
def test_where_the_note_does_not_fit_the_short_one_stands_and_else_none(room: int, expected: dict[str, str]) -> None:
    few = channel("b", limits=Limits(text=len("Ferry 12 is cancelled\n\nhttps://ferries.example/12\n\n") + room))
    assert notes("a | b", channel("a"), few) == expected


def test_a_post_that_was_cut_has_none() -> None:
    said = Announcement(text="Ferry 12 is cancelled because of the wind. " * 8)
    assert notes("a | b", channel("a"), channel("b", limits=Limits(text=300)), said=said) == {}


def test_images_that_are_left_out_do_not_count_as_cut() -> None:
    picture = Picture(digest="d", media_type="image/png", alt="x", width=1, height=1)
    said = replace(FERRY, images=(Image("x.png", "x"),))
    some = planned("a | b", said=said, pictures=(picture,))
    assert some.notes["b"].post.cut == some.posts["b"].cut != ""


def test_a_channel_that_dresses_its_words_dresses_the_note_with_them() -> None:
    def dress(_: object, post: Post) -> Post:
        text = f"Ferries: {post.parts[0].text}"
        if len(text) > 120:
            raise UsageError("Too long.")
        return replace(post, parts=(replace(post.parts[0], text=text),), count=7)

    some = channel("b")
    dressed = replace(some, kind=replace(some.kind, dress=dress))
    [note] = planned("a | b", channel("a"), dressed, said=FERRY).notes.values()
    assert note.post.parts[0].text == f"Ferries: Ferry 12 is cancelled\n\nhttps://ferries.example/12\n\n{SHORT}"
    assert (note.post.below, note.post.count) == (SHORT, 7)


def test_a_channel_that_is_skipped_for_its_words_has_none() -> None:
    tiny = channel("b", limits=Limits(text=5))
    assert notes("a | b", channel("a"), tiny, said=Announcement(text="Donaudampfschiff")) == {}


def test_the_houses_own_words_are_used_and_an_empty_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "reroute_note.txt.j2").write_text("Sonst auf {{ platform }}.\n{{ sender }}\n", encoding="utf-8")
    assert notes("a | b", templates=tmp_path) == {"b": "Sonst auf A.\nHarbour Ferries"}
    for name in ("reroute_note", "reroute_note_short"):
        (tmp_path / f"{name}.txt.j2").write_text("", encoding="utf-8")
    assert notes("a | b", templates=tmp_path) == {}


def test_a_broken_template_is_warned_of_once_and_does_not_hold_the_announcement_back(tmp_path: Path) -> None:
    (tmp_path / "reroute_note.txt.j2").write_text("{{ platfrom }}", encoding="utf-8")
    some = planned("a | b | c", house=House(templates=tmp_path))
    assert {name: note.post.below for name, note in some.notes.items()} == {"b": NOTE, "c": NOTE}
    [warning] = some.warnings
    assert warning == (
        f"The template {tmp_path}/reroute_note.txt.j2, line 1, cannot be filled: 'platfrom' is undefined. "
        "Correct it there. Until then surecast's own words are used."
    )


def test_notes_are_kept_with_the_plan_and_older_plans_have_none() -> None:
    some = planned("a | b", said=FERRY, house=House(follow=FOLLOW))
    kept = to_json(some)
    assert kept is not None
    assert plan_of(kept).notes == some.notes
    old = json.loads(kept)
    del old["notes"]
    assert plan_of(json.dumps(old)).notes == {}


WORDS = st.lists(
    st.sampled_from(
        ["ferry", "Ω", "\U0001f469\u200d\U0001f680", "日本", "12:40", "\n\n", "#tag", "https://e.example/x", "a\u0301"]
    ),
    min_size=1,
).map(" ".join)
LIMITS = st.builds(
    Limits,
    text=st.integers(1, 500),
    unit=st.sampled_from(["graphemes", "utf16", "characters"]),
    url_cost=st.sampled_from([None, 23]),
    text_bytes=st.sampled_from([None, 200, 3000]),
)


@given(
    said=st.builds(Announcement, text=WORDS.filter(str.strip), url=st.sampled_from([None, FERRY.url, FOLLOW])),
    follow=st.sampled_from(["", FOLLOW, "https://ferries.example/" + "x" * 56]),
    limits=LIMITS,
    language=st.sampled_from(["en", "el", "fr", "ja"]),
)
def test_a_noted_post_never_exceeds_the_limits_and_holds_the_whole_post(
    said: Announcement, follow: str, limits: Limits, language: str
) -> None:
    house = House(follow=follow, language=language)
    some = planned("a | b", channel("a"), channel("b", limits=limits), said=said, house=house)
    assert not (some.posts["b"].cut and some.notes)
    for note in some.notes.values():
        [part], [noted] = some.posts["b"].parts, note.post.parts
        assert part.text == fit(some.posts["b"].words, Limits(), TRAITS).text, "nothing is left out"
        assert noted.text == f"{part.text}\n\n{note.post.below}"
        assert fits(noted.text, limits)
        assert note.post.count == units(noted.text, limits)
