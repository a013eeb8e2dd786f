"""Posting to Telegram: what is sent, what is answered, what the public sees and what a probe says."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.channels.telegram_bench import (
    A_WAIT,
    CHAT,
    TOKEN,
    a_sending,
    an_adapter,
    an_errand,
    png,
    refusing,
    run,
    says,
)
from tests.sandbox.bench import TurnedClock
from tests.servers.faults import FaultServer
from tests.servers.fixtures import require
from tests.servers.telemelya import Telemelya

from surecast import Broadcaster
from surecast.channel import Channel, Confirms, Finds, Probes, Retracts
from surecast.channels import _telegram_bot
from surecast.channels._telegram_answers import CallError
from surecast.channels.telegram import KIND, TRAITS, Settings, TelegramAdapter
from surecast.outcome import Outcome, Reason, Receipt, Sighting, Verdict
from surecast.sandbox import Fault, Kind, On, Sandbox
from surecast.secret import Secret
from surecast.testing import ChannelContract, attempt
from surecast.transport.classify import classify


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(["telegram"], clock=clock) as running:
        yield running


@pytest.fixture
def url(sandbox: Sandbox) -> str:
    return sandbox.url("telegram")


@pytest.fixture
def far(sandbox: Sandbox) -> Any:
    return sandbox.platforms["telegram"]


async def post(adapter: TelegramAdapter, text: str, *pictures: bytes, **about: Any) -> Outcome:
    return await attempt(adapter, a_sending(await adapter.prepare(an_errand(text, *pictures, **about))))


# The contract of every adapter


class SimulatedTelegram:
    """The simulated far side."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._platform = sandbox.platforms["telegram"]

    def adapter(self) -> TelegramAdapter:
        return an_adapter(self._sandbox.url("telegram"))

    def texts(self) -> Sequence[str]:
        return [post.text for post in self._platform.posts()]

    def writes(self) -> Sequence[str]:
        return [request.digest for request in self._platform.requests() if request.kind is Kind.WRITE]

    def break_(self, fault: str) -> None:
        self._sandbox.fault("telegram", Fault(fault), on=On.ALL if fault == "down" else On.WRITES)

    def mend(self) -> None:
        self._sandbox.lift()


class TestContract(ChannelContract):
    faults: ClassVar = {
        "down": Verdict.UNAVAILABLE,
        "hang_before": Verdict.UNCERTAIN,
        "hang_after": Verdict.UNCERTAIN,
        "lost_reply": Verdict.UNCERTAIN,
        "half": Verdict.UNCERTAIN,
        "slow": Verdict.UNCERTAIN,
        "reset": Verdict.UNCERTAIN,
        "close": Verdict.UNCERTAIN,
        "throttled": Verdict.THROTTLED,
        "unauthorized": Verdict.UNAUTHORIZED,
        "forbidden": Verdict.UNAUTHORIZED,
        "refused": Verdict.REFUSED,
        "error": Verdict.UNCERTAIN,
        "unavailable": Verdict.UNAVAILABLE,
        "edge": Verdict.UNCERTAIN,
        "garbage": Verdict.UNCERTAIN,
    }
    unreached: ClassVar = frozenset({"down"})
    hangs: ClassVar = "hang_after"
    lost: ClassVar = "lost_reply"
    secrets: ClassVar = (TOKEN,)

    @pytest.fixture
    def far_side(self, sandbox: Sandbox) -> SimulatedTelegram:
        return SimulatedTelegram(sandbox)


# The kind and its settings


def test_the_kind_says_what_it_can() -> None:
    assert KIND.name == "telegram"
    assert [KIND.able(ability) for ability in (Finds, Confirms, Retracts, Probes)] == [False, True, True, True]
    assert TRAITS.resend == "never"
    assert not TRAITS.read_back_needs_no_setup
    assert TRAITS.keeps_link_in_text
    assert (TRAITS.limits.text, TRAITS.limits.unit, TRAITS.limits.images) == (4096, "utf16", 1)


@pytest.mark.parametrize(("chat", "reads_back"), [(CHAT, True), ("-1001234567890", False), (-1001234567890, False)])
def test_only_chats_with_a_public_name_are_read_back(chat: str | int, reads_back: bool) -> None:
    assert KIND.reads_back is not None
    assert KIND.reads_back(Settings(bot_token=Secret.of(TOKEN), chat=chat)) is reads_back


