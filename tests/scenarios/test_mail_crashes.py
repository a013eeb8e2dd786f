"""Relays and senders that die in the middle of a newsletter: nobody gets it twice, and whoever may lack it is named."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.letters import Newsletter, numbered, plain
from tests.servers.process import wait_until
from tests.servers.smtp_sink import SmtpSink, Taken

pytestmark = pytest.mark.server


def addresses(taken: list[Taken]) -> Counter[str]:
    return Counter(recipient for each in taken for recipient in each.recipients)


def everybody(count: int) -> set[str]:
    return {str(reader["email"]) for reader in numbered(count)}


def in_doubt(shop: Newsletter) -> set[str]:
    """Who is named as perhaps reached."""
    ran = shop.run("status", "last", "--unsure", "--json")
    return {each["address"] for each in ran.json["contacts"]}


def test_a_relay_that_dies_in_the_middle_is_followed_by_the_next_and_those_in_flight_are_named(tmp_path: Path) -> None:
    count = 1_000
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with SmtpSink.start(folders[0], delay_seconds=0.05) as first, SmtpSink.start(folders[1]) as second:
        shop = Newsletter(tmp_path / "shop").readers(numbered(count))
        shop.letters([plain(first.port), plain(second.port)]).route("newsletter")
        process = shop.start("send", "Ferry 12 is cancelled today", "--json")
        wait_until(lambda: len(first.sent()) >= count / 2, 60, "half of the list")
        first.kill()
        out, err = process.communicate(timeout=60)
        one, other = addresses(first.sent()), addresses(second.sent())

        assert process.returncode == 0, out + err
        unsure = in_doubt(shop)
        assert set((one + other).values()) == {1}, "nobody twice"
        assert 1 <= len(unsure) <= 10, "those on their way, ten at once"
        assert set(one) | set(other) | unsure == everybody(count)
        assert not unsure & set(other), "what one relay may have taken is given to no other"
        report = shop.run("status", "last", "--json").json
        assert (report["contacts"]["reached"], report["contacts"]["unsure"]) == (count - len(unsure), len(unsure))

        lacking = unsure - set(one)
        there, *rest = sorted(unsure)
        assert shop.run("resume", "--json").json["broadcasts"][0]["contacts"]["unsure"] == len(unsure)
        one_settled = shop.run("settle", "last", "newsletter", "--to", there, "--json", "--there")
        assert one_settled.json["contacts"]["unsure"] == len(rest), one_settled.err
        assert shop.run("settle", "last", "newsletter", "--not-there").code == 0
        resumed = shop.run("resume", "--json")
        assert (resumed.code, resumed.json["broadcasts"][0]["final"]) == (0, True), resumed.out
        again = addresses(second.sent()) - other
        assert set(again) == set(rest), f"a person said that they lack it; {len(lacking)} do"
        assert set(again.values()) <= {1}


@pytest.mark.slow
def test_a_relay_that_hangs_in_the_middle_is_followed_by_the_next_and_doubles_nobody_when_it_wakes_up(
    tmp_path: Path,
) -> None:
    count = 1_000
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        SmtpSink.start(tmp_path / "first", delay_seconds=0.02) as first,
        SmtpSink.start(tmp_path / "second") as second,
    ):
        shop = Newsletter(tmp_path / "shop").readers(numbered(count))
        shop.letters([plain(first.port), plain(second.port)]).route("newsletter")
        process = shop.start("send", "Ferry 12 is cancelled today", "--json")
        wait_until(lambda: len(first.sent()) >= count / 3, 60, "a third of the list")
        first.freeze()
        out, err = process.communicate(timeout=60)
        first.thaw()
        unsure = in_doubt(shop)

        assert process.returncode == 0, out + err
        assert len(unsure) <= 10, "those on their way, ten at once"
        wait_until(lambda: everybody(count) <= set(addresses(first.sent() + second.sent())) | unsure, 10, "everybody")
        assert set(addresses(first.sent() + second.sent()).values()) == {1}, "nobody twice"


@pytest.mark.slow
def test_a_sender_killed_several_times_doubles_nobody_and_names_everybody_who_may_lack_it(tmp_path: Path) -> None:
    count, kills = 2_000, 5
    (tmp_path / "sink").mkdir()
    with SmtpSink.start(tmp_path / "sink", delay_seconds=0.02) as sink:
        shop = Newsletter(tmp_path / "shop").readers(numbered(count)).letters([plain(sink.port)]).route("newsletter")
        process = shop.start("send", "Ferry 12 is cancelled today")
        for _ in range(kills):
            some = len(sink.sent()) + random.randint(50, 250)
            wait_until(lambda some=some: len(sink.sent()) >= some, 60, "some more")  # type: ignore[misc]
            threading.Event().wait(random.uniform(0, 0.1))
            assert process.poll() is None, "it was still at work"
            _kill(process)
            process = shop.start("resume", "--json")
        out, err = process.communicate(timeout=110)

        assert process.returncode in {0, 5}, out + err
        taken = sink.sent()
        reached, unsure = addresses(taken), in_doubt(shop)
        assert set(reached.values()) == {1}, "nobody twice"
        assert len({each.message_id for each in taken}) == len(taken)
        assert set(reached) | unsure == everybody(count), "whoever lacks it is named"
        report = shop.run("status", "last", "--json").json
        assert report["contacts"]["reached"] + len(unsure) == count
        assert len(unsure) <= kills * 14, "those on their way, and a few that were committed to in advance"
        print(f"{len(unsure)} in doubt after {kills} kills, of whom {len(unsure - set(reached))} lack it")


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
