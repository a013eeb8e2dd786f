"""SMS through the whole product beside a bare loop over the SDK's own asynchronous client.

The far side answers in 50 ms, in a process of its own, and so do we: an audience is read, everything stands in a
ledger, and the SDK sends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.servers.slow_sms import SlowSms

from benchmarks import sms_sdk
from benchmarks.figures import Figure
from benchmarks.sms_sdk import LATENCY_S, Run
from surecast.config import load_config
from surecast.config.assemble import assemble

RUNS = 3
MESSAGES = 10_000

CONFIG = """\
sender = "Harbour Ferries"
[routes]
default = "sms"
[audiences.riders]
source = "riders.csv"
[channels.sms]
type = "twilio"
account_sid = {{ env = "BENCH_SID" }}
auth_token = {{ env = "BENCH_TOKEN" }}
from = "{number}"
api = "{url}"
opt_out = "Reply STOP to end"
audience = "riders"
price = 0.01
max_cost = 1000
max_cost_per_day = 10_000
in_flight = {in_flight}
"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, SlowSms.start(Path(folder), LATENCY_S) as far:
        runs = [(asyncio.run(sms_sdk._bare(far, 50)), _ours(far, 50)) for _ in range(RUNS)]  # noqa: SLF001
        many = [_ours(far, 100) for _ in range(RUNS)]
    cpu = [ours.cpu_us / bare.cpu_us for bare, ours in runs]
    for what, each in (("a bare loop over the SDK", [bare for bare, _ in runs]), ("ours", [ours for _, ours in runs])):
        yield Figure(what=f"SMS, {what}", values=[run.cpu_us for run in each], unit="us CPU", budget=float("inf"))
    yield Figure(what="SMS, all of ours: CPU beside the bare loop", values=cpu, unit="x", budget=1.3)
    for name, each, budget in (
        ("a bare loop, 50 in flight", [bare for bare, _ in runs], float("inf")),
        ("all of ours, 50 in flight", [ours for _, ours in runs], 1 / 0.9),
        ("all of ours, 100 in flight", many, 1 / 0.8),
    ):
        over = [run.over for run in each]
        yield Figure(what=f"SMS, {name}: time beside the latency's own", values=over, unit="x", budget=budget)


def _ours(far: SlowSms, in_flight: int) -> Run:
    far.reset()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = CONFIG.format(number=far.number, url=far.url, in_flight=in_flight)
        (folder / "surecast.toml").write_text(config, encoding="utf-8")
        rows = (f"{number},+30694{number:07d},yes\n" for number in range(MESSAGES))
        (folder / "riders.csv").write_text("id,phone,consent_sms\n" + "".join(rows), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.sms", str(folder / "surecast.toml")],
            env={**os.environ, "BENCH_SID": far.account_sid, "BENCH_TOKEN": far.auth_token},
            stdout=subprocess.PIPE,
            check=True,
        )
    seconds, cpu_s = json.loads(done.stdout)
    assert far.counts().creates == MESSAGES + in_flight, "one for each contact, and those before"
    return Run(over=seconds / (MESSAGES * LATENCY_S / in_flight), cpu_us=1e6 * cpu_s / MESSAGES)


def _send(config: Path) -> None:
    with assemble(load_config(config)) as broadcaster:
        broadcaster.broadcast("Connections are made", limit=broadcaster.channels["sms"].in_flight)
        began, cpu = time.perf_counter(), time.process_time()
        report = broadcaster.broadcast("Ferry 12 is cancelled today. The next ferry leaves at 14:30 from pier 3.")
        spent = [time.perf_counter() - began, time.process_time() - cpu]
        assert report.state == "reached", report
    print(json.dumps(spent))


if __name__ == "__main__":
    _send(Path(sys.argv[1]))