def test_the_module_loads_no_sdk() -> None:
    code = "import sys, surecast.channels.telegram; print([m for m in sys.modules if m in sys.argv[1:]])"
    said = subprocess.run(
        [sys.executable, "-c", code, "telegram", "httpx", "PIL"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("chat", "wrong"),
    [
        ("@harbourferries", ""),
        ("-1001234567890", ""),
        (-1001234567890, ""),
        (-42, ""),
        ("harbourferries", 'Write "@harbourferries"'),
        ("https://t.me/harbourferries", 'Write "@harbourferries"'),
        ("t.me/s/harbourferries/", 'Write "@harbourferries"'),
        ("12345", "is a person"),
        (12345, "is a person"),
        ("https://t.me/+AbCdEf", "names no chat"),
        ("@me", "names no chat"),
        ("@harbour ferries", "names no chat"),
        ("", "names no chat"),
    ],
)
def test_a_chat_is_a_public_name_or_a_number(chat: str | int, wrong: str) -> None:
    check = Settings.__dataclass_fields__["chat"].metadata["check"]
    assert wrong in check(chat)
    assert bool(wrong) == bool(check(chat))


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://api.telegram.org", ""),
        ("http://127.0.0.1:8081", ""),
        ("http://bots.example", "Begin it with https://"),
        ("bots.example", "is not a web address"),
    ],
)
def test_the_addresses_must_keep_the_token_secret(address: str, wrong: str) -> None:
    check = Settings.__dataclass_fields__["api"].metadata["check"]
    assert wrong in check(address)
    assert bool(wrong) == bool(check(address))


# The payload


def test_a_text_is_sent_as_it_is_without_markup() -> None:
    text = "5 < 6 & *so* on_\n\nhttps://a.example/1?x=1&y=2 #Ferry @writer ¡Olé! 👩‍👩‍👧"
    payload = json.loads(run(an_adapter("https://api.telegram.org").prepare(an_errand(text))))
    assert payload == {
        "method": "sendMessage",
        "arguments": {"chat_id": CHAT, "disable_notification": False, "text": text},
    }


def test_silence_and_no_preview_are_said_with_every_post() -> None:
    adapter = an_adapter("https://api.telegram.org", silent=True, link_preview=False)
    arguments = json.loads(run(adapter.prepare(an_errand("Hello"))))["arguments"]
    assert (arguments["disable_notification"], arguments["link_preview_options"]) == (True, {"is_disabled": True})


def test_an_image_goes_with_a_text_that_fits_beside_it() -> None:
    data = png()
    payload = json.loads(run(an_adapter("https://api.telegram.org").prepare(an_errand("x" * 1024, data))))
    assert payload["method"] == "sendPhoto"
    assert payload["arguments"] == {"chat_id": CHAT, "disable_notification": False, "caption": "x" * 1024}
    assert payload["photo"]["name"] == "image.png"
    assert base64.b64decode(payload["photo"]["data"]) == data


@pytest.mark.parametrize(
    ("text", "size", "why"),
    [
        ("x" * 1025, (32, 24), "Telegram takes 1024 characters beside one, and these are 1025."),
        ("\U0001f6a2" * 513, (32, 24), "Telegram takes 1024 characters beside one, and these are 1026."),
        ("Hello", (9_000, 1_001), "Telegram shows none of 9000 x 1001 pixels."),
        ("Hello", (2_100, 100), "Telegram shows none of 2100 x 100 pixels."),
    ],
)
def test_where_both_are_not_possible_the_words_go_and_the_image_stays(
    text: str, size: tuple[int, int], why: str
) -> None:
    payload = json.loads(run(an_adapter("https://api.telegram.org").prepare(an_errand(text, png(), size=size))))
    assert (payload["method"], payload["arguments"]["text"]) == ("sendMessage", text)
    assert payload["left_out"] == f"The image was left out: {why}"


