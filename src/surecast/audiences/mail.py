"""E-mail addresses to their canonical form.

`email_validator` has the last word and takes 40 us for it. What stands before the @ is mostly plain, and what stands
after it is mostly one of a few domains, so plain local parts are judged here, and each domain once by the library.
"""

from __future__ import annotations

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from surecast.audiences.flaws import Unusable, holds_surrogates, not_utf8

LONGEST = 254  # RFC 5321 4.5.3.1.3, erratum 1690

#: Words of letters, digits, _ and -, with single dots or pluses between them: a strict part of RFC 5322's dot-atom.
_PLAIN = re.compile(r"([a-zA-Z0-9_-]+(?:[.+][a-zA-Z0-9_-]+)*)@([a-zA-Z0-9.-]+)")


def mail_address(value: str) -> str:
    """A written address in its canonical form: the domain in small letters, and in ASCII where that is possible.

    Args:
        value: without space around it.

    Raises:
        Unusable: it is none to which mail can be sent over the Internet. Whether somebody reads it is not looked at.
    """
    found = _PLAIN.fullmatch(value)
    if found is None or len(value) > LONGEST:
        return _by_library(value)
    local, domain = found.groups()
    # Names such as Postmaster belong to everybody and are spelt small by the library; they are words of letters.
    if local.isalpha() and not local.islower():
        return _by_library(value)
    canonical = _canonical(domain)
    return f"{local}@{canonical}" if canonical and len(local) + 1 + len(canonical) <= LONGEST else _by_library(value)


@lru_cache(maxsize=8192)
def _canonical(domain: str) -> str:
    """The domain as the library writes it; empty where it refuses it."""
    try:
        return _by_library(f"a@{domain}").removeprefix("a@")
    except Unusable:
        return ""


def _by_library(value: str) -> str:
    if len(value) > LONGEST:
        raise Unusable(f"it is longer than {LONGEST} characters", "Write one address")
    if holds_surrogates(value):
        raise not_utf8()
    if not value.isprintable():
        raise Unusable("it holds a control character", "Write the address again by hand")
    try:
        found = validate_email(value, check_deliverability=False)
    except EmailNotValidError as error:
        # What follows a colon quotes the address.
        raise Unusable("it is no e-mail address", str(error).partition(":")[0].rstrip(".")) from None
    return found.ascii_email or found.normalized
