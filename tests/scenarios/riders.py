"""An operator that also writes text messages and letters to its passengers, one by one."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from surecast.broadcaster.broadcaster import Broadcaster
from surecast.config import load_config
from surecast.config.assemble import assemble
from tests.scenarios.shop import Shop

#: What one text message costs, in the currency of the caps.
PRICE = 0.01


def phone(number: int) -> str:
    """The telephone number of passenger `number`: a Greek mobile, which the numbering plan knows."""
    return f"+30694{number:07d}"


def email(number: int) -> str:
    """The e-mail address of passenger `number`."""
    return f"rider{number}@ferries.example"


class FarSms(Protocol):
    """A far side for text messages, as tests/servers has them."""

    account_sid: str
    auth_token: str
    number: str

    @property
    def url(self) -> str: ...

    def sent(self) -> list[dict[str, Any]]: ...


def held(far: FarSms) -> Counter[str]:
    """How many messages the far side took for each number."""
    return Counter(message["to"] for message in far.sent())


class Ferries(Shop):
    """A shop with passengers."""

    def riders(self, who: int | Sequence[str]) -> Self:
        """Takes so many passengers onto the list, or those with these telephone numbers; all agreed to both."""
        phones = [phone(number) for number in range(who)] if isinstance(who, int) else who
        rows = (f"{number},{it},{email(number)},yes,yes" for number, it in enumerate(phones))
        table = "\n".join(["id,phone,email,consent_sms,consent_email", *rows])
        (self.folder / "riders.csv").write_text(f"{table}\n", encoding="utf-8")
        self._channels += ["[audiences.riders]", 'source = "riders.csv"']
        return self

    def sms(
        self,
        far: FarSms,
        *more: str,
        name: str = "sms",
        url: str = "",
        max_cost: float = 1_000.0,
        token: str = "",
    ) -> Self:
        """Text messages by that far side.

        Args:
            more: other lines of the channel's table.
            url: leads to the far side, if its own does not.
            token: another one than the far side's.
        """
        secrets = f"{name.upper()}_SID", f"{name.upper()}_TOKEN"
        self._secrets |= dict(zip(secrets, (far.account_sid, token or far.auth_token), strict=True))
        self._channels += [
            f"[channels.{name}]",
            'type = "twilio"',
            f'account_sid = {{ env = "{secrets[0]}" }}',
            f'auth_token = {{ env = "{secrets[1]}" }}',
            f'from = "{far.number}"',
            f'api = "{url or far.url}"',
            'audience = "riders"',
            f"price = {PRICE}",
            f"max_cost = {max_cost}",
            *([] if any(line.startswith("max_cost_per_day") for line in more) else ["max_cost_per_day = 1000.0"]),
            *more,
        ]
        return self

    def newsletter(self, port: int, *more: str) -> Self:
        """Letters by the mail server on that port of this machine."""
        self._channels += [
            "[channels.newsletter]",
            'type = "email"',
            'from = "Harbour Ferries <notices@ferries.example>"',
            f'relays = [{{ host = "127.0.0.1", port = {port}, security = "none" }}]',
            'unsubscribe = "mailto:stop@ferries.example"',
            'postal_address = "Pier 3, Piraeus"',
            'audience = "riders"',
            *more,
        ]
        return self

    def route(self, expression: str) -> Self:
        super().route(expression)
        return self

    def secret(self, name: str, value: str) -> None:
        """Changes what a variable of the configuration holds, for processes that start from now on."""
        self._secrets[name] = value

    def broadcaster(self) -> Broadcaster:
        """The library over the same configuration and ledger, in this process."""
        return assemble(load_config(self.folder / "surecast.toml"))

    # What the ledger says

    @property
    def ledger(self) -> Path:
        return self.folder / "surecast.db"

    def tally(self, channel: str = "sms") -> Counter[str]:
        """How many deliveries of a channel stand where, over all broadcasts: `reached`, ..., and `cost`; no zeros."""
        names = ("queued", "sending", "retrying", "held", "reached", "confirmed", "unsure", "missed", "suppressed")
        sums = ", ".join(f"coalesce(sum(t.{name}), 0)" for name in (*names, "skipped", "cost"))
        rows = self._ask(f"select {sums} from tally t join crowd c on c.id = t.crowd where c.channel = ?", channel)
        counted = zip((*names, "skipped", "cost"), rows[0], strict=True) if rows else ()
        return Counter({name: count for name, count in counted if count})

    def begun_at(self) -> list[float]:
        """When each delivery was committed to for the first time, Unix seconds, in order."""
        return [row[0] for row in self._ask("select first_at from direct where first_at is not null order by first_at")]

    def created_at(self) -> float:
        """When the newest announcement was accepted, Unix seconds."""
        return float(self._ask("select max(created_at) from broadcast")[0][0])

    def _ask(self, question: str, *values: object) -> list[Any]:
        if not self.ledger.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as connection:
            try:
                return connection.execute(question, values).fetchall()
            except sqlite3.OperationalError:  # not set up yet
                return []


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most moments within a window of so many seconds, wherever it lies."""
    ordered = sorted(moments)
    first, most = 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
