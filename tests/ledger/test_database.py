"""The ledger's file: who may read it, what survives, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.open_files import NOW, ROOT, accept, opened, plan, rows, run_python, running

from surecast.errors import LedgerBusyError, LedgerError, LedgerTooNewError
from surecast.ledger import broadcasts
from surecast.ledger.database import Database, Ledger

#: What every sentence must hold: where, and what to do.
CURES = re.compile(r"Give this user write access|Move it away|Upgrade surecast|Wait for that process|try again")


def refusal(path: Path) -> LedgerError:
    """What is said when the ledger is opened and written."""
    with pytest.raises(LedgerError) as caught, opened(path) as database:
        accept(database, plan())
    assert str(path) in str(caught.value)
    assert CURES.search(str(caught.value))
    return caught.value


# A good file


def test_the_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "ledger.db"
    before = os.umask(0)
    try:
        with opened(path) as database:
            accept(database, plan())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_readers_wait_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as writer, opened(path) as reader:
        assert writer.connection.execute("pragma journal_mode").fetchone()[0] == "wal"
        with writer.transaction() as queries:
            queries.worker_seen(writer.connection, owner="me", now=NOW)
            assert broadcasts.last_worker(reader) is None
        assert broadcasts.last_worker(reader) == NOW


@pytest.mark.parametrize(("durable", "expected"), [(False, 1), (True, 2)])
def test_what_must_survive_a_power_cut_is_flushed_to_the_disk(tmp_path: Path, durable: bool, expected: int) -> None:
    with opened(tmp_path / "ledger.db") as database:
        with database.transaction(durable=durable):
            assert database.connection.execute("pragma synchronous").fetchone()[0] == expected
        assert database.connection.execute("pragma synchronous").fetchone()[0] == 1


def test_a_step_that_fails_keeps_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        with pytest.raises(ZeroDivisionError), database.transaction(durable=True) as queries:
            queries.worker_seen(database.connection, owner="me", now=NOW)
            raise ZeroDivisionError
        assert broadcasts.last_worker(database) is None
        broadcasts.worker_seen(database, "me", NOW)
        assert broadcasts.last_worker(database) == NOW


def test_opening_it_from_many_threads_and_processes_at_once_makes_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = """
        import sys
        from pathlib import Path
        from tests.ledger.open_files import accept, opened, plan
        with opened(Path(sys.argv[1])) as database:
            accept(database, plan(key=sys.argv[2]))
    """
    ended: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: ended.append(run_python(program, path, n).returncode)) for n in range(4)
    ]

    def here(number: int) -> None:
        with opened(path) as database:
            accept(database, plan(key=f"thread {number}"))
        ended.append(0)

    threads += [threading.Thread(target=here, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [0] * 12
    assert rows(path, "select count(*) from broadcast") == [(12,)]


def test_a_second_opening_in_this_process_does_not_give_up_the_locks_of_the_first(tmp_path: Path) -> None:
    # POSIX: closing any descriptor of a file drops every lock of the process on it. Without the lock the next
    # process that closes the ledger takes itself for the last one and deletes the write-ahead log under us.
    path = tmp_path / "ledger.db"
    with opened(path) as first:
        accept(first, plan(key="1"))
        with opened(path):
            pass
        assert (
            run_python(
                "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('select 1 from broadcast').fetchall()", path
            ).returncode
            == 0
        )
        assert Path(f"{path}-wal").exists()
        accept(first, plan(key="2"))
        assert rows(path, "select count(*) from broadcast") == [(2,)]


# Migrations


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with opened(path) as database:
        accept(database, plan())
    assert rows(path, "pragma user_version") == [(3,)]


def test_a_ledger_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version = 99")
    before = path.read_bytes()
    with pytest.raises(LedgerTooNewError, match=r"schema 99, this one knows 3.*Upgrade surecast"):
        Database(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_in_the_middle_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from surecast.ledger import database as module

    real = module._statements

    def broken(script: str) -> Iterator[str]:
        yield from list(real(script))[:3]
        yield "create nonsense"

    path = tmp_path / "ledger.db"
    monkeypatch.setattr(module, "_statements", broken)
    with pytest.raises(LedgerError, match="Nothing of this step was kept"):
        Database(path)
    assert rows(path, "select count(*) from sqlite_master") == [(0,)]
    monkeypatch.undo()
    with opened(path) as database:
        accept(database, plan())


def test_every_statement_of_every_migration_is_run(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db"):
        pass
    found = {name for (name,) in rows(tmp_path / "ledger.db", "select name from sqlite_master where type = 'table'")}
    assert found - {"sqlite_sequence"} == {
        *("broadcast", "batch", "delivery", "fact", "gate", "image", "session", "worker"),
        *("ability", "crowd", "direct", "recipient", "roll", "setting", "spending", "suppression", "tally"),
        *("newest", "notice", "outage", "reroute_note", "round", "signal", "switch", "told"),
    }


# Files that are no ledger, or cannot be used


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"Dear diary, today the ferry was late.\n" * 100)
    assert "damaged or no ledger at all" in str(refusal(path))
    assert path.read_bytes().startswith(b"Dear diary")


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table broadcast (id integer)")
    assert str(path) in str(refusal(path))
    assert rows(path, "select name from sqlite_master") == [("broadcast",)]


def test_a_damaged_ledger_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        for number in range(30):
            accept(database, plan(key=str(number)))
    data = bytearray(path.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    path.write_bytes(data)
    assert "damaged or no ledger at all" in str(refusal(path))


def test_a_folder_in_its_place_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.mkdir()
    assert "it is a folder" in str(refusal(path))


def test_a_file_where_its_folder_should_be_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    assert "cannot be written" in str(refusal(tmp_path / "folder" / "ledger.db"))


@pytest.fixture
def unchangeable(tmp_path: Path) -> Iterator[Path]:
    """A ledger that nobody may change, not even root."""
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        accept(database, plan(key="before"))
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", path], capture_output=True).returncode:
        path.chmod(0o400)
        if os.geteuid() == 0:
            _missing("this file system knows no `chattr +i` and root may write everything: run the tests as a user")
    yield path
    subprocess.run(["chattr", "-i", path], capture_output=True)


def test_a_file_that_cannot_be_written_says_so(unchangeable: Path) -> None:
    assert "cannot be written" in str(refusal(unchangeable))


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    if subprocess.run(["chattr", "+i", folder], capture_output=True).returncode:
        _missing("this file system knows no `chattr +i`")
    try:
        assert "cannot be written" in str(refusal(folder / "ledger.db"))
    finally:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_a_ledger_of_somebody_else_says_so(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        _missing("only root can make a file of somebody else's: run the tests as root")
    folder = Path(tempfile.mkdtemp(prefix="surecast-ledger-"))
    folder.chmod(0o755)
    path = folder / "ledger.db"
    with opened(path) as database:
        accept(database, plan(key="before"))
    program = """
        import os, sys
        from pathlib import Path
        from surecast.errors import LedgerError
        from surecast.ledger.database import _queries
        from tests.ledger.open_files import accept, opened, plan
        _queries()
        os.setgid(65534)
        os.setuid(65534)
        try:
            with opened(Path(sys.argv[1])) as database:
                accept(database, plan())
        except LedgerError as error:
            print(error)
    """
    done = run_python(program, path)
    assert "cannot be" in done.stdout, done.stderr
    assert CURES.search(done.stdout)
    assert rows(path, "select key from broadcast") == [("before",)]
    shutil.rmtree(folder)


# Disks that are full


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800k", "none", mounted], capture_output=True).returncode:
        _missing("a small disk cannot be mounted: run the tests as root outside of a container")
    try:
        path = mounted / "ledger.db"
        with opened(path) as database:
            kept = fill_up(database)
            (mounted / "ballast").unlink(missing_ok=True)
        assert rows(path, "select count(*) from broadcast") == [(kept,)]
    finally:
        subprocess.run(["umount", mounted], check=True)


def fill_up(database: Database) -> int:
    """Accepts until the disk is full; gives how many were accepted. What was said tells the truth."""
    for number in range(1, 2_000):
        try:
            accept(database, plan(key=str(number)), images={f"d{number}": bytes(2_000)})
        except LedgerError as error:
            assert "the disk is full" in str(error), error
            assert "cannot be written" in str(error)
            assert database.connection.in_transaction is False
            assert broadcasts.load(database, broadcasts.find(database, "last")).plan.key == str(number - 1)
            return number - 1
    raise AssertionError("the disk never was full")


def test_a_limit_on_file_sizes_is_like_a_full_disk(tmp_path: Path) -> None:
    program = """
        import resource, signal, sys
        from pathlib import Path
        from tests.ledger.open_files import opened
        from tests.ledger.test_database import fill_up
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with opened(Path(sys.argv[1])) as database:
            resource.setrlimit(resource.RLIMIT_FSIZE, (450_000, resource.RLIM_INFINITY))
            kept = fill_up(database)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(kept)
    """
    done = run_python(program, tmp_path / "ledger.db")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "ledger.db", "select count(*) from broadcast") == [(int(done.stdout),)]


# Locks


def test_a_ledger_that_is_locked_for_too_long_says_so_and_works_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surecast.ledger.database.BUSY_TIMEOUT_S", 0.2)
    path = tmp_path / "ledger.db"
    with opened(path):
        pass
    program = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("begin immediate")
        print("locked", flush=True)
        sys.stdin.read()
        connection.execute("rollback")
    """
    with running(program, path) as other, opened(path) as database:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(LedgerBusyError, match="locked by another process .*nothing was lost or sent twice"):
            accept(database, plan())
        assert broadcasts.listing(database, 5, 0.0) == (), "reading goes on"
        other.stdin.close()
        other.wait(10)
        assert accept(database, plan()).created


