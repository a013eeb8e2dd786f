from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from surecast.audiences import mail
from surecast.audiences.flaws import Unusable
from surecast.audiences.mail import mail_address

ODD = "aZ09_-+.!'é@ \"\\(),:;<>[]\u200b\udce9\0\n"
LOCALS = st.one_of(
    st.text("abzABZ019_-+.", min_size=1, max_size=70),
    st.sampled_from(
        ["Postmaster", "INFO", "info", "Sales", "anna", "Anna", "www", "uucp", "Hostmaster", "o'neil", "é"]
    ),
)
DOMAINS = st.one_of(
    st.text("abzABZ019-.", min_size=1, max_size=30).map(lambda text: f"{text}.example"),
    st.sampled_from(
        [
            *(
                "Ferries.Example",
                "x.test",
                "localhost",
                "1.2.3.4",
                "a..b.com",
                "bücher.example",
                "xn--bcher-kva.example",
            ),
            *("xn--a.com", "x.com.", ".x.com", "x_y.com", "ab--cd.com", f"{'a' * 63}.com", f"{'a' * 64}.com"),
            "a." * 125 + "com",
        ]
    ),
)


def by_the_library(value: str) -> str:
    """What `email_validator` alone makes of it; empty where it refuses it."""
    try:
        found = validate_email(value, check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        return ""
    return found.ascii_email or found.normalized


def by_us(value: str) -> str:
    try:
        return mail_address(value)
    except Unusable:
        return ""


@given(LOCALS, DOMAINS)
def test_an_address_is_what_the_library_says(local: str, domain: str) -> None:
    assert by_us(f"{local}@{domain}") == by_the_library(f"{local}@{domain}")


@given(st.text(ODD, max_size=30))
def test_any_text_is_what_the_library_says_or_is_refused(text: str) -> None:
    assert by_us(text) in {by_the_library(text), ""}


def test_plain_addresses_ask_the_library_once_for_their_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = mail._by_library

    def counted(value: str) -> str:
        asked.append(value)
        return real(value)

    monkeypatch.setattr(mail, "_by_library", counted)
    mail._canonical.cache_clear()
    found = [mail_address(f"user{number}.x+y@Ferries.Example") for number in range(100)]
    assert found[7] == "user7.x+y@ferries.example"
    assert asked == ["a@Ferries.Example"]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("anna", "it is no e-mail address"),
        ("anna..b@ferries.example", "it is no e-mail address"),
        ("anna@intranet", "it is no e-mail address"),
        ("anna@ferries.example, bob@ferries.example", "it is no e-mail address"),
        ("anna@ferries.example\nBcc: all@x.example", "it holds a control character"),
        ("ann\udce9@ferries.example", "it holds bytes that are not UTF-8"),
        ("a" * 250 + "@x.example", "it is longer than 254 characters"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason_that_does_not_quote_it(written: str, what: str) -> None:
    with pytest.raises(Unusable) as refused:
        mail_address(written)
    assert refused.value.what == what
    assert "ferries" not in refused.value.what + refused.value.cure
    assert refused.value.cure


def test_a_domain_of_other_letters_is_written_in_ascii() -> None:
    assert mail_address("anna@Bücher.example") == "anna@xn--bcher-kva.example"
