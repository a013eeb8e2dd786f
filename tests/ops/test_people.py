"""People are told: once for each cause, by whatever reaches them, and whatever goes wrong with the telling."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from surecast.broadcaster import Broadcaster
from surecast.broadcaster.desk import Desk
from surecast.config import Config, Network, Person, load_config
from surecast.config.assemble import assemble
from surecast.contact import Medium
from surecast.errors import LedgerError
from surecast.ledger import rounds
from surecast.ledger.rounds import Told
from surecast.ops.people import People
from surecast.outcome import Reason, Verdict
from surecast.quiet import Quiet
from surecast.sandbox import Fault, On, Sandbox
from surecast.sandbox.server import Post
from surecast.testing import FakeChannel, fail, say
from surecast.text.messages import render_message

DORA, PHONE = "dora@ferries.example", "+306941234567"
BOTH = Person(name="Dora Manager", email=DORA, phone=PHONE, via=("email", "phone"))
BY_MAIL = replace(BOTH, via=("email",))
CAUSE = "credentials:bluesky"
VALUES: dict[str, Any] = {"platform": "Bluesky", "channel": "bluesky", "why": "it refused our login"}
SUBJECT = render_message("needs_a_person", None, **VALUES).subject


def tell(caster: Broadcaster, config: Config, cause: str = CAUSE, message: str = "needs_a_person", **own: Any) -> bool:
    async def told(desk: Desk) -> bool:
        return await People(desk, config.charge, config.templates).tell(cause, message, **{**VALUES, **own})

    return caster.attend(told)


def over(caster: Broadcaster, config: Config, cause: str = CAUSE) -> None:
    caster.attend(lambda desk: People(desk, config.charge).over(cause))


def causes(caster: Broadcaster) -> tuple[Told, ...]:
    async def listed(desk: Desk) -> tuple[Told, ...]:
        return await desk.ledger.do(rounds.told)

    return caster.attend(listed)


def soon(true: Callable[[], Any], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


# Over platforms in memory


@pytest.fixture
def mail() -> FakeChannel:
    return _direct("mail", Medium.EMAIL)


@pytest.fixture
def sms() -> FakeChannel:
    return _direct("sms", Medium.PHONE)


def _direct(name: str, medium: Medium) -> FakeChannel:
    channel = {"audience": "riders", "settle_after_s": 0.05, "attempts": 1}
    return FakeChannel(name, public=False, medium=medium, resend="after_lookup", channel=channel)


def fake_config(folder: Path, *fakes: FakeChannel, people: tuple[Person, ...] = (BOTH,), **own: Any) -> Config:
    return Config(
        sender="Harbour Ferries",
        path=folder / "surecast.toml",
        ledger=folder / "ledger.db",
        network=Network(independent=()),
        channels={fake.name: fake.channel for fake in fakes},
        people={f"person{number}": person for number, person in enumerate(people)},
        **own,
    )


def test_people_are_told_once_for_a_cause_and_anew_when_it_comes_again(tmp_path: Path, mail: FakeChannel) -> None:
    config = fake_config(tmp_path, mail)
    with assemble(config) as caster:
        assert [tell(caster, config) for _ in range(3)] == [True, False, False]
        soon(lambda: mail.recipients == [DORA])
        (told,) = causes(caster)
        assert (told.cause, told.times) == (CAUSE, 3)
        assert caster.status(str(told.broadcast)).key is not None
        over(caster, config)
        assert causes(caster) == ()
        assert [tell(caster, config) for _ in range(2)] == [True, False]
        soon(lambda: mail.recipients == [DORA, DORA])
    assert mail.texts == [SUBJECT, SUBJECT]


def test_two_causes_are_two_messages_though_they_say_the_same(tmp_path: Path, mail: FakeChannel) -> None:
    config = fake_config(tmp_path, mail)
    with assemble(config) as caster:
        assert [tell(caster, config, cause) for cause in ("a", "a%", "a_")] == [True, True, True]
        soon(lambda: len(mail.texts) == 3)


def test_everybody_in_charge_gets_it_each_by_the_first_way_of_theirs_that_works(
    tmp_path: Path, mail: FakeChannel, sms: FakeChannel
) -> None:
    boss = Person(name="Bob Owner", phone="+306941234568", via=("phone",))
    config = fake_config(tmp_path, mail, sms, people=(BOTH, boss))
    with assemble(config) as caster:
        assert tell(caster, config)
        soon(lambda: mail.recipients and sms.recipients)
    assert (mail.recipients, sms.recipients) == ([DORA], ["+306941234568"])


def test_where_nobody_is_configured_nobody_is_told_and_the_cause_stays_new(
    tmp_path: Path, mail: FakeChannel, sms: FakeChannel
) -> None:
    nobody = fake_config(tmp_path, mail, people=())
    no_way = fake_config(tmp_path, sms, people=(BY_MAIL,))
    somebody = fake_config(tmp_path, mail)
    for config, expected in ((nobody, False), (no_way, False), (somebody, True)):
        with assemble(config) as caster:
            assert tell(caster, config) is expected
            soon(lambda: len(mail.texts) == int(expected))  # noqa: B023 - waited for within the round


def test_the_channel_that_fails_is_the_last_by_which_they_hear_of_it(
    tmp_path: Path, mail: FakeChannel, sms: FakeChannel
) -> None:
    config = fake_config(tmp_path, mail, sms)
    with assemble(config) as caster:
        assert tell(caster, config, failing="mail")
        soon(lambda: sms.recipients == [PHONE])
        assert mail.published == []
        sms.script(say(Verdict.REFUSED, reason=Reason.TEXT_REFUSED))
        assert tell(caster, config, "another", failing="mail")
        soon(lambda: mail.recipients == [DORA])


def test_who_can_be_reached_by_nothing_else_is_told_by_the_channel_that_fails(
    tmp_path: Path, mail: FakeChannel, sms: FakeChannel
) -> None:
    config = fake_config(tmp_path, mail, sms, people=(BY_MAIL,))
    with assemble(config) as caster:
        assert tell(caster, config, failing="mail")
        soon(lambda: mail.recipients == [DORA])
    assert sms.published == []


@pytest.mark.parametrize(
    "failure",
    [
        say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS),
        say(Verdict.REFUSED, reason=Reason.TEXT_REFUSED),
        fail(TimeoutError()),
    ],
)
def test_whatever_goes_wrong_with_the_mail_an_sms_that_costs_money_takes_its_place(
    tmp_path: Path, mail: FakeChannel, failure: Any
) -> None:
    costs = {"audience": "riders", "price": 0.01, "max_cost": 1.0, "max_cost_per_day": 1.0}
    costly = FakeChannel("sms", public=False, medium=Medium.PHONE, resend="after_lookup", channel=costs, costly=True)
    mail.script(failure)
    config = fake_config(tmp_path, mail, costly)
    with assemble(config) as caster:
        assert tell(caster, config)
        soon(lambda: costly.recipients == [PHONE])


def test_neither_quiet_hours_nor_the_bound_on_messages_keep_it_back(tmp_path: Path, mail: FakeChannel) -> None:
    here = datetime.now(UTC)
    now = Quiet(begins=(here - timedelta(hours=1)).time(), ends=(here + timedelta(hours=1)).time())
    config = fake_config(tmp_path, mail, quiet=now)
    with assemble(config) as caster:
        assert all(tell(caster, config, f"cause {number}") for number in range(5))
        soon(lambda: len(mail.texts) == 5)


def test_it_is_no_announcement_of_the_house(tmp_path: Path, mail: FakeChannel) -> None:
    site = FakeChannel("site")
    config = fake_config(tmp_path, mail, site)
    with assemble(config) as caster:
        said = caster.broadcast("Ferry 12 is cancelled today", route="site")
        assert tell(caster, config)
        soon(lambda: mail.texts)
        assert caster.status("last").id == said.id
        assert set(caster.health()) == {"mail", "site"}


# What goes wrong with the telling


def test_many_who_tell_of_it_at_once_tell_it_once(tmp_path: Path, mail: FakeChannel) -> None:
    config = fake_config(tmp_path, mail)

    async def at_once(desk: Desk) -> list[bool]:
        people = People(desk, config.charge)
        return await asyncio.gather(*(people.tell(CAUSE, "needs_a_person", **VALUES) for _ in range(8)))

    with assemble(config) as caster:
        assert sorted(caster.attend(at_once)) == [False] * 7 + [True]
        soon(lambda: mail.texts)
        time.sleep(0.3)
    assert len(mail.published) == 1


def test_what_a_process_entered_that_died_before_it_told_is_told_by_the_next(tmp_path: Path, mail: FakeChannel) -> None:
    config = fake_config(tmp_path, mail)

    async def enter(desk: Desk) -> bool:
        return await desk.ledger.do(rounds.tell, CAUSE, desk.clock.now() - 60.0)

    with assemble(config) as caster:
        assert caster.attend(enter)
        assert [tell(caster, config) for _ in range(2)] == [True, False]
        soon(lambda: len(mail.texts) == 1)


def test_a_message_that_cannot_be_written_is_no_error_and_is_tried_again(tmp_path: Path, mail: FakeChannel) -> None:
    config = fake_config(tmp_path, mail)
    with assemble(config) as caster:
        assert not tell(caster, config, message="no_such_message")
        assert not tell(caster, config, since="not a moment")
        assert tell(caster, config)
        soon(lambda: mail.texts == [SUBJECT])


def test_a_ledger_that_cannot_be_written_is_no_error_and_they_are_told_when_it_can(
    tmp_path: Path, mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = fake_config(tmp_path, mail)

    def full(*_: Any) -> bool:
        raise LedgerError("The disk is full.")

    with assemble(config) as caster:
        caster.health()
        for name in ("tell", "told_by", "over"):
            with monkeypatch.context() as patched:
                patched.setattr(rounds, name, full)
                tell(caster, config, name)
        tell(caster, config, "tell")
        tell(caster, config, "told_by")
        soon(lambda: len(mail.texts) == 3)
        time.sleep(0.3)
    assert len(mail.published) == 3, "each once"


def test_a_broken_template_of_the_house_gives_way_to_the_shipped_one(tmp_path: Path, mail: FakeChannel) -> None:
    own = tmp_path / "templates" / "people"
    own.mkdir(parents=True)
    (own / "needs_a_person.txt.j2").write_text("Hey, {{ channel }}!\n\nGo and look.\n", "utf-8")
    config = fake_config(tmp_path, mail, templates=tmp_path / "templates")
    with assemble(config) as caster:
        assert tell(caster, config, "good")
        soon(lambda: mail.texts == ["Hey, bluesky!"])
        (own / "needs_a_person.txt.j2").write_text("{{ nothing.like.it }}", "utf-8")
        assert tell(caster, config, "broken")
        soon(lambda: mail.texts == ["Hey, bluesky!", SUBJECT])


# Over simulated platforms


TOML = """\
sender = "Harbour Ferries"

