"""The entrance: from the words of an announcement to the text of one post, as one platform takes it.

A text that fits is left as it is. One that does not is shortened at the end of a word; its link is always kept whole,
and no cluster, address, mention, hashtag or number is ever cut in two.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from surecast.errors import UsageError
from surecast.text import facets
from surecast.text.measure import boundaries, fits, units

if TYPE_CHECKING:
    from surecast.channel import Limits, Traits, Words

ELLIPSIS = "…"
BLANK_LINE = "\n\n"

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")

#: What looks unfinished before an ellipsis.
_DANGLING = ",;:.-–—([{<“„‘«「『（【《、，。；："

#: A platform might take an ellipsis right behind one of these for a part of it.
_ADDRESS_LIKE = re.compile(r"[/@#＃]|\w[.:]\w")

#: Numbers and times, which mean something else in part, and what would become a tag or a mention only by being cut.
_NEVER_CUT = r"(?<![^\s(])[#＃@]\S+|\d+(?:[.,:]\d+)*"

#: Compounds and addresses without a scheme, cut only where a post cannot hold one.
_RARELY_CUT = rf"(?<![0-9A-Za-z])@?[0-9A-Za-z]++(?:[-.,:/@_'’+%&=?#~]++[0-9A-Za-z]++)++|{_NEVER_CUT}"

#: A shorter beginning of a word tells nobody anything; the link alone says more.
_SHORTEST_PIECE = 20

_SHOWN_CHARS = 40


class CannotBeFitted(UsageError):  # noqa: N818 - named by what it says; it ends in a SKIPPED of the same name
    """Not even the link, or not one word, fits into a post of this platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The text of one post.

    Attributes:
        count: what it costs, as the platform counts.
        cut: a sentence for people about what was left out; empty when nothing was.
    """

    text: str
    count: int
    cut: str = ""


def fit(words: Words, limits: Limits, traits: Traits) -> Fitted:
    """Makes the text of one post.

    The post says `words.text`; title and body stay beside it, for the channels that have a place for them. The link
    is added after a blank line where it must stand in the text and does not yet; never to exact words.

    Args:
        limits: the live limits, or those of `traits`.

    Raises:
        CannotBeFitted: with the sentence that says what to write instead.
    """
    text = clean(words.text)
    link = _link_to_add(words, traits)
    whole = _joined(text, "" if _place(text, link) else link)
    if not whole:
        raise CannotBeFitted(f"There is nothing to post on {traits.platform}: the words for it are empty. Write some.")
    if fits(whole, limits):
        return Fitted(text=whole, count=units(whole, limits))
    kept, shortened = _shortened(text, link or _last_link(text), limits)
    if not shortened:
        raise CannotBeFitted(_refusal(link or _last_link(text), limits, traits))
    return Fitted(
        text=shortened, count=units(shortened, limits), cut=_cut(text[kept:], units(whole, limits), limits, traits)
    )


def clean(text: str) -> str:
    """`text` as every platform can take it.

    Composed characters (NFC), line feeds alone as line ends, no control characters but the tab, no spaces at the ends
    of lines, no surrogates: halves that belong together are joined, others replaced by U+FFFD.
    """
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _link_to_add(words: Words, traits: Traits) -> str:
    if words.exact or words.url is None or not traits.keeps_link_in_text:
        return ""
    return "".join(clean(words.url).split())


def _joined(text: str, link: str) -> str:
    return BLANK_LINE.join(filter(None, (text, link)))


def _place(text: str, link: str) -> tuple[int, int] | None:
    """Where `link` stands in `text` as a link of its own, not as the beginning of a longer one."""
    if not link or link not in text:
        return None
    for span in facets.links(text):
        if span.value == link:
            return span.start, span.end
    alone = re.search(rf"(?<!\S){re.escape(link)}(?!\S)", text)
    return alone.span() if alone else None


def _last_link(text: str) -> str:
    """What readers need most of a text that must be shortened; writers put it at the end."""
    found = facets.links(text)
    return found[-1].value if found else ""


def _shortened(text: str, link: str, limits: Limits) -> tuple[int, str]:
    """The most of `text` that fits together with `link`: how many characters of it were kept, and the post.

    An empty post means that there is none.
    """
    place = _place(text, link)
    needed = place[1] if place else 0
    for ends in (_ends_of_words(text, place), _ends_of_clusters(text, place)):
        if not link or place:
            kept = _longest(text, [end for end in ends if end >= needed], "", limits)
            if kept:
                return kept, _with_ellipsis(text[:kept])
        if link:
            kept = _longest(text, ends, link, limits)
            if kept:
                return kept, _joined(_with_ellipsis(text[:kept]), link)
    return 0, link if link and fits(link, limits) else ""


def _longest(text: str, ends: list[int], link: str, limits: Limits) -> int:
    """The last of `ends` at which the beginning of `text` fits; 0 when there is none."""
    fitting = bisect_left(ends, True, key=lambda end: not fits(_joined(_with_ellipsis(text[:end]), link), limits))
    return ends[fitting - 1] if fitting else 0


def _with_ellipsis(beginning: str) -> str:
    last_word = beginning.rsplit(maxsplit=1)[-1]
    return f"{beginning} {ELLIPSIS}" if _ADDRESS_LIKE.search(last_word) else f"{beginning}{ELLIPSIS}"


def _ends_of_words(text: str, link: tuple[int, int] | None) -> list[int]:
    """Where `text` may end: after words, and between the characters of scripts that write no spaces."""
    cuttable, whole = boundaries(text), _whole_places(text, link, _RARELY_CUT)
    ends: dict[int, None] = {}
    for word in re.finditer(r"\S+", text):
        for end in (*_inside(word), word.end()):
            neat = end
            while neat > word.start() and text[neat - 1] in _DANGLING:
                neat -= 1
            if neat in whole or neat not in cuttable:
                neat = end
            if word.start() < neat < len(text) and neat in cuttable and neat not in whole:
                ends[neat] = None
    return sorted(ends)


def _inside(word: re.Match[str]) -> Iterator[int]:
    """The ends within a run without spaces; never behind a digit, which might lose its unit or its rest."""
    if not _spaceless().search(word[0]):
        return
    for position in range(1, len(word[0])):
        before, after = word[0][position - 1], word[0][position]
        if not before.isdigit() and (_spaceless().match(before) or _spaceless().match(after)):
            yield word.start() + position


def _ends_of_clusters(text: str, link: tuple[int, int] | None) -> list[int]:
    """The last resort, for a word that is longer than a post."""
    cuttable, whole = boundaries(text), _whole_places(text, link, _NEVER_CUT)
    return [
        end
        for end in range(_SHORTEST_PIECE, len(text))
        if end in cuttable and end not in whole and not text[end - 1].isspace()
    ]


def _whole_places(text: str, link: tuple[int, int] | None, pattern: str) -> set[int]:
    """The positions inside something that must not be cut."""
    spans = [(span.start, span.end) for span in facets.find(text)]
    spans += [match.span() for match in re.finditer(pattern, text)]
    spans += [link] if link else []
    return {position for start, end in spans for position in range(start + 1, end)}


@cache
def _spaceless() -> re.Pattern[str]:
    """Scripts that write no spaces between words, and pictographs, which are words of their own."""
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\uff01-\uff65\U0001f000-\U0001faff\U00020000-\U0003ffff]"
    )


def _cut(rest: str, cost: int, limits: Limits, traits: Traits) -> str:
    shown = " ".join(rest.lstrip(_DANGLING + " \n\t").split())
    if len(shown) > _SHOWN_CHARS:
        shown = shown[:_SHOWN_CHARS].rpartition(" ")[0] or shown[:_SHOWN_CHARS]
        shown = shown.rstrip(_DANGLING) + ELLIPSIS
    return f"Shortened for {traits.platform}, {_because(cost, limits)}: left out is “{shown}”."


def _because(cost: int, limits: Limits) -> str:
    if limits.text is not None and cost > limits.text:
        return f"which takes {limits.text} characters where this would be {cost}"
    return f"which takes {limits.text_bytes} bytes"


def _refusal(link: str, limits: Limits, traits: Traits) -> str:
    takes = f"{limits.text} characters" if limits.text is not None else f"{limits.text_bytes} bytes"
    what, cure = (f"the link {link}", "a shorter url, or words") if link else ("one word of this", "words")
    return f"{traits.platform} takes {takes}, which is too little for {what}. Give {cure} for this channel in variants."
