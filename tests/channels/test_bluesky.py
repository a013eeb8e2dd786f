"""Posting to Bluesky's own server (PDS) on loopback: what is written, what is answered, what is seen."""

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
    is_login,
    is_write,
    methods,
    outcome_of,
    publish,
    using,
)
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds

from surecast.channel import Adapter, Confirms, Finds, Probes, Retracts
from surecast.channels.bluesky import APPVIEW, KIND, Bluesky, Settings
from surecast.outcome import Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.secret import Secret
from surecast.settings import CHECK
from surecast.transport.redact import quiet_sdks

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
    text = "Fähre 12 fällt aus, fragt @writer.test! #Hafen https://ferries.example/12"

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
        ("@writer.test", {"did": writer.did}),
        ("#Hafen", {"tag": "Hafen"}),
        ("https://ferries.example/12", {"uri": "https://ferries.example/12"}),
    ]
    assert outcome == Outcome(
        verdict=Verdict.ACCEPTED,
        receipt=Receipt(
            post["uri"],
            f"https://bsky.app/profile/writer.test/post/{request['rkey']}",
            {"cid": post["cid"]},
        ),
    )


def test_a_mention_of_nobody_stays_plain_text(writer: Writer) -> None:
    payload = going(writer.adapter(), lambda adapter: adapter.prepare(an_errand("Ask @nobody.test")))
    assert "facets" not in json.loads(payload)["record"]


