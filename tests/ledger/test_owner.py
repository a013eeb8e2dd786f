"""Who holds a lease, and when another process may say that the holder is dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.ledger.open_files import run_python, running

from surecast.ledger.owner import new_owner, proven_dead

NAME = "from surecast.ledger.owner import new_owner; print(new_owner(), flush=True)"


def test_this_process_is_alive_and_each_of_its_names_is_its_own() -> None:
    one, other = new_owner(), new_owner()
    assert one != other
    assert not proven_dead(one)


def test_a_process_that_ended_is_dead() -> None:
    assert proven_dead(run_python(NAME).stdout.strip())


def test_a_process_that_runs_or_is_stopped_is_not_dead_and_one_that_is_killed_is() -> None:
    with running(f"{NAME}; import time; time.sleep(60)") as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert not proven_dead(owner)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        assert not proven_dead(owner), "it may wake up and go on"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert proven_dead(owner), "it ended, though nobody has collected it yet"


def test_another_process_with_the_same_id_is_not_mistaken_for_it() -> None:
    host, namespace, pid, start, random = new_owner().split(":")
    assert proven_dead(f"{host}:{namespace}:{pid}:{int(start) - 1}:{random}")
    assert not proven_dead(f"{host}:{namespace}:{pid}::{random}"), "without a start time it cannot be known"


@pytest.mark.parametrize("other", ["host", "namespace"])
def test_what_runs_elsewhere_cannot_be_proven_dead(other: str) -> None:
    host, namespace, pid, start, random = run_python(NAME).stdout.strip().split(":")
    host = "elsewhere" if other == "host" else host
    namespace = "container" if other == "namespace" else namespace
    assert not proven_dead(f"{host}:{namespace}:{pid}:{start}:{random}")


@pytest.mark.parametrize("name", ["", "me", "a:b:c", "a:b:pid:d:e", ":::::", "a:b:c:d:e:f"])
def test_a_name_of_another_form_proves_nothing(name: str) -> None:
    assert not proven_dead(name)


def test_a_child_after_fork_has_a_name_of_its_own() -> None:
    before = new_owner()
    program = "import os; from surecast.ledger.owner import new_owner; a = new_owner(); r, w = os.pipe()\n"
    program += "pid = os.fork()\nif pid == 0:\n    os.write(w, new_owner().encode()); os._exit(0)\n"
    program += "os.waitpid(pid, 0); print(a); print(os.read(r, 999).decode())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    parent, child = done.stdout.split()
    assert len({before, parent, child}) == 3
    assert parent.split(":")[2] != child.split(":")[2]
