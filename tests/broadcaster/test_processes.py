"""Whole processes: what they print, what they load, how they end, and what a child after fork may do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.ledger.open_files import ROOT, environment, rows

#: Every library that a platform, the ledger or a page needs; a program that only imports surecast pays for none.
SDKS = (
    *("atproto", "atproto_client", "mastodon", "httpx", "requests", "aiohttp", "jinja2", "PIL", "cryptography"),
    *("tenacity", "msgspec", "aiosql", "regex", "click", "rich", "asyncio", "sqlite3", "ssl", "pydantic"),
)

START = """
    import os, sys, time, threading
    from pathlib import Path
    from surecast.broadcaster import Broadcaster
    from surecast.testing import FakeChannel, hang, fail
    fake = FakeChannel("a")
    other = FakeChannel("b")
    caster = Broadcaster([fake.channel, other.channel], ledger=Path(sys.argv[1]) / "ledger.db", route="a")
"""


def run(root: Path, program: str, timeout_s: float = 30.0, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(START) + textwrap.dedent(program), str(root)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_importing_surecast_loads_no_library_of_a_platform() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import surecast"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "surecast" in loaded
    assert loaded & set(SDKS) == set()


def test_making_a_broadcaster_loads_no_library_of_a_platform(tmp_path: Path) -> None:
    done = run(tmp_path, "print(sorted(set(sys.modules) & set(%r)))" % (SDKS[:9],))
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("flags", [(), ("-W", "error", "-X", "dev")], ids=["as usual", "with all warnings"])
def test_a_script_prints_nothing_of_its_own_and_ends_by_itself(tmp_path: Path, flags: tuple[str, ...]) -> None:
    program = "report = caster.broadcast('x'); assert report.satisfied"
    done = run(tmp_path, program, 30.0, *flags)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("wait", ["True", "False"])
def test_a_process_with_a_platform_that_hangs_ends_in_time_and_records_what_it_left(tmp_path: Path, wait: str) -> None:
    program = f"""
        fake.script(hang())
        threading.Thread(target=lambda: (time.sleep(0.3), print("end", flush=True)), daemon=True).start()
        caster.broadcast("x", wait={wait} and 0.3)
        fake.wait_for(1)
        print(time.monotonic())
    """
    done = run(tmp_path, program, 30.0, "-W", "error")
    ended = time.monotonic()
    assert (done.returncode, done.stderr) == (0, "")
    last = float(done.stdout.replace("end", "").split()[-1])
    assert ended - last < 3.5, "the end of a process waits for no platform"
    [(outcome,)] = rows(tmp_path / "ledger.db", "select outcome from fact where kind = 'ended' and action = 'publish'")
    assert '"uncertain"' in outcome
    assert rows(tmp_path / "ledger.db", "select owner from batch") == [(None,)], "nobody waits for its lease"


def test_a_thread_that_hangs_in_a_library_does_not_hold_the_process(tmp_path: Path) -> None:
    program = """
        from surecast.threads import DaemonPool
        pool = DaemonPool("sdk", 1)
        async def publish(self, sending):
            await pool.run(time.sleep, 600)
        fake.kind.adapter.publish = publish
        caster.broadcast("x", wait=0.2)
        print(time.monotonic())
    """
    done = run(tmp_path, program, 30.0, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - float(done.stdout) < 3.5


def test_a_report_after_an_unhandled_error_still_ends_the_process(tmp_path: Path) -> None:
    done = run(tmp_path, "caster.broadcast('x', wait=False); raise SystemExit(7)", 30.0, "-W", "error")
    assert (done.returncode, done.stderr) == (7, "")
    assert rows(tmp_path / "ledger.db", "select count(*) from broadcast") == [(1,)]


def test_a_child_after_fork_sends_on_its_own_and_the_parent_goes_on(tmp_path: Path) -> None:
    program = """
        assert caster.broadcast("from the parent").satisfied
        child = os.fork()
        if child == 0:
            code = 1
            try:
                report = caster.broadcast("from the child", route="b")
                assert report.satisfied and other.texts == ["from the child"]
                assert caster.status("last").id == report.id
                caster.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert caster.broadcast("from the parent again").satisfied
        assert len(caster.listing()) == 3
        caster.close()
        print("done")
    """
    done = run(tmp_path, program)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    assert "Error" not in done.stderr


def test_many_processes_forked_from_one_send_the_same_key_once(tmp_path: Path) -> None:
    from tests.dispatch.forks import Forks
    from tests.dispatch.shelf import posts, publishes

    with Forks() as forks:
        children = [forks.start("send", tmp_path, "after_lookup", "never dies") for _ in range(6)]
        assert [forks.wait(child) for child in children] == [0] * 6
    assert posts(tmp_path / "a") == ["Ferry 12 is cancelled"]
    assert len(publishes(tmp_path / "a")) == 1
