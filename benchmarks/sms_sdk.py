"""SMS through the adapter beside a bare loop over the SDK's own asynchronous client; the far side answers in 50 ms."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.slow_sms import SlowSms

from benchmarks.figures import Figure
from surecast.channel import Sending
from surecast.channels.twilio import TRAITS, Settings, TwilioAdapter
from surecast.contact import Recipient
from surecast.secret import Secret
from surecast.testing import a_context, an_errand

RUNS = 3
MESSAGES = 3_000
LATENCY_S = 0.05
BODY = "Harbour Ferries: Ferry 12 is cancelled today. The next ferry leaves at 14:30 from pier 3. Reply STOP to end"

Send = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Run:
    """What some messages took.

    Attributes:
        over: the time they took as a multiple of what the far side's latency alone makes of them.
        cpu_us: CPU time of this process for one message, in microseconds.
    """

    over: float
    cpu_us: float


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, SlowSms.start(Path(folder), LATENCY_S) as far:
        runs = [(asyncio.run(_bare(far, 50)), asyncio.run(_ours(far, 50))) for _ in range(RUNS)]
        many = [asyncio.run(_ours(far, 100)) for _ in range(RUNS)]
    cpu = [ours.cpu_us / bare.cpu_us for bare, ours in runs]
    yield Figure(what="SMS: CPU beside a bare loop over the SDK", values=cpu, unit="x", budget=1.3)
    for name, each, budget in (
        ("a bare loop, 50 in flight", [bare for bare, _ in runs], 1 / 0.9),
        ("50 in flight", [ours for _, ours in runs], 1 / 0.9),
        ("100 in flight", many, 1 / 0.8),
    ):
        over = [run.over for run in each]
        yield Figure(what=f"SMS: {name}, time beside the latency's own", values=over, unit="x", budget=budget)


async def _ours(far: SlowSms, in_flight: int) -> Run:
    adapter = TwilioAdapter(
        Settings(
            account_sid=Secret.of(far.account_sid), auth_token=Secret.of(far.auth_token), from_=far.number, api=far.url
        ),
        a_context("sms"),
    )
    await adapter.open()
    try:
        payload, began = await adapter.prepare(an_errand(BODY, TRAITS)), time.time()

        async def send(to: str) -> None:
            recipient = Recipient(address=to)
            await adapter.publish(Sending(key=to, payload=payload, first_began_at=began, timeout_s=10.0, to=recipient))

        return await _drive(send, in_flight)
    finally:
        await adapter.close()


async def _bare(far: SlowSms, in_flight: int) -> Run:
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what aiohttp will no longer have
        async with AsyncTwilioHttpClient() as http:
            client = Client(far.account_sid, far.auth_token, http_client=http)
            client.api.base_url = far.url
            messages = client.messages

            async def send(to: str) -> None:
                await messages.create_async(to=to, from_=far.number, body=BODY, validity_period=3_600)

            return await _drive(send, in_flight)


async def _drive(send: Send, in_flight: int) -> Run:
    async def work(numbers: Iterator[int]) -> None:
        for number in numbers:
            await send(f"+1555{number:07d}")

    async def all_of(count: int) -> None:
        numbers = iter(range(count))
        await asyncio.gather(*itertools.starmap(work, itertools.repeat((numbers,), in_flight)))

    await all_of(in_flight)  # connections are made
    began, cpu = time.perf_counter(), time.process_time()
    await all_of(MESSAGES)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Run(over=seconds / (MESSAGES * LATENCY_S / in_flight), cpu_us=1e6 * cpu / MESSAGES)
