"""An audience is read off the loop, a part at a time, and never holds anybody."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.broadcaster.harbour import audience, row

from surecast.audiences import Audience
from surecast.broadcaster.reading import Reader
from surecast.dispatch.ports import Part
from surecast.errors import ConfigError


def parts(source: Audience, most: int) -> list[Part]:
    async def read() -> list[Part]:
        reader, found = Reader(source), []
        try:
            while not found or not found[-1].last:
                found.append(await reader.next(most))
        finally:
            await reader.close()
        return found

    return asyncio.run(read())


def test_an_audience_comes_part_by_part_and_says_where_it_ends(tmp_path: Path) -> None:
    found = parts(audience(tmp_path, 5), 2)
    assert [(len(part.contacts), part.last) for part in found] == [(2, False), (2, False), (1, True)]
    assert [contact.name for part in found for contact in part.contacts] == [f"Anna {n}" for n in range(5)]


def test_an_audience_that_ends_with_a_part_has_an_empty_one_behind_it(tmp_path: Path) -> None:
    assert [(len(part.contacts), part.last) for part in parts(audience(tmp_path, 4), 2)][-1] == (0, True)
    assert [(len(part.contacts), part.last) for part in parts(audience(tmp_path, 0), 2)] == [(0, True)]


def test_flawed_rows_are_counted_and_leave_the_others_alone(tmp_path: Path) -> None:
    [part] = parts(audience(tmp_path, [row(1), "2,Anna 2,12,,yes,yes", row(3)]), 10)
    assert (len(part.contacts), part.flawed, part.last) == (2, 1, True)


def test_a_source_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"riders\.csv"):
        parts(Audience(source="riders.csv", folder=tmp_path), 10)


def test_a_reader_that_is_closed_before_its_end_lets_go_of_the_source(tmp_path: Path) -> None:
    source = audience(tmp_path, 5_000)

    async def read() -> None:
        reader = Reader(source)
        await reader.next(10)
        assert str(tmp_path / "riders.csv") in _open_files()
        await reader.close()

    asyncio.run(read())
    assert str(tmp_path / "riders.csv") not in _open_files()


def _open_files() -> list[str]:
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue
    return found


def test_a_source_that_hangs_holds_neither_the_loop_nor_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "riders.csv")

    async def read() -> None:
        reader = Reader(Audience(source="riders.csv", folder=tmp_path))
        hanging = asyncio.create_task(reader.next(10))
        await asyncio.sleep(0.05)
        hanging.cancel()
        await reader.close()

    began = time.monotonic()
    asyncio.run(read())
    assert time.monotonic() - began < 5.0
    os.close(os.open(tmp_path / "riders.csv", os.O_WRONLY | os.O_NONBLOCK))
