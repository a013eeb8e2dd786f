"""An operator with a newsletter: readers with names and languages, and relays that fail."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.scenarios.riders import Ferries
from tests.servers.postfix import Mail

#: Lines of main.cf for a Postfix that takes mail for the domain of the readers.
DOMAIN = "ferries.example"
OURS: Mapping[str, str] = {"virtual_mailbox_domains": DOMAIN, "smtpd_client_connection_rate_limit": "0"}

Reader = Mapping[str, str]
COLUMNS = ("id", "name", "email", "phone", "language", "time_zone", "consent_email", "consent_sms")


def refusing(answers: Mapping[str, str]) -> Mapping[str, str]:
    """Lines of main.cf that also refuse addresses, each with the whole answer, as ``450 4.2.0 come again``."""
    table = ", ".join(f"{{{address} = {answer}}}" for address, answer in answers.items())
    return {**OURS, "smtpd_recipient_restrictions": f"check_recipient_access inline:{{{table}}}, permit"}


def plain(port: int) -> str:
    """A relay on this machine, as it stands in the configuration."""
    return f'{{ host = "127.0.0.1", port = {port}, security = "none" }}'


class Newsletter(Ferries):
    """An operator whose passengers get letters."""

    def readers(self, readers: Iterable[Reader]) -> Newsletter:
        """Takes these people onto the list; who says nothing of consent agreed."""
        self.rewrite(readers)
        self._channels += ["[audiences.riders]", 'source = "riders.csv"']
        return self

    def rewrite(self, readers: Iterable[Reader]) -> None:
        """The list as it stands from now on."""
        with (self.folder / "riders.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            for number, reader in enumerate(readers):
                agreed = {"consent_email": "yes", "consent_sms": "yes"}
                table.writerow({"id": str(number), **agreed, **reader})

    def letters(
        self, relays: Sequence[str], *more: str, unsubscribe: str = '"mailto:stop@ferries.example"'
    ) -> Newsletter:
        """Letters by these relays, each as it stands in the configuration."""
        self._channels += [
            "[channels.newsletter]",
            'type = "email"',
            'from = "Harbour Ferries <notices@ferries.example>"',
            f"relays = [{', '.join(relays)}]",
            f"unsubscribe = {unsubscribe}",
            'postal_address = "Pier 3, Piraeus"',
            'audience = "riders"',
            *more,
        ]
        return self

    def secrets(self, name: str, value: str) -> Newsletter:
        """Sets a variable to which the configuration refers."""
        self._secrets[name] = value
        return self


def numbered(count: int) -> list[Reader]:
    """So many readers without names."""
    return [{"email": f"rider{number}@{DOMAIN}"} for number in range(count)]


def recipients(mails: Iterable[Mail]) -> Counter[str]:
    """How many messages lie in the mailbox of each."""
    return Counter(mail.recipient for mail in mails)
