"""What was observed of channels, kept a few seconds together."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.ledger.open_files import NOW, opened, rows

from surecast.ledger import signals
from surecast.ledger.database import Database
from surecast.outcome import RULES, Outcome, Reason, Scope, Verdict
from surecast.signals import SLOT_S, Answer, Signal, Slot, Source

GOOD, BAD, SILENT = Answer.GOOD, Answer.BAD, Answer.SILENT


def signal(answer: Answer = GOOD, source: Source = Source.PROBE, **own: object) -> Signal:
    return Signal(source=source, answer=answer, **own)  # type: ignore[arg-type]


def record(database: Database, *some: Signal, at: float = NOW, channel: str = "a") -> None:
    signals.record(database, channel, some, at)


def known(database: Database, channel: str = "a", since: float = 0.0) -> tuple[Slot, ...]:
    slots = signals.since(database, since).get(channel, ())
    assert slots == signals.of_channel(database, channel, since)
    return slots


# Slots


def test_where_nothing_was_observed_nothing_is_known(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert signals.since(database, 0.0) == {}
        assert known(database) == ()


def test_what_is_observed_within_a_few_seconds_is_counted_together_and_the_last_word_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        record(database, signal(GOOD, slow=1), signal(BAD, count=3, detail="503"), at=NOW)
        record(database, signal(SILENT), signal(BAD, slow=2, detail="reset"), at=NOW + SLOT_S - 1)
        (slot,) = known(database)
    assert slot == Slot(
        source=Source.PROBE, at=NOW + SLOT_S - 1, good=1, bad=4, slow=3, silent=1, last=BAD, detail="reset"
    )


def test_each_source_channel_and_span_has_a_slot_of_its_own_oldest_first(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        record(database, signal(source=Source.WRITE), at=NOW + SLOT_S)
        record(database, *(signal(source=source) for source in Source), at=NOW)
        record(database, signal(BAD), channel="b")
        assert [(slot.source, slot.at) for slot in known(database)][-1] == (Source.WRITE, NOW + SLOT_S)
        assert len(known(database)) == len(Source) + 1
        assert set(signals.since(database, 0.0)) == {"a", "b"}
        assert [slot.last for slot in known(database, "b")] == [BAD]


def test_only_what_was_observed_since_a_moment_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for number in range(3):
            record(database, signal(), at=NOW + number * SLOT_S)
        assert [len(known(database, since=NOW + since)) for since in (0, 0.1, SLOT_S, 2 * SLOT_S, 21)] == [
            3,
            2,
            2,
            1,
            0,
        ]


def test_a_word_is_kept_until_there_is_another_and_never_at_length(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        record(database, signal(BAD, detail="x" * 500))
        assert len(known(database)[0].detail) == signals.LONGEST_DETAIL
        record(database, signal(BAD, detail="y"), signal(GOOD))
        assert known(database)[0].detail == "y"


def test_of_a_million_messages_a_handful_of_rows_is_left(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        for number in range(100):
            record(database, signal(count=10_000, source=Source.WRITE), at=NOW + number * 0.5)
    assert rows(path, "select count(*), sum(good) from signal") == [(5, 1_000_000)]


def test_what_many_processes_see_at_once_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path):
        pass

    def one() -> None:
        with opened(path) as database:
            for number in range(10):
                record(database, signal(), signal(BAD), at=NOW + number)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened(path) as database:
        assert [(slot.good, slot.bad) for slot in known(database)] == [(60, 60)]


def test_an_observation_stands_or_falls_with_the_transaction_that_it_is_part_of(tmp_path: Path) -> None:
    def half(database: Database) -> None:
        with database.transaction():
            signals.note(database, "a", signal(), NOW)
            raise ValueError("the rest of it failed")

    with opened(tmp_path / "ledger.db") as database:
        with pytest.raises(ValueError, match="the rest"):
            half(database)
        assert known(database) == ()


def test_an_observation_that_says_nothing_leaves_the_last_word_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        record(database, signal(GOOD), signal(BAD), signal(SILENT))
        assert known(database)[0].last is BAD


# What an end says


@pytest.mark.parametrize("verdict", Verdict)
def test_an_end_says_of_the_channel_what_it_says_to_the_breaker(verdict: Verdict) -> None:
    outcome = Outcome(verdict=verdict, detail="why")
    effect = RULES[verdict].breaker
    found = signals.told_by(outcome, Source.WRITE)
    if effect == "ignores":
        assert found is None
    elif effect == "heals":
        assert found == signal(GOOD, Source.WRITE)
    else:
        assert found == signal(BAD, Source.WRITE, detail="why")


def test_the_usual_ends_say_what_they_should() -> None:
    said = {
        verdict: found and found.answer
        for verdict in Verdict
        for found in [signals.told_by(Outcome(verdict=verdict), Source.WRITE)]
    }
    assert said == {
        Verdict.ACCEPTED: GOOD,
        Verdict.CONFIRMED: GOOD,
        Verdict.INVISIBLE: BAD,
        Verdict.UNAVAILABLE: BAD,
        Verdict.UNAUTHORIZED: BAD,
        Verdict.UNCERTAIN: BAD,
        Verdict.REFUSED: None,
        Verdict.THROTTLED: None,
        Verdict.SKIPPED: None,
    }


@pytest.mark.parametrize(
    "own",
    [
        {"scope": Scope.RECIPIENT},
        {"scope": Scope.CONTENT},
        {"reason": Reason.OURS},
        {"reason": Reason.NO_NETWORK},
    ],
    ids=["one recipient", "the text", "our own fault", "no network"],
)
def test_what_no_platform_is_to_blame_for_says_nothing_of_it(own: dict[str, object]) -> None:
    assert signals.told_by(Outcome(verdict=Verdict.UNAVAILABLE, **own), Source.WRITE) is None  # type: ignore[arg-type]
