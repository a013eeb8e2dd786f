from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surecast.config import UrgencyTimes, find_config, load_config, misconfigured
from surecast.config.channel_terms import ChannelTerms
from surecast.config.fields import fields_of
from surecast.config.read import LARGEST_BYTES, read_document
from surecast.config.tables import Breaker, Network, Person
from surecast.config.values import URGENCY_TIMES, Config
from surecast.contact import Medium
from surecast.errors import ConfigError, Mistake
from surecast.message import Urgency
from surecast.planning import DEFAULT_TIMES
from surecast.route import Route
from surecast.secret import Secret
from tests.config.fakes import GOOD, KINDS, FilesSettings, MailSettings, PlainSettings, Relay, write

SAMPLE = Path(__file__).parents[2] / "examples" / "surecast.toml"


def mistakes(folder: Path, text: str) -> list[str]:
    """All mistakes in a text, whether or not it can be used."""
    try:
        return [str(mistake) for mistake in load_config(write(folder, text), kinds=KINDS).mistakes]
    except ConfigError as error:
        return [str(mistake) for mistake in error.mistakes]


# Where it is found


def test_a_named_file_is_taken_even_when_it_is_not_there(tmp_path: Path) -> None:
    assert find_config("mine.toml", tmp_path, {"SURECAST_CONFIG": "other.toml"}) == tmp_path / "mine.toml"


def test_the_variable_comes_after_the_option(tmp_path: Path) -> None:
    assert find_config(None, tmp_path, {"SURECAST_CONFIG": "/etc/s.toml"}) == Path("/etc/s.toml")


def test_the_nearest_folder_above_wins(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_config(None, below, {}) == tmp_path / "surecast.toml"
    assert find_config(None, below, {"SURECAST_CONFIG": ""}) == tmp_path / "surecast.toml"


def test_nothing_named_and_nothing_found_is_none(tmp_path: Path) -> None:
    (tmp_path / "surecast.toml").mkdir()  # a folder is no file
    found = find_config(None, tmp_path, {})
    assert found is None or tmp_path not in found.parents


# A good file


def test_a_good_file_becomes_values(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), kinds=KINDS)
    assert config.mistakes == ()
    assert config.sender == "Harbour Ferries"
    assert config.ledger == tmp_path / "surecast.db"
    assert config.routes["default"] == Route.parse("site & (one | two)")
    assert config.channels["two"].within_s == 20.0
    assert config.channels["one"].settings == PlainSettings(account="ferries", token=Secret("env", "ONE_TOKEN"))
    assert config.channels["two"].settings.token == Secret("file", str(tmp_path / "secrets" / "two"))
    assert config.channels["site"].settings.directory == tmp_path / "public"
    assert config.channels["site"].settings.templates == str(tmp_path / "templates")


def test_what_is_not_written_has_its_default(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), kinds=KINDS)
    assert (config.language, config.time_zone, config.background) == ("en", "UTC", "thread")
    assert (config.repeat_window_s, config.keep_s, config.require_alt) == (600.0, 90 * 86_400.0, False)
    assert (config.breaker.failures, config.breaker.interval_s, config.breaker.longest_s) == (3, 30.0, 600.0)
    assert config.zone.key == "UTC"
    assert config.urgencies == URGENCY_TIMES
    assert config.house.times[Urgency.URGENT].within_s == 15.0


def test_readers_follow_at_the_first_website_unless_another_address_is_written(tmp_path: Path) -> None:
    site = '[channels.{0}]\ntype = "site"\ndirectory = "{0}"\nurl = "https://{0}.example/"\n'
    two = 'sender = "X"\n' + site.format("one") + site.format("two")
    assert load_config(write(tmp_path, two)).house.follow == "https://one.example/"
    assert load_config(write(tmp_path, two.replace('directory = "one"', ""))).house.follow == "https://two.example/"
    assert load_config(write(tmp_path, 'follow = "https://x.example"\n' + two)).house.follow == "https://x.example"
    assert load_config(write(tmp_path, GOOD), kinds=KINDS).house.follow == ""


