"""Posting to Bluesky's own server (PDS) on loopback: what is written, and what is answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.channels.bluesky_bench import (
    PASSWORD,
    MemorySessions,
    Writer,
    a_context,
    a_picture,
    a_sending,
    an_errand,
    going,
    outcome_of,
    publish,
    using,
)
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds

from surecast.channel import Adapter, Confirms, Finds, Probes, Retracts
from surecast.channels.bluesky import KIND, Bluesky, Settings
from surecast.outcome import Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.secret import Secret
from surecast.settings import CHECK

if TYPE_CHECKING:
    from tests.servers.fixtures import OwnPds

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def account(pds: Pds) -> Writer:
    return Writer.on(pds, "writer")


@pytest.fixture
def writer(account: Writer) -> Iterator[Writer]:
    yield account
    account.pds.delete_posts(account.did)


def summary(outcome: Outcome) -> tuple[Verdict, Reason]:
    return outcome.verdict, outcome.reason


# What is written


def test_the_record_on_the_server_is_the_payload_to_the_byte(writer: Writer) -> None:
    text = "Fähre 12 fällt aus, fragt @bsky-writer.test! #Hafen https://ferries.example/12"

    async def work(adapter: Bluesky) -> tuple[bytes, Outcome]:
        payload = await adapter.prepare(an_errand(text, url="https://ferries.example/12", title="Fähre 12"))
        return payload, await publish(adapter, payload)

    payload, outcome = going(writer.adapter(), work)
    request = json.loads(payload)
    assert {name: request[name] for name in ("repo", "collection", "swapRecord")} == {
        "repo": writer.did,
        "collection": "app.bsky.feed.post",
        "swapRecord": None,
    }
    [post] = writer.posts
    assert post["value"] == request["record"]
    assert post["value"]["createdAt"] == "2023-11-14T22:13:20.250Z"
    marked = [
        (
            text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(),
            {name: value for name, value in facet["features"][0].items() if name != "$type"},
        )
        for facet in post["value"]["facets"]
    ]
    assert marked == [
        ("@bsky-writer.test", {"did": writer.did}),
        ("#Hafen", {"tag": "Hafen"}),
        ("https://ferries.example/12", {"uri": "https://ferries.example/12"}),
    ]
    assert outcome == Outcome(
        verdict=Verdict.ACCEPTED,
        receipt=Receipt(
            post["uri"],
            f"https://bsky.app/profile/bsky-writer.test/post/{request['rkey']}",
            {"cid": post["cid"]},
        ),
    )


def test_a_mention_of_nobody_stays_plain_text(writer: Writer) -> None:
    payload = going(writer.adapter(), lambda adapter: adapter.prepare(an_errand("Ask @nobody.test")))
    assert "facets" not in json.loads(payload)["record"]


def test_a_mention_that_hangs_does_not_hold_the_post(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.channels.bluesky.MENTIONS_S", 0.2)

    async def work() -> bytes:
        return await using(await writer.at(server), lambda adapter: adapter.prepare(an_errand("Ask @bsky-writer.test")))

    with FaultServer("hang_after_body", upstream=writer.pds.url, only=lambda _, path: "resolve" in path) as server:
        payload = asyncio.run(work())
    assert "facets" not in json.loads(payload)["record"]


def test_preparing_twice_gives_the_same_bytes_and_publishes_nothing(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> list[bytes]:
        return [await adapter.prepare(an_errand("Ferry 12 is cancelled")) for _ in range(2)]

    once, again = going(writer.adapter(), work)
    assert once == again
    assert writer.posts == []


def test_four_images_with_their_words(writer: Writer) -> None:
    pictures = tuple(a_picture(name, width=80, height=60) for name in ("pier", "ferry", "quay", "map"))

    async def work(adapter: Bluesky) -> Outcome:
        payload = await adapter.prepare(an_errand("Pier 3", url="https://ferries.example", pictures=pictures))
        return await publish(adapter, payload)

    assert going(writer.adapter(), work).verdict is Verdict.ACCEPTED
    embed = writer.posts[0]["value"]["embed"]
    assert embed["$type"] == "app.bsky.embed.images"
    assert [(image["alt"], image["aspectRatio"]) for image in embed["images"]] == [
        (f"Picture of {name}", {"width": 80, "height": 60}) for name in ("pier", "ferry", "quay", "map")
    ]


def test_an_image_that_is_too_big_is_made_smaller(writer: Writer) -> None:
    big = a_picture("noise", width=1600, height=1200, noise=True)
    assert len(big[0]) > 1_000_000

    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, await adapter.prepare(an_errand("Pier 3", pictures=(big,))))

    assert going(writer.adapter(), work).verdict is Verdict.ACCEPTED
    [image] = writer.posts[0]["value"]["embed"]["images"]
    assert image["image"]["size"] <= 1_000_000


def test_an_image_that_takes_too_long_is_ready_for_the_next_attempt(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from surecast.pictures import shrink

    begun: list[int] = []

    def slow_shrink(data: bytes, media_type: str, max_bytes: int) -> bytes:
        begun.append(len(data))
        time.sleep(0.6)
        return shrink(data, media_type, max_bytes)

    monkeypatch.setattr("surecast.channels.bluesky.shrink", slow_shrink)
    pictures = (a_picture("pier"), a_picture("ferry"))

    async def work(adapter: Bluesky) -> bytes:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await adapter.prepare(an_errand("Pier 3", pictures=pictures))
        return await adapter.prepare(an_errand("Pier 3", pictures=pictures))

    assert len(json.loads(going(writer.adapter(), work))["record"]["embed"]["images"]) == 2
    assert len(begun) == 2


def test_only_the_last_images_are_kept(writer: Writer) -> None:
    pictures = [a_picture(f"picture {number}") for number in range(10)]

    async def work(adapter: Bluesky) -> int:
        for picture in pictures:
            await adapter.prepare(an_errand("Pier 3", pictures=(picture,)))
        return len(adapter._small)

    assert going(writer.adapter(), work) == 8


def test_a_server_that_takes_only_smaller_images_refuses(own_pds: OwnPds) -> None:
    writer = Writer.on(own_pds({"PDS_BLOB_UPLOAD_LIMIT": "500"}), "writer")
    picture = a_picture("noise", width=64, height=64, noise=True)

    async def work(adapter: Bluesky) -> Outcome:
        return await outcome_of(adapter, adapter.prepare(an_errand("Pier 3", pictures=(picture,))))

    outcome = going(writer.adapter(), work)
    assert (outcome.verdict, outcome.reason, outcome.scope) == (
        Verdict.REFUSED,
        Reason.MEDIA_REFUSED,
        Scope.CONTENT,
    )


# Once and only once


def test_the_same_payload_twice_is_one_post(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> list[Outcome]:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        return [await publish(adapter, payload) for _ in range(2)]

    once, again = going(writer.adapter(), work)
    assert once.verdict is Verdict.ACCEPTED
    assert once == again
    assert len(writer.posts) == 1


def test_the_same_payload_eight_times_at_once_is_one_post(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> list[Outcome]:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        return await asyncio.gather(*[publish(adapter, payload) for _ in range(8)])

    assert {outcome.verdict for outcome in going(writer.adapter(), work)} == {Verdict.ACCEPTED}
    assert len(writer.posts) == 1


def test_something_else_in_its_place_is_left_as_it_is(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> tuple[Outcome, Any]:
        first = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        second = await adapter.prepare(an_errand("Ferry 13 is cancelled"))
        await publish(adapter, first)
        return await publish(adapter, second), await adapter.find(a_sending(second))

    outcome, look = going(writer.adapter(), work)
    assert outcome == Outcome(
        verdict=Verdict.REFUSED,
        scope=Scope.CONTENT,
        reason=Reason.TEXT_REFUSED,
        detail="Another post already has this post's place on Bluesky; it was left as it is. Announce it again.",
    )
    assert (look.sighting, look.receipt) == (Sighting.UNKNOWN, None)
    assert [post["value"]["text"] for post in writer.posts] == ["Ferry 12 is cancelled"]


def test_a_server_frozen_in_the_middle_has_the_post_once_it_thaws(own_pds: OwnPds) -> None:
    writer = Writer.on(own_pds(), "writer")

    async def work(adapter: Bluesky) -> None:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        writer.pds.freeze()
        assert summary(await publish(adapter, payload, 1.0)) == (Verdict.UNCERTAIN, Reason.TIMED_OUT)
        assert (await adapter.find(a_sending(payload, timeout_s=0.5))).sighting is Sighting.UNKNOWN
        writer.pds.thaw()
        for _ in range(100):
            look = await adapter.find(a_sending(payload))
            if look.sighting is Sighting.SEEN:
                break
            await asyncio.sleep(0.05)
        assert look.sighting is Sighting.SEEN
        again = await publish(adapter, payload)
        assert (again.verdict, again.receipt) == (Verdict.ACCEPTED, look.receipt)
        assert len(writer.posts) == 1

    going(writer.adapter(), work)


def test_a_dead_server_was_not_reached_and_a_living_one_takes_the_same_payload(own_pds: OwnPds) -> None:
    writer = Writer.on(own_pds(), "writer")

    async def work(adapter: Bluesky) -> None:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        writer.pds.kill()
        assert summary(await publish(adapter, payload)) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
        assert (await adapter.find(a_sending(payload))).sighting is Sighting.UNKNOWN
        await asyncio.to_thread(writer.pds.restart)
        assert (await adapter.find(a_sending(payload))).sighting is Sighting.UNSEEN
        assert (await publish(adapter, payload)).verdict is Verdict.ACCEPTED

    going(writer.adapter(), work)


# What the server refuses


def test_a_text_that_is_too_long_is_refused_in_the_servers_words(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, await adapter.prepare(an_errand("x" * 301)))

    outcome = going(writer.adapter(), work)
    assert (outcome.verdict, outcome.reason, outcome.scope) == (
        Verdict.REFUSED,
        Reason.TEXT_REFUSED,
        Scope.CONTENT,
    )
    assert "grapheme" in outcome.detail


def test_an_image_that_the_server_no_longer_has_is_refused(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Outcome:
        payload = await adapter.prepare(an_errand("Pier 3", pictures=(a_picture("pier"),)))
        request = json.loads(payload)
        blob = request["record"]["embed"]["images"][0]["image"]
        blob["ref"]["$link"] = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy"
        return await publish(adapter, json.dumps(request).encode())

    assert summary(going(writer.adapter(), work)) == (Verdict.REFUSED, Reason.MEDIA_REFUSED)


def test_an_account_that_was_taken_down_is_unauthorized(pds: Pds) -> None:
    writer = Writer.on(pds, "banned")

    async def work(adapter: Bluesky) -> Outcome:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        pds.takedown(writer.did, applied=True)
        try:
            assert not (await adapter.probe(5.0)).ok
            return await publish(adapter, payload)
        finally:
            pds.takedown(writer.did, applied=False)

    outcome = going(writer.adapter(), work)
    assert (outcome.verdict, outcome.reason, outcome.scope) == (
        Verdict.UNAUTHORIZED,
        Reason.NOT_ALLOWED,
        Scope.CHANNEL,
    )
    assert "https://bsky.app" in outcome.detail


def test_a_payload_for_another_account_is_not_sent_by_this_one(writer: Writer, pds: Pds) -> None:
    other = Writer.on(pds, "neighbour")

    async def prepare(adapter: Bluesky) -> bytes:
        return await adapter.prepare(an_errand("Ferry 12 is cancelled"))

    payload = going(other.adapter(), prepare)
    outcome = going(writer.adapter(), lambda adapter: publish(adapter, payload))
    assert summary(outcome) == (Verdict.REFUSED, Reason.NOT_ALLOWED)


# Taking back, and trying without posting


def test_a_post_is_taken_back_and_twice_does_no_harm(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> list[Outcome]:
        receipt = (await publish(adapter, await adapter.prepare(an_errand("A mistake")))).receipt
        assert receipt is not None
        return [await adapter.retract(receipt, 5.0) for _ in range(2)]

    assert [outcome.verdict for outcome in going(writer.adapter(), work)] == [Verdict.ACCEPTED] * 2
    assert writer.posts == []


def test_a_probe_names_server_and_account_and_posts_nothing(writer: Writer) -> None:
    probed = going(writer.adapter(), lambda adapter: adapter.probe(5.0))
    assert (probed.ok, probed.detail) == (True, f"{writer.pds.url} answers, and @bsky-writer.test is logged in.")
    assert writer.posts == []


def test_a_probe_tells_a_wrong_password_from_a_dead_server(writer: Writer) -> None:
    wrong = writer.adapter(password="wrong-wrong-wrong", sessions=MemorySessions())
    probed = going(wrong, lambda adapter: adapter.probe(5.0))
    assert not probed.ok
    assert probed.detail.startswith(f"{writer.pds.url} answers, but: Bluesky does not accept the login.")
    with FaultServer("refused") as server:
        dead = writer.adapter(server.url, sessions=MemorySessions())
        probed = going(dead, lambda adapter: adapter.probe(5.0))
    assert (probed.ok, probed.detail) == (False, "The server refused the connection.")


# Settings and abilities


def test_the_adapter_has_all_abilities() -> None:
    assert [KIND.able(ability) for ability in (Finds, Confirms, Retracts, Probes)] == [True] * 4
    settings = Settings(handle="a.test", app_password=Secret.of(PASSWORD))
    adapter: Adapter = KIND.adapter(settings, a_context(MemorySessions()))
    assert adapter.traits is KIND.traits
    assert PASSWORD not in repr(settings) + repr(adapter)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("handle", "ferries.example", ""),
        ("handle", "did:plc:abc", ""),
        ("handle", "@ferries.example", "without @"),
        ("handle", "ferries", "is not a handle"),
        ("handle", "duty@ferries.example", "is not a handle"),
        ("service", "https://pds.example", ""),
        ("service", "http://127.0.0.1:2583", ""),
        ("service", "http://localhost:2583", ""),
        ("service", "http://pds.example", "https://"),
        ("service", "pds.example", "https://"),
        ("appview", None, ""),
        ("appview", "https://api.bsky.app", ""),
    ],
)
def test_a_setting_is_checked_in_plain_words(name: str, value: str | None, wrong: str) -> None:
    check = Settings.__dataclass_fields__[name].metadata[CHECK]
    assert wrong in check(value)
    assert bool(check(value)) == bool(wrong)
