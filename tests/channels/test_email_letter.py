"""Messages put together from pieces, beside the same ones made whole by jinja2 and the standard library."""

from __future__ import annotations

import json
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from importlib.resources import files

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.channels.email_bench import parsed, text_of

from surecast.channels._email_letter import HTML, TEXT, Frozen, Letter, unsubscribe_token
from surecast.contact import Recipient
from surecast.errors import UsageError
from surecast.text.fit import clean
from surecast.text.mime import one_line
from surecast.text.template import environment

TEMPLATES = files("surecast").joinpath("templates")
WORDS = json.loads(TEMPLATES.joinpath("email.json").read_text(encoding="utf-8"))
SOURCES = {name: TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in (TEXT, HTML)}
KEY = b"a key"

#: A template for which a value can be put in later, and others for which it cannot.
SHOWN = "{{ greeting }} {{ name }} {{ address }} {% if name %}{{ text }}{% endif %} {{ unsubscribe }}"
MORE_THAN_SHOWN = (
    "{{ name|upper }}",
    "{{ name[:1] }}.",
    "{% if name == 'Bob' %}Bob!{% endif %}",
    "{{ name|length }}",
    "{% for letter in name %}{{ letter }},{% endfor %}",
    "{{ name.split()[0] if name else '' }}",
    "{{ address|replace('@', ' at ') }}",
    "{% if 'example' in address %}known{% endif %}",
    "{{ {'a@example.org': 'yes'}[address]|default('no') }}",
    "{{ name|urlencode }}",
    "{{ greeting|truncate(9) }}",
    "{{ unsubscribe|trim('x') }}{{ name ~ name|lower }}",
)


def frozen(**own: object) -> Frozen:
    shared = {
        "title": "Ferry 12",
        "text": "It is cancelled today.\n\nΣήμερα <όχι> & https://ferries.example/12",
        "body": "",
        "url": "https://ferries.example/12",
        "sender": "Harbour Ferries",
        "postal_address": "Pier 3, Harbour",
    }
    letter = Frozen(
        sender=("Harbour Ferries", "notices@ferries.example"),
        reply_to="office@ferries.example",
        envelope_from="",
        subject="Ferry 12",
        date="Thu, 26 Nov 2026 06:00:00 +0000",
        boundary="=_b",
        language="en",
        shared=shared,
        words=WORDS,
        templates=SOURCES,
        leave=("https://ferries.example/stop?who={address}&proof={token}", "mailto:stop@ferries.example"),
        one_click=True,
    )
    return replace(letter, **own)  # type: ignore[arg-type]


def whole(letter: Frozen, to: Recipient) -> tuple[str, str]:
    """Text and HTML as jinja2 makes them, from nothing but the documented names."""
    tag = next(tag for tag in (to.language, to.language.partition("-")[0], "en") if tag in WORDS)
    words = {**WORDS[tag], "language": tag}
    words["why"] = words["why"].replace("{sender}", letter.shared["sender"])
    name = one_line(to.name)
    token = unsubscribe_token(KEY, to.address)
    values = {
        **letter.shared,
        "subject": letter.subject,
        "language": letter.language,
        "words": words,
        "name": name,
        "address": to.address,
        "greeting": words["hello"].replace("{name}", name) if name else "",
        "unsubscribe": f"https://ferries.example/stop?who={to.address.replace('@', '%40')}&proof={token}",
    }
    made = made_of(letter.templates[TEXT], letter.templates[HTML])
    text, html = (made.get_template(each).render(**values).rstrip("\n") + "\n" for each in (TEXT, HTML))
    return text, html


@cache
def made_of(text: str, html: str) -> jinja2.Environment:
    return environment(loader=jinja2.DictLoader({TEXT: text, HTML: html}))


def reference(letter: Frozen, to: Recipient, message_id: str) -> EmailMessage:
    """The same message by the standard library."""
    text, html = whole(letter, to)
    token = unsubscribe_token(KEY, to.address)
    link = f"https://ferries.example/stop?who={to.address.replace('@', '%40')}&proof={token}"
    made = EmailMessage()
    made["To"] = f"<{to.address}>"
    made["Message-ID"] = f"<{message_id}>"
    made["List-Unsubscribe"] = f"<{link}>, <mailto:stop@ferries.example>"
    made["From"] = f'"{letter.sender[0]}" <{letter.sender[1]}>'
    made["Subject"] = one_line(letter.subject)
    made["Date"] = letter.date
    made["Reply-To"] = f"<{letter.reply_to}>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    made.add_alternative(html, subtype="html")
    made["Content-Language"] = letter.language
    return made


def unfolded(value: object) -> str:
    return " ".join(str(value).split())


WORDS_OF_PEOPLE = st.one_of(
    st.text(max_size=40), st.sampled_from(["Ann", "Zoë <b>", 'O\'Hara & "Co"', ".", "From me", "{{ name }}", "%s", ""])
)
PEOPLE = st.builds(
    Recipient,
    address=st.from_regex(r"[a-z]{1,12}@[a-z]{1,20}\.example", fullmatch=True),
    name=WORDS_OF_PEOPLE,
    language=st.sampled_from(["en", "el", "de-AT", "fr", "es", "zu"]),
)
SAID = st.one_of(st.text(max_size=200), st.text("a.\n <&>\U0010f000\ue000é", max_size=120)).map(clean)