def test_what_is_said_of_outages_is_part_of_the_house(tmp_path: Path) -> None:
    house = load_config(write(tmp_path, GOOD), kinds=KINDS).house
    assert (house.templates, house.reroute_notes) == (None, True)
    text = 'templates = "words"\nreroute_notes = false\n' + GOOD
    house = load_config(write(tmp_path, text), kinds=KINDS).house
    assert (house.templates, house.reroute_notes) == (tmp_path / "words", False)


def test_the_times_of_urgencies_are_those_of_the_planning() -> None:
    for urgency, times in DEFAULT_TIMES.items():
        declared = URGENCY_TIMES[urgency]
        assert isinstance(declared, UrgencyTimes)
        assert (declared.within_s, declared.expires_s) == (times.within_s, times.expires_s)
        assert (declared.visible_within_s, declared.confirm) == (times.visible_within_s, times.confirm)


def test_an_urgency_that_is_written_in_part_keeps_the_rest(tmp_path: Path) -> None:
    text = GOOD + '[urgencies.urgent]\nwithin = 20\nconfirm = "accepted"\n'
    times = load_config(write(tmp_path, text), kinds=KINDS).urgencies
    assert times[Urgency.URGENT] == UrgencyTimes(within_s=20.0, expires_s=4 * 3600.0, confirm="accepted")
    assert times[Urgency.LOW] == URGENCY_TIMES[Urgency.LOW]


def test_tables_within_lists_are_read_by_their_declaration(tmp_path: Path) -> None:
    text = (
        'sender = "X"\n[channels.news]\ntype = "mail"\npause = "2s"\n'
        'relays = [{ host = "a", password = { file = "s" } }, { host = "b", password = { env = "B" }, port = 25 }]'
    )
    config = load_config(write(tmp_path, text), kinds=KINDS)
    assert config.channels["news"].settings == MailSettings(
        pause_s=2.0,
        relays=(
            Relay(host="a", password=Secret("file", str(tmp_path / "s"))),
            Relay(host="b", password=Secret("env", "B"), port=25),
        ),
    )


def test_a_setting_has_the_name_that_it_declares(tmp_path: Path) -> None:
    config = load_config(
        write(tmp_path, GOOD.replace('account = "ferries"\n', 'account = "f"\nfrom = "me"\n')), kinds=KINDS
    )
    assert config.channels["one"].settings.from_address == "me"


def test_paths_start_at_the_file_and_not_where_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_config("../surecast.toml", kinds=KINDS).ledger == tmp_path / "surecast.db"


def test_a_home_in_a_path_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/duty")
    assert load_config(write(tmp_path, 'ledger = "~/s.db"\n' + GOOD), kinds=KINDS).ledger == Path("/home/duty/s.db")


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_config(path, kinds=KINDS).mistakes == ()


# Mistakes


