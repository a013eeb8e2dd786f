from __future__ import annotations

import re
import unicodedata

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from surecast.channel import Limits, Traits, Words
from surecast.errors import UsageError
from surecast.text import facets
from surecast.text.fit import CannotBeFitted, Fitted, clean, fit
from surecast.text.measure import fits, units

URL = "https://ferries.example/12"
LONG = "Ferry 12 is cancelled today, because the captain has the flu. The 18:40 ferry sails."


def traits(**changes: object) -> Traits:
    return Traits(platform="Bluesky", limits=Limits(), resend="never", **changes)  # type: ignore[arg-type]


def fitted(text: str, limit: int | None = None, url: str | None = None, **more: object) -> Fitted:
    return fit(Words(text=text, url=url, **more), Limits(text=limit), traits=traits())  # type: ignore[arg-type]


def test_what_fits_is_left_as_it_is():
    assert fitted("Ferry 12\n\nis cancelled.", 300) == Fitted(text="Ferry 12\n\nis cancelled.", count=23)


def test_the_link_stands_after_a_blank_line():
    assert fitted("Ferry 12 is cancelled.", 300, URL) == Fitted(text=f"Ferry 12 is cancelled.\n\n{URL}", count=50)


@pytest.mark.parametrize(
    "text", [f"See {URL}.", f"{URL}\nnow", "See https://ferries.example/. now https://ferries.example/."]
)
def test_a_link_that_stands_in_the_text_is_not_repeated(text: str):
    url = URL if URL in text else "https://ferries.example/."
    assert fitted(text, 300, url).text == text


def test_the_beginning_of_another_link_is_not_the_link():
    assert fitted(f"See {URL}345.", 300, URL).text == f"See {URL}345.\n\n{URL}"


def test_a_channel_that_shows_the_link_beside_the_text_gets_it_there_only():
    words = Words(text="Ferry 12 is cancelled.", url=URL)
    assert fit(words, Limits(text=300), traits(keeps_link_in_text=False)).text == "Ferry 12 is cancelled."


@pytest.mark.parametrize("long_form", [True, False])
def test_title_and_body_stay_beside_the_text(long_form: bool):
    words = Words(text="Ferry 12 is cancelled.", title="Cancelled", body="At length.")
    assert fit(words, Limits(), traits(long_form=long_form)).text == "Ferry 12 is cancelled."


def test_exact_words_get_no_link():
    assert fitted("Ferry 12: no.", 300, URL, exact=True).text == "Ferry 12: no."


def test_blanks_in_an_address_are_dropped():
    assert fitted("Cancelled.", 300, " https://ferries.example/1 2\n").text == f"Cancelled.\n\n{URL}"


def test_a_long_text_ends_with_a_whole_word():
    assert fitted(LONG, 60) == Fitted(
        text="Ferry 12 is cancelled today, because the captain has the…",
        count=57,
        cut="Shortened for Bluesky, which takes 60 characters where this would be 84: left out is "
        "“flu. The 18:40 ferry sails.”.",
    )


def test_the_sentence_about_a_long_rest_shows_its_beginning():
    assert fitted(LONG, 30).cut.endswith("left out is “because the captain has the flu. The…”.")
    assert fitted("x" * 400, 300).cut.endswith(f"left out is “{'x' * 40}…”.")


def test_bytes_are_named_when_they_are_what_lacks():
    words = Words(text="日本語 " * 20)
    result = fit(words, Limits(text=100, text_bytes=50), traits())
    assert result.text == "日本語 日本語 日本語 日本語 日本…"
    assert result.cut.startswith("Shortened for Bluesky, which takes 50 bytes: ")
    with pytest.raises(CannotBeFitted, match="takes 5 bytes, which is too little for one word"):
        fit(words, Limits(text_bytes=5), traits())


def test_the_link_is_kept_whole_and_the_text_gives_way():
    assert fitted(LONG, 60, URL).text == f"Ferry 12 is cancelled today…\n\n{URL}"


def test_a_link_that_was_written_at_the_end_survives():
    assert fitted(f"{LONG} {URL}", 60).text == f"Ferry 12 is cancelled today…\n\n{URL}"
    assert fitted(f"{LONG} {URL}", 60, exact=True).text == f"Ferry 12 is cancelled today…\n\n{URL}"


def test_of_several_links_the_last_survives():
    assert fitted(f"See https://ferries.example/ today: {LONG} {URL}", 60).text == (
        f"See https://ferries.example/ …\n\n{URL}"
    )


def test_a_link_in_what_is_kept_is_not_repeated():
    assert fitted(f"See {URL} now. {LONG}", 60, URL).text == f"See {URL} now. Ferry 12 is cancelled…"


