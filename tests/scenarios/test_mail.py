"""A newsletter through real mail servers: everybody gets one that is theirs, and one reader's trouble stays theirs."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape

from tests.scenarios.letters import DOMAIN, OURS, Newsletter, Reader, numbered, plain, recipients, refusing
from tests.servers.fixtures import OwnPostfix
from tests.servers.postfix import Mail
from tests.servers.smtp_faults import PASSWORD, USER, SmtpFaults
from tests.servers.smtp_sink import SmtpSink

pytestmark = pytest.mark.server

WORDS = json.loads(files("surecast").joinpath("templates", "email.json").read_text("utf-8"))
NAMES = (
    "Jürgen Groß",
    "Ζωή Παπαδοπούλου",
    "Ann ⛴️ O'Hara",
    'William "Bill" Smith',
    "Smith, John; Jr.",
    "Tom & <b>Jerry</b>",
    "עמית כהן",
    "محمد علي",
    "José-María de la O",
    "=?utf-8?q?forged?=",
    "{{ name }} %s {0}",
    "",
)
LANGUAGES = ("de", "el", "fr", "es", "en", "pt-BR", "")


def the_readers(count: int) -> list[Reader]:
    """Readers with all names in all languages."""
    people = itertools.islice(itertools.cycle(itertools.product(NAMES, LANGUAGES)), count)
    return [
        {"email": f"rider{number}@{DOMAIN}", "name": name, "language": language}
        for number, (name, language) in enumerate(people)
    ]


def part(mail: Mail, kind: str) -> str:
    found = mail.message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def greeting(name: str, language: str) -> str:
    if not name or name.startswith("="):  # one that begins as a formula is no name
        return ""
    tag = language if language in WORDS else "en"
    return str(WORDS[tag]["hello"]).replace("{name}", name)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_readers_get_one_letter_each_that_is_theirs(tmp_path: Path, own_postfix: OwnPostfix) -> None:
    postfix, readers = own_postfix(OURS), the_readers(10_000)
    shop = Newsletter(tmp_path).readers(readers)
    shop.letters([plain(postfix.port)], unsubscribe='"https://ferries.example/stop?who={address}"').route("newsletter")
    title, text = "Η γραμμή 12 fällt aus ⛴️ – «heute»", "Tom & Jerry <b>warten</b>.\n\nΠροσοχή!"

    sent = shop.run("send", text, "--title", title, "--json")

    assert (sent.code, sent.json["state"]) == (0, "reached"), sent.err
    assert sent.json["contacts"]["reached"] == sent.json["channels"]["newsletter"]["contacts"]["reached"] == 10_000
    mails = {mail.recipient: mail for mail in postfix.mails()}
    assert postfix.count() == len(mails) == 10_000
    assert len({mail.message["Message-ID"] for mail in mails.values()}) == 10_000
    for reader in readers:
        mail = mails[reader["email"]]
        (to,) = mail.message["To"].addresses
        hello = greeting(reader["name"], reader["language"])
        assert (to.addr_spec, to.display_name) == (reader["email"], reader["name"] if hello else ""), mail.raw
        assert mail.message["Subject"] == title
        assert mail.message["List-Unsubscribe"] == (
            f"<https://ferries.example/stop?who={reader['email'].replace('@', '%40')}>"
        )
        assert mail.message.defects == []
    for mail, reader in ((mails[reader["email"]], reader) for reader in readers[: len(NAMES) * len(LANGUAGES)]):
        plain_text, page, hello = part(mail, "plain"), part(mail, "html"), greeting(reader["name"], reader["language"])
        assert hello in plain_text
        assert text in plain_text.replace("\r\n", "\n")
        assert str(escape(hello)) in page
        assert "Tom &amp; Jerry &lt;b&gt;warten&lt;/b&gt;." in page
        assert "<b>" not in page


def test_what_a_server_refuses_is_one_readers_trouble_and_its_address_alone_is_given_up(
    tmp_path: Path, own_postfix: OwnPostfix
) -> None:
    refused = {
        f"nobody@{DOMAIN}": "550 5.1.1 no such user",
        f"moved@{DOMAIN}": "551 5.1.6 user moved; try elsewhere",
        f"gone@{DOMAIN}": "551 user not local",
        f"full@{DOMAIN}": "452 4.2.2 mailbox full",
        f"grey@{DOMAIN}": "450 4.2.0 greylisted, try again in 60 seconds",
    }
    postfix = own_postfix(refusing(refused))
    people = [{"email": address} for address in refused]
    readers = [reader for five in zip(*[iter(numbered(100))] * 20, strict=True) for reader in (*five, people.pop())]
    shop = Newsletter(tmp_path).readers(readers).letters([plain(postfix.port)], "attempts = 2")
    shop.route("newsletter")

    sent = shop.run("send", "Ferry 12 is cancelled today", "--json")

    assert (sent.code, sent.json["state"]) == (0, "reached"), sent.out
    contacts = sent.json["channels"]["newsletter"]["contacts"]
    assert (contacts["reached"], contacts["missed"] + contacts["open"]) == (100, 5), contacts
    assert recipients(postfix.mails()) == {reader["email"]: 1 for reader in numbered(100)}
    with shop.broadcaster() as broadcaster:
        assert broadcaster.health()["newsletter"].not_before == 0.0
        assert {listed.masked for listed in broadcaster.suppressions()} == {f"n***@{DOMAIN}", f"m***@{DOMAIN}"}


def test_a_greylisted_reader_gets_it_later_by_work(tmp_path: Path) -> None:
    grey, full = f"grey@{DOMAIN}", f"full@{DOMAIN}"
    with SmtpFaults(refused={grey: "451 4.7.1 Greylisted", full: "452 4.2.2 mailbox full"}) as relay:
        shop = Newsletter(tmp_path).readers([*numbered(60), {"email": grey}, {"email": full}])
        shop.letters([plain(relay.port)]).route("newsletter")
        assert shop.run("send", "Ferry 12 is cancelled today").code == 0
        relay.refused.clear()
        worker = shop.start("work")
        try:
            taken = relay.wait_for(62, 60)
        finally:
            worker.terminate()
            worker.communicate(timeout=30)
    assert sorted(stored.recipients[0] for stored in taken) == sorted(
        [grey, full, *(str(r["email"]) for r in numbered(60))]
    )
    report = shop.run("status", "last", "--json").json
    assert (report["state"], report["final"], report["contacts"]["reached"]) == ("reached", True, 62)


COMPLAINT = """\
From: <feedback@mailbox.example>
To: <notices@ferries.example>
Subject: FW: Ferry 12
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is a complaint about an e-mail.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Mailbox/1.0
Version: 1
Original-Rcpt-To: <rider1@ferries.example>

