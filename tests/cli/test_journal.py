"""What a service logs: a line each on standard error, tame and without secrets, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
from datetime import UTC

import pytest

from surecast.cli import journal as journal_module
from surecast.cli.journal import MOST_WAITING, journal
from surecast.cli.output import Output
from surecast.transport.redact import register

log = logging.getLogger("surecast.ops.something")
DAY = r"\d{4}-\d\d-\d\d "


def written(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().err.splitlines()


def test_a_line_begins_with_the_time_and_the_first_of_a_day_with_the_date(capfd: pytest.CaptureFixture[str]) -> None:
    with journal(Output(), UTC, logging.INFO):
        for at in (1_776_319_000, 1_776_319_060, 1_776_319_060 + 86_400):
            record = log.makeRecord(log.name, logging.INFO, __file__, 1, "line %d", (at % 100,), None)
            record.created = at
            log.handle(record)
    assert written(capfd) == ["2026-04-16 05:56  line 0", "05:57  line 60", "2026-04-17 05:57  line 60"]


def test_what_is_less_urgent_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with journal(Output(quiet=True), UTC, logging.WARNING):
        log.info("as usual")
        log.warning("not as usual")
    (line,) = written(capfd)
    assert line.endswith("  not as usual")


def test_a_message_is_one_tame_line_without_secrets(capfd: pytest.CaptureFixture[str]) -> None:
    register("hunter2-of-the-journal")
    with journal(Output(sandbox=True), UTC, logging.INFO):
        log.info("it said: %s", "no\n\x1b[31mway with hunter2-of-the-journal")
    (line,) = written(capfd)
    assert line.startswith("SANDBOX ")
    assert "hunter2" not in line
    assert "\x1b" not in line
    assert "it said: no " in line


def test_arguments_that_do_not_fit_end_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with journal(Output(), UTC, logging.INFO):
        log.info("%d", "no number")
        log.info("the next one")
    assert any(line.endswith("  the next one") for line in written(capfd))


def test_afterwards_all_is_as_it_was() -> None:
    logger = logging.getLogger("surecast")
    before = (logger.level, logger.propagate, list(logger.handlers))
    with pytest.raises(ZeroDivisionError), journal(Output(), UTC, logging.INFO):
        raise ZeroDivisionError
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    assert not any(thread.name == "surecast-journal" for thread in threading.enumerate())


def test_who_logs_waits_for_nobody_and_what_there_is_no_room_for_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "LAST_WORDS_S", 0.1)
    goes_on, taken = threading.Event(), list[str]()

    class Stopped(Output):
        def hint(self, *lines: str, verbatim: bool = False) -> None:
            goes_on.wait(20)
            taken.extend(lines)

    with journal(Stopped(), UTC, logging.INFO):
        for number in range(2 * MOST_WAITING):
            log.info("line %d", number)
        assert taken == []
    goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "surecast-journal":
            thread.join(20)
    assert MOST_WAITING - 1 <= len(taken) <= MOST_WAITING + 1
