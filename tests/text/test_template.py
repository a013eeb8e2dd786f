from __future__ import annotations

import subprocess
import sys
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.errors import UsageError
from surecast.text.template import environment, paragraphs, people_time, render, rfc822

MOMENT = 1795320437.5  # 2026-11-22 04:07:17.5 UTC


def filled(source: str, name: str = "page.html", **values: object) -> str:
    return render(environment(loader=jinja2.DictLoader({name: source})), name, **values)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("page.html", "&lt;b&gt;"),
        ("page.html.j2", "&lt;b&gt;"),
        ("feed.xml", "&lt;b&gt;"),
        ("feed.rss.j2", "&lt;b&gt;"),
        ("mail.txt", "<b>"),
    ],
)
def test_values_are_escaped_in_markup_only(name: str, expected: str):
    assert filled("{{ word }}", name, word="<b>") == expected


def test_a_line_with_a_block_leaves_no_blank_line():
    assert filled("a\n  {% if true %}\nb\n  {% endif %}\nc") == "a\nb\nc"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ at | iso }}", "2026-11-22T04:07:17.500Z"),
        ("{{ at | rfc822 }}", "Sun, 22 Nov 2026 04:07:17 GMT"),
        ("{{ at | people_time('Europe/Athens') }}", "2026-11-22 06:07 EET"),
        ("{{ 'a <b>' | paragraphs }}", "<p>a &lt;b&gt;</p>"),
    ],
)
def test_filters(source: str, expected: str):
    assert filled(source, at=MOMENT) == expected


def test_a_zone_may_be_given_as_such():
    assert people_time(MOMENT, UTC) == "2026-11-22 04:07 UTC"
    assert rfc822(0) == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_paragraphs_lines_and_links():
    text = "Ferry 12 & 14\nsee https://ferries.example/?a=1&b=2.\n \n\n<script>alert(1)</script>\n\n"
    assert paragraphs(text) == (
        "<p>Ferry 12 &amp; 14<br>\n"
        'see <a href="https://ferries.example/?a=1&amp;b=2">https://ferries.example/?a=1&amp;b=2</a>.</p>\n'
        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"
    )


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


@given(st.text(st.sampled_from("<>&\"'ab:/hpst. \n()https://a.b/"), max_size=60))
def test_whatever_the_text_only_our_own_tags_come_out(text: str):
    reader = Reader()
    reader.feed(str(paragraphs(text)))
    reader.close()
    assert reader.tags <= {"p", "br", "a"}
    assert all(target.startswith(("http://", "https://")) for target in reader.targets)
    assert reader.said.split() == text.split()


def test_the_users_folder_stands_in_front(tmp_path: Path):
    (tmp_path / "a.txt").write_text("mine", encoding="utf-8")
    mixed = environment(loader=jinja2.DictLoader({"a.txt": "ours", "b.txt": "ours too"}), folder=tmp_path)
    assert (render(mixed, "a.txt"), render(mixed, "b.txt")) == ("mine", "ours too")


def test_the_packages_own_templates_are_found():
    templates = Path(sys.modules["surecast"].__path__[0], "templates")
    there = {path.relative_to(templates).as_posix() for path in templates.rglob("*") if path.is_file()}
    assert set(environment().list_templates()) == there


def test_a_missing_template_is_named():
    with pytest.raises(UsageError, match=r"The template nowhere.html is not there\. Write it"):
        render(environment(), "nowhere.html")
    with pytest.raises(UsageError, match=r"The template gone.html is not there"):
        filled("{% include 'gone.html' %}")


def test_a_template_that_cannot_be_read_is_named_with_its_line(tmp_path: Path):
    (tmp_path / "page.html").write_text("one\n{% if %}", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"The template {tmp_path}/page.html, line 2, cannot be read: .*\. Correct"):
        render(environment(folder=tmp_path), "page.html")
    with pytest.raises(UsageError, match=r"The template page.html, line 1, cannot be read: "):
        filled("{{ a b }}")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("one\n{{ unknown }}", "'unknown' is undefined"),
        ("one\n{{ 1 / 0 }}", "division by zero"),
        ("one\n{{ 1 + 'a' }}", "unsupported operand"),
        ("one\n{{ 0 | people_time('Mars/Base') }}", "No time zone found with key Mars/Base"),
        ("one\n{{ 'x' | iso }}", ""),
    ],
)
def test_a_template_that_cannot_be_filled_is_named_with_its_line(source: str, why: str, tmp_path: Path):
    with pytest.raises(UsageError, match=rf"The template page.html, line 2, cannot be filled: .*{why}"):
        filled(source)
    (tmp_path / "page.html").write_text(source, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"The template {tmp_path}/page.html, line 2, cannot be filled: "):
        render(environment(folder=tmp_path), "page.html")


def test_an_error_in_an_included_template_is_shown_there():
    pages = {"page.html": "{% include 'part.html' %}", "part.html": "one\ntwo\n{{ unknown }}"}
    with pytest.raises(UsageError, match="line 3, cannot be filled"):
        render(environment(loader=jinja2.DictLoader(pages)), "page.html")


def test_jinja2_is_loaded_with_the_first_page_only():
    code = "import sys; import surecast.text.template; assert not {'jinja2', 'markupsafe'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
