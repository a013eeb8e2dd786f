"""`kill -9` at every step, and processes that are stopped and wake up too late: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dispatch.forks import Forks
from tests.dispatch.shelf import caster, posts, publishes

from surecast.channel import Resend
from surecast.decide import State
from surecast.errors import UnknownBroadcastError
from surecast.outcome import Verdict
from surecast.report import Report

TEXT = "Ferry 12 is cancelled"

#: Every step of both jobs: the ledger's calls in their order, and the moments at the platform between them.
LEDGER_STEPS = (
    *("broadcasts.accept", "broadcasts.claim", "broadcasts.load", "gates.listing", "broadcasts.settle"),
    *("batches.listed", "batches.claim", "batches.work", "gates.take", "batches.begin", "batches.claimed_remotes"),
    *("batches.begin#2", "batches.end", "batches.work#3", "batches.release", "broadcasts.settle#2"),
)
STEPS = (
    *(f"{when} {name}" for name in LEDGER_STEPS for when in ("before", "after")),
    *("prepare", "before taking in", "after taking in"),
)
#: Between these, it cannot be known from the ledger alone whether the post arrived.
IN_DOUBT = ("after batches.begin#2", "before taking in", "after taking in", "before batches.end")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as server:
        yield server


def delivered(root: Path, resend: Resend) -> Report:
    """What another process makes of what the dead one left."""
    with caster(root, resend) as other:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            other.work_once()
            report = other.status()
            if report.final or (report.state is State.UNSURE and resend == "never"):
                return report
            time.sleep(0.02)
        raise AssertionError(f"it never settles: {report}")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("resend", ["same_key", "after_lookup", "never"])
def test_killed_at_any_step_and_taken_over(tmp_path: Path, forks: Forks, resend: Resend, step: str) -> None:
    assert forks.wait(forks.start("send", tmp_path, resend, step)) == 9, "it must die there"
    if step == "before broadcasts.accept":
        with caster(tmp_path, resend) as other, pytest.raises(UnknownBroadcastError):
            other.status()
        return
    if resend == "never" and step in IN_DOUBT:
        settled_by_a_person(tmp_path)
        return
    report = delivered(tmp_path, resend)
    assert (report.state, report.owed) == (State.REACHED, ())
    assert posts(tmp_path / "a") == [TEXT]
    assert len(publishes(tmp_path / "a")) <= 2


def settled_by_a_person(root: Path) -> None:
    """What can be neither sent again nor looked up waits for a person, who is right."""
    with caster(root, "never", route="a") as other:
        other.work_once()
        report = other.status()
        assert report["a"].verdict is Verdict.UNCERTAIN
        assert len(publishes(root / "a")) <= 1
        there = posts(root / "a") == [TEXT]
        other.settle("last", "a", there=there)
        other.work_once()
        assert other.status().state is State.REACHED
    assert posts(root / "a") == [TEXT]


def test_the_same_key_after_a_crash_goes_on_where_it_was(tmp_path: Path, forks: Forks) -> None:
    assert forks.wait(forks.start("send", tmp_path, "after_lookup", "after taking in")) == 9
    with caster(tmp_path, "after_lookup") as other:
        report = other.broadcast(TEXT, key="k")
    assert (report.state, report.repeated) == (State.REACHED, True)
    assert posts(tmp_path / "a") == [TEXT]
    assert len(publishes(tmp_path / "a")) == 1


def test_a_crash_in_the_doubtful_moment_is_never_reported_as_missed(tmp_path: Path, forks: Forks) -> None:
    assert forks.wait(forks.start("send", tmp_path, "never", "after taking in")) == 9
    with caster(tmp_path, "never") as other:
        assert other.status().state is State.PENDING
        report = other.broadcast(TEXT, key="k", wait=0.5)
        assert report.state in {State.PENDING, State.UNSURE}
        assert "perhaps" in str(report)


# Processes that sleep


def stopped_at(forks: Forks, root: Path, resend: Resend, step: str) -> int:
    pid = forks.start("hold", root, resend, step)
    until = time.monotonic() + 20
    while not (root / "reached").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)
    (root / "go on").touch()
    return pid


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who takes over sees a lease end sooner; only its own view is changed."""
    from surecast.clock import SteadyClock

    real = SteadyClock.now
    monkeypatch.setattr(SteadyClock, "now", lambda self: real(self) + 60.0)


@pytest.mark.usefixtures("short_leases")
@pytest.mark.parametrize("resend", ["same_key", "after_lookup", "never"])
def test_a_process_that_sleeps_over_its_lease_and_wakes_up_schedules_and_doubles_nothing(
    tmp_path: Path, forks: Forks, resend: Resend
) -> None:
    pid = stopped_at(forks, tmp_path, resend, "after taking in")
    with caster(tmp_path, resend) as other:
        other.work_once()
        before = other.status()
        if resend == "never":
            assert before["a"].verdict is Verdict.UNCERTAIN
        else:
            assert before.state is State.REACHED
        os.kill(pid, signal.SIGCONT)
        assert forks.wait(pid) == 0
        after = other.status()
        assert after.state is State.REACHED, "the late word of the sleeper settles its own doubt"
        assert after.owed == ()
        assert other.work_once() == ()
    assert posts(tmp_path / "a") == [TEXT]
    assert len(publishes(tmp_path / "a")) == (2 if resend == "same_key" else 1)


@pytest.mark.usefixtures("short_leases")
def test_a_process_that_sleeps_before_its_request_sends_nothing_when_it_wakes_up(tmp_path: Path, forks: Forks) -> None:
    pid = stopped_at(forks, tmp_path, "after_lookup", "prepare")
    report = delivered(tmp_path, "after_lookup")
    assert report.state is State.REACHED
    os.kill(pid, signal.SIGCONT)
    assert forks.wait(pid) == 0
    assert len(publishes(tmp_path / "a")) == 1
    assert posts(tmp_path / "a") == [TEXT]
