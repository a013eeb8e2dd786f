from __future__ import annotations

import dataclasses
import re
import stat
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.config import (
    Answers,
    BlueskyAnswers,
    MastodonAnswers,
    check,
    examine,
    load_config,
    resolve_route,
    starter,
    write_starter,
)
from surecast.errors import ConfigError, UsageError
from surecast.message import Urgency
from surecast.route import Route
from surecast.secret import Secret

SHOP = Answers(sender="Harbour Ferries", url="https://ferries.example/notices", time_zone="Europe/Athens")
BLUESKY = BlueskyAnswers(handle="ferries.example", app_password=Secret.of("pass-word"))
MASTODON = MastodonAnswers(server="https://social.example", access_token=Secret.of("tok-en"))


def test_at_first_only_the_site_is_live() -> None:
    document = tomllib.loads(starter(SHOP))
    assert document["channels"] == {
        "site": {"type": "site", "directory": "public/notices", "url": "https://ferries.example/notices"}
    }
    assert document["routes"] == {"default": "site"}


def test_a_starter_file_can_be_used_at_once(tmp_path: Path) -> None:
    (path,) = write_starter(tmp_path / "new" / "folder", SHOP)
    found = examine(path)
    assert (found.mistakes, found.notes) == ((), ())
    assert path == tmp_path / "new" / "folder" / "surecast.toml"


def test_what_is_commented_out_is_right_once_the_marks_are_removed(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\[|\w+ = )", "", starter(SHOP), flags=re.MULTILINE)
    text = text.replace('ca_file = "corp-ca.pem"\n', "").replace('default = "site"', 'default = "site & bluesky"')
    path = tmp_path / "surecast.toml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    assert config.mistakes == ()
    assert set(config.channels) == {"site", "bluesky", "mastodon"}
    assert config.people["duty"].via == ("email",)
    assert config.channels["site"].settings.after_write[0] == "rsync"


def test_accounts_that_were_given_are_live_and_their_secrets_are_files_of_ones_own(tmp_path: Path) -> None:
    written = write_starter(tmp_path, dataclasses.replace(SHOP, bluesky=BLUESKY, mastodon=MASTODON))
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "secrets/bluesky",
        "secrets/mastodon",
        "secrets/.gitignore",
        "surecast.toml",
    ]
    assert check(written[-1]) == ()
    config = load_config(written[-1])
    assert resolve_route(config)[0] == Route.parse("site & (bluesky | mastodon)")
    assert resolve_route(config, None, Urgency.URGENT)[0] == Route.parse("site & at_least(1, bluesky, mastodon)")
    assert config.channels["bluesky"].settings.app_password.reveal() == "pass-word"
    assert config.channels["mastodon"].settings.access_token.reveal() == "tok-en"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in written[:2]} == {0o600}
    text = written[-1].read_text(encoding="utf-8")
    assert "pass-word" not in text
    assert "tok-en" not in text


def test_one_account_of_two_is_live(tmp_path: Path) -> None:
    path = write_starter(tmp_path, dataclasses.replace(SHOP, mastodon=MASTODON))[-1]
    assert check(path) == ()
    assert resolve_route(load_config(path))[0] == Route.parse("site & mastodon")


def test_a_configuration_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "surecast.toml"
    there.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is already there and is left as it is"):
        write_starter(tmp_path, dataclasses.replace(SHOP, bluesky=BLUESKY))
    assert there.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [there]


def test_a_link_that_leads_nowhere_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "surecast.toml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is already there"):
        write_starter(tmp_path, SHOP)
    assert not (tmp_path / "nowhere").exists()


def test_another_secret_that_is_there_is_left_as_it_is_and_the_same_one_is_taken(tmp_path: Path) -> None:
    answers = dataclasses.replace(SHOP, bluesky=BLUESKY)
    (tmp_path / "secrets").mkdir(mode=0o700)
    secret = tmp_path / "secrets" / "bluesky"
    secret.write_text("old-password", encoding="utf-8")
    with pytest.raises(UsageError, match=r"secrets/bluesky is already there") as caught:
        write_starter(tmp_path, answers)
    assert "old-password" not in str(caught.value)
    secret.write_text("pass-word", encoding="utf-8")
    assert [path.name for path in write_starter(tmp_path, answers)] == [".gitignore", "surecast.toml"]
    assert secret.read_text(encoding="utf-8") == "pass-word"


def test_of_two_who_begin_at_once_one_wins_and_nothing_is_mixed(tmp_path: Path) -> None:
    answers = [dataclasses.replace(SHOP, sender=f"Sender {number}") for number in range(8)]
    won: list[str] = []
    barrier = threading.Barrier(len(answers))

    def begin(answer: Answers) -> None:
        barrier.wait()
        try:
            write_starter(tmp_path, answer)
        except UsageError:
            return
        won.append(answer.sender)

    threads = [threading.Thread(target=begin, args=(answer,)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [load_config(tmp_path / "surecast.toml").sender]
    assert [path.name for path in tmp_path.iterdir()] == ["surecast.toml"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        write_starter(tmp_path / "file" / "folder", SHOP)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sender": " "}, "sender: it is empty"),
        ({"url": "ferries.example"}, "is not a web address"),
        ({"time_zone": "Athens/Europe"}, "it is no time zone"),
        ({"language": "english please"}, "it is no language tag"),
        ({"directory": "https://x"}, "a path is expected"),
        ({"bluesky": dataclasses.replace(BLUESKY, handle="me")}, "handle"),
        ({"mastodon": dataclasses.replace(MASTODON, server="social.example")}, "is not a web address"),
        ({"sender": "\ud800"}, "holds a character that no text file can"),
        ({"bluesky": dataclasses.replace(BLUESKY, app_password=Secret.of(""))}, "is empty or not set"),
    ],
)
def test_an_answer_that_cannot_be_used_is_explained_and_nothing_is_written(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        write_starter(tmp_path, dataclasses.replace(SHOP, **change))  # type: ignore[arg-type]
    assert expected in str(caught.value)
    assert list(tmp_path.iterdir()) == []


TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(TEXT.filter(str.strip), TEXT.filter(lambda text: bool(text.strip()) and "://" not in text and text[0] != "~"))
@settings(max_examples=200)
def test_whatever_is_answered_stands_in_the_file_as_it_was_said(sender: str, directory: str) -> None:
    document = tomllib.loads(starter(dataclasses.replace(SHOP, sender=sender, directory=directory)))
    assert document["sender"] == sender
    assert document["channels"]["site"]["directory"] == directory


def test_answers_never_show_a_secret() -> None:
    assert "pass-word" not in repr(dataclasses.replace(SHOP, bluesky=BLUESKY))
