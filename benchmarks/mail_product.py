"""A newsletter by the whole product, with audience and ledger, beside bare aiosmtplib over as many connections.

Each run is a process of its own; time and CPU are those of sending, without start and imports. The far side is one
that costs almost nothing, and a real Postfix where there is one. Bare aiosmtplib sends a finished message again and
again, or makes each with jinja2 and the standard library; it reads no list, keeps no ledger, and forgets who has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

from benchmarks.figures import Figure

COUNT, MADE, CONNECTIONS, ROUNDS = 10_000, 1_000, 10, 3
DOMAIN = "ferries.example"
SENDER = f"notices@{DOMAIN}"
TEXT = "The 07:40 to Hydra does not sail. Take the 09:10 instead; your ticket is valid there.\n\nBuses wait at Pier 3."
CONFIG = """\
sender = "Harbour Ferries"
[routes]
default = "newsletter"
[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{{ host = "127.0.0.1", port = {port}, security = "none" }}]
unsubscribe = "https://ferries.example/stop?who={{address}}"
postal_address = "Pier 3, Harbour"
in_flight = {connections}
audience = "riders"
[audiences.riders]
source = "riders.csv"
consent = {{ email = "signup form" }}
"""

#: Seconds of time and of CPU for one message.
Spent = tuple[float, float]


def measure() -> Iterator[Figure]:
    with _sink() as port:
        yield from _beside("a far side that costs nothing", port, rounds=ROUNDS)
    with _postfix() as port:
        if port is None:
            print("nothing is sent to Postfix: it is not installed (tests/servers/install.py).", file=sys.stderr)
            return
        yield from _beside("Postfix", port, rounds=1)


def _beside(where: str, port: int, *, rounds: int) -> Iterator[Figure]:
    """Figures of each way in turn, so that all meet the same moods of the machine."""
    runs: dict[str, list[Spent]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, spent in runs.items():
            spent.append(_run(way, port))
    whole = f"letters to {where}"
    for way, spent in runs.items():
        cpu = [1e6 * cpu for _, cpu in spent]
        rate = [1 / wall for wall, _ in spent]
        yield Figure(what=f"{whole}, {way}", values=cpu, unit="us CPU each", budget=float("inf"))
        yield Figure(what=f"{whole}, {way}", values=rate, unit="a second", budget=float("inf"))
    for way, cpu_budget in (("finished", 1.1), ("made", 1.0)):
        pairs = list(zip(runs["surecast"], runs[way], strict=True))
        walls, cpus = ([ours[each] / theirs[each] for ours, theirs in pairs] for each in (0, 1))
        yield Figure(what=f"{whole}, time, share of bare aiosmtplib, {way}", values=walls, unit="", budget=1.0)
        yield Figure(what=f"{whole}, CPU, share of bare aiosmtplib, {way}", values=cpus, unit="", budget=cpu_budget)


def _run(way: str, port: int) -> Spent:
    command = [sys.executable, "-m", "benchmarks.mail_product", way, str(port)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    wall, cpu = json.loads(out)
    return wall, cpu


# In a process of its own --------------------------------------------------------------------------------------


def surecast(port: int) -> Spent:
    """By the library, over a new ledger."""
    from surecast.config import load_config
    from surecast.config.assemble import assemble

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "surecast.toml").write_text(CONFIG.format(port=port, connections=CONNECTIONS), "utf-8")
        with (folder / "riders.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "name", "email", "language"), *map(_row, range(COUNT))])
        with assemble(load_config(folder / "surecast.toml")) as broadcaster:
            broadcaster.warm()
            began, cpu = time.perf_counter(), time.process_time()
            report = broadcaster.broadcast(TEXT, title="Ferry 12 – no sailing today")
            spent = time.perf_counter() - began, time.process_time() - cpu
            assert report.reached == COUNT, report
            return spent[0] / COUNT, spent[1] / COUNT


def _row(number: int) -> tuple[str, str, str, str]:
    return str(number), f"Ζωή O'Hara {number}", f"rider{number}@{DOMAIN}", "el"


def finished(port: int) -> Spent:
    """By aiosmtplib, which is handed the same finished message for everybody."""
    message = _maker()(0)
    return asyncio.run(_bare(port, lambda _: message, COUNT))


def made(port: int) -> Spent:
    """By aiosmtplib, with a message made for each by jinja2 and the standard library."""
    return asyncio.run(_bare(port, _maker(), MADE))


WAYS: dict[str, Callable[[int], Spent]] = {"surecast": surecast, "finished": finished, "made": made}


async def _bare(port: int, message: Callable[[int], bytes], count: int) -> Spent:
    import aiosmtplib

    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(CONNECTIONS)]
    numbers = iter(range(count))

    async def work(client: aiosmtplib.SMTP) -> None:
        await client.connect()
        for number in numbers:
            await client.sendmail(SENDER, [f"rider{number}@{DOMAIN}"], message(number))
        await client.quit()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(work, clients))
    return (time.perf_counter() - began) / count, (time.process_time() - cpu) / count


def _maker() -> Callable[[int], bytes]:
    """Makes the message for one reader as it is usually done, with the templates and phrases of surecast."""
    from email.utils import formataddr, formatdate, make_msgid
    from importlib.resources import files

    from surecast.text.template import environment

    templates = environment()
    words = json.loads(files("surecast").joinpath("templates", "email.json").read_text("utf-8"))["el"]
    title = "Ferry 12 – no sailing today"
    shared = {"title": title, "text": TEXT, "body": "", "url": "", "subject": title, "language": "en"}
    shared |= {"sender": "Harbour Ferries", "postal_address": "Pier 3, Harbour"}

    def make(number: int) -> bytes:
        _, name, address, language = _row(number)
        link = f"https://ferries.example/stop?who={address}"
        values = {
            **shared,
            "words": {**words, "language": language},
            "name": name,
            "greeting": words["hello"].replace("{name}", name),
            "address": address,
            "unsubscribe": link,
        }
        message = EmailMessage()
        message["From"] = formataddr(("Harbour Ferries", SENDER))
        message["To"] = formataddr((name, address))
        message["Subject"] = title
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=DOMAIN)
        message["List-Unsubscribe"] = f"<{link}>"
        message.set_content(templates.get_template("email.txt").render(values))
        message.add_alternative(templates.get_template("email.html").render(values), subtype="html")
        return message.as_bytes()

    return make


# Far sides ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    from tests.servers.smtp_sink import SmtpSink

    with tempfile.TemporaryDirectory() as folder, SmtpSink.start(Path(folder)) as sink:
        yield sink.port


@contextlib.contextmanager
def _postfix() -> Iterator[int | None]:
    from tests.servers.cache import available
    from tests.servers.postfix import Postfix

    if available("postfix"):
        yield None
        return
    with Postfix.start({"virtual_mailbox_domains": DOMAIN}) as postfix:
        yield postfix.port
        postfix.settle(120)


if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]](int(sys.argv[2]))))