--b--
"""


def test_who_bounced_or_complained_is_left_out_of_the_next_newsletter(tmp_path: Path, own_postfix: OwnPostfix) -> None:
    gone = "rider0@ferries.example"
    nobody = {
        "transport_maps": f"inline:{{ {{ {gone} = error:5.1.1 nobody has this address }} }}",
        "smtpd_reject_unlisted_recipient": "no",  # it is found out after the mail was accepted, as by another server
    }
    postfix = own_postfix({**OURS, **nobody})
    shop = Newsletter(tmp_path).readers(numbered(5)).letters([plain(postfix.port)]).route("newsletter")
    assert shop.run("send", "The first").code == 0
    (bounce,) = (mail for mail in postfix.mails() if mail.recipient == "notices@ferries.example")
    (tmp_path / "bounce.eml").write_bytes(bounce.raw)
    (tmp_path / "complaint.eml").write_text(COMPLAINT, "utf-8")
    postfix.reset()

    told = [shop.run("suppress", "import", name, "--json") for name in ("bounce.eml", "complaint.eml")]
    assert [one.code for one in told] == [0, 0], told
    sent = shop.run("send", "The second", "--json")

    assert sent.code == 0, sent.out
    assert recipients(postfix.mails()) == {f"rider{number}@ferries.example": 1 for number in (2, 3, 4)}
    assert sent.json["contacts"]["suppressed"] == 2


def test_nobody_gets_more_letters_a_day_than_the_house_says_but_in_an_emergency(
    tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    shop = Newsletter(tmp_path).readers(numbered(30)).letters([plain(smtp_sink.port)])
    shop.top('per_contact = "2/day"').route("newsletter")
    codes = [shop.run("send", text).code for text in ("one", "two")]
    third = shop.run("send", "three", "--json")
    assert codes == [0, 0]
    assert len(smtp_sink.sent()) == 60
    assert third.json["channels"]["newsletter"]["contacts"]["skipped"] == 30, third.out
    assert third.code == 4
    assert shop.run("send", "four", "--urgency", "emergency").code == 0
    assert len(smtp_sink.sent()) == 90


def test_those_in_whose_time_zone_it_is_night_are_held_and_told(tmp_path: Path, smtp_sink: SmtpSink) -> None:
    zones = ("Asia/Tokyo", "UTC", "America/Bogota")  # hours apart, and without summer time
    here = datetime.now(ZoneInfo(zones[0]))
    night = {"from": here - timedelta(hours=1), "to": here + timedelta(hours=2)}
    quiet = ", ".join(f'{word} = "{moment:%H:%M}"' for word, moment in night.items())
    readers = [{**reader, "time_zone": zones[number % 3]} for number, reader in enumerate(numbered(30))]
    shop = Newsletter(tmp_path).readers(readers).letters([plain(smtp_sink.port)])
    shop.top(f'quiet = {{ {quiet}, below = "emergency" }}').route("newsletter")

    sent = shop.run("send", "Ferry 12 is cancelled today", "--json", "--wait", "5s")

    assert (sent.code, sent.json["state"], sent.json["contacts"]["held"]) == (5, "pending", 10), sent.out
    awake = {str(reader["email"]) for reader in readers if reader["time_zone"] != zones[0]}
    assert sorted(taken.recipients[0] for taken in smtp_sink.sent()) == sorted(awake)
    assert shop.run("work", "--once").code == 0
    assert len(smtp_sink.sent()) == 20


def test_line_breaks_in_title_and_names_make_no_headers(tmp_path: Path) -> None:
    evil = "Hello\r\nBcc: everybody@evil.example\r\n\r\nBuy this"
    readers = [
        {"email": f"ann@{DOMAIN}", "name": "Ann\nBcc: a@evil.example"},
        {"email": f"bob@{DOMAIN}", "name": "Bob"},
    ]
    with SmtpFaults() as relay:
        shop = Newsletter(tmp_path).readers(readers).letters([plain(relay.port)]).route("newsletter")
        assert shop.run("send", "Ferry 12 is cancelled today", "--title", evil).code == 0
        taken = relay.stored
    assert sorted(stored.recipients[0] for stored in taken) == [f"ann@{DOMAIN}", f"bob@{DOMAIN}"]
    for stored in taken:
        assert "Bcc" not in stored.message
        assert stored.message["Subject"] == "Hello Bcc: everybody@evil.example Buy this"
        assert "evil" not in str(stored.message["To"])


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("<p>{{ greeting }}</p>\n\n{% if text %}\n<p>{{ text }}</p>", "email.html, line 4"),
        ("<p>{{ text }}</p>\n{{ nmae }}", "email.html, line 2"),
        ("<p>{{ text }}</p>\n{% if words.language == 'de' %}{{ nmae }}{% endif %}", "email.html, line 2"),
        ("<p>{{ text }}</p>\n{{ name[1000] ~ '' }}{{ 1 // (name|length - 2) }}", "email.html, line 2"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_line_before_anybody_is_written_to(
    tmp_path: Path, smtp_sink: SmtpSink, template: str, told: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "email.html").write_text(template, "utf-8")
    shop = Newsletter(tmp_path).readers(numbered(3)).letters([plain(smtp_sink.port)], 'templates = "templates"')
    shop.route("newsletter")
    checked, seen, sent = shop.run("config", "check"), shop.run("preview", "Ferry 12"), shop.run("send", "Ferry 12")
    assert (checked.code, sent.code) == (2, 4)
    for ran in (checked, seen, sent):
        assert told in ran.out + ran.err
    assert smtp_sink.sent() == []


def test_long_and_empty_and_right_to_left_names_are_no_trouble(tmp_path: Path) -> None:
    names = [
        "W" * 10_000,
        "Ω" * 10_000,
        "👩‍👩‍👧‍👦" * 1_000,
        "",
        " ",
        "\u202eevil\u202c",
        "محمد علي",
        "\u200b",
        "a\u0301" * 50,
    ]
    readers = [{"email": f"rider{number}@{DOMAIN}", "name": name} for number, name in enumerate(names)]
    with SmtpFaults() as relay:
        shop = Newsletter(tmp_path).readers(readers).letters([plain(relay.port)]).route("newsletter")
        sent = shop.run("send", "Ferry 12 is cancelled today", "--json")
        taken = {stored.recipients[0]: stored for stored in relay.stored}
    assert (sent.code, sent.json["contacts"]["reached"], len(taken)) == (0, len(names), len(names)), sent.out
    for reader in readers:
        stored = taken[reader["email"]]
        assert max(map(len, stored.content.split(b"\r\n"))) <= 998
        assert stored.message["To"].addresses[0].addr_spec == reader["email"]
        assert stored.message.defects == []
    assert taken[f"rider6@{DOMAIN}"].message["To"].addresses[0].display_name == "محمد علي"


def behind_a_login(folder: Path, relay: SmtpFaults, password: str) -> tuple[Newsletter, Path]:
    """An operator whose relay wants a login, and the file with the password."""
    shop = Newsletter(folder)
    secret = shop.folder / "password"
    secret.write_text(password, "utf-8")
    secret.chmod(0o600)
    shop.top("[network]").top(f'ca_file = "{relay.ca_file}"')
    login = f'user = "{USER}", password = {{ file = "password" }}'
    shop.readers(numbered(200)).letters([f'{{ host = "127.0.0.1", port = {relay.port}, {login} }}'])
    shop.route("newsletter")
    return shop, secret


def test_a_password_that_is_revoked_stops_the_list_and_the_rest_follows_with_a_new_one(tmp_path: Path) -> None:
    with SmtpFaults("auth") as relay:
        shop, secret = behind_a_login(tmp_path, relay, "revoked")
        sent = shop.run("send", "Ferry 12 is cancelled today", "--json", "--wait", "5s")
        assert (sent.code, sent.json["owed"], relay.stored) == (4, ["newsletter"], []), sent.out
        assert relay.connections <= 10, "those on their way, and nobody else"

        secret.write_text(PASSWORD, "utf-8")
        resumed = shop.run("resume", "--json")
        assert resumed.code == 0, resumed.out
        assert sorted(stored.recipients[0] for stored in relay.stored) == sorted(str(r["email"]) for r in numbered(200))


def test_a_login_that_is_not_accepted_is_told_as_that(tmp_path: Path) -> None:
    with SmtpFaults("auth") as relay:
        shop, _ = behind_a_login(tmp_path, relay, "revoked")
        sent = shop.run("send", "Ferry 12 is cancelled today", "--wait", "5s")
        assert "does not accept the login" in sent.out
