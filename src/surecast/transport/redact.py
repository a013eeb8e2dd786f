"""What may be shown: secrets, e-mail addresses and phone numbers are masked in every text that leaves.

Two nets: the exact values that were registered, and patterns for what looks like a secret. The second is for
secrets that only a platform or an SDK knew, so it masks too much rather than too little.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import traceback
from collections.abc import Callable
from functools import cache
from urllib.parse import quote, quote_plus

MASK = "***"

#: A shorter value stands in ordinary words as well: masking it would make every text unreadable.
SHORTEST_SECRET = 4

#: Their messages hold URLs with tokens, phone numbers or whole posts at INFO or DEBUG.
TALKATIVE = (
    *("httpx", "httpx2", "httpcore", "urllib3", "requests", "aiohttp", "hpack"),
    *("atproto", "atproto_client", "mastodon", "telegram", "twilio", "slack_sdk", "tweepy"),
    *("aiosmtplib", "mail.log"),  # aiosmtpd logs every address
)

_lock = threading.Lock()
_registered: tuple[str, ...] = ()

_KEYS = (
    r"(?:access[_-]?|refresh[_-]?|id[_-]?|auth[_-]?|bot[_-]?|csrf[_-]?|session[_-]?)?token|accessJwt|refreshJwt|jwt|"
    r"api[_-]?key|apikey|(?:client[_-]?|app[_-]?)?secret|private[_-]?key|ledger[_-]?key|passphrase|"
    r"(?:app[_-]?)?pass(?:word|wd)?|pwd|authorization|proxy-authorization|credentials?|signature|sig|"
    r"(?:set-)?cookie|assertion|x-[a-z-]*(?:token|key|secret|signature)"
)
_NO_VALUE = r"(?:auth\w*|tokens?|scheme|credentials?|realm)\b"


def _masked_email(found: re.Match[str]) -> str:
    local, host = found["local"], found["host"]
    return f"{local[0]}{MASK}@{host[0]}{MASK}.{host.rpartition('.')[2]}"


def _masked_phone(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found["digits"])
    return f"+{digits[:2]}******{digits[-3:]}" if 8 <= len(digits) <= 15 else found[0]


_Mask = str | Callable[[re.Match[str]], str]

#: (pattern, mask, whether case is ignored), in this order: what holds others comes first.
_PATTERNS: tuple[tuple[str, _Mask, bool], ...] = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MASK, False),
    # https://user:password@host, https://token@host
    (r"(?<=://)[^/\s?#\"'<>]*@", f"{MASK}@", False),
    # "Authorization": "Bearer abc", Authorization: Basic abc
    (r"((?:proxy-)?authorization[\"']?\s*[:=]\s*)(?:[\"'][^\"'\r\n]*[\"']|[^\r\n,;}]*)", rf"\1{MASK}", True),
    (rf"\b(Bearer|DPoP)\s+(?!{_NO_VALUE})[\w.~+/=:-]+", rf"\1 {MASK}", True),
    (rf"\b(Basic|Bot|Digest|Token)\s+(?!{_NO_VALUE})[\w.~+/=:-]{{8,}}", rf"\1 {MASK}", False),
    # access_token=abc, "token": "abc", 'app_password': 'abc', X-Api-Key: abc
    (
        rf"(?<![\w-])((?:{_KEYS})[\"']?\s*[:=]\s*)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s&,;\"'}}{{)(\[\]][^\s&,;\"'}})\]]*)",
        rf"\1{MASK}",
        True,
    ),
    # ?key=abc&code=abc: only a query's key and code are secrets
    (r"([?&](?:key|code|auth|hash)=)[^&\s\"'#]+", rf"\1{MASK}", True),
    # https://api.telegram.org/bot123456:ABC-DEF/sendMessage
    (r"\d{5,14}(?::|%3A)[A-Za-z0-9_-]{25,}", MASK, True),
    # https://hooks.slack.com/services/T/B/x, https://discord.com/api/webhooks/1/x
    (r"(hooks\.slack\.com/(?:services|workflows|triggers)/|/api/webhooks/\d+/)[^\s\"'?]+", rf"\1{MASK}", True),
    (r"\b(?:xox[a-z](?:\.[a-z]+)?|xapp|xwfp)-[A-Za-z0-9-]+", MASK, True),
    (r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*", MASK, False),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|sk-|sk_live_|sk_test_|rk_live_|whsec_|AKIA)[\w-]{12,}", MASK, False),
    # Bluesky's app passwords
    (r"(?<![\w-])[a-z0-9]{4}(?:-[a-z0-9]{4}){3}(?![\w-])", MASK, True),
    # Twilio: the account and key SIDs, and the 32 hex digits of a token
    (r"\b(AC|SK)[0-9a-f]{32}\b", rf"\1{MASK}", False),
    (r"\b[0-9a-f]{32}\b", MASK, True),
    # a long mix of small letters, capitals and digits, as OAuth tokens are
    (
        r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[A-Za-z0-9_-]{40,}(?![\w-])",
        MASK,
        False,
    ),
    # rider@dock.example, but not @rider@social.example: that is a public name
    (
        r"(?<![\w.%+@-])(?P<local>[\w.%+-]+)(?:@|%40)(?P<host>[\w-]+(?:\.[\w-]+)*\.[a-z]{2,})",
        _masked_email,
        True,
    ),
    (r"(?:\+|%2B)(?P<digits>[1-9](?:[ ().-]{0,2}\d){7,14})(?!\d)", _masked_phone, True),
)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], _Mask], ...]:
    """Compiled when the first text is redacted, not when surecast is imported."""
    return tuple(
        (re.compile(pattern, re.DOTALL | (re.IGNORECASE if ignore_case else 0)), mask)
        for pattern, mask, ignore_case in _PATTERNS
    )


def redact(text: str) -> str:
    """`text` with everything masked that was registered as a secret or looks like one."""
    values = _registered
    text = _without(text, values)
    for pattern, mask in _compiled():
        text = pattern.sub(mask, text)
    return _without(text, values)


def register(secret_value: str) -> None:
    """Masks `secret_value` wherever it appears from now on, as it is and as URLs and JSON write it.

    A value of fewer than four characters is left alone. Kept in memory for the life of the process.
    """
    global _registered  # noqa: PLW0603 - one list for the process, replaced as a whole so that readers need no lock
    forms = {secret_value, *secret_value.splitlines()}
    forms |= {write(form) for form in forms for write in (quote, quote_plus, _quote_all, _as_json, _as_repr)}
    forms |= {form.strip() for form in forms}
    with _lock:
        known = {form for form in forms if len(form) >= SHORTEST_SECRET}.union(_registered)
        # The longest first: a secret may begin with another one.
        _registered = tuple(sorted(known, key=lambda form: (-len(form), form)))


def quiet_sdks() -> None:
    """Keeps the SDKs' loggers at WARNING or above; a level that somebody set higher stays."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


class RedactingFilter(logging.Filter):
    """Masks a record's message, traceback and extra texts.

    Attach it to handlers: a filter on a logger does not see what child loggers pass on.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_info = None
        for name, value in vars(record).items():
            if isinstance(value, str) and name not in _OWN_FIELDS:
                setattr(record, name, redact(value))
        return True


#: Fields of a record that name a place in the program.
_OWN_FIELDS = frozenset(
    {
        *("msg", "name", "levelname", "pathname", "filename", "module", "funcName"),
        *("threadName", "processName", "taskName"),
    }
)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit their format must not stop the program
        return str(record.msg)


def _without(text: str, values: tuple[str, ...]) -> str:
    """`text` without any of `values`; every turn shortens it, and masks that meet may form a value anew."""
    found = True
    while found:
        found = False
        for value in values:
            if value in text:
                text, found = text.replace(value, MASK), True
    return text


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _as_repr(text: str) -> str:
    return repr(text)[1:-1]