def test_a_large_image_is_made_smaller_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str, int]] = []

    def shrink(data: bytes, media_type: str, most: int) -> bytes:
        asked.append((len(data), media_type, most))
        return b"small"

    monkeypatch.setattr(_telegram_bot, "shrink", shrink)
    adapter, errand = an_adapter("https://api.telegram.org"), an_errand("Hello", b"x" * 3_000_000)

    async def twice() -> list[bytes]:
        return [await adapter.prepare(errand) for _ in range(2)]

    payloads = run(twice())
    assert asked == [(3_000_000, "image/png", 1_000_000)]
    assert {base64.b64decode(json.loads(payload)["photo"]["data"]) for payload in payloads} == {b"small"}


# Posting


def test_a_post_arrives_whole_with_its_place_in_the_receipt(url: str, far: Any) -> None:
    text = "Ferry 12 is cancelled: 5 > 3 & so on.\n\nhttps://a.example/1?x=1 #Ferry ¡Olé!"
    outcome = run(post(an_adapter(url, silent=True, link_preview=False), text))
    (seen,) = far.visible()
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.receipt == Receipt(id="-1001000000001/1", url=f"{url}/harbourferries/1")
    assert (seen.text, seen.raw["disable_notification"]) == (text, "true")
    assert json.loads(seen.raw["link_preview_options"]) == {"is_disabled": True}


def test_an_image_arrives_with_its_caption(url: str, far: Any) -> None:
    import httpx

    data = png()
    outcome = run(post(an_adapter(url), "Look", data))
    (seen,) = far.visible()
    assert (outcome.verdict, outcome.detail, seen.text) == (Verdict.ACCEPTED, "", "Look")
    assert httpx.get(seen.pictures[0].url, trust_env=False).content == data


def test_an_image_that_was_left_out_is_told(url: str, far: Any) -> None:
    outcome = run(post(an_adapter(url), "x" * 2000, png()))
    assert (outcome.verdict, far.visible()[0].pictures) == (Verdict.ACCEPTED, ())
    assert outcome.detail == "The image was left out: Telegram takes 1024 characters beside one, and these are 2000."


@pytest.mark.parametrize("chat", ["-1001234567890", -1001234567890])
def test_a_post_in_a_private_chat_has_no_address(url: str, chat: str | int) -> None:
    adapter = an_adapter(url, chat=chat)
    outcome = run(post(adapter, "Hello"))
    assert outcome.receipt == Receipt(id="-1001234567890/1", url=None)
    assert run(adapter.confirm(outcome.receipt, 5.0)).sighting is Sighting.UNKNOWN