def test_an_ellipsis_never_touches_an_address():
    assert fitted(f"See {URL} {LONG}", 32).text == f"See {URL} …"
    assert fitted("Ask @duty.example or whoever has the night shift", 24).text == "Ask @duty.example or…"
    assert fitted("Ask @duty.example or whoever has the night shift", 20).text == "Ask @duty.example …"
    assert fitted("It sails at 18:40 from the northern pier", 20).text == "It sails at 18:40 …"


def test_when_only_the_link_fits_the_link_is_the_post():
    result = fitted(LONG, 27, URL)
    assert (result.text, result.count) == (URL, 26)
    assert "left out is “Ferry 12 is cancelled today, because…”" in result.cut


def test_a_link_that_does_not_fit_is_an_error_that_says_so():
    with pytest.raises(CannotBeFitted, match=f"Bluesky takes 20 characters.* the link {URL}.* shorter url"):
        fitted(LONG, 20, URL)
    assert issubclass(CannotBeFitted, UsageError)


@pytest.mark.parametrize("text", [LONG, "x" * 50, "#" + "ferry" * 9])
def test_a_limit_below_one_word_is_an_error(text: str):
    with pytest.raises(CannotBeFitted, match="too little for one word"):
        fitted(text, 4)


def test_words_that_clean_to_nothing_are_an_error_unless_there_is_a_link():
    with pytest.raises(CannotBeFitted, match="nothing to post on Bluesky"):
        fitted("\x07 \n", 300)
    assert fitted("\x07 \n", 300, URL).text == URL


def test_a_word_longer_than_a_post_is_cut_between_clusters():
    assert fitted("👍🏽e\u0301" * 40, 50).text == ("👍🏽é" * 25)[:-1] + "…"
    assert fitted("x" * 400, 300, URL).text == f"{'x' * 271}…\n\n{URL}"


def test_a_cluster_of_a_long_word_is_not_cut_in_two():
    assert fitted("xq\u0301" * 40, 30).text == "xq\u0301" * 14 + "x…"
    words = Words(text="xq\u0301" * 40)
    assert fit(words, Limits(text=30, unit="characters"), traits()).text == "xq\u0301" * 9 + "x…"


def test_a_sign_that_belongs_to_the_next_one_is_kept_with_it():
    assert fitted("Ferry \u0600. is cancelled all day", 9).text == "Ferry \u0600.…"


def test_a_link_keeps_what_looks_unfinished():
    assert fitted("See https://ferries.example/a- for what is to come", 34).text == "See https://ferries.example/a- …"
    dotted = "https://ferries.example/a."
    assert fitted(f"Now {dotted} and then all the rest", 34, dotted).text == f"Now {dotted} …"


def test_a_word_does_not_become_a_hashtag_by_being_cut():
    with pytest.raises(CannotBeFitted):
        fitted(f"#{'f' * 70}", 50)


def test_no_space_stands_before_the_ellipsis():
    assert fitted("– " * 40, 31).text == "– " * 14 + "–…"


def test_a_hashtag_longer_than_a_post_is_left_out():
    assert fitted(f"Cancelled #{'ferry' * 12}", 50).text == "Cancelled…"


def test_numbers_times_and_addresses_are_not_cut_in_two():
    assert fitted(f"{'x' * 20}1234567890,1234567890", 30).text == f"{'x' * 20}…"
    assert fitted("約" * 21 + "1,234,567円です", 28).text == "約" * 21 + "…"


def test_text_without_spaces_is_cut_between_its_characters():
    text = (
        "本日の便は欠航となりました。お客様にはご迷惑をおかけいたします（ことをお詫び申し上げます）。次の便は18時です。"
    )
    assert fitted(text, 31).text == "本日の便は欠航となりました。お客様にはご迷惑をおかけいたしま…"
    assert fitted(text, 33).text == "本日の便は欠航となりました。お客様にはご迷惑をおかけいたします…"
    assert fitted("次の便は18時です。" * 2, 6).text == "次の便は…"  # "次の便は1…" would be another time
    assert fitted("次の便は18時です。" * 2, 7).text == "次の便は…"


def test_a_dash_between_words_does_not_dangle():
    assert fitted("Cancelled – all day long", 13).text == "Cancelled…"


def test_mastodon_prices_count():
    result = fit(Words(text=LONG, url=f"{URL}/{'x' * 80}"), Limits(text=62, url_cost=23), traits())
    assert (result.text, result.count) == (f"Ferry 12 is cancelled today, because…\n\n{URL}/{'x' * 80}", 62)
    assert result.cut.startswith("Shortened for Bluesky, which takes 62 characters where this would be 109: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\x85d\u2028e\x0bf", "a\nb\nc\nd\ne\nf"),
        ("a \t\nb\u3000\n", "a\nb"),
        ("a\tb\x00\x1b[1m\x7f\x9f\ufeff", "a\tb[1m"),
        ("e\u0301", "é"),
        ("\ud83d\udea2 \ud83d \udea2", "🚢 \ufffd \ufffd"),
        ("👩\u200d👩", "👩\u200d👩"),
    ],
)
def test_text_is_cleaned(text: str, expected: str):
    assert clean(text) == expected


