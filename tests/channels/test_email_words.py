from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.channels.email_bench import an_errand, settings

from surecast.channels._email_words import templates
from surecast.channels.email import KIND
from surecast.errors import UsageError

POST = an_errand("Ferry 12 is cancelled today").post


def own(folder: Path, html: str, name: str = "email.html") -> Path:
    (folder / name).write_text(html, "utf-8")
    return folder


def dressed(folder: Path | None) -> object:
    assert KIND.dress is not None
    return KIND.dress(settings(templates=folder), POST)


def test_a_letter_is_dressed_in_the_same_words(tmp_path: Path) -> None:
    assert dressed(None) is POST
    assert dressed(own(tmp_path, "<p>{{ greeting }} {{ text }}</p>")) is POST


def test_a_post_is_dressed_while_the_settings_cannot_be_read() -> None:
    assert KIND.dress is not None
    assert KIND.dress(None, POST) is POST


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("ok\n{{ text", "email.html, line 2"),
        ("{{ greting }}", "email.html, line 1"),
        ("ok\n\n{{ words.hello / 2 }}", "email.html, line 3"),
        ("{% if name %}\n{{ nobody }}{% endif %}", "email.html, line 2"),
        ("{% if not name %}\n{{ nobody }}{% endif %}", "email.html, line 2"),
        ("{% if words.language == 'es' %}\n{{ nobody }}{% endif %}", "email.html, line 2"),
        ("{{ text }}\n{{ address.split('+')[1] }}", "email.html, line 2"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_line_before_anything_is_sent(
    tmp_path: Path, source: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        dressed(own(tmp_path, source))


def test_a_folder_without_templates_is_told_instead_of_taking_ours(tmp_path: Path) -> None:
    own(tmp_path, "<p>{{ text }}</p>", "mail.html")
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UsageError, match=r"neither email\.html nor email\.txt"):
            dressed(folder)


def test_a_template_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "email.txt").write_bytes("Fähre".encode("latin-1"))
    with pytest.raises(UsageError, match=r"email\.txt cannot be read"):
        dressed(tmp_path)


def test_what_is_not_there_of_ones_own_is_ours(tmp_path: Path) -> None:
    ours = templates(settings())
    assert templates(settings(templates=own(tmp_path, "mine"))) == {**ours, "email.html": "mine"}


def test_words_that_break_a_template_only_then_are_found_by_them(tmp_path: Path) -> None:
    own(tmp_path, "{{ title.split(': ')[1] }}")
    assert KIND.dress is not None
    with pytest.raises(UsageError, match=r"email\.html, line 1"):
        KIND.dress(settings(templates=tmp_path), POST)
    told = replace(POST, words=replace(POST.words, title="Ferry 12: cancelled"))
    assert KIND.dress(settings(templates=tmp_path), told) is told