def test_a_success_that_the_sdks_models_do_not_take_is_a_success() -> None:
    result = {"message_id": 7, "chat": {"id": -100, "username": "harbourferries"}}  # without date and type
    with FaultServer("200", body={"ok": True, "result": result}) as server:
        outcome = run(attempt(an_adapter(server.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.receipt and outcome.receipt.id) == (Verdict.ACCEPTED, "-100/7")


@pytest.mark.server
def test_somebody_else_reads_what_was_sent(telemelya: Telemelya) -> None:
    """An independent far side, which takes the SDK's requests apart in its own way."""
    text = f"Ferry 12: 5 > 3 & *so* on.\n\nhttps://a.example/1?x=1&y=2 #Ferry ¡Olé! 👩‍👩‍👧 {time.time_ns()}"
    data = png()

    async def twice() -> list[Outcome]:
        adapter = an_adapter(telemelya.url, chat=-1001234567890, silent=True, link_preview=False)
        return [await post(adapter, text), await post(adapter, text, data)]

    outcomes = run(twice())
    message, photo = telemelya.sent()[-2:]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 2
    ids = [outcome.receipt and outcome.receipt.id for outcome in outcomes]
    assert ids == [f"-1001234567890/{each['message_id']}" for each in (message, photo)]
    assert (message["method"], message["text"]) == ("sendMessage", text)
    assert message["raw"] == {
        "chat_id": -1001234567890,
        "text": text,
        "disable_notification": True,
        "link_preview_options": {"is_disabled": True},
    }
    assert (photo["method"], photo["caption"]) == ("sendPhoto", text)
    assert telemelya.photo(photo["file_id"]) == data


@pytest.mark.server
def test_a_server_that_hangs_leaves_doubt_and_one_that_is_dead_leaves_none(tmp_path: Path) -> None:
    require("telemelya")

    async def through_it_all(server: Telemelya) -> list[Verdict]:
        adapter = an_adapter(server.url, chat=-1001234567890)
        await adapter.open()
        sending = a_sending(await adapter.prepare(an_errand("Hello")), A_WAIT)
        server.freeze()
        frozen = await attempt(adapter, sending)
        server.kill()
        dead = await attempt(adapter, sending)
        server.restart()
        again = await attempt(adapter, replace(sending, timeout_s=10.0))
        return [frozen.verdict, dead.verdict, again.verdict]

    with Telemelya.start(tmp_path) as server:
        verdicts = run(through_it_all(server))
    assert verdicts == [Verdict.UNCERTAIN, Verdict.UNAVAILABLE, Verdict.ACCEPTED]


# Reading back


def confirmed(adapter: TelegramAdapter, receipt: Receipt) -> Sighting:
    return run(adapter.confirm(receipt, 5.0)).sighting


def test_a_post_is_seen_by_everybody_until_it_is_taken_back(url: str) -> None:
    async def whole_way() -> list[Any]:
        adapter = an_adapter(url)
        await post(adapter, "Another post")
        outcome = await post(adapter, "Hello")
        assert outcome.receipt is not None
        before = await adapter.confirm(outcome.receipt, 5.0)
        gone = await adapter.retract(outcome.receipt, 5.0)
        return [before.sighting, gone.verdict, (await adapter.confirm(outcome.receipt, 5.0)).sighting]

    assert run(whole_way()) == [Sighting.SEEN, Verdict.ACCEPTED, Sighting.UNSEEN]


def test_a_post_in_a_public_group_is_seen(url: str) -> None:
    adapter = an_adapter(url, chat="@harbour_group")
    outcome = run(post(adapter, "Hello"))
    assert outcome.receipt is not None
    assert confirmed(adapter, outcome.receipt) is Sighting.SEEN


def test_a_missing_post_is_absent_only_where_the_web_shows_others(sandbox: Sandbox, url: str, far: Any) -> None:
    adapter = an_adapter(url)
    receipt = Receipt(id="-1001000000001/9", url=f"{url}/harbourferries/9")
    unknown_chat = confirmed(adapter, receipt)
    run(post(adapter, "Another post"))
    listed = confirmed(adapter, receipt)
    far.previews = False
    not_listed = confirmed(adapter, receipt)
    run(post(an_adapter(url, chat="@harbour_group"), "Another post"))
    in_a_group = confirmed(adapter, Receipt(id="-1001000000002/9", url=f"{url}/harbour_group/9"))
    assert [unknown_chat, listed, not_listed, in_a_group] == [
        Sighting.UNKNOWN, Sighting.UNSEEN, Sighting.UNKNOWN, Sighting.UNKNOWN,
    ]  # fmt: skip


def test_a_post_whose_widget_lags_behind_the_list_is_seen() -> None:
    def page(request: Any, _status: int) -> str:
        error = '<div class="tgme_widget_message_error">Post not found</div>'
        return '<div data-post="HarbourFerries/7">' if request.path.startswith("/s/") else error

    with FaultServer("200", body=page) as server:
        receipt = Receipt(id="-100/7", url=f"{server.url}/harbourferries/7")
        assert confirmed(an_adapter(server.url), receipt) is Sighting.SEEN
        assert [request.path for request in server.requests] == [
            "/harbourferries/7?embed=1",
            "/s/harbourferries?before=8",
        ]
        assert [request.headers["Authorization"] for request in server.requests] == [None, None]


@pytest.mark.parametrize(
    "fault", ["refused", "hang_after_body", "reset", "404", "429", "500", "503", "200-html", "302"]
)
def test_pages_in_trouble_tell_nothing_about_the_post(fault: str) -> None:
    with FaultServer(fault) as server:
        began = time.monotonic()
        receipt = Receipt(id="-100/7", url=f"{server.url}/harbourferries/7")
        look = run(an_adapter(server.url).confirm(receipt, A_WAIT))
        assert time.monotonic() - began < A_WAIT + 0.5
    assert (look.sighting, bool(look.detail)) == (Sighting.UNKNOWN, True)
    assert look.answered is (fault not in {"refused", "hang_after_body", "reset"})
    assert "delivered" not in look.detail


# Taking back


def test_taking_back_twice_is_fine(url: str, far: Any) -> None:
    async def twice() -> list[Verdict]:
        adapter = an_adapter(url)
        receipt = (await post(adapter, "Hello")).receipt
        assert receipt is not None
        return [(await adapter.retract(receipt, 5.0)).verdict for _ in range(2)]

    assert run(twice()) == [Verdict.ACCEPTED] * 2
    assert far.posts() == ()


def test_a_post_that_a_person_named_by_its_address_is_taken_back(url: str, far: Any) -> None:
    adapter = an_adapter(url)
    run(post(adapter, "Hello"))
    address = f"{url}/harbourferries/1?single"
    assert run(adapter.retract(Receipt(id=address, url=address), 5.0)).verdict is Verdict.ACCEPTED
    assert far.posts() == ()


def test_a_post_of_which_nobody_knows_the_place_is_left_to_a_person(url: str) -> None:
    outcome = run(an_adapter(url).retract(Receipt(id="unknown"), 5.0))
    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, Reason.NOT_ALLOWED)
    assert outcome.detail == "It is not known which message this is. Delete it by hand."


def test_after_48_hours_a_post_is_left_to_a_person(url: str, clock: TurnedClock) -> None:
    adapter = an_adapter(url)
    receipt = run(post(adapter, "Hello")).receipt
    assert receipt is not None
    clock.moment += 48 * 3600 + 1
    outcome = run(adapter.retract(receipt, 5.0))
    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, Reason.NOT_ALLOWED)
    assert outcome.detail.endswith(f"younger than 48 hours. Delete it by hand: {url}/harbourferries/1")