def test_a_lock_that_is_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as mine, opened(path) as other:
        other.connection.execute("begin immediate")
        timer = threading.Timer(0.3, lambda: other.connection.execute("rollback"))
        timer.start()
        assert accept(mine, plan()).created
        timer.join()


def test_a_text_that_cannot_be_read_is_an_error_of_the_ledger(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "ledger.db") as database,
        pytest.raises(LedgerError, match="Could not decode to UTF-8"),
        database.reading(),
    ):
        database.connection.execute("select cast(x'ff' as text)").fetchone()


def test_a_new_file_that_another_is_just_preparing_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        timer = threading.Timer(0.3, lambda: other.execute("rollback"))
        timer.start()
        with opened(path) as mine:
            assert accept(mine, plan()).created
        timer.join()


def test_a_new_file_that_another_does_not_give_up_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.ledger.database.BUSY_TIMEOUT_S", 0.2)
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(LedgerBusyError, match="Wait for that process"):
            Database(path)
        other.execute("rollback")
    with opened(path) as mine:
        assert accept(mine, plan()).created


# The ledger of an event loop


def test_a_ledger_that_could_not_be_opened_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("not yet a ledger, and longer than a header of one would be: " + "x" * 100)

    async def twice() -> float | None:
        ledger = Ledger(path)
        with pytest.raises(LedgerError):
            await ledger.do(broadcasts.last_worker)
        path.unlink()
        try:
            await ledger.do(broadcasts.worker_seen, "me", NOW)
            return await ledger.do(broadcasts.last_worker)
        finally:
            await ledger.close()

    assert asyncio.run(twice()) == NOW