def test_a_mention_that_hangs_does_not_hold_the_post(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.channels.bluesky.MENTIONS_S", 0.2)

    async def work() -> bytes:
        return await using(await writer.at(server), lambda adapter: adapter.prepare(an_errand("Ask @writer.test")))

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


# Faults of the network and of servers, on the write alone

DOUBT = {
    "hang_before_body": Reason.TIMED_OUT,
    "hang_after_body": Reason.TIMED_OUT,
    "slow_drip": Reason.TIMED_OUT,
    "lost_reply_hang": Reason.TIMED_OUT,
    "reset": Reason.INTERRUPTED,
    "close": Reason.INTERRUPTED,
    "half": Reason.INTERRUPTED,
    "lost_reply": Reason.INTERRUPTED,
    "408": Reason.SERVER_ERROR,
    "500": Reason.SERVER_ERROR,
    "504": Reason.SERVER_ERROR,
    "302": Reason.REDIRECTED,
    "200-html": Reason.UNREADABLE_REPLY,
    "200-broken-json": Reason.UNREADABLE_REPLY,
}
FAULTS = {fault: (Verdict.UNCERTAIN, reason) for fault, reason in DOUBT.items()} | {
    "400": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "401": (Verdict.UNAUTHORIZED, Reason.CREDENTIALS),
    "403": (Verdict.UNAUTHORIZED, Reason.NOT_ALLOWED),
    "404": (Verdict.REFUSED, Reason.NOT_ALLOWED),
    "409": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "413": (Verdict.REFUSED, Reason.MEDIA_REFUSED),
    "422": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "429": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "429-date": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "429-none": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "502": (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED),  # an HTML page of an edge
    "503": (Verdict.UNAVAILABLE, Reason.SERVER_ERROR),
    "lost_reply_502": (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_the_write_is_named_and_the_same_bytes_heal_it(
    fault: str, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    quiet_sdks()
    caplog.set_level("DEBUG")
    timeout_s = 1.0

    async def work() -> tuple[Outcome, float, Outcome, bytes]:
        async def attempts(adapter: Bluesky) -> tuple[Outcome, float, Outcome, bytes]:
            payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
            began = time.monotonic()
            first = await publish(adapter, payload, timeout_s)
            spent = time.monotonic() - began
            server.clear()
            return first, spent, await publish(adapter, payload), payload

        return await using(await writer.at(server), attempts)

    with FaultServer(fault, upstream=writer.pds.url, only=is_write, remaining=1) as server:
        first, spent, second, payload = asyncio.run(work())
        requests = server.requests
    assert summary(first) == FAULTS[fault]
    assert spent <= timeout_s + 0.5
    assert second.verdict is Verdict.ACCEPTED
    assert methods(requests) == ["putRecord", "putRecord"]
    assert [request.body for request in requests if request.body] in ([payload, payload], [payload])
    assert len(writer.posts) == 1
    shown = caplog.text + repr(first) + repr(second)
    assert [secret for secret in (PASSWORD, *writer.sessions.tokens[2:4]) if secret in shown] == []


@pytest.mark.parametrize(("fault", "wait_s"), [("429", 2.0), ("429-date", 2.0), ("429-none", None)])
def test_too_many_requests_say_when_to_come_back(fault: str, wait_s: float | None, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), lambda adapter: publish(adapter, writer.payload))

    with FaultServer(fault, upstream=writer.pds.url, only=is_write, retry_after=2.0) as server:
        outcome = asyncio.run(work())
    assert outcome.retry_after_s == (wait_s if wait_s is None else pytest.approx(wait_s, abs=1.1))


def test_too_many_logins_wait_for_the_reset_that_bluesky_names(writer: Writer) -> None:
    reset = {"RateLimit-Reset": str(int(time.time()) + 120)}
    with FaultServer("429-none", upstream=writer.pds.url, only=is_login, headers=reset) as server:
        outcome = going(
            writer.adapter(server.url, sessions=MemorySessions()),
            lambda adapter: outcome_of(adapter, adapter.prepare(an_errand("x"))),
        )
        assert methods(server.requests) == ["createSession"]
    assert summary(outcome) == (Verdict.THROTTLED, Reason.RATE_LIMITED)
    assert outcome.retry_after_s == pytest.approx(120, abs=3)


@pytest.mark.parametrize("fault", ["refused", "tls_garbage", "tls_self_signed"])
def test_a_server_that_cannot_be_connected_to_got_nothing(fault: str, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), lambda adapter: publish(adapter, writer.payload))

    with FaultServer(fault) as server:
        assert summary(asyncio.run(work())) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)


@pytest.mark.parametrize("fault", ["hang_after_body", "reset", "500", "200-html", "200-broken-json", "302"])
def test_a_login_that_fails_leaves_no_doubt_as_nothing_was_sent(fault: str, writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, writer.payload, 1.0)

    with FaultServer(fault, upstream=writer.pds.url, only=is_login) as server:
        outcome = going(writer.adapter(server.url, sessions=MemorySessions()), work)
        assert "putRecord" not in methods(server.requests)
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert outcome.detail.startswith("Nothing was sent")
    assert "may have been delivered" not in outcome.detail


def test_a_cancelled_attempt_is_uncertain_and_the_same_bytes_heal_it(writer: Writer) -> None:
    async def attempts(adapter: Bluesky) -> None:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        attempt = asyncio.create_task(publish(adapter, payload))
        await asyncio.to_thread(server.wait_for, 1)
        attempt.cancel()
        assert summary(await attempt) == (Verdict.UNCERTAIN, Reason.CANCELLED_IN_FLIGHT)
        server.clear()
        assert (await publish(adapter, payload)).verdict is Verdict.ACCEPTED

    async def work() -> None:
        await using(await writer.at(server), attempts)

    with FaultServer("lost_reply_hang", upstream=writer.pds.url, only=is_write) as server:
        asyncio.run(work())
    assert len(writer.posts) == 1


def test_closing_does_not_wait_for_a_hung_call(writer: Writer) -> None:
    async def work() -> float:
        adapter = await writer.at(server)
        await adapter.open()
        attempt = asyncio.create_task(publish(adapter, writer.payload, 30.0))
        await asyncio.to_thread(server.wait_for, 1)
        began = time.monotonic()
        await adapter.close()
        spent = time.monotonic() - began
        attempt.cancel()
        await attempt
        return spent

    with FaultServer("hang_after_body", upstream=writer.pds.url, only=is_write) as server:
        assert asyncio.run(work()) < 0.5


def test_a_second_event_loop_works(writer: Writer) -> None:
    adapter = writer.adapter()

    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, await adapter.prepare(an_errand("Ferry 12 is cancelled")))

    assert [going(adapter, work).verdict for _ in range(2)] == [Verdict.ACCEPTED, Verdict.ACCEPTED]