def test_a_deletion_that_fails_is_judged_like_any_call() -> None:
    with FaultServer("503", body=refusing()) as server, pytest.raises(CallError) as raised:
        run(an_adapter(server.url).retract(Receipt(id="-100/7"), 5.0))
    assert classify(raised.value, an_adapter(server.url).classify).verdict is Verdict.UNAVAILABLE


# Probing


@pytest.mark.parametrize(
    ("chat", "ok", "said"),
    [
        (CHAT, True, "Posts as @announcer_bot in the channel “harbourferries” (@harbourferries)."),
        ("-1001234567890", True, "Posts as @announcer_bot in the channel “A private chat” (private)."),
        ("@harbour_group", True, "Posts as @announcer_bot in the supergroup “harbour_group” (@harbour_group)."),
        (
            "@readonly",
            False,
            "But it may not post there. Make it an administrator of the channel who may post messages.",
        ),
        ("@readonly_group", False, "But it may not post there. Make it an administrator of the supergroup"),
        ("@nowhere", False, "does not know this chat. Check chat, and add the bot to it"),
        ("@kicked", False, "does not let the bot post there"),
        ("-42", False, 'Write chat = "-1000000000042"'),
    ],
)
def test_a_probe_says_which_bot_posts_where_and_whether_it_may(
    url: str, chat: str, ok: bool, said: str, far: Any
) -> None:
    probed = run(an_adapter(url, chat=chat).probe(5.0))
    assert (probed.ok, said in probed.detail) == (ok, True), probed.detail
    assert far.posts() == ()


def a_chat_where(member: Any, kind: str = "supergroup", permissions: Any = None) -> FaultServer:
    """A Bot API that knows one chat, and the bot in it."""
    answers = {
        "getMe": {"ok": True, "result": {"id": 5, "is_bot": True, "first_name": "F", "username": "ferry_bot"}},
        "getChat": {"ok": True, "result": {"id": -100, "type": kind, "title": "Ferries", "permissions": permissions}},
        "getChatMember": member if "ok" in member else {"ok": True, "result": member},
    }
    return FaultServer("200", body=lambda request, _status: answers[request.path.rpartition("/")[2]])


