"""`kill -9` at every step of writing to contacts: nobody is lost, and nobody gets it twice where that can be known."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.broadcaster.harbour import email
from tests.dispatch.forks import Forks
from tests.dispatch.pigeons import RIDERS, caster, letters, moments
from tests.ledger.recount import recount

from surecast.channel import Resend
from surecast.clock import SteadyClock
from surecast.decide import State

EVERYBODY = Counter(email(number) for number in range(RIDERS))

#: Every step of both jobs over contacts: the ledger's calls in their order, and the moments at the platform.
LEDGER_STEPS = (
    *("broadcasts.settle", "batches.claim", "crowds.look", "rolls.claim", "rolls.take_down", "crowds.cover"),
    *("rolls.free", "crowds.close_if_nobody", "batches.release", "crowds.tend#2", "batches.claim#2", "tickets.take"),
    *("tickets.payload", "tickets.keep_payload", "steps.step", "steps.step#2", "steps.step#3", "batches.release#2"),
)
STEPS = (
    *(f"before {name}" for name in LEDGER_STEPS),
    *(f"after {name}" for name in ("rolls.take_down", "crowds.cover", "tickets.keep_payload", "steps.step")),
    *(f"at {moment}" for moment in ("prepare", "before taking in", "after taking in", "after taking in#5")),
)
#: In these, something is on its way that the ledger alone knows nothing about.
IN_DOUBT = (
    *("after steps.step", "before steps.step#2", "after steps.step#2", "before steps.step#3"),
    *("at before taking in", "at after taking in", "at after taking in#5"),
)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as server:
        yield server


def carried_on(root: Path, resend: Resend) -> State:
    """What another process makes of what the dead one left."""
    with caster(root, resend) as other:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            other.work_once()
            report = other.status()
            if report.final or (report.state is State.UNSURE and resend == "never" and not report.owed):
                return report.state
            time.sleep(0.02)
        raise AssertionError(f"it never settles: {report}")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_what_was_on_its_way_is_looked_up(tmp_path: Path, forks: Forks, step: str) -> None:
    assert forks.wait(forks.start("pigeons.send", tmp_path, "after_lookup", step)) == 9, "it must die there"
    assert carried_on(tmp_path, "after_lookup") is State.REACHED
    assert letters(tmp_path) == EVERYBODY
    recount(tmp_path / "ledger.db")


@pytest.mark.parametrize("step", IN_DOUBT[::3])
def test_killed_where_the_same_key_may_be_sent_again(tmp_path: Path, forks: Forks, step: str) -> None:
    assert forks.wait(forks.start("pigeons.send", tmp_path, "same_key", step)) == 9
    assert carried_on(tmp_path, "same_key") is State.REACHED
    assert letters(tmp_path) == EVERYBODY
    recount(tmp_path / "ledger.db")


@pytest.mark.parametrize("step", IN_DOUBT)
def test_killed_where_nothing_can_be_looked_up_those_on_their_way_are_named(
    tmp_path: Path, forks: Forks, step: str
) -> None:
    assert forks.wait(forks.start("pigeons.send", tmp_path, "never", step)) == 9
    carried_on(tmp_path, "never")
    with caster(tmp_path, "never") as other:
        unsure = [one.address for one in other.unreached("last", unsure=True)]
        arrived = letters(tmp_path)
        assert max(arrived.values()) == 1
        assert set(EVERYBODY) - set(arrived) <= set(unsure), "whoever did not get it is named"
        assert len(unsure) <= 4, "two on their way, and two committed to"
        for address in unsure:  # a person knows
            other.settle("last", "a", there=address in arrived, to=address)
        other.work_once()
        assert other.status().state is State.REACHED
    assert letters(tmp_path) == EVERYBODY
    recount(tmp_path / "ledger.db")


# Processes that sleep


def stopped_at(forks: Forks, root: Path, resend: Resend, step: str) -> int:
    pid = forks.start("pigeons.hold", root, resend, step)
    until = time.monotonic() + 20
    while not (root / "reached").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)
    (root / "go on").touch()
    return pid


@pytest.mark.parametrize("resend", ["same_key", "after_lookup", "never"])
def test_a_process_that_sleeps_over_its_lease_only_adds_that_its_own_attempt_arrived(
    tmp_path: Path, forks: Forks, resend: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = stopped_at(forks, tmp_path, resend, "after taking in")
    real = SteadyClock.now
    monkeypatch.setattr(SteadyClock, "now", lambda self: real(self) + 60.0)  # for who takes over, the lease has ended
    carried_on(tmp_path, resend)
    os.kill(pid, signal.SIGCONT)
    assert forks.wait(pid) == 0
    with caster(tmp_path, resend) as other:
        unsure = other.unreached("last", unsure=True)
        assert len(unsure) <= 3, "those committed to that it did not send after all"
        for one in unsure:
            other.settle("last", "a", there=one.address in letters(tmp_path), to=one.address)
        other.work_once()
        assert other.status().state is State.REACHED
    assert letters(tmp_path) == EVERYBODY
    recount(tmp_path / "ledger.db")


# Processes side by side


def test_several_processes_share_a_rate(tmp_path: Path, forks: Forks) -> None:
    with caster(tmp_path, "never") as first:
        first.health()  # the ledger and the audience are there
    writers = [forks.start("pigeons.write", tmp_path, "never", text) for text in ("a", "b", "c")]
    assert [forks.wait(writer) for writer in writers] == [0, 0, 0]
    sent = moments(tmp_path)
    assert len(sent) == 3 * RIDERS
    for begins in sent:
        assert sum(begins <= at < begins + 0.5 for at in sent) <= 10 + 1 + 1, "one of them may have come a little late"
    assert sent[-1] - sent[0] > 1.0
    recount(tmp_path / "ledger.db")