# Looking


@pytest.mark.parametrize("fault", ["reset", "500", "404", "200-html", "200-broken-json", "429", "302"])
def test_a_look_up_that_fails_is_no_information(fault: str, writer: Writer) -> None:
    async def look(adapter: Bluesky) -> Any:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        return await adapter.find(a_sending(payload))

    async def work() -> Any:
        return await using(await writer.at(server), look)

    with FaultServer(fault, upstream=writer.pds.url, only=lambda _, path: "getRecord" in path) as server:
        found = asyncio.run(work())
    assert found.sighting is Sighting.UNKNOWN
    assert found.detail
    assert "may have been delivered" not in found.detail


def test_what_was_never_posted_is_unseen(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Any:
        return await adapter.find(a_sending(await adapter.prepare(an_errand("Never sent"))))

    assert going(writer.adapter(), work).sighting is Sighting.UNSEEN


RECEIPT = Receipt("at://did:plc:abc/app.bsky.feed.post/3ke6kg4666kks", "https://bsky.app/...", {"cid": "bafy"})


def confirmed(body: Any, fault: str = "200") -> tuple[Any, list[Any]]:
    """What `confirm` says of an AppView that answers so, and the requests it got."""
    with FaultServer(fault, body=body) as appview:
        adapter = Bluesky(
            Settings(handle="a.test", app_password=Secret.of(PASSWORD), appview=appview.url),
            a_context(MemorySessions()),
        )
        return going(adapter, lambda adapter: adapter.confirm(RECEIPT, 1.0)), appview.requests


def test_a_post_that_the_public_can_read_is_seen_without_credentials() -> None:
    look, [request] = confirmed({"posts": [{"uri": RECEIPT.id, "cid": "bafy"}]})
    assert (look.sighting, look.receipt) == (Sighting.SEEN, RECEIPT)
    assert request.path == (
        "/xrpc/app.bsky.feed.getPosts?uris=at%3A%2F%2Fdid%3Aplc%3Aabc%2Fapp.bsky.feed.post%2F3ke6kg4666kks"
    )
    assert request.headers["Authorization"] is None


def test_a_post_that_the_public_read_side_lacks_is_unseen() -> None:
    assert confirmed({"posts": []})[0].sighting is Sighting.UNSEEN


@pytest.mark.parametrize("fault", ["500", "502", "404", "429", "reset", "hang_after_body", "200-html", "302"])
def test_a_read_side_that_fails_is_no_information(fault: str) -> None:
    look, requests = confirmed(None, fault)
    assert (look.sighting, len(requests)) == (Sighting.UNKNOWN, 1)


@pytest.mark.parametrize("body", [{"posts": None}, {"posts": [{}]}, ["posts"], {}, "null"])
def test_a_strange_answer_of_the_read_side_is_no_information(body: Any) -> None:
    assert confirmed(body)[0].sighting is Sighting.UNKNOWN


def test_a_server_on_this_machine_has_no_public_read_side() -> None:
    settings = Settings(handle="a.test", app_password=Secret.of(PASSWORD), service="http://127.0.0.1:1")
    adapter = Bluesky(settings, a_context(MemorySessions()))
    look = going(adapter, lambda adapter: adapter.confirm(RECEIPT, 1.0))
    assert look.sighting is Sighting.UNKNOWN
    assert "appview" in look.detail


def test_everybody_elses_read_side_is_blueskys_own() -> None:
    for service in ("https://bsky.social", "https://pds.example"):
        settings = Settings(handle="a.test", app_password=Secret.of(PASSWORD), service=service)
        assert Bluesky(settings, a_context(MemorySessions()))._appview == APPVIEW


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
    assert (probed.ok, probed.detail) == (True, f"{writer.pds.url} answers, and @writer.test is logged in.")
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