def test_every_mistake_is_shown_at_once_with_its_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
sender = "X"
keep = "a while"
[channels.one]
type = "plain"
token = { env = "T" }
moood = "calm"
mood = "loudd"
[channels.two]
type = "plane"
[routes]
default = "one && two"
[urgencies.urgnt]
"""
    assert mistakes(tmp_path, text) == [
        'surecast.toml:2 keep: it is no time span. Write keep = "90 days"; units are s, min, h, day, week',
        'surecast.toml:3 [channels.one] account: it is missing. Write account = "ferries" (the account)',
        "surecast.toml:6 [channels.one] moood: there is no such key. Did you mean mood?",
        'surecast.toml:7 [channels.one] mood: it is none of the words that are known here. Did you mean "loud"?',
        "surecast.toml:9 [channels.two] type: there is no such type of channel. Did you mean plain?",
        (
            "surecast.toml:11 [routes] default: The route 'one && two' uses signs that routes do not have. "
            "Did you mean: one & two"
        ),
        "surecast.toml:12 [urgencies.urgnt]: there is no such key. Did you mean urgent?",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('sendr = "Y"', "there is no such key. Did you mean sender?"),
        ("language = 'english please'", "it is no language tag"),
        ('time_zone = "Europe/Atens"', "it is no time zone. Did you mean Europe/Athens?"),
        ('time_zone = "../etc"', "it is no time zone"),
        ('time_zone = "Europe"', "it is no time zone"),
        ("repeat_window = true", "it is no time span"),
        ('keep = "0 s"', "it must be more than nothing"),
        ('require_alt = "yes"', "true or false is expected, not a text. Write require_alt = true"),
        ('background = "threads"', 'Did you mean "thread"?'),
        ("background = 2026-01-01", 'Write "thread" or "worker"'),
        ('ledger = "postgresql://u:hunter2@h/db"', "a ledger in PostgreSQL is not supported yet"),
        ('ledger = "mysql://h/db"', "it is no path"),
        ("ledger = 3", "a text is expected, not a number"),
        ('ledger = { vault = "x" }', "it does not say where the secret comes from"),
        ('ledger_key = "hunter2"', "a secret must not stand in this file"),
        ("ledger_key = { command = [] }", "the command is empty"),
        ('ledger_key = { command = "pass show x" }', "a list is expected, not a text"),
        ("ledger_key = { env = 3 }", "a text is expected"),
        ('ledger_key = { file = "a\\u0000b" }', "it holds a NUL character"),
        ("network = 3", "a table is expected, not a number"),
        ('network = { proxy = "proxy:3128" }', "it is no proxy address"),
        ('network = { proxy = "http://u:hunter2@proxy:3128" }', "a password must not stand in this file"),
        ("breaker = { failures = 0 }", "it must be more than nothing"),
        ("breaker = { failures = 1.5 }", "a whole number is expected, not a number"),
        ('breaker = { intervall = "1s" }', "Did you mean interval?"),
        ('people = { duty = { name = "D", via = ["email"] } }', "via names email, but no email is given"),
        ('people = { duty = { name = "D", email = "a@b", via = "email" } }', "a list is expected"),
        ('people = ["D"]', "a table is expected, not a list"),
        ("channel = 1", "Did you mean channels?"),
        ("urgencies = 1", "tables are expected, not a number"),
        ("urgencies = { low = 1 }", "a table is expected, not a number"),
        ('urgencies = { low = { within = "2 days" } }', "within is not shorter than expires"),
        ("sender = ' '", "it is empty"),
    ],
)
def test_one_wrong_line_is_one_mistake(tmp_path: Path, line: str, expected: str) -> None:
    text = f"{line}\n{GOOD}" if not line.startswith("sender") else GOOD.replace('sender = "Harbour Ferries"', line)
    (found,) = mistakes(tmp_path, text)
    assert expected in found
    assert found.startswith("surecast.toml:1 ")
    assert "hunter2" not in found


def test_a_key_of_the_top_below_a_header_is_told_where_it_belongs(tmp_path: Path) -> None:
    text = GOOD.replace('sender = "Harbour Ferries"\n', "") + 'language = "en"\n'
    text = text.replace("[routes]\n", '[routes]\nsender = "Harbour Ferries"\n')
    found = mistakes(tmp_path, text)
    assert found[0].startswith("surecast.toml sender: it is missing")
    assert [line.partition(": ")[2] for line in found[1:]] == [
        "it belongs to the top of the file. Move it above the first line in [brackets]"
    ] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("channels = 3", "[channels]: tables are expected, not a number"),
        ("[channels.My-Site]\ntype = 'files'", "[channels.My-Site]: it cannot name a channel"),
        ("[channels.and]\ntype = 'files'", "it cannot name a channel: the word has a meaning of its own"),
        ('[channels."a\\u001bb"]', '[channels."a\\u001bb"]: it cannot name a channel'),
        ("[channels]\none = 3", "[channels.one]: a table is expected, not a number"),
        ("[channels.one]", "[channels.one] type: it is missing"),
        ("[channels.one]\ntype = 3", "[channels.one] type: a text is expected"),
        ("[channels.one]\ntype = 'broken'", "declares settings that cannot be read (NameError)"),
        ("[channels.one]\ntype = 'extra'", "the package heavy is missing, which extra needs"),
        ("[channels.one]\ntype = 'foreign'", "the channel type foreign cannot be loaded (RuntimeError)"),
        (
            "[channels.one]\ntype = 'zzz'",
            "Known types are broken, extra, files, foreign, heavy, mail",
        ),
        ("[channels.one]\ntype = 'files'\ndirectory = 'https://x'", "a path is expected, not an address"),
        ("[channels.one]\ntype = 'files'\ndirectory = 'x'\nafter_write = 'rsync -a'", "a list is expected, not a text"),
        (
            "[channels.one]\ntype = 'files'\ndirectory = 'x'\nafter_write = ['a', 1]",
            "after_write[1]: a text is expected",
        ),
        ("[channels.one]\ntype = 'files'\ndirectory = 'x'\nattempts = 0", "it must be more than nothing"),
        ("[channels.one]\ntype = 'files'\ndirectory = 'x'\naudience = 'riders'", "a public channel has no audience"),
        ("[channels.one]\ntype = 'mail'\nrelays = [{ host = 'a' }]", "relays[0].password: it is missing"),
        ("[channels.one]\ntype = 'mail'\nrelays = []\nratio = 2", "ratio is above 1. Write a share between 0 and 1"),
        ("[channels.one]\ntype = 'mail'\nrelays = []\nratio = nan", "the number has no use"),
        ("[channels.one]\ntype = 'mail'\nrelays = []\nodd = 2", "odd: it cannot be read"),
    ],
)
def test_a_wrong_channel_is_one_mistake_and_the_rest_can_be_used(tmp_path: Path, text: str, expected: str) -> None:
    text = (
        f"{text}\n[routes]\n"
        if text.startswith("channels")
        else f'{text}\n[channels.ok]\ntype = "files"\ndirectory = "d"'
    )
    config = load_config(write(tmp_path, f'sender = "X"\n{text}'), kinds=KINDS)
    (mistake,) = config.mistakes
    assert expected in str(mistake)
    if "one" in config.channels:
        assert config.channels["one"].settings is None
        assert mistake.what in config.channels["one"].misconfigured


def test_a_missing_package_makes_a_channel_misconfigured_without_importing_it(tmp_path: Path) -> None:
    text = GOOD.replace('type = "plain"\naccount = "ferries"\n', 'type = "heavy"\naccount = "ferries"\n')
    channel = load_config(write(tmp_path, text), kinds=KINDS).channels["one"]
    assert channel.misconfigured == (
        "type: the package no_such_package_of_mine is missing, which heavy needs. "
        "Install it: pip install surecast, or the package that brings this type of channel"
    )


def test_a_channel_with_a_bad_table_keeps_its_own_times_and_its_place_in_routes(tmp_path: Path) -> None:
    text = GOOD.replace('account = "ferries2"\n', "")
    config = load_config(write(tmp_path, text), kinds=KINDS)
    assert config.channels["two"].within_s == 20.0
    assert config.channels["two"].kind.name == "plain"
    assert config.routes["default"].names() == ("site", "one", "two")


@pytest.mark.parametrize("wrong", ['account = "a b"', 'account = "a b"\nmoood = 1'])
def test_misconfigured_says_the_first_mistake_and_how_many_there_are(tmp_path: Path, wrong: str) -> None:
    channel = load_config(write(tmp_path, GOOD.replace('account = "ferries"', wrong)), kinds=KINDS).channels["one"]
    more = " (and 1 more; see surecast config check)" if "moood" in wrong else ""
    assert channel.misconfigured == f"account: it holds a space. Write it without{more}"


def test_a_secret_in_the_file_is_never_shown(tmp_path: Path) -> None:
    text = GOOD.replace('token = { env = "ONE_TOKEN" }', 'token = "hunter2-hunter2"')
    config = load_config(write(tmp_path, text), kinds=KINDS)
    (mistake,) = config.mistakes
    assert str(mistake) == (
        "surecast.toml:14 [channels.one] token: a secret must not stand in this file. "
        'Put it into a file: token = { file = "secrets/one" }, or name a variable: token = { env = "TOKEN" }'
    )
    assert "hunter2" not in repr(config) + config.channels["one"].misconfigured


def test_secrets_are_looked_at_only_when_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONE_TOKEN", raising=False)
    config = load_config(write(tmp_path, GOOD), kinds=KINDS)
    assert config.channels["one"].misconfigured == ""
    assert misconfigured(config.channels["one"]) == (
        "The secret from the environment variable ONE_TOKEN is empty or not set. Set it, e.g. export ONE_TOKEN=..."
    )
    checked = config.with_secrets_checked()
    assert checked.channels["one"].misconfigured == misconfigured(config.channels["one"])
    assert checked.channels["site"].misconfigured == ""
    monkeypatch.setenv("ONE_TOKEN", "x")
    assert config.with_secrets_checked().channels["one"].misconfigured == ""


# What cannot be used at all


@pytest.mark.parametrize(
    "line", ['sender = ""', 'ledgr = "x"', 'ledger = "postgres://h"', "network = 1", "ledger_key = 1"]
)
def test_without_sender_ledger_or_network_nothing_is_sent(tmp_path: Path, line: str) -> None:
    text = GOOD.replace('sender = "Harbour Ferries"', line if "sender" in line else f'sender = "X"\n{line}')
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, f"{text}\n[urgencies.x]\n"), kinds=KINDS)
    assert len(caught.value.mistakes) == 2
    assert str(caught.value).startswith(f"The configuration {tmp_path}/surecast.toml cannot be used.\n")


@pytest.mark.parametrize(
    ("content", "place", "what"),
    [
        (b'sender = "X"\nkeep = 10 min\n', "surecast.toml:2", "(column 11)"),
        (b'sender = "X"\n[routes\n', "surecast.toml:2", "column"),
        (b'a = """\n', "surecast.toml:2", "at the end"),
        (b"a = " + b"9" * 5000, "surecast.toml", "a value cannot be read"),
        (b"a = " + b"[" * 5000, "surecast.toml", "it is nested too deeply"),
        (b"a = '\xff'", "surecast.toml", "it is not UTF-8"),
        (b"#" * (LARGEST_BYTES + 1), "surecast.toml", "it is larger than"),
    ],
)
def test_what_is_no_toml_is_one_mistake_with_its_line(tmp_path: Path, content: bytes, place: str, what: str) -> None:
    path = tmp_path / "surecast.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="The configuration cannot be read") as caught:
        load_config(path, kinds=KINDS)
    (mistake,) = caught.value.mistakes
    assert mistake.place.removeprefix(f"{tmp_path}/") == place
    assert what in mistake.what