@pytest.mark.parametrize(
    ("member", "kind", "permissions", "may"),
    [
        ({"status": "creator"}, "channel", None, True),
        ({"status": "administrator", "can_post_messages": True}, "channel", None, True),
        ({"status": "administrator", "can_post_messages": False}, "channel", None, False),
        ({"status": "administrator"}, "channel", None, False),
        ({"status": "member"}, "channel", None, False),
        ({"status": "left"}, "channel", None, False),
        ({"status": "administrator"}, "supergroup", {"can_send_messages": False}, True),
        ({"status": "member"}, "supergroup", None, True),
        ({"status": "member"}, "supergroup", {"can_send_messages": True}, True),
        ({"status": "member"}, "supergroup", {"can_send_messages": False}, False),
        ({"status": "restricted", "can_send_messages": True}, "supergroup", None, True),
        ({"status": "restricted", "can_send_messages": False}, "supergroup", None, False),
        ({"status": "kicked"}, "supergroup", None, False),
    ],
)
def test_who_may_post(member: dict[str, Any], kind: str, permissions: Any, may: bool) -> None:
    with a_chat_where(member, kind, permissions) as server:
        assert run(an_adapter(server.url).probe(5.0)).ok is may


def test_every_connection_is_used_once() -> None:
    with a_chat_where({"status": "member"}) as server:
        assert run(an_adapter(server.url).probe(5.0)).ok
        assert (len(server.requests), server.connections) == (3, 3)


def test_a_channel_that_hides_its_members_does_not_let_the_bot_post() -> None:
    answers = {
        "getMe": {"ok": True, "result": {"id": 5, "username": "ferry_bot"}},
        "getChat": {"ok": True, "result": {"id": -100, "type": "channel", "title": "Ferries"}},
    }
    inside = FaultServer("200", body=lambda request, _status: answers[request.path.rpartition("/")[2]])
    outside = FaultServer(
        "400",
        only=lambda method, path: path.endswith("/getChatMember"),
        body=says(400, "Bad Request: member list is inaccessible"),
        upstream=inside.url,
    )
    with inside, outside:
        probed = run(an_adapter(outside.url).probe(5.0))
    assert (probed.ok, "may not post" in probed.detail) == (False, True)


@pytest.mark.parametrize("fault", ["refused", "tls_self_signed", "hang_after_body", "500", "502", "200-html", "200"])
def test_a_probe_of_a_platform_in_trouble_says_what_is_wrong(fault: str) -> None:
    with FaultServer(fault, body={"ok": True, "result": True} if fault == "200" else None) as server:
        probed = run(an_adapter(server.url).probe(A_WAIT))
    assert not probed.ok
    assert probed.detail
    assert "delivered" not in probed.detail
    assert TOKEN not in probed.detail


# In the house


def test_a_post_in_doubt_is_not_sent_again_until_a_person_has_looked(
    sandbox: Sandbox, url: str, far: Any, tmp_path: Path
) -> None:
    settings = Settings(bot_token=Secret.of(TOKEN), chat=CHAT, api=url, pages=url)
    channel = Channel(name="telegram", kind=KIND, settings=settings, timeout_s=2.0, within_s=3.0)
    sandbox.fault("telegram", Fault.LOST_REPLY, on=On.WRITES, remaining=1)
    with Broadcaster([channel], ledger=tmp_path / "ledger.db", route="telegram") as caster:
        report = caster.broadcast("Ferry 12 is cancelled")
        assert (report.state, report["telegram"].status) == ("unsure", "unsure")
        assert [each.state for each in caster.resume(report.id)] == ["unsure"]
        assert len(far.posts()) == 1
        caster.settle(report.id, "telegram", there=True, url=f"{url}/harbourferries/1")
        assert caster.status(report.id).state == "reached"
    assert len(far.posts()) == 1


def test_what_the_public_cannot_see_is_noticed_where_that_is_asked(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    settings = Settings(bot_token=Secret.of(TOKEN), chat=CHAT, api=url, pages=url)
    channel = Channel(
        name="telegram", kind=KIND, settings=settings, confirm="visible", visible_within_s=0.5, within_s=5.0
    )
    with Broadcaster([channel], ledger=tmp_path / "ledger.db", route="telegram") as caster:
        seen = caster.broadcast("Ferry 12 is cancelled")
        sandbox.fault("telegram", Fault.HIDDEN)
        hidden = caster.broadcast("Ferry 13 is cancelled")
    assert (seen["telegram"].verdict, hidden["telegram"].verdict) == (Verdict.CONFIRMED, Verdict.INVISIBLE)
