"""A folder of the user's own templates is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.text.folders import written

from surecast.text.notices import NOTICES
from surecast.text.own_templates import check_folder


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
