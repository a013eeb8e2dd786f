"""Deliveries to many contacts whose far side takes no time: what the ledger and the rest of us take for each.

Each size is sent by a process of its own, for the sake of its peak memory; another one asks for the status meanwhile.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import NoneType

from benchmarks.figures import Figure
from surecast.audiences import Audience
from surecast.broadcaster.broadcaster import Broadcaster
from surecast.channel import Channel, Context, Errand, Kind, Limits, Sending, Traits
from surecast.contact import Medium
from surecast.outcome import Outcome, Receipt, Verdict

FEW, MANY, MILLION = 10_000, 200_000, 1_000_000
RUNS = 3
WARM = 500
LOOK_EVERY_S = 0.2

TRAITS = Traits(platform="Nowhere", limits=Limits(), resend="never", public=False, medium=Medium.PHONE)
ACCEPTED = Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id="1"))


class Nowhere:
    """Takes every message at once."""

    traits = TRAITS

    def __init__(self, settings: None, context: Context) -> None: ...

    async def open(self) -> None: ...

    async def prepare(self, errand: Errand) -> bytes:
        return errand.post.parts[0].text.encode()

    async def publish(self, sending: Sending) -> Outcome:  # noqa: ARG002 - an adapter's signature
        return ACCEPTED

    def classify(self, error: BaseException) -> Outcome | None:  # noqa: ARG002
        return None

    async def close(self) -> None: ...


KIND = Kind(name="nowhere", traits=TRAITS, settings=NoneType, adapter=Nowhere, in_flight=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One announcement to many contacts.

    Attributes:
        seconds: from the call to its report.
        cpu_us, ledger_us: CPU time for one delivery: of the process, and of the thread that has the ledger.
        peak_mb: the most memory that the process had.
        status_ms: how long another process waited for the status, each time.
    """

    contacts: int
    seconds: float
    cpu_us: float
    ledger_us: float
    peak_mb: float
    status_ms: Sequence[float]


def measure() -> Iterator[Figure]:
    """The usual sizes."""
    few = [_in_a_process(FEW) for _ in range(RUNS)]
    yield from _figures(few, [_in_a_process(MANY)])


def measure_million() -> Iterator[Figure]:
    """Takes several minutes, and 1 GB of disk."""
    yield from _figures([_in_a_process(FEW) for _ in range(RUNS)], [_in_a_process(MILLION)])


def _figures(few: list[Run], many: list[Run]) -> Iterator[Figure]:
    def figure(what: str, values: list[float], unit: str, budget: float = float("inf")) -> Figure:
        return Figure(what=f"direct: {what}", values=values, unit=unit, budget=budget)

    for runs in (few, many):
        contacts = f"{runs[0].contacts:,} contacts"
        yield figure(f"{contacts}, CPU of the ledger", [run.ledger_us for run in runs], "us each", 40.0)
        yield figure(f"{contacts}, CPU in all", [run.cpu_us for run in runs], "us each")
        yield figure(f"{contacts}, time", [run.seconds for run in runs], "s")
        yield figure(f"{contacts}, peak memory", [run.peak_mb for run in runs], "MB")
        yield figure(f"{contacts}, status meanwhile", [ms for run in runs for ms in run.status_ms], "ms", 100.0)
    times = many[0].contacts / few[0].contacts
    peak, seconds = min(run.peak_mb for run in few), min(run.seconds for run in few)
    yield figure("peak memory beside that of few", [run.peak_mb / peak for run in many], "x", 1.2)
    yield figure("time of each beside that of few", [run.seconds / seconds / times for run in many], "x", 1.2)


def _in_a_process(contacts: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "riders.csv").open("w", encoding="utf-8") as file:
            file.write("id,name,phone,email,consent_sms\n")
            for number in range(contacts):
                file.write(f"{number},Anna {number},+30694{number:07d},anna{number}@ferries.example,yes\n")
        sender = subprocess.Popen([*_SELF, "send", folder, str(contacts)], stdout=subprocess.PIPE, text=True)
        assert sender.stdout is not None
        assert sender.stdout.readline() == "warm\n"
        watcher = subprocess.Popen([*_SELF, "watch", folder], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        told = sender.communicate()[0]
        status_ms = json.loads(watcher.communicate("")[0])
    assert sender.returncode == 0, "the sending process failed"
    return Run(**{**json.loads(told), "status_ms": status_ms})


_SELF = [sys.executable, "-m", "benchmarks.direct"]


def _broadcaster(folder: Path) -> Broadcaster:
    riders = Audience(source="riders.csv", folder=folder)
    channel = Channel(name="nowhere", kind=KIND, audience="riders")
    return Broadcaster([channel], ledger=folder / "ledger.db", route="nowhere", audiences={"riders": riders})


def _send(folder: Path, contacts: int) -> None:
    with _broadcaster(folder) as broadcaster:
        broadcaster.broadcast("warming up", limit=WARM)
        print("warm", flush=True)
        ledger_s, cpu_s, began = _ledger_s(broadcaster), time.process_time(), time.perf_counter()
        report = broadcaster.broadcast("No ferries today")
        run = Run(
            contacts=contacts,
            seconds=time.perf_counter() - began,
            cpu_us=1e6 * (time.process_time() - cpu_s) / contacts,
            ledger_us=1e6 * (_ledger_s(broadcaster) - ledger_s) / contacts,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            status_ms=(),
        )
        assert report.state == "reached", report
    print(json.dumps(asdict(run)))


def _ledger_s(broadcaster: Broadcaster) -> float:
    """CPU time of the thread that has the ledger, in seconds."""
    return broadcaster._run(lambda desk: desk._ledger.do(lambda _: time.thread_time()))  # noqa: SLF001


def _watch(folder: Path) -> None:
    """Asks for the status until standard input ends."""
    import select

    waits: list[float] = []
    with _broadcaster(folder) as broadcaster:
        broadcaster.status()
        while not select.select([sys.stdin], [], [], LOOK_EVERY_S)[0]:
            began = time.perf_counter()
            broadcaster.status()
            waits.append(1000 * (time.perf_counter() - began))
    print(json.dumps(waits or [0.0]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", folder, contacts]:
            _send(Path(folder), int(contacts))
        case ["watch", folder]:
            _watch(Path(folder))
