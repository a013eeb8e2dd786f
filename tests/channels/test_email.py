"""The e-mail adapter: its settings, its relays and connections, and what arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.channels.email_bench import (
    ANN,
    STOP,
    a_sending,
    an_adapter,
    an_errand,
    parsed,
    plain,
    secure,
    send,
    settings,
    text_of,
    using,
)
from tests.servers.postfix import REFUSED_SENDER, Postfix
from tests.servers.smtp_faults import SmtpFaults

from surecast.channel import Probes
from surecast.channels import _email_relays, load
from surecast.channels.email import KIND, Relay
from surecast.config import load_config, rehome
from surecast.config.fields import build, fields_of
from surecast.config.findings import At
from surecast.contact import Medium, Recipient
from surecast.errors import ConfigError, UsageError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.sandbox import Sandbox
from surecast.secret import Secret
from surecast.testing.contract import attempt

CLOSED_PORT = 9


@pytest.fixture
def relay() -> Iterator[SmtpFaults]:
    with SmtpFaults() as server:
        yield server


def verdicts(outcomes: list[Outcome]) -> list[Verdict]:
    return [outcome.verdict for outcome in outcomes]


# Settings


def checked(name: str, value: object) -> str:
    (field,) = [field for field in fields_of(KIND.settings) if field.key == name]
    assert field.check is not None
    return field.check(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "notices@ferries.example"),
        ("from", "Harbour Ferries <notices@ferries.example>"),
        ("from", '"Ferries, Harbour" <notices@ferries.example>'),
        ("from", "Λιμάνι <a@λιμάνι.example>"),
        ("unsubscribe", STOP),
        ("unsubscribe", ("https://ferries.example/stop?who={address}&proof={token}", STOP)),
        ("envelope_from", "bounces+{address}@ferries.example"),
        ("reply_to", "office@ferries.example"),
    ],
)
def test_what_a_person_writes_is_taken(name: str, value: object) -> None:
    assert checked(name, value) == ""


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("from", "Harbour Ferries", "is no e-mail address"),
        ("from", "a@b.example\r\nBcc: all@b.example", "is no e-mail address"),
        ("from", "Ann, a@b.example", "is no e-mail address"),
        ("from", "λ@b.example", "must be in Latin letters"),
        ("unsubscribe", "http://ferries.example/stop", "must begin with mailto: or https://"),
        ("unsubscribe", "stop@ferries.example", "must begin with mailto: or https://"),
        ("unsubscribe", "mailto:stop", "names no e-mail address"),
        ("unsubscribe", "https://ferries.example/a>b", "holds what no link may hold"),
        ("unsubscribe", (), "Name at least one address"),
        ("postal_address", "  ", "letters on paper"),
        ("relays", (), "Give at least one"),
        ("envelope_from", "Bounces <b@ferries.example>", "without a name"),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(name: str, value: object, told: str) -> None:
    assert told in checked(name, value)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"one_click": True}, "needs an https: address"),
        ({"one_click": True, "unsubscribe": "https://ferries.example/stop"}, "names the reader"),
        ({"unsubscribe": "https://ferries.example/stop?t={token}"}, "no unsubscribe_key"),
    ],
)
def test_settings_that_do_not_go_together_are_told(own: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        settings(**own)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"host": "mail.ferries.example", "security": "none"}, "readable for everybody"),
        ({"host": "mail.ferries.example", "user": "notices"}, "go together"),
        ({"host": "mail.ferries.example", "password": Secret.of("x")}, "go together"),
    ],
)
def test_a_relay_is_never_spoken_to_in_the_clear_but_on_this_machine(own: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Relay(**own)
    assert Relay(host="127.0.0.1", security="none").where == ("127.0.0.1", 587, "none")


def test_the_address_of_a_simulated_relay_says_all_that_is_needed() -> None:
    assert Relay(host="smtp://127.0.0.1:4711").where == ("127.0.0.1", 4711, "none")
    with pytest.raises(ConfigError):
        Relay(host="smtp://mail.ferries.example:4711", security="none")


def test_a_table_is_read_as_it_stands_in_the_file() -> None:
    table = {
        "from": "Harbour Ferries <notices@ferries.example>",
        "relays": [{"host": "mail.ferries.example", "user": "n", "password": {"env": "SMTP"}}, {"host": "b.example"}],
        "unsubscribe": [STOP, "https://ferries.example/stop"],
        "postal_address": "Pier 3",
    }
    read = build(KIND.settings, table, At(("channels", "newsletter"), Path("/home/here"), []))
    assert [relay.where for relay in read.relays] == [
        ("mail.ferries.example", 587, "starttls"),
        ("b.example", 587, "starttls"),
    ]


def test_a_rehearsal_reaches_the_simulated_relay_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "surecast.toml"
    file.write_text(
        'sender = "Harbour Ferries"\n[channels.newsletter]\ntype = "email"\nfrom = "a@ferries.example"\n'
        'relays = [{ host = "mail.ferries.example", user = "n", password = { env = "NOT_SET" } }]\n'
        f'unsubscribe = "{STOP}"\npostal_address = "Pier 3"\naudience = "riders"\n'
        '[audiences.riders]\nsource = "riders.csv"\nconsent = { email = "signup form" }\n',
        encoding="utf-8",
    )
    (tmp_path / "riders.csv").write_text("email\nann@d.test\n", encoding="utf-8")
    with Sandbox.in_thread(["email"]) as sandbox:
        endpoints = {"email": sandbox.url("email")}
        rehearsal = rehome(load_config(file), endpoints, tmp_path / "rehearsal")
        (relay,) = rehearsal.channels["newsletter"].settings.relays
        assert f"smtp://{relay.where[0]}:{relay.where[1]}" == sandbox.url("email")
        (outcome,) = send(an_adapter(relay))
        assert outcome.verdict is Verdict.ACCEPTED
        assert [post.raw["to"] for post in sandbox.platforms["email"].posts()] == ["ann@d.test"]


def test_it_is_a_direct_channel_that_sends_nothing_twice() -> None:
    assert load("email") is KIND
    assert (KIND.traits.public, KIND.traits.medium, KIND.traits.resend) == (False, Medium.EMAIL, "never")
    assert KIND.able(Probes)


# What arrives


def test_a_message_arrives_with_what_every_newsletter_needs(relay: SmtpFaults) -> None:
    errand = an_errand(
        "It is cancelled today.", title="Ferry 12", body="More.\n\nMuch more.", url="https://f.example/12"
    )
    (outcome,) = send(an_adapter(plain(relay.port)), errand=errand)
    (stored,) = relay.stored
    message = stored.message
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.receipt is not None
    assert message["Message-ID"] == f"<{outcome.receipt.id}>"
    assert (stored.sender, stored.recipients) == ("notices@ferries.example", ("ann@d.test",))
    assert message["Subject"] == "Ferry 12"
    assert message["To"] == "Ann <ann@d.test>"
    assert message["From"] == "Harbour Ferries <notices@ferries.example>"
    assert message["List-Unsubscribe"] == f"<{STOP}>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe-Post" not in message
    for kind in ("plain", "html"):
        text = text_of(message, kind)
        for said in ("It is cancelled today.", "Much more.", "https://f.example/12", STOP, "Pier 3, Harbour"):
            assert said in text
    assert text_of(message).startswith("Hello Ann,\n\nFerry 12\n\nIt is cancelled today.\n\nMore.")


def test_exact_words_are_said_alone(relay: SmtpFaults) -> None:
    errand = an_errand("Only this.", title="Ferry 12", body="More.", url="https://f.example/12", exact=True)
    send(an_adapter(plain(relay.port)), errand=errand)
    message = relay.stored[0].message
    assert message["Subject"] == "Only this."
    assert "More." not in text_of(message)
    assert "f.example" not in text_of(message)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("One line", "One line"),
        ("First line\nsecond line", "First line"),
        ("word " * 40, "word " * 14 + "word…"),
        ("Δρομολόγιο 12", "Δρομολόγιο 12"),
    ],
)
def test_without_a_title_the_first_words_are_the_subject(relay: SmtpFaults, text: str, subject: str) -> None:
    send(an_adapter(plain(relay.port)), errand=an_errand(text))
    assert relay.stored[0].message["Subject"] == subject


def test_one_click_is_offered_only_where_the_owner_says_so(relay: SmtpFaults) -> None:
    link = "https://ferries.example/stop?who={address}&proof={token}"
    own = {"unsubscribe": (STOP, link), "one_click": True, "unsubscribe_key": Secret.of("k")}
    send(an_adapter(plain(relay.port), **own))
    message = relay.stored[0].message
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    first, second = str(message["List-Unsubscribe"]).split(", ")
    assert first.startswith("<https://ferries.example/stop?who=ann%40d.test&proof=")
    assert second == f"<{STOP}>"


def test_own_templates_stand_before_ours_file_by_file(relay: SmtpFaults, tmp_path: Path) -> None:
    (tmp_path / "email.txt").write_text("Dear {{ name or 'reader' }}: {{ text }}\n", encoding="utf-8")
    send(an_adapter(plain(relay.port), templates=tmp_path), ANN, "bob@d.test")
    assert [text_of(stored.message) for stored in relay.stored] == [
        "Dear Ann: Ferry 12 is cancelled today\n",
        "Dear reader: Ferry 12 is cancelled today\n",
    ]
    assert "Hello Ann" in text_of(relay.stored[0].message, "html")


def test_a_template_that_cannot_be_filled_sends_nothing(relay: SmtpFaults, tmp_path: Path) -> None:
    (tmp_path / "email.html").write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(UsageError, match="email.html, line 1"):
        send(an_adapter(plain(relay.port), templates=tmp_path))
    assert relay.connections == 0


def test_an_address_beyond_ascii_is_written_to(relay: SmtpFaults) -> None:
    outcomes = send(an_adapter(plain(relay.port)), "άννα@d.test", "ann@bücher.test")
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 2
    assert [stored.recipients for stored in relay.stored] == [("άννα@d.test",), ("ann@xn--bcher-kva.test",)]
    assert relay.stored[1].message["To"] == "ann@xn--bcher-kva.test"


@pytest.mark.parametrize(
    "address", ["a@b.example>\r\nRCPT TO:<c@d.example", "a b@d.test", "a@b.example\n", "<a@d.test>", "a@\u2024.test"]
)
def test_what_is_no_address_reaches_no_server(relay: SmtpFaults, address: str) -> None:
    (outcome,) = send(an_adapter(plain(relay.port)), address)
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.RECIPIENT)
    assert (relay.connections, address in outcome.detail) == (0, False)


# Connections and relays


def test_many_messages_go_over_few_connections(relay: SmtpFaults) -> None:
    async def many(payload: bytes) -> list[Outcome]:
        sendings = [a_sending(payload, f"r{number}@d.test") for number in range(40)]
        waiting = iter(sendings)

        async def one_after_the_other() -> list[Outcome]:
            return [await adapter.publish(sending) for sending in waiting]

        rows = await asyncio.gather(*(one_after_the_other() for _ in range(4)))
        return [outcome for row in rows for outcome in row]

    adapter = an_adapter(plain(relay.port))
    outcomes = using(adapter, many)
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 40
    assert (len(relay.stored), relay.connections) == (40, 4)
    assert len({stored.recipients for stored in relay.stored}) == 40


def test_a_connection_that_ended_while_idle_costs_nothing_and_leaves_no_doubt(relay: SmtpFaults) -> None:
    async def twice(payload: bytes) -> list[Outcome]:
        first = await attempt(adapter, a_sending(payload))
        relay.set_mode("cut_early", remaining=1)  # the kept connection breaks in the middle of the next message
        return [first, await attempt(adapter, a_sending(payload, "bob@d.test"))]

    adapter = an_adapter(plain(relay.port))
    assert verdicts(using(adapter, twice)) == [Verdict.ACCEPTED] * 2
    assert (len(relay.stored), relay.connections) == (2, 2)


def test_idle_connections_are_given_up(relay: SmtpFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_email_relays, "IDLE_S", 0.05)

    async def with_a_pause(payload: bytes) -> None:
        passed = asyncio.Event()
        await adapter.publish(a_sending(payload))
        assert adapter._relays is not None
        (post,) = adapter._relays._posts
        assert len(post.idle) == 1
        adapter._relays._loop.call_later(0.1, passed.set)
        await passed.wait()
        assert post.idle == []
        await adapter.publish(a_sending(payload))

    adapter = an_adapter(plain(relay.port))
    using(adapter, with_a_pause)
    assert (len(relay.stored), relay.connections) == (2, 2)


def test_the_next_relay_takes_over_within_the_same_attempt(relay: SmtpFaults) -> None:
    (outcome,) = send(an_adapter(plain(CLOSED_PORT), plain(relay.port)))
    assert (outcome.verdict, len(relay.stored)) == (Verdict.ACCEPTED, 1)


@pytest.mark.parametrize("mode", ["noreply", "close", "garbage", "421greet", "421rcpt", "cut_early"])
def test_a_relay_that_fails_before_the_text_is_left_for_the_next(relay: SmtpFaults, mode: str) -> None:
    with SmtpFaults(mode) as first:
        outcomes = send(an_adapter(plain(first.port), plain(relay.port)), ANN, "bob@d.test", timeout_s=1.5)
        assert verdicts(outcomes) == [Verdict.ACCEPTED] * 2
        assert (len(first.stored), len(relay.stored), first.connections) == (0, 2, 1)


def test_the_first_relay_is_asked_again_after_a_while(relay: SmtpFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_email_relays, "SPARED_S", 0.0)
    with SmtpFaults("421greet", remaining=1) as first:
        send(an_adapter(plain(first.port), plain(relay.port)), ANN, "bob@d.test")
        assert (len(first.stored), len(relay.stored)) == (1, 1)


@pytest.mark.parametrize("mode", ["cut", "slow"])
def test_what_one_relay_may_have_taken_is_given_to_no_other(relay: SmtpFaults, mode: str) -> None:
    with SmtpFaults(mode) as first:
        (outcome,) = send(an_adapter(plain(first.port), plain(relay.port)), timeout_s=1.0)
        assert outcome.verdict is Verdict.UNCERTAIN
        assert (len(first.wait_for(1)), relay.stored) == (1, [])


def test_a_doubt_concerns_one_person_while_another_relay_gets_the_next_messages(relay: SmtpFaults) -> None:
    with SmtpFaults("cut") as first:
        outcomes = send(an_adapter(plain(first.port), plain(relay.port)), ANN, "bob@d.test")
        assert [(o.verdict, o.scope) for o in outcomes] == [
            (Verdict.UNCERTAIN, Scope.RECIPIENT),
            (Verdict.ACCEPTED, Scope.CHANNEL),
        ]
        assert (len(first.stored), len(relay.stored)) == (1, 1)


def test_a_doubt_with_every_relay_concerns_the_channel() -> None:
    with SmtpFaults("cut") as first, SmtpFaults("cut") as second:
        outcomes = send(an_adapter(plain(first.port), plain(second.port)), ANN, "bob@d.test")
    assert [(o.verdict, o.scope) for o in outcomes] == [
        (Verdict.UNCERTAIN, Scope.RECIPIENT),
        (Verdict.UNCERTAIN, Scope.CHANNEL),
    ]


def test_one_message_finds_out_whether_a_spared_relay_is_well_again(relay: SmtpFaults) -> None:
    with SmtpFaults("slow", delay_seconds=0.3) as first:
        adapter = an_adapter(plain(first.port), plain(relay.port))

        async def together(payload: bytes) -> list[Verdict]:
            assert adapter._relays is not None
            adapter._relays._posts[0].spared_until = adapter._relays._loop.time() - 1.0
            asked = (adapter.publish(a_sending(payload, f"r{number}@d.test")) for number in range(5))
            return [outcome.verdict for outcome in await asyncio.gather(*asked)]

        assert using(adapter, together) == [Verdict.ACCEPTED] * 5
        assert (len(first.stored), len(relay.stored)) == (1, 4)


def test_a_text_that_a_relay_could_not_take_goes_to_the_next(relay: SmtpFaults) -> None:
    with SmtpFaults("421data") as first:
        (outcome,) = send(an_adapter(plain(first.port), plain(relay.port)))
        assert (outcome.verdict, len(relay.stored)) == (Verdict.ACCEPTED, 1)


def test_a_text_that_a_relay_refuses_is_not_tried_elsewhere(relay: SmtpFaults) -> None:
    with SmtpFaults("554data") as first:
        (outcome,) = send(an_adapter(plain(first.port), plain(relay.port)))
        assert (outcome.verdict, outcome.scope, relay.connections) == (Verdict.REFUSED, Scope.CONTENT, 0)


def test_a_refused_recipient_is_not_tried_elsewhere_and_the_connection_goes_on(relay: SmtpFaults) -> None:
    with SmtpFaults(refused={"gone@d.test": "550 5.1.1 no such user"}) as first:
        outcomes = send(an_adapter(plain(first.port), plain(relay.port)), "gone@d.test", ANN)
        assert [(o.verdict, o.scope, o.reason) for o in outcomes] == [
            (Verdict.REFUSED, Scope.RECIPIENT, Reason.NO_SUCH_ADDRESS),
            (Verdict.ACCEPTED, Scope.CHANNEL, Reason.NONE),
        ]
        assert (len(first.stored), first.connections, relay.connections) == (1, 1, 0)


def test_greylisting_concerns_one_person_and_passes(relay: SmtpFaults) -> None:
    relay.set_mode("grey")
    first, again = send(an_adapter(plain(relay.port)), ANN, ANN)
    assert (first.verdict, first.scope) == (Verdict.THROTTLED, Scope.RECIPIENT)
    assert again.verdict is Verdict.ACCEPTED


# Encryption and login


def test_a_login_goes_over_an_encrypted_connection() -> None:
    with SmtpFaults("auth") as server:
        (outcome,) = send(an_adapter(secure(server.port), ca_file=server.ca_file))
        assert (outcome.verdict, len(server.stored)) == (Verdict.ACCEPTED, 1)


def test_a_wrong_password_is_told_without_showing_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with SmtpFaults("auth") as server:
        (outcome,) = send(an_adapter(secure(server.port, "a wrong password"), ca_file=server.ca_file))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert "a wrong password" not in outcome.detail + caplog.text


def test_a_missing_login_is_told() -> None:
    with SmtpFaults("auth") as server:
        (outcome,) = send(an_adapter(Relay(host="127.0.0.1", port=server.port), ca_file=server.ca_file))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert "Give the relay user" in outcome.detail


def test_a_server_that_does_not_encrypt_gets_nothing(relay: SmtpFaults) -> None:
    (outcome,) = send(an_adapter(secure(relay.port)))
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert "offers no encryption" in outcome.detail
    assert relay.stored == []


def test_a_certificate_that_nobody_vouches_for_gets_nothing() -> None:
    with SmtpFaults("auth") as server:
        (outcome,) = send(an_adapter(secure(server.port)))
        assert outcome.verdict is Verdict.UNAVAILABLE
        assert "could not be verified" in outcome.detail
        assert server.stored == []


def test_a_password_that_is_not_set_skips_the_channel_and_says_where_it_was_expected(relay: SmtpFaults) -> None:
    bare = Relay(host="127.0.0.1", port=relay.port, user="u", password=Secret("env", "NO_SUCH_VARIABLE"))
    (outcome,) = send(an_adapter(bare))
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert "NO_SUCH_VARIABLE" in outcome.detail


def test_a_probe_logs_in_and_says_which_relay_is_used(relay: SmtpFaults) -> None:
    with SmtpFaults("auth") as server:
        adapter = an_adapter(plain(CLOSED_PORT), secure(server.port), ca_file=server.ca_file)
        probed = using(adapter, lambda _: adapter.probe(5.0))
        assert probed.ok
        assert probed.detail == "The relay 127.0.0.1 takes mail from notices@ferries.example."
        wrong = an_adapter(secure(server.port, "wrong one"), ca_file=server.ca_file)
        probed = using(wrong, lambda _: wrong.probe(5.0))
        assert not probed.ok
        assert "does not accept the login" in probed.detail
        assert server.stored == []


# A real mail server


@pytest.fixture
def on_postfix(postfix: Postfix) -> Postfix:
    postfix.reset()
    return postfix


def to_postfix(postfix: Postfix, **own: Any) -> Any:
    return an_adapter(Relay(host="127.0.0.1", port=postfix.port), ca_file=postfix.ca_file, **own)


@pytest.mark.server
def test_postfix_delivers_what_was_said_to_whom_it_was_said(on_postfix: Postfix) -> None:
    text = "Σήμερα ακυρώνεται.\n.\n..dots\nFrom here\n" + "long " * 300
    people = [Recipient(address=f"r{number}@d.test", name=f"Ζωή {number}", language="el") for number in range(5)]
    outcomes = send(to_postfix(on_postfix), *people, errand=an_errand(text))
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 5
    mails = on_postfix.mails()
    assert {mail.recipient for mail in mails} == {person.address for person in people}
    for mail in mails:
        message = parsed(mail.raw)
        number = mail.recipient[1]
        assert text.strip() in text_of(message)
        assert text_of(message).startswith(f"Γεια σας Ζωή {number},")
        assert mail.sender == "notices@ferries.example"


@pytest.mark.server
def test_postfix_refuses_people_one_by_one(on_postfix: Postfix) -> None:
    outcomes = send(
        to_postfix(on_postfix), "rejected@d.test", "gone@d.test", "full@d.test", "grey@d.test", "x@other.test", ANN
    )
    assert [(o.verdict, o.scope, o.reason) for o in outcomes] == [
        (Verdict.REFUSED, Scope.RECIPIENT, Reason.NO_SUCH_ADDRESS),
        (Verdict.REFUSED, Scope.RECIPIENT, Reason.NOT_ALLOWED),
        (Verdict.UNAVAILABLE, Scope.RECIPIENT, Reason.SERVER_ERROR),
        (Verdict.UNAVAILABLE, Scope.RECIPIENT, Reason.SERVER_ERROR),
        (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED),
        (Verdict.ACCEPTED, Scope.CHANNEL, Reason.NONE),
    ]
    assert [mail.recipient for mail in on_postfix.mails()] == ["ann@d.test"]


@pytest.mark.server
def test_many_refusals_do_not_slow_the_rest_down(on_postfix: Postfix) -> None:
    refused = ["rejected@d.test"] * 25  # Postfix would wait after 10 mistakes on one connection, and hang up after 20
    outcomes = send(to_postfix(on_postfix), *refused, ANN, timeout_s=2.0)
    assert verdicts(outcomes) == [*[Verdict.REFUSED] * 25, Verdict.ACCEPTED]
    assert {outcome.scope for outcome in outcomes[:25]} == {Scope.RECIPIENT}


@pytest.mark.server
def test_postfix_refuses_a_sender_and_a_message_that_is_too_large(on_postfix: Postfix) -> None:
    (sender,) = send(to_postfix(on_postfix, sender=REFUSED_SENDER))
    (large,) = send(to_postfix(on_postfix), errand=an_errand("x" * 1_200_000))
    assert (sender.verdict, sender.scope) == (Verdict.REFUSED, Scope.CHANNEL)
    assert (large.verdict, large.scope, large.reason) == (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED)
    assert on_postfix.mails() == []


@pytest.mark.server
def test_bounces_of_a_list_can_be_told_apart_at_postfix(on_postfix: Postfix) -> None:
    send(to_postfix(on_postfix, envelope_from="b+{address}@ferries.example"))
    assert [mail.sender for mail in on_postfix.mails()] == ["b+ann=d.test@ferries.example"]