@settings(max_examples=60)
@given(PEOPLE, SAID, SAID, st.booleans())
def test_a_message_from_pieces_is_the_one_that_jinja2_and_the_standard_library_make(
    to: Recipient, title: str, text: str, own: bool
) -> None:
    letter = frozen(subject=one_line(title) or "x")
    letter = replace(letter, shared={**letter.shared, "title": title, "text": text or "x"})
    if own:
        letter = replace(letter, templates={TEXT: SHOWN, HTML: f"<p>{SHOWN}</p>"})
    sent = Letter(Frozen.read(letter.payload()), KEY)
    read, expected = parsed(sent.message(to, "a key")), reference(letter, to, sent.message_id("a key"))
    assert not any(part.defects for part in read.walk())
    assert {*read.keys()} == {*expected.keys()}
    for name in {*expected.keys()} - {"To", "Content-Type"}:
        assert unfolded(read[name]) == unfolded(expected[name]), name
    shown, address = parseaddr(str(read["To"]))
    assert (unfolded(make_header(decode_header(shown))).replace(" ", ""), address) == (
        one_line(to.name).replace(" ", ""),
        to.address,
    )
    for kind in ("plain", "html"):
        assert text_of(read, kind) == text_of(expected, kind)


@settings(max_examples=25)
@given(PEOPLE, st.sampled_from(MORE_THAN_SHOWN))
def test_a_template_that_does_more_than_show_a_value_is_filled_for_each_person(to: Recipient, template: str) -> None:
    letter = frozen(templates={TEXT: template, HTML: f"<b>{template}</b>{{{{ text }}}}"})
    read = parsed(Letter(letter, KEY).message(to, "a key"))
    assert (text_of(read), text_of(read, "html")) == whole(letter, to)


@pytest.mark.parametrize("template", ["{{ nothing }}", "{% if %}", "{{ 1/0 }}"])
def test_a_template_that_cannot_be_filled_is_told_before_anything_is_sent(template: str) -> None:
    with pytest.raises(UsageError, match="email.html"):
        Letter(frozen(templates={TEXT: "ok", HTML: template}), KEY).try_out()


def message_to(name: str, language: str = "en") -> str:
    message = Letter(frozen(), KEY).message(Recipient(address="a@b.example", name=name, language=language), "key")
    return text_of(parsed(message))


@pytest.mark.parametrize(
    ("language", "hello"),
    [
        ("en", "Hello Ann,"),
        ("el", "Γεια σας Ann,"),
        ("de-CH", "Guten Tag Ann,"),
        ("fr", "Bonjour Ann,"),
        ("xx", "Hello Ann,"),
    ],
)
def test_a_reader_is_greeted_in_their_language_where_it_is_known(language: str, hello: str) -> None:
    assert message_to("Ann", language).startswith(f"{hello}\n")


def test_who_has_no_name_is_not_greeted() -> None:
    assert message_to("").startswith("Ferry 12\n")


def test_every_attempt_has_the_same_message_and_every_delivery_its_own_name() -> None:
    to = Recipient(address="a@b.example", name="Ann")
    first, again = (Letter(Frozen.read(frozen().payload()), KEY).message(to, "key 1") for _ in range(2))
    other = Letter(frozen(), KEY).message(to, "key 2")
    assert first == again
    assert parsed(first)["Message-ID"] != parsed(other)["Message-ID"]
    assert str(parsed(first)["Message-ID"]).endswith("@ferries.example>")


def test_no_line_is_longer_than_a_mail_server_takes() -> None:
    letter = frozen(subject="long " * 300)
    letter = replace(letter, shared={**letter.shared, "title": "x" * 3_000, "text": "y " * 3_000})
    message = Letter(letter, KEY).message(Recipient(address="a@b.example", name="n" * 500), "key")
    assert max(len(line) for line in message.split(b"\r\n")) <= 140  # the link for leaving is one word
    assert message.isascii()


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("", "ann@b.example", "notices@ferries.example"),
        ("bounces@ferries.example", "ann@b.example", "bounces@ferries.example"),
        ("b+{address}@ferries.example", "ann@b.example", "b+ann=b.example@ferries.example"),
        ("b+{address}@ferries.example", f"{'a' * 60}@b.example", "b@ferries.example"),
        ("b+{address}@ferries.example", "ünï@b.example", "b@ferries.example"),
    ],
)
def test_bounces_go_where_they_can_be_told_apart(pattern: str, address: str, expected: str) -> None:
    assert Letter(frozen(envelope_from=pattern)).envelope_from(address) == expected


def test_a_token_proves_one_address_and_no_other() -> None:
    tokens = {unsubscribe_token(key, address) for key in (b"1", b"2") for address in ("a@b.c", "b@b.c")}
    assert len(tokens) == 4
    assert all(len(token) == 22 for token in tokens)
