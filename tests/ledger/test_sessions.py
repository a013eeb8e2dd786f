"""Platform sessions: sealed on the disk, readable with the right secret only, renewed by one process at a time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.ledger.open_files import rows, running

from surecast.clock import SteadyClock
from surecast.ledger.database import Ledger
from surecast.ledger.owner import new_owner
from surecast.ledger.sessions import LedgerSessions
from surecast.secret import Secret
from surecast.testing import ManualClock

T = TypeVar("T")
TOKEN = "refresh-token-that-must-not-show"


def sessions(
    ledger: Ledger, secret: Secret | None = None, *, channel: str = "bluesky", owner: str = "", clock: Any = None
) -> LedgerSessions:
    key = secret or Secret.of("app-password")
    return LedgerSessions(ledger, channel, key, owner or new_owner(), clock or SteadyClock())


def with_ledger(path: Path, work: Callable[[Ledger], Coroutine[Any, Any, T]]) -> T:
    async def done() -> T:
        ledger = Ledger(path)
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(done())


def test_a_session_comes_back_and_the_next_one_takes_its_place(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> list[str | None]:
        store = sessions(ledger)
        loaded = [await store.load()]
        for session in (TOKEN, "другой ✓"):
            await store.save(session)
            loaded.append(await sessions(ledger).load())
        return loaded

    assert with_ledger(tmp_path / "ledger.db", work) == [None, TOKEN, "другой ✓"]


def test_no_file_holds_it_readable(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> bytes:
        await sessions(ledger).save(TOKEN)
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    held = with_ledger(tmp_path / "ledger.db", work)
    assert len(held) > 4_096
    assert (TOKEN.encode() in held, b"app-password" in held) == (False, False)


@pytest.mark.parametrize(("secret", "channel"), [("new-password", "bluesky"), ("app-password", "another")])
def test_another_secret_or_channel_cannot_read_it(tmp_path: Path, secret: str, channel: str) -> None:
    async def work(ledger: Ledger) -> str | None:
        await sessions(ledger).save(TOKEN)
        [(sealed,)] = rows(tmp_path / "ledger.db", "select sealed from session")
        from surecast.ledger import sessions as module

        await ledger.do(module._save, channel, sealed)
        return await sessions(ledger, Secret.of(secret), channel=channel).load()

    assert with_ledger(tmp_path / "ledger.db", work) is None


def test_a_damaged_session_is_no_session(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> str | None:
        from surecast.ledger import sessions as module

        await ledger.do(module._save, "bluesky", b"gAAAA not a token")
        return await sessions(ledger).load()

    assert with_ledger(tmp_path / "ledger.db", work) is None


def test_without_any_secret_nothing_is_stored(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> None:
        store = LedgerSessions(ledger, "bluesky", None, new_owner(), SteadyClock())
        await store.save(TOKEN)
        assert await store.load() is None, "a key that everybody knows seals nothing"

    with_ledger(tmp_path / "ledger.db", work)


def test_one_task_renews_at_a_time(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> int:
        store = sessions(ledger)
        inside = most = 0

        async def renew() -> None:
            nonlocal inside, most
            async with store.renewing():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.gather(*(renew() for _ in range(5)))
        return most

    assert with_ledger(tmp_path / "ledger.db", work) == 1


def test_a_failure_while_renewing_frees_it(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> None:
        with pytest.raises(ZeroDivisionError):
            async with sessions(ledger).renewing():
                raise ZeroDivisionError
        async with asyncio.timeout(2), sessions(ledger).renewing():
            pass

    with_ledger(tmp_path / "ledger.db", work)


def test_another_process_waits_and_finds_the_new_session(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = """
        import asyncio, sys
        from pathlib import Path
        from surecast.ledger.database import Ledger
        from tests.ledger.test_sessions import TOKEN, sessions

        async def main():
            ledger = Ledger(Path(sys.argv[1]))
            store = sessions(ledger)
            async with store.renewing():
                print("renewing", flush=True)
                await asyncio.to_thread(sys.stdin.readline)
                await store.save(TOKEN)
            await ledger.close()

        asyncio.run(main())
    """

    async def work(ledger: Ledger) -> tuple[bool, str | None]:
        store = sessions(ledger)
        with running(program, path) as other:
            assert other.stdout is not None
            assert other.stdin is not None
            assert other.stdout.readline() == "renewing\n"

            async def renew() -> str | None:
                async with store.renewing():
                    return await store.load()

            mine = asyncio.create_task(renew())
            await asyncio.sleep(0.3)
            waited = not mine.done()
            other.stdin.write("go on\n")
            other.stdin.flush()
            return waited, await asyncio.wait_for(mine, 10)

    assert with_ledger(path, work) == (True, TOKEN)


def test_a_process_that_died_while_renewing_holds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = """
        import asyncio, os, sys
        from pathlib import Path
        from surecast.ledger.database import Ledger
        from tests.ledger.test_sessions import sessions

        async def main():
            async with sessions(Ledger(Path(sys.argv[1]))).renewing():
                os._exit(9)

        asyncio.run(main())
    """
    from tests.ledger.open_files import run_python

    assert run_python(program, path).returncode == 9

    async def work(ledger: Ledger) -> float:
        began = time.monotonic()
        async with sessions(ledger).renewing():
            return time.monotonic() - began

    assert with_ledger(path, work) < 2.0


def test_a_hung_renewal_is_taken_over_when_its_lease_ends(tmp_path: Path) -> None:
    clock = ManualClock()

    async def work(ledger: Ledger) -> None:
        hung = sessions(ledger, owner="another-host:x:1:1:r", clock=clock).renewing()
        await hung.__aenter__()
        waiting = asyncio.create_task(enter(sessions(ledger, clock=clock)))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        clock.advance(21)
        await asyncio.wait_for(waiting, 5)
        await hung.__aexit__(None, None, None)

    async def enter(store: LedgerSessions) -> None:
        async with store.renewing():
            pass

    with_ledger(tmp_path / "ledger.db", work)


def test_the_ledger_is_only_for_its_owner(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> int:
        await sessions(ledger).save(TOKEN)
        return os.stat(tmp_path / "ledger.db").st_mode & 0o077

    assert with_ledger(tmp_path / "ledger.db", work) == 0