def test_a_file_that_is_not_there_or_a_folder_says_what_to_do(tmp_path: Path) -> None:
    for path, expected in (
        (tmp_path / "none.toml", "there is no such file. Name another file with --config or SURECAST_CONFIG"),
        (tmp_path, f"it is a folder. Name the file in it: {tmp_path}/surecast.toml"),
        (tmp_path / "a\0b", "it is no path"),
        (tmp_path / ("x" * 300), "it cannot be read"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(path, kinds=KINDS)
        assert expected in str(caught.value)


# The sample


def test_the_sample_reads_without_a_mistake() -> None:
    config = load_config(SAMPLE)
    assert config.mistakes == ()
    assert set(config.channels) == {
        *("site", "bluesky", "mastodon", "mastodon_crew", "telegram"),
        *("telegram_riders", "newsletter", "sms"),
    }
    assert config.channels["telegram_riders"].kind.traits.medium is Medium.TELEGRAM
    assert set(config.audiences) == {"riders"}
    assert set(config.routes) == {"low", "default", "urgent", "emergency"}


def test_reading_the_sample_loads_no_sdk() -> None:
    import subprocess
    import sys

    script = (
        "import sys; from surecast.config import load_config; load_config(sys.argv[1]); "
        "print([name for name in ('atproto', 'mastodon', 'requests', 'httpx', 'jinja2', 'aiohttp', 'PIL', 'pydantic') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(SAMPLE)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Any document at all

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.sampled_from(["site", "plain", "files", "mail", "1 min", "~nobody/x", "https://a@b", "a & b", "low"])
)
DECLARED = (Config, ChannelTerms, Network, Breaker, Person, UrgencyTimes, PlainSettings, FilesSettings, MailSettings)
KEYS = {field.key for declared in DECLARED for field in fields_of(declared)}
NAMES = {"channels", "routes", "urgencies", "one", "default", "low", "urgent", "env", "file", "command", *KINDS.names()}
WORDS = st.sampled_from(sorted(KEYS | NAMES))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(WORDS | st.text(max_size=6), VALUES, max_size=8)


@given(DOCUMENTS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_read_or_explained(document: dict[str, Any]) -> None:
    draft = read_document(document, Path("/somewhere/surecast.toml"), "", KINDS)
    assert len(draft.config.mistakes) == len(draft.findings)
    assert all(mistake.what and mistake.cure for mistake in draft.config.mistakes)


RICH = (
    GOOD
    + """\
[channels.news]
type = "mail"
relays = [{ host = "a", password = { command = ["pass"] } }]
pause = "2s"
[channels.rich]
type = "rich"
keys = { a = { env = "A" } }
either = ["a"]
[urgencies.urgent]
within = "20s"
[network]
proxy = "http://proxy:1"
[people.duty]
name = "D"
"""
)


@st.composite
def changed_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A good document of which a few values, wherever they stand, are others, are gone, or are new."""
    document = tomllib.loads(RICH)
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        inside: Any = document
        key: Any = None
        while inside:
            key = draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
            if not isinstance(inside[key], dict | list) or not inside[key] or draw(st.integers(0, 3)) == 0:
                break
            inside = inside[key]
        change = draw(st.sampled_from(["other", "gone", "new"]))
        if change == "new" and isinstance(inside, dict):
            inside[draw(WORDS | st.text(max_size=4))] = draw(VALUES)
        elif change == "gone" and inside:
            del inside[key]
        elif inside:
            inside[key] = draw(VALUES)
    return document


@given(changed_documents())
@settings(max_examples=400)
def test_a_channel_is_either_usable_or_says_why_not(document: dict[str, Any]) -> None:
    draft = read_document(document, Path("/somewhere/surecast.toml"), "", KINDS)
    wrong = {finding.path[1] for finding in draft.findings if finding.path[0] == "channels" and len(finding.path) > 1}
    for name, channel in draft.config.channels.items():
        assert (channel.settings is None) == bool(channel.misconfigured) == (name in wrong)
    for name in draft.config.routes:
        assert set(draft.config.routes[name].names()) <= set(draft.config.channels)


MUTATIONS = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=1),
        st.integers(min_value=0, max_value=12),
        st.sampled_from(
            ["", '"', "=", "[", "]", "{", "}", "\n", "3", "true", "inf", "2026-01-01", '"x"', "#", "[[x]]\n"]
        )
        | st.text(max_size=4),
    ),
    min_size=1,
    max_size=4,
)


@given(MUTATIONS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_change_of_the_sample_is_read_or_explained(tmp_path: Path, changes: list[tuple[float, int, str]]) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    for share, length, words in changes:
        start = int(share * len(text))
        text = text[:start] + words + text[start + length :]
    path = tmp_path / "surecast.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    config, found = loaded(path)
    assert config is not None or found
    assert all(mistake.place and mistake.what and mistake.cure for mistake in found)


def loaded(path: Path) -> tuple[Config | None, tuple[Mistake, ...]]:
    """The configuration if it can be used, and its mistakes; any other error than `ConfigError` is a bug."""
    try:
        config = load_config(path)
    except ConfigError as error:
        return None, error.mistakes
    return config, config.mistakes


@given(st.text(alphabet=st.characters(exclude_characters='"\\', exclude_categories=("Cs", "Cc"))))
def test_no_secret_that_stands_in_the_file_is_shown(rest: str) -> None:
    canary = f"hunter2-{rest}"
    text = f'ledger_key = "{canary}"\n{GOOD}'
    text = text.replace('{ env = "ONE_TOKEN" }', f'"{canary}"')
    text = text.replace('{ file = "secrets/two" }', f'{{ file = "a", key = "{canary}" }}')
    draft = read_document(tomllib.loads(text), Path("/s/surecast.toml"), text, KINDS)
    assert len(draft.config.mistakes) == 3
    assert "hunter2" not in "\n".join(map(str, draft.config.mistakes)) + repr(draft.config)
