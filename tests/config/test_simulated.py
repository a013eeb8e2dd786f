from __future__ import annotations

from pathlib import Path

from surecast.config import load_config, rehome
from surecast.config.references import secrets_of
from tests.config.fakes import GOOD, KINDS, FilesSettings, write
from tests.config.test_read import SAMPLE

ENDPOINTS = {"plain": "http://127.0.0.1:4711"}


def test_addresses_folders_and_secrets_are_replaced_and_the_rest_is_kept(tmp_path: Path) -> None:
    text = GOOD.replace('directory = "public"', 'directory = "public"\nafter_write = ["rsync"]')
    real = load_config(write(tmp_path, text), kinds=KINDS)
    drill = rehome(real, ENDPOINTS, tmp_path / "drill")
    one = drill.channels["one"].settings
    assert (one.account, one.server, one.mood) == ("ferries", "http://127.0.0.1:4711", "calm")
    assert one.token.reveal() == "sandbox-one-token"
    assert drill.channels["site"].settings == FilesSettings(
        directory=tmp_path / "drill" / "site" / "directory",
        templates=str(tmp_path / "drill" / "site" / "templates"),
        after_write=(),
    )
    assert drill.routes == real.routes
    assert drill.urgencies == real.urgencies
    assert drill.channels["two"].within_s == 20.0


def test_nothing_of_the_real_surroundings_is_left(tmp_path: Path) -> None:
    top = 'ledger = { env = "L" }\nledger_key = { env = "K" }\n'
    rest = '[network]\nproxy = "http://proxy:1"\nca_file = "c.pem"\n[people.duty]\nname = "D"\n'
    drill = rehome(load_config(write(tmp_path, top + GOOD + rest), kinds=KINDS), ENDPOINTS, tmp_path / "drill")
    assert drill.ledger == tmp_path / "drill" / "surecast.db"
    assert drill.ledger_key is not None
    assert drill.ledger_key.reveal() == "sandbox-ledger-key"
    assert (drill.network.proxy, drill.network.ca_file, drill.network.use_environment) == (None, None, False)
    assert drill.people == {}


def test_a_channel_that_lacks_only_its_secrets_becomes_usable(tmp_path: Path) -> None:
    real = load_config(write(tmp_path, GOOD.replace("ONE_TOKEN", "NOT_SET_AT_ALL")), kinds=KINDS).with_secrets_checked()
    assert real.channels["one"].misconfigured != ""
    drill = rehome(real, ENDPOINTS, tmp_path).with_secrets_checked()
    assert [channel.misconfigured for channel in drill.channels.values()] == ["", "", ""]


def test_a_channel_with_a_bad_table_stays_misconfigured(tmp_path: Path) -> None:
    real = load_config(write(tmp_path, GOOD.replace('account = "ferries"\n', "")), kinds=KINDS)
    assert rehome(real, ENDPOINTS, tmp_path).channels["one"] == real.channels["one"]


def test_a_channel_without_a_simulated_platform_never_reaches_the_real_one(tmp_path: Path) -> None:
    drill = rehome(load_config(write(tmp_path, GOOD), kinds=KINDS), {}, tmp_path)
    assert drill.channels["one"].settings is None
    assert drill.channels["one"].misconfigured == "There is no simulated platform for channels of the type plain."
    assert drill.channels["site"].misconfigured == ""


def test_secrets_within_lists_are_replaced(tmp_path: Path) -> None:
    text = (
        'sender = "X"\n[channels.news]\ntype = "mail"\n'
        'relays = [{ host = "a", password = { file = "s" } }, { host = "b", password = { env = "B" } }]'
    )
    drill = rehome(load_config(write(tmp_path, text), kinds=KINDS), {"mail": "http://127.0.0.1:1"}, tmp_path)
    relays = drill.channels["news"].settings.relays
    assert [(relay.host, relay.password.reveal()) for relay in relays] == [
        ("a", "sandbox-news-password"),
        ("b", "sandbox-news-password"),
    ]


def test_the_sample_on_simulated_platforms_knows_no_real_address(tmp_path: Path) -> None:
    here = {"bluesky": "http://127.0.0.1:1", "mastodon": "http://127.0.0.1:2", "telegram": "http://127.0.0.1:3"}
    here |= {"twilio": "http://127.0.0.1:4", "email": "smtp://127.0.0.1:5"}
    drill = rehome(load_config(SAMPLE), here, tmp_path)
    assert all(not channel.misconfigured for channel in drill.with_secrets_checked().channels.values())
    bluesky = drill.channels["bluesky"].settings
    assert {bluesky.service, bluesky.appview} == {"http://127.0.0.1:1"}
    assert drill.channels["mastodon"].settings.server == "http://127.0.0.1:2"
    assert drill.channels["mastodon_crew"].settings.visibility == "unlisted"
    assert drill.channels["site"].settings.directory == tmp_path / "site"
    assert drill.channels["site"].settings.after_write == ()
    assert drill.channels["sms"].settings.api == "http://127.0.0.1:4"
    assert drill.channels["telegram_riders"].settings.api == "http://127.0.0.1:3"
    assert {relay.host for relay in drill.channels["newsletter"].settings.relays} == {"smtp://127.0.0.1:5"}
    kinds = {secret.kind for channel in drill.channels.values() for secret in secrets_of(channel.settings)}
    assert kinds == {"literal"}