[network]
independent = []

[routes]
default = "newsletter"

[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{{ host = "{mail}" }}]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"

[channels.text]
type = "twilio"
api = "{twilio}"
account_sid = {{ env = "ACCOUNT_SID" }}
auth_token = {{ env = "AUTH_TOKEN" }}
from = "+15005550006"
opt_out = "Reply STOP to end"
audience = "riders"
price = 0.01
max_cost = 0.02
max_cost_per_day = 0.02

[audiences.riders]
source = "riders.csv"
consent = {{ email = "signup form", sms = "signup form" }}

[people.duty]
name = "Dora Manager"
email = "dora@ferries.example"
phone = "+306941234567"
via = ["email", "phone"]
"""


@pytest.fixture
def far_side() -> Iterator[Sandbox]:
    with Sandbox.in_thread(("email", "twilio")) as sandbox:
        yield sandbox


@pytest.fixture
def config(tmp_path: Path, far_side: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ACCOUNT_SID", "AC" + "1" * 32)
    monkeypatch.setenv("AUTH_TOKEN", "token")
    (tmp_path / "riders.csv").write_text("phone\n+306940000001\n+306940000002\n", "utf-8")
    path = tmp_path / "surecast.toml"
    path.write_text(TOML.format(mail=far_side.url("email"), twilio=far_side.url("twilio")), "utf-8")
    found = load_config(path)
    assert found.mistakes == ()
    return found


def letters(sandbox: Sandbox) -> tuple[Post, ...]:
    return sandbox.platforms["email"].posts()


def messages(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(post.author, post.text) for post in sandbox.platforms["twilio"].posts()]


SMS = (PHONE, f"Harbour Ferries: {SUBJECT}")


def test_a_letter_says_it_in_the_subject_and_the_rest_below(config: Config, far_side: Sandbox) -> None:
    with assemble(config) as caster:
        assert tell(caster, config, does=("It goes on without Bluesky.",))
        soon(lambda: letters(far_side))
    (letter,) = letters(far_side)
    assert (letter.raw["to"], letter.raw["message"]["Subject"]) == (DORA, SUBJECT)
    assert letter.text.count(SUBJECT) == 1
    assert "Dora Manager" in letter.text
    assert "What is wrong with bluesky (Bluesky): it refused our login." in letter.text
    assert "- It goes on without Bluesky." in letter.text
    assert messages(far_side) == []


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.FORBIDDEN, Fault.REFUSED])
def test_when_no_relay_takes_the_letter_they_get_an_sms(config: Config, far_side: Sandbox, fault: Fault) -> None:
    far_side.fault("email", fault)
    with assemble(config) as caster:
        assert tell(caster, config)
        soon(lambda: messages(far_side) == [SMS], 40)
    assert letters(far_side) == ()


def test_when_the_newsletter_fails_they_hear_of_it_by_sms_alone(config: Config, far_side: Sandbox) -> None:
    with assemble(config) as caster:
        assert tell(caster, config, failing="newsletter")
        soon(lambda: messages(far_side) == [SMS])
        (told,) = causes(caster)
        soon(lambda: caster.status(str(told.broadcast)).satisfied)
    assert letters(far_side) == ()


def test_when_the_sms_does_not_go_either_the_channel_that_fails_is_tried(config: Config, far_side: Sandbox) -> None:
    far_side.fault("twilio", Fault.UNAUTHORIZED)
    with assemble(config) as caster:
        assert tell(caster, config, failing="newsletter")
        soon(lambda: len(letters(far_side)) == 1)


def test_the_caps_hold_for_the_people_but_are_not_used_up_by_others(config: Config, far_side: Sandbox) -> None:
    with assemble(config) as caster:
        assert caster.broadcast("Ferry 12 is cancelled today", route="text").satisfied
        assert len(messages(far_side)) == 2, "and no money is left on this channel today"
        for number in range(3):
            assert tell(caster, config, f"cause {number}", failing="newsletter")
        soon(lambda: len(letters(far_side)) == 1)
    assert messages(far_side).count(SMS) == 2


def test_no_address_and_no_name_of_a_person_ends_in_a_log_or_a_report(
    config: Config, far_side: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    far_side.fault("email", Fault.DOWN, on=On.ALL)
    with assemble(config) as caster:
        assert tell(caster, config)
        soon(lambda: messages(far_side) == [SMS], 40)
        (told,) = causes(caster)
        soon(lambda: caster.status(str(told.broadcast)).satisfied)
        report = caster.status(str(told.broadcast))
        shown = f"{caplog.text}{report}{report!r}{report.to_dict()}{caster.facts(str(told.broadcast))}"
        shown += f"{config!r}{config.charge!r}"
    for secret in (DORA, PHONE, "Dora"):
        assert secret not in shown
