"""Outages, and what is said of them: each once, whoever and however many are at it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.open_files import NOW, accept, opened, plan

from surecast.errors import UsageError
from surecast.ledger import gates, outages
from surecast.ledger.broadcasts import ALPHABET
from surecast.ledger.database import Database
from surecast.outage import Notice, Outage, Sort, Stage


def begin(database: Database, channel: str = "a", *, at: float = NOW, facts: tuple[str, ...] = ()) -> Outage:
    outage = outages.begin(database, channel, began_at=at - 30, why="posts fail", facts=facts, now=at)
    assert outage is not None
    return outage


def draft(
    database: Database, outage: Outage, sort: Sort = Sort.NOTICE, number: int = 0, *, at: float = NOW, **said: Any
) -> Notice:
    notice = outages.draft(database, outage, sort, number=number, text="Ferries", route="b", now=at, **said)
    assert notice is not None
    return notice


def at_once(path: Path, work: Callable[[Database], Any], *, many: int = 8) -> list[Any]:
    """What many processes get that do the same at the same moment."""
    results: list[Any] = []

    def one() -> None:
        with opened(path) as database:
            results.append(work(database))

    threads = [threading.Thread(target=one) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# Outages


def test_an_outage_comes_back_as_it_was_entered(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database, facts=("posts fail", "its status page says: Störung"))
        assert outages.open_now(database) == (outage,)
        assert (outage.began_at, outage.noticed_at, outage.up_since, outage.ended_at) == (NOW - 30, NOW, None, None)


def test_a_channel_has_one_outage_at_a_time_and_another_channel_its_own(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first = begin(database)
        assert outages.begin(database, "a", began_at=NOW, why="", facts=(), now=NOW) is None
        other = begin(database, "b", at=NOW - 90)
        assert outages.open_now(database) == (other, first), "the oldest first"


def test_one_of_many_who_notice_it_at_once_enters_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path):
        pass
    found = at_once(path, lambda database: outages.begin(database, "a", began_at=NOW, why="", facts=(), now=NOW))
    assert sum(outage is not None for outage in found) == 1


def test_a_relapse_is_counted_once_and_only_after_a_recovery(tmp_path: Path) -> None:
    def known() -> Outage:
        (outage,) = outages.open_now(database)
        return outage

    with opened(tmp_path / "ledger.db") as database:
        begin(database)
        outages.up_again(database, known(), None)
        assert (known().up_since, known().relapses) == (None, 0)
        outages.up_again(database, known(), NOW + 60)
        assert (known().up_since, known().relapses) == (NOW + 60, 0)
        outages.up_again(database, known(), None)
        outages.up_again(database, known(), None)
        assert (known().up_since, known().relapses) == (None, 1)


def test_an_outage_ends_once_and_then_the_next_one_may_begin(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        assert [outages.end(database, outage, NOW + 60), outages.end(database, outage, NOW + 99)] == [True, False]
        assert outages.open_now(database) == ()
        assert begin(database, at=NOW + 120).id != outage.id
        assert outages.since(database, NOW + 60)[0] == replace(outage, ended_at=NOW + 60), "the first end stands"


def test_one_of_many_who_see_it_over_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        outage = begin(database)
    assert sorted(at_once(path, lambda database: outages.end(database, outage, NOW))) == [False] * 7 + [True]


def test_those_of_a_time_are_the_open_ones_and_those_that_ended_in_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        old, late, still = begin(database, "a"), begin(database, "b", at=NOW + 9), begin(database, "c", at=NOW - 9)
        outages.end(database, old, NOW + 50)
        outages.end(database, late, NOW + 60)
        assert [each.id for each in outages.since(database, NOW + 55)] == [still.id, late.id]
        assert [each.id for each in outages.since(database, NOW)] == [still.id, old.id, late.id]


def test_with_its_end_readers_of_other_channels_may_be_told_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        one, two = (accept(database, plan(text=text)).plan.id for text in ("one", "two"))
        outage = begin(database)
        assert [gates.claim_note(database, "a", "b", each, NOW) for each in (one, two, one)] == [True, False, True]
        assert gates.claim_note(database, "c", "b", one, NOW)
        outages.end(database, outage, NOW)
        assert gates.claim_note(database, "a", "b", two, NOW)
        assert not gates.claim_note(database, "c", "b", two, NOW), "that is another channel's"


# Notices


def test_a_notice_comes_back_as_it_was_drafted(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        notice = draft(database, outage, title="Störung", url="https://ferries.example", language="de")
        assert outages.notices(database, outage.id) == outages.drafts(database) == (notice,)
        assert (notice.stage, notice.created_at, notice.decided_at, notice.broadcast) == (Stage.DRAFT, NOW, None, None)
        assert len(notice.id) == 5
        assert set(notice.id) <= set(ALPHABET)


def test_each_sort_is_said_once_of_an_outage_and_updates_once_each(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first, second = begin(database), begin(database, "b")
        for sort, number in ((Sort.NOTICE, 0), (Sort.UPDATE, 1), (Sort.UPDATE, 2), (Sort.ALL_CLEAR, 0)):
            draft(database, first, sort, number)
            assert outages.draft(database, first, sort, number=number, text="again", route="b", now=NOW) is None
            draft(database, second, sort, number)
        assert len(outages.notices(database, first.id)) == len(outages.notices(database, second.id)) == 4
        assert all(notice.text == "Ferries" for notice in outages.drafts(database))


def test_what_was_sent_or_dropped_is_not_said_again_either(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        for number, stage in enumerate((Stage.SENT, Stage.DROPPED)):
            assert outages.decide(database, draft(database, outage, Sort.UPDATE, number), stage, NOW)
            again = outages.draft(database, outage, Sort.UPDATE, number=number, text="x", route="b", now=NOW)
            assert again is None


def test_one_of_many_who_write_it_at_once_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        outage = begin(database)
    found = at_once(
        path, lambda database: outages.draft(database, outage, Sort.NOTICE, text="Ferries", route="b", now=NOW)
    )
    assert sum(notice is not None for notice in found) == 1


def test_who_decides_first_has_decided(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        notice = draft(database, begin(database))
    stages = iter([Stage.SENT, Stage.DROPPED] * 4)
    decided = at_once(path, lambda database: outages.decide(database, notice, next(stages), NOW + 5))
    assert sorted(decided) == [False] * 7 + [True]
    with opened(path) as database:
        assert outages.drafts(database) == ()


def test_the_broadcast_of_a_notice_that_was_sent_is_entered_and_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        notice = draft(database, outage)
        assert outages.decide(database, notice, Stage.SENT, NOW + 1)
        sent = replace(notice, stage=Stage.SENT)
        outages.sent_as(database, sent, "k3f9x")
        assert outages.decide(database, sent, Stage.SENT, NOW + 3)
        (known,) = outages.notices(database, outage.id)
        assert (known.stage, known.decided_at, known.broadcast) == (Stage.SENT, NOW + 3, "k3f9x")


def test_a_notice_that_could_not_be_sent_waits_again(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        notice = draft(database, begin(database))
        assert outages.decide(database, notice, Stage.SENT, NOW + 1)
        assert outages.decide(database, replace(notice, stage=Stage.SENT), Stage.DRAFT, NOW + 2)
        assert [each.id for each in outages.drafts(database)] == [notice.id]


def test_what_waits_is_listed_oldest_first(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        later = draft(database, begin(database), at=NOW + 60)
        first = draft(database, begin(database, "b"))
        assert [each.id for each in outages.drafts(database)] == [first.id, later.id]


# A name that a person types


def test_a_notice_is_found_by_its_id_or_the_beginning_of_it_however_it_is_typed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        notice = draft(database, outage)
        for typed in (notice.id, notice.id[:2], notice.id[0], notice.id.upper(), f" {notice.id}.\n"):
            assert outages.find(database, typed).id == notice.id
        assert outages.decide(database, notice, Stage.DROPPED, NOW)
        assert outages.find(database, notice.id).stage is Stage.DROPPED


@pytest.mark.parametrize("typed", ["", "  ", "%", "_____", "l", "0", "zzzzzz", "'; drop table notice; --"])
def test_a_name_that_means_no_notice_says_where_they_are_listed(tmp_path: Path, typed: str) -> None:
    with opened(tmp_path / "ledger.db") as database:
        draft(database, begin(database))
        with pytest.raises(UsageError, match=r"No draft is called .*`surecast drafts` lists them\."):
            outages.find(database, typed)


def test_a_beginning_of_two_notices_is_not_guessed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        outage = begin(database)
        notices = [draft(database, outage, Sort.UPDATE, number) for number in range(len(ALPHABET) + 1)]
        first = [notice.id[0] for notice in notices]
        twice = next(sign for sign in first if first.count(sign) > 1)
        with pytest.raises(UsageError, match="More than one draft begins with"):
            outages.find(database, twice)