PIECES = st.sampled_from(
    [
        "Ferry", "12", "cancelled", "naïve,", "don't", "–", "(see", "below).", "18:40", "1,200.50", "€", "…", "ΟΚ;",
        URL, "http://a.b/(c).", "https://ferries.example/12345", "@duty.example", "@duty@social.example", "#tag,",
        "#日本語", "#" + "x" * 70, "x" * 35, "日本語のお知らせ。", "第12便（欠航）", "ไทยไม่มีวรรค",
        "🚢", "👩‍👩‍👧‍👦", "👍🏽!", "e\u0301", "\u0600.", "\n", "\n\n", "\r\n", "\t", "\u0301",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=16).map(" ".join),
    st.lists(PIECES, max_size=16).map("".join),
    st.text(max_size=80),
    st.text(st.characters(), max_size=30),
)
LIMITS = st.builds(
    Limits,
    text=st.integers(1, 120),
    unit=st.sampled_from(["graphemes", "utf16", "characters"]),
    text_bytes=st.none() | st.integers(1, 200),
    url_cost=st.none() | st.just(23),
)
LINKS = st.none() | st.sampled_from(
    [URL, "https://ferries.example/(a)?b=c&d", "http://ferries.example/long/" + "y" * 40]
)


def attempt(words: Words, limits: Limits) -> Fitted:
    try:
        return fit(words, limits, traits())
    except CannotBeFitted:
        assume(False)
        raise


@given(TEXTS)
def test_cleaning_twice_changes_nothing(text: str):
    once = clean(text)
    assert clean(once) == once == unicodedata.normalize("NFC", once)


@given(TEXTS, LIMITS, LINKS, st.booleans())
def test_the_result_always_fits(text: str, limits: Limits, url: str | None, exact: bool):
    result = attempt(Words(text=text, url=url, exact=exact), limits)
    assert fits(result.text, limits)
    assert result.count == units(result.text, limits)


@given(TEXTS, LIMITS, LINKS)
def test_the_result_always_holds_the_link(text: str, limits: Limits, url: str | None):
    result = attempt(Words(text=text, url=url), limits)
    written = facets.links(clean(text))
    for link in [url] if url else [span.value for span in written[-1:]]:
        assert link in [span.value for span in facets.links(result.text)]


@given(TEXTS, LINKS)
def test_without_a_limit_nothing_is_cut(text: str, url: str | None):
    assume(clean(text))
    result = fit(Words(text=text, url=url), Limits(), traits())
    assert result.cut == ""
    assert result.text.startswith(clean(text))


@given(TEXTS, LIMITS, LINKS)
def test_what_is_kept_is_a_beginning_that_cuts_nothing_in_two(text: str, limits: Limits, url: str | None):
    result = attempt(Words(text=text, url=url), limits)
    said = clean(text)
    if not result.cut:
        assert result.text.startswith(said)
        return
    link = url or next((span.value for span in reversed(facets.links(said))), "")
    kept = beginning(result.text, link, said)
    assert said.startswith(kept)
    assert len(kept) in {0, *(match.end() for match in regex.finditer(r"\X", said))}
    for span in facets.find(said):
        assert not span.start < len(kept) < span.end


@given(st.lists(st.sampled_from(["Ferry", "12", "cancelled,", "don't", "18:40.", "(x)", URL, "#tag", "é!"])), LIMITS)
def test_what_is_kept_ends_at_a_word(words: list[str], limits: Limits):
    said = " ".join(words)
    result = attempt(Words(text=said), limits)
    link = next((span.value for span in reversed(facets.links(said))), "")
    kept = beginning(result.text, link, said) if result.cut else said
    assert re.match(r"[,.)]*(\s|$)", said[len(kept) :]) or not kept


@given(TEXTS, LIMITS, LINKS)
def test_no_facet_is_halved_or_made_by_cutting(text: str, limits: Limits, url: str | None):
    result = attempt(Words(text=text, url=url), limits)
    written = {(span.kind, span.value) for span in facets.find(clean(text))} | {("link", url)}
    assert {(span.kind, span.value) for span in facets.find(result.text)} <= written


def beginning(post: str, link: str, said: str) -> str:
    """What a shortened post keeps of the text: all before the ellipsis."""
    if post == link:
        return ""
    kept = post.removesuffix(f"\n\n{link}") if link else post
    assert kept.endswith("…")
    bare = kept[:-1]
    return bare if said.startswith(bare) and not bare.endswith(" ") else bare.removesuffix(" ")
