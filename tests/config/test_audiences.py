"""`[audiences.NAME]`, and what a configuration with direct channels is told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from surecast.audiences import Audience
from surecast.channel import Kind, Limits, Traits
from surecast.config import check, examine, load_config, reference, schema
from surecast.contact import Medium
from surecast.secret import Secret
from tests.config.fakes import FakeKinds, FilesSettings, kind, write


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NoSettings:
    pass


def direct(name: str, medium: Medium) -> Kind:
    traits = Traits(platform=name.title(), limits=Limits(), resend="never", public=False, medium=medium)
    return dataclasses.replace(kind(name, NoSettings), traits=traits)


CHATS = direct("chat", Medium.TELEGRAM)
KINDS = FakeKinds(
    kinds={
        "files": kind("files", FilesSettings),
        "sms": direct("sms", Medium.PHONE),
        "letters": direct("letters", Medium.EMAIL),
        "chat": dataclasses.replace(kind("chat", NoSettings), with_audience=CHATS),
    }
)

TOP = """\
sender = "Harbour Ferries"

[routes]
default = "site & (sms | letters)"

[channels.site]
type = "files"
directory = "public"

[channels.sms]
type = "sms"
audience = "riders"

[channels.letters]
type = "letters"
audience = "riders"
"""

RIDERS = """
[audiences.riders]
source = "riders.csv"
region = "GR"
consent = { email = "signup form, since 2024-05" }
"""

PEOPLE = """
[people.duty]
name = "Duty manager"
email = "duty@ferries.example"
phone = "+306941234567"
via = ["email", "phone"]
"""

LIST = "name,phone,email,consent_sms\nAnna,6941234567,anna@ferries.example,yes\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder where everything is as it should be."""
    (tmp_path / "riders.csv").write_text(LIST, encoding="utf-8")
    return tmp_path


def told(folder: Path, text: str) -> list[str]:
    return [str(mistake) for mistake in check(write(folder, text), kinds=KINDS)]


def reason(folder: Path, text: str, channel: str) -> str:
    """Why a send would not use a channel."""
    return load_config(write(folder, text), kinds=KINDS).channels[channel].misconfigured


def test_an_audience_is_read_and_its_paths_start_at_the_files_folder(folder: Path) -> None:
    config = load_config(write(folder, TOP + RIDERS + PEOPLE), kinds=KINDS)
    assert config.mistakes == ()
    riders = config.audiences["riders"]
    assert riders == Audience(
        source="riders.csv", region="GR", consent={"email": "signup form, since 2024-05"}, folder=folder
    )
    assert riders.path == folder / "riders.csv"
    assert told(folder, TOP + RIDERS + PEOPLE) == []
    assert examine(folder / "surecast.toml", kinds=KINDS).notes == ()