def test_closing_comes_after_the_calls_in_hand(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    async def busy() -> list[None]:
        ledger = Ledger(path)
        calls = [asyncio.create_task(ledger.do(broadcasts.worker_seen, f"w{n}", NOW)) for n in range(20)]
        await asyncio.sleep(0)
        await ledger.close()
        return list(await asyncio.gather(*calls))

    assert asyncio.run(busy()) == [None] * 20
    assert rows(path, "select count(*) from worker") == [(20,)]
    assert not Path(f"{path}-wal").exists()


def test_every_error_of_the_database_is_one_of_ours(tmp_path: Path) -> None:
    async def asked() -> None:
        ledger = Ledger(tmp_path / "ledger.db")
        await ledger.do(broadcasts.last_worker)
        await ledger.do(lambda database: database.close())
        for call in (broadcasts.last_worker, broadcasts.version, broadcasts.next_wake):
            with pytest.raises(LedgerError):
                await ledger.do(call)

    asyncio.run(asked())


def test_only_what_is_needed_is_loaded_before_a_ledger_is_opened() -> None:
    assert ROOT.joinpath("src/surecast/ledger/database.py").exists()
    program = "import sys, surecast.ledger.database; print('aiosql' in sys.modules)"
    assert run_python(program).stdout == "False\n"


def _missing(why: str) -> None:
    if os.environ.get("SURECAST_STRICT") == "1":
        pytest.fail(why)
    pytest.skip(why)
