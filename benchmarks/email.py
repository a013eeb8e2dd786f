"""Personal e-mail: building beside jinja2 with the standard library, and sending beside bare aiosmtplib.

Sending needs Debian's package postfix: its `smtp-sink` takes everything and keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path

import aiosmtplib

from benchmarks.figures import Figure
from surecast.channel import Sending
from surecast.channels.email import TRAITS, Email, Relay, Settings
from surecast.contact import Recipient
from surecast.testing import a_context, an_errand
from surecast.text.template import environment

SINK = Path("/usr/sbin/smtp-sink")
HOST = "127.0.0.1"
CONNECTIONS = 10
ROUNDS, BUILT_WHOLE, BUILT, SENT = 5, 100, 5_000, 3_000
TEXT = "The 07:40 to Hydra does not sail. Take the 09:10 instead; your ticket is valid there.\n\nBuses wait at Pier 3."
PEOPLE = [Recipient(address=f"r{number}@d.test", name=f"Ζωή O'Hara {number}", language="el") for number in range(100)]


def measure() -> Iterator[Figure]:
    whole, pieces = zip(*(asyncio.run(_built()) for _ in range(ROUNDS)), strict=True)
    yield Figure(what="a message by jinja2 and EmailMessage", values=whole, unit="us CPU", budget=float("inf"))
    yield Figure(what="a message from pieces", values=pieces, unit="us CPU", budget=float("inf"))
    shares = [ours / theirs for ours, theirs in zip(pieces, whole, strict=True)]
    yield Figure(what="building, share of jinja2 and EmailMessage", values=shares, unit="", budget=1 / 20)
    if not SINK.exists():
        print(f"sending is not measured: there is no {SINK}. Install postfix.", file=sys.stderr)
        return
    with _sink() as port:
        bare, ours = zip(*((asyncio.run(_bare(port)), asyncio.run(_ours(port))) for _ in range(ROUNDS)), strict=True)
    yield Figure(
        what="sendmail of bare aiosmtplib", values=[cpu for cpu, _ in bare], unit="us CPU", budget=float("inf")
    )
    yield Figure(what="publish, built and sent", values=[cpu for cpu, _ in ours], unit="us CPU", budget=float("inf"))
    cpu = [mine[0] / theirs[0] for mine, theirs in zip(ours, bare, strict=True)]
    wall = [mine[1] / theirs[1] for mine, theirs in zip(ours, bare, strict=True)]
    yield Figure(what="CPU, share of bare aiosmtplib", values=cpu, unit="", budget=1.1)
    yield Figure(what="time, share of bare aiosmtplib", values=wall, unit="", budget=1.0)


def _adapter(port: int) -> Email:
    settings = Settings(
        sender="Harbour Ferries <notices@ferries.example>",
        relays=(Relay(host=HOST, port=port, security="none"),),
        unsubscribe="https://ferries.example/stop?who={address}",
        postal_address="Pier 3, Harbour",
    )
    return Email(settings, a_context("newsletter"))


async def _built() -> tuple[float, float]:
    """Microseconds of CPU for one message: made whole, and from pieces."""
    adapter = _adapter(25)
    await adapter.open()
    letter = adapter._letter(await adapter.prepare(an_errand(TEXT, TRAITS)))  # noqa: SLF001 - what publish does first
    letter.message(PEOPLE[0], "key")
    frozen = letter._frozen  # noqa: SLF001
    templates = environment()
    words = {**frozen.words["el"], "language": "el"}

    def whole(number: int) -> bytes:
        person = PEOPLE[number % len(PEOPLE)]
        link = f"https://ferries.example/stop?who={person.address}"
        values = {
            **frozen.shared,
            "subject": frozen.subject,
            "language": "en",
            "words": words,
            "name": person.name,
            "greeting": f"Γεια σας {person.name},",
            "address": person.address,
            "unsubscribe": link,
        }
        made = EmailMessage()
        made["From"] = formataddr(frozen.sender)
        made["To"] = formataddr((person.name, person.address))
        made["Subject"] = frozen.subject
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = f"<{number}@ferries.example>"
        made["List-Unsubscribe"] = f"<{link}>"
        made.set_content(templates.get_template("email.txt").render(values))
        made.add_alternative(templates.get_template("email.html").render(values), subtype="html")
        return made.as_bytes()

    slow = _cpu_us(whole, BUILT_WHOLE)
    quick = _cpu_us(lambda number: letter.message(PEOPLE[number % len(PEOPLE)], f"key {number}"), BUILT)
    await adapter.close()
    return slow, quick


def _cpu_us(work: Callable[[int], object], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        work(number)
    return (time.process_time() - began) / count * 1e6


async def _ours(port: int) -> tuple[float, float]:
    adapter = _adapter(port)
    await adapter.open()
    payload = await adapter.prepare(an_errand(TEXT, TRAITS))

    async def one(number: int) -> None:
        to = PEOPLE[number % len(PEOPLE)]
        sending = Sending(key=f"key {number}", payload=payload, first_began_at=0.0, timeout_s=10.0, to=to)
        outcome = await adapter.publish(sending)
        assert outcome.receipt is not None, outcome

    try:
        return await _per_message([one] * CONNECTIONS)
    finally:
        await adapter.close()


async def _bare(port: int) -> tuple[float, float]:
    adapter = _adapter(port)
    await adapter.open()
    letter = adapter._letter(await adapter.prepare(an_errand(TEXT, TRAITS)))  # noqa: SLF001 - the same message
    message = letter.message(PEOPLE[0], "key")
    await adapter.close()
    clients = [aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) for _ in range(CONNECTIONS)]
    for client in clients:
        await client.connect()

    def by(client: aiosmtplib.SMTP) -> Callable[[int], Awaitable[object]]:
        return lambda number: client.sendmail("notices@ferries.example", [PEOPLE[number % 100].address], message)

    try:
        return await _per_message([by(client) for client in clients])
    finally:
        for client in clients:
            await client.quit()


async def _per_message(workers: list[Callable[[int], Awaitable[object]]]) -> tuple[float, float]:
    """Microseconds of CPU and of time for one message, over connections that are open by then."""
    await asyncio.gather(*(worker(number) for number, worker in enumerate(workers)))
    numbers = iter(range(SENT))

    async def work(worker: Callable[[int], Awaitable[object]]) -> None:
        for number in numbers:
            await worker(number)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(work, workers))
    return (time.process_time() - cpu) / SENT * 1e6, (time.perf_counter() - began) / SENT * 1e6


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    sink = subprocess.Popen([SINK, "-u", "nobody", f"{HOST}:{port}", "200"])
    try:
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                break
            assert time.monotonic() < until, "smtp-sink did not start"
            time.sleep(0.05)
        yield port
    finally:
        sink.terminate()
        sink.wait()