def test_a_database_is_named_by_a_reference(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = '\n[audiences.riders]\nsource = { env = "CRM_URL" }\nquery = "select 1 as phone"\n'
    config = load_config(write(folder, TOP + table), kinds=KINDS)
    assert config.audiences["riders"].source == Secret("env", "CRM_URL")
    monkeypatch.delenv("CRM_URL", raising=False)
    (found,) = told(folder, TOP + table)
    assert found.startswith("surecast.toml:19 [audiences.riders] source: The secret from the environment variable")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('sources = "riders.csv"', "[audiences.riders] sources: there is no such key. Did you mean source?"),
        ("", "[audiences.riders] source: it is missing. Write source = "),
        ('source = "riders.xlsx"', "source is none that can be read. Name a file that ends in .csv"),
        ('source = "sqlite:///crm.db"', "a database needs a query. Write query = "),
        (
            'source = "pg://me:hunter2@db/crm"\nquery = "select 1"',
            "a password must not stand in this file. Write source",
        ),
        ('source = "riders.csv"\nregion = "Greece"', "region: it is no country. Write two capitals"),
        ('source = "riders.csv"\ntime_zone = "Athens"', "time_zone: it is no time zone. Write a name of the IANA"),
        ('source = "riders.csv"\nlanguage = "greek!"', "language: it is no language tag. Write one of BCP 47"),
        ('source = "riders.csv"\ncolumns = { tel = "Mobile" }', "columns does not know 'tel'. Known are id, name"),
        ('source = "riders.csv"\nconsent = { email = "" }', "consent.email: it is empty. Write email = "),
        ('source = "riders.csv"\nconsent = "yes"', "consent: a table is expected, not a text. Write consent = { email"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_mistake_and_its_channels_are_not_used(
    folder: Path, table: str, sentence: str
) -> None:
    text = f"{TOP}\n[audiences.riders]\n{table}\n"
    found = told(folder, text)
    assert any(sentence in one for one in found), found
    assert not any("hunter2" in one for one in found)
    assert all(one.startswith("surecast.toml:") for one in found)
    assert "the table [audiences.riders] cannot be used" in reason(folder, text, "sms")


def test_an_audience_under_no_name_or_no_table_is_a_mistake(folder: Path) -> None:
    assert any("it cannot name an audience" in one for one in told(folder, f'{TOP}{RIDERS}[audiences."Our riders"]\n'))
    assert any("a table is expected" in one for one in told(folder, f"{TOP}[audiences]\nriders = 1\n"))
    assert any("tables are expected" in one for one in told(folder, f"audiences = 1\n{TOP}"))


def test_a_direct_channel_without_an_audience_is_a_mistake_and_not_used(folder: Path) -> None:
    text = TOP.replace('type = "sms"\naudience = "riders"', 'type = "sms"') + RIDERS
    said = 'it writes to people one by one, and has no audience. Write audience = "riders"'
    assert told(folder, text) == [f"surecast.toml:10 [channels.sms]: {said}"]
    assert reason(folder, text, "sms") == f"audience: {said}"
    assert reason(folder, text, "letters") == ""


def test_an_audience_that_is_not_there_is_a_mistake_with_the_nearest(folder: Path) -> None:
    text = TOP.replace('"riders"', '"rider"', 1) + RIDERS
    assert told(folder, text) == [
        "surecast.toml:12 [channels.sms] audience: there is no such audience. Did you mean riders?"
    ]
    assert reason(folder, text, "sms") == "audience: there is no such audience. Did you mean riders?"
    assert told(folder, TOP)[0].endswith(
        "there is no such audience. Write [audiences.riders] and below it source = ..."
    )


def test_a_public_channel_that_names_an_audience_posts_nothing_in_public(folder: Path) -> None:
    text = TOP.replace('directory = "public"', 'directory = "public"\naudience = "riders"') + RIDERS
    (found,) = told(folder, text)
    assert "[channels.site] audience: a public channel has no audience" in found
    assert reason(folder, text, "site").startswith("audience: a public channel has no audience; it reaches whoever")


def test_a_type_that_is_public_or_direct_is_what_its_table_says(folder: Path) -> None:
    text = TOP + RIDERS + '[channels.chat]\ntype = "chat"\n[channels.chats]\ntype = "chat"\naudience = "riders"\n'
    config = load_config(write(folder, text), kinds=KINDS)
    assert config.mistakes == ()
    assert config.channels["chat"].kind.traits.public
    assert config.channels["chats"].kind is CHATS


# Whether anybody is reached --------------------------------------------------------------------------------------


def test_a_routed_channel_that_reaches_nobody_is_a_mistake(folder: Path) -> None:
    (folder / "riders.csv").write_text(LIST.replace("yes", "no"), encoding="utf-8")
    assert told(folder, TOP + RIDERS) == [
        "surecast.toml:12 [channels.sms] audience: nobody in riders has a telephone number and agreed to be written to "
        "there. See surecast audience check riders"
    ]
    assert reason(folder, TOP + RIDERS, "sms") == ""


def test_a_source_that_cannot_be_read_is_a_mistake_once_for_all_its_channels(folder: Path) -> None:
    (folder / "riders.csv").unlink()
    (found,) = told(folder, TOP + RIDERS)
    assert found == (
        f"surecast.toml:19 [audiences.riders] source: There is no file {folder}/riders.csv. "
        "Correct source, or put the file there"
    )


def test_a_country_that_does_not_exist_is_a_mistake(folder: Path) -> None:
    (found,) = told(folder, TOP + RIDERS.replace("GR", "XX"))
    assert "There is no country XX" in found


def test_what_no_route_names_is_not_read(folder: Path) -> None:
    (folder / "riders.csv").unlink()
    assert told(folder, TOP.replace("site & (sms | letters)", "site") + RIDERS) == []


def test_an_audience_that_no_channel_writes_to_is_a_note(folder: Path) -> None:
    write(folder, TOP + RIDERS + RIDERS.replace("riders", "staff") + PEOPLE)
    found = examine(folder / "surecast.toml", kinds=KINDS)
    assert found.mistakes == ()
    assert [str(note) for note in found.notes] == [
        'surecast.toml:23 [audiences.staff]: no channel writes to this audience. Write audience = "staff" there'
    ]


# For editors and readers -----------------------------------------------------------------------------------------


def test_the_schema_and_the_reference_know_every_key() -> None:
    table = schema(kinds=KINDS)["properties"]["audiences"]["additionalProperties"]
    keys = {"source", "query", "columns", "consent", "region", "time_zone", "language"}
    assert set(table["properties"]) == keys
    assert (table["required"], table["additionalProperties"]) == (["source"], False)
    assert "consent_sms" in table["properties"]["columns"]["propertyNames"]["enum"]
    json.dumps(table)
    section = reference(kinds=KINDS).partition("### `[audiences.NAME]`")[2].partition("###")[0]
    assert all(f"| `{key}` |" in section for key in keys)
