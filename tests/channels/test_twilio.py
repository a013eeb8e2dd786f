"""Sending SMS through Twilio: what is sent, answered and looked up, what arrived, and what a probe says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.channels.twilio_bench import (
    A_WAIT,
    ANN,
    FROM,
    SERVICE,
    SID,
    TOKEN,
    a_sending,
    an_adapter,
    is_write,
    says,
    some_settings,
    using,
)
from tests.sandbox.bench import TurnedClock
from tests.servers.faults import FaultServer
from tests.servers.prism import Prism
from tests.servers.slow_sms import SlowSms
from tests.transport.far_sides import never_connects, with_own_authority

from surecast.channel import Finds, Part, Post, Probes, Receipts, Words
from surecast.channels import _twilio_list, twilio
from surecast.channels.twilio import KIND, LIMITS, TwilioAdapter
from surecast.config.fields import fields_of
from surecast.errors import ConfigError, UsageError
from surecast.outcome import Look, Outcome, Reason, Scope, Sighting, Verdict
from surecast.sandbox import Fault, Kind, On, Sandbox
from surecast.secret import Secret
from surecast.testing import attempt

BOB = "+15559875678"


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(["twilio"], clock=clock) as running:
        yield running


@pytest.fixture
def url(sandbox: Sandbox) -> str:
    return sandbox.url("twilio")


@pytest.fixture
def far(sandbox: Sandbox) -> Any:
    return sandbox.platforms["twilio"]


def send(url: str, text: str = "No ferries today", to: Any = ANN, **settings: Any) -> Outcome:
    async def sent(adapter: TwilioAdapter) -> Outcome:
        return await attempt(adapter, await a_sending(adapter, text, to))

    return using(an_adapter(url, **settings), sent)


def sent_form(server: FaultServer) -> dict[str, str]:
    (request,) = server.requests
    return dict(urllib.parse.parse_qsl(request.body.decode(), strict_parsing=True))


# The kind, and its settings


def test_it_says_what_it_can() -> None:
    assert (KIND.name, KIND.in_flight, KIND.traits.costly, KIND.traits.public) == ("twilio", 50, True, False)
    assert [KIND.able(ability) for ability in (Finds, Probes, Receipts)] == [True] * 3


def test_importing_it_loads_no_sdk() -> None:
    names = "{'twilio', 'aiohttp', 'requests', 'yarl'}"
    code = f"import sys, surecast.channels.twilio; print({names} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("own", "cure"), [({"from_": None}, 'Write from = "'), ({"messaging_service": SERVICE}, "Remove one of them")]
)
def test_exactly_one_thing_says_what_it_comes_from(own: dict[str, Any], cure: str) -> None:
    with pytest.raises(ConfigError, match=cure):
        some_settings("https://api.twilio.com", **own)


@pytest.mark.parametrize(
    ("key", "value", "passes"),
    [
        *(("from", good, True) for good in ("+302100000000", "12345", "Ferries", "Pier 3")),
        *(("from", bad, False) for bad in ("302100000000", "+0123456", "Harbour Ferries", "F\u00e4hre", SERVICE)),
        ("messaging_service", SERVICE, True),
        ("messaging_service", "MG1", False),
        ("validity", 36_000.0, True),
        ("validity", 36_001.0, False),
        ("validity", 0.5, False),
        ("api", "https://api.dublin.ie1.twilio.com", True),
        ("api", "http://api.twilio.com", False),
        ("api", "http://127.0.0.1:9103", True),
    ],
)
def test_a_setting_that_cannot_be_meant_is_answered_with_what_to_write(key: str, value: Any, passes: bool) -> None:
    check = next(each.check for each in fields_of(twilio.Settings) if each.key == key)
    assert check is not None
    assert (check(value) == "") is passes


# The words


def dressed(text: str = "No ferries today.", words: Words | None = None, **settings: Any) -> Post:
    post = Post(
        parts=(Part(text=text),),
        words=words or Words(text=text),
        language="en",
        sender="Harbour Ferries",
        limits=LIMITS,
    )
    assert KIND.dress is not None
    return KIND.dress(some_settings("https://api.twilio.com", **settings) if settings else None, post)


def test_the_sender_s_name_stands_before_and_how_to_stop_behind() -> None:
    post = dressed(opt_out="Reply STOP to end")
    assert post.parts == (Part(text="Harbour Ferries: No ferries today. Reply STOP to end"),)
    assert post.count == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [(True, "Harbour Ferries: No"), (False, "No"), ("", "No"), ("Ferries", "Ferries: No")],
)
def test_the_name_is_one_s_own_choice(name: bool | str, text: str) -> None:
    assert dressed("No", sender_name=name).parts[0].text == text


def test_without_settings_it_is_dressed_by_the_defaults() -> None:
    assert dressed().parts[0].text == "Harbour Ferries: No ferries today."


def test_a_link_follows_in_the_same_line() -> None:
    words = Words(text="No ferries", url="https://f.example/1")
    post = dressed("No ferries\n\nhttps://f.example/1", words, opt_out="STOP=end")
    assert post.parts[0].text == "Harbour Ferries: No ferries https://f.example/1 STOP=end"


def test_exact_words_stay_alone() -> None:
    post = dressed("No ferries", Words(text="No ferries", exact=True), opt_out="STOP=end")
    assert post.parts[0].text == "No ferries"


def test_typography_goes_where_it_costs_a_segment_unless_that_is_switched_off() -> None:
    text = "It’s late. " + "a" * 80
    assert (dressed(text).count, dressed(text, smart=False).count) == (1, 2)
    assert "’" in dressed(text, smart=False).parts[0].text
    assert "’" in dressed("It’s late").parts[0].text


def test_the_count_is_what_is_paid() -> None:
    assert dressed("a" * 1000, sender_name=False).count == 7


def test_what_becomes_too_long_with_name_and_ending_is_refused_with_what_to_do() -> None:
    assert dressed("a" * 1600, sender_name=False).count == 11
    with pytest.raises(UsageError, match="1617 characters long.*Shorten the text"):
        dressed("a" * 1600)


# What is sent


def test_all_of_it_arrives_as_it_was_meant(url: str, far: Any) -> None:
    text = "No ferries & buses = 100 % + 😀\n“Ring” pier_3: €5"
    outcome = send(url, text)
    (post,) = far.posts()
    assert (post.text, post.author, post.raw["from"]) == (text, ANN.address, FROM)
    assert (outcome.verdict, outcome.receipt and outcome.receipt.id) == (Verdict.ACCEPTED, post.id)


def test_a_messaging_service_picks_the_number(url: str, far: Any) -> None:
    assert send(url, from_=None, messaging_service=SERVICE).verdict is Verdict.ACCEPTED
    assert far.posts()[0].raw["messaging_service_sid"] == SERVICE


@pytest.mark.server
@pytest.mark.parametrize("sender", [{}, {"from_": None, "messaging_service": SERVICE}])
def test_twilio_s_own_description_of_its_api_finds_the_request_in_order(prism: Prism, sender: dict[str, Any]) -> None:
    outcome = send(prism.url, "It is “late” & dark", **sender)
    assert outcome.verdict is Verdict.ACCEPTED, outcome


def test_nothing_but_the_message_is_asked_for() -> None:
    with FaultServer("201", body={"sid": "SM1"}) as server:
        assert send(server.url).verdict is Verdict.ACCEPTED
        (request,) = server.requests
        assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json")
        assert sent_form(server) == {
            "To": ANN.address,
            "From": FROM,
            "Body": "No ferries today",
            "ValidityPeriod": "600",
        }
        assert "surecast/" in (request.headers["User-Agent"] or "")


@pytest.mark.parametrize(
    ("validity_s", "left_s", "sent"), [(14_400.0, 3_600.0, range(3_590, 3_601)), (600.0, 3_600.0, range(600, 601))]
)
def test_no_message_is_valid_for_longer_than_the_announcement(validity_s: float, left_s: float, sent: range) -> None:
    with FaultServer("201", body={"sid": "SM1"}) as server:
        send(server.url, validity_s=validity_s)  # an errand of these tests expires after an hour
        assert int(sent_form(server)["ValidityPeriod"]) in sent


def test_a_message_that_is_all_but_expired_is_valid_for_a_second(url: str, far: Any) -> None:
    async def late(adapter: TwilioAdapter) -> Outcome:
        sending = await a_sending(adapter)
        template = {**json.loads(sending.payload), "expires_at": time.time() - 5}
        return await attempt(adapter, replace(sending, payload=json.dumps(template).encode()))

    using(an_adapter(url), late)
    assert far.posts()[0].raw["validity_period"] == 1


def test_a_hundred_are_on_their_way_at_once(slow_sms: SlowSms) -> None:
    async def all_at_once(adapter: TwilioAdapter) -> set[Verdict]:
        first = await a_sending(adapter)
        sendings = [replace(first, to=replace(ANN, address=f"+1555{number:07d}")) for number in range(100)]
        return {outcome.verdict for outcome in await asyncio.gather(*(attempt(adapter, each) for each in sendings))}

    assert using(an_adapter(slow_sms.url), all_at_once) == {Verdict.ACCEPTED}
    assert (slow_sms.counts().creates, slow_sms.counts().most_in_flight) == (100, 100)
    assert len({message["to"] for message in slow_sms.sent()}) == 100


def test_messages_of_several_broadcasts_are_not_mixed_up(url: str, far: Any) -> None:
    async def mixed(adapter: TwilioAdapter) -> None:
        sendings = [await a_sending(adapter, f"words {number}") for number in range(20)]
        await asyncio.gather(*(attempt(adapter, each) for each in sendings * 2))

    using(an_adapter(url), mixed)
    assert sorted(post.text for post in far.posts()) == sorted(f"words {number}" for number in range(20) for _ in "ab")


# The connections


async def twice(adapter: TwilioAdapter) -> list[Verdict]:
    sending = await a_sending(adapter)
    return [(await attempt(adapter, sending)).verdict for _ in range(2)]


def test_a_connection_is_used_again() -> None:
    with FaultServer("201", body={"sid": "SM1"}) as server:
        assert using(an_adapter(server.url), twice) == [Verdict.ACCEPTED] * 2
        assert server.connections == 1


def test_a_connection_that_was_idle_for_long_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from surecast.channels import _twilio_talk

    monkeypatch.setattr(_twilio_talk, "KEPT_S", 0.0)
    with FaultServer("201", body={"sid": "SM1"}) as server:
        assert using(an_adapter(server.url), twice) == [Verdict.ACCEPTED] * 2
        assert server.connections == 2


def test_a_connection_that_broke_while_it_was_idle_costs_nothing(sandbox: Sandbox, url: str, far: Any) -> None:
    async def across_a_restart(adapter: TwilioAdapter) -> list[Verdict]:
        first = (await attempt(adapter, await a_sending(adapter))).verdict
        sandbox.fault("twilio", Fault.DOWN)
        refused = (await attempt(adapter, await a_sending(adapter))).verdict
        sandbox.lift()
        return [first, refused, (await attempt(adapter, await a_sending(adapter))).verdict]

    first, refused, last = using(an_adapter(url), across_a_restart)
    assert (first, last) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert refused in {Verdict.UNAVAILABLE, Verdict.UNCERTAIN}  # the break may come while the next one is written
    assert len(far.posts()) == 2


def test_a_connection_that_is_not_made_leaves_no_doubt() -> None:
    with never_connects() as url:

        async def hopeless(adapter: TwilioAdapter) -> tuple[Outcome, float]:
            sending, began = await a_sending(adapter, timeout_s=A_WAIT), time.monotonic()
            return await attempt(adapter, sending), time.monotonic() - began

        outcome, seconds = using(an_adapter(url), hopeless)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert seconds < A_WAIT


@pytest.mark.parametrize("how", ["network", "environment"])
def test_it_goes_by_the_proxy(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer("403") as proxy:
        address = proxy.url.replace("//", "//me:secret@")
        network: dict[str, Any] = {"proxy": address}
        if how == "environment":
            monkeypatch.setenv("https_proxy", address)
            network = {"use_environment": True}
        outcome = send("https://twilio.invalid", network=network)
        (request,) = proxy.requests
    assert (request.method, request.path) == ("CONNECT", "twilio.invalid:443")
    assert request.headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert "Check proxy under [network]" in outcome.detail


def test_the_environment_s_proxy_counts_only_where_it_may(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nobody is there
    assert send(url).verdict is Verdict.ACCEPTED


def test_only_certificates_that_are_trusted_are_taken(tmp_path: Path) -> None:
    with with_own_authority(tmp_path) as (url, authority):
        strange = send(url)
        known = send(url, network={"ca_file": str(authority)})
    assert (strange.verdict, strange.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert "certificate" in strange.detail
    assert known.verdict is Verdict.UNCERTAIN  # that server answers a POST with a page of its own


# What is answered


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("+15005550001", Reason.NO_SUCH_ADDRESS),
        ("+15005550002", Reason.NOT_ALLOWED),
        ("+15005550003", Reason.NOT_ALLOWED),
        ("+15005550004", Reason.OPTED_OUT),
        ("+15005550009", Reason.NO_SUCH_ADDRESS),
        ("nonsense", Reason.NO_SUCH_ADDRESS),
    ],
)
def test_what_is_wrong_with_one_number_concerns_one_person(url: str, to: str, reason: Reason) -> None:
    outcome = send(url, to=to)
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.REFUSED, Scope.RECIPIENT, reason)


@pytest.mark.parametrize("own", [{"from_": "+15005550007"}, {"from_": None, "messaging_service": f"MG{404:032d}"}])
def test_a_sender_that_is_not_one_s_own_is_a_matter_of_the_settings(url: str, own: dict[str, Any]) -> None:
    outcome = send(url, **own)
    assert (outcome.verdict, outcome.scope, outcome.reason) == (Verdict.SKIPPED, Scope.CHANNEL, Reason.MISCONFIGURED)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "{}", '{"sid": null}', '{"sid": 7}', "<html>"], ids=lambda body: body or "empty"
)
def test_a_success_that_cannot_be_read_leaves_a_doubt(body: str) -> None:
    with FaultServer("201", body=body) as server:
        assert send(server.url).verdict is Verdict.UNCERTAIN
        assert len(server.requests) == 1


def test_secrets_are_read_anew_once_they_were_not_accepted(url: str, tmp_path: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text("wrong")

    async def rotated(adapter: TwilioAdapter) -> list[Verdict]:
        sending = await a_sending(adapter)
        first = (await attempt(adapter, sending)).verdict
        kept.write_text(TOKEN)
        return [first, (await attempt(adapter, sending)).verdict]

    verdicts = using(an_adapter(url, auth_token=Secret("file", str(kept))), rotated)
    assert verdicts == [Verdict.UNAUTHORIZED, Verdict.ACCEPTED]


@pytest.mark.parametrize("sid", ["AC1/../x", "SK" + "0" * 32, "AC 1"])
def test_an_account_that_none_can_be_is_a_matter_of_the_settings(url: str, far: Any, sid: str) -> None:
    outcome = send(url, account_sid=Secret.of(sid))
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert far.requests() == ()


# Looking up what is in doubt


def find(
    url: str, text: str = "No ferries today", to: Any = ANN, *, own: dict[str, Any] | None = None, **about: Any
) -> Look:
    async def looked(adapter: TwilioAdapter) -> Look:
        return await adapter.find(await a_sending(adapter, text, to, **about))

    return using(an_adapter(url, **(own or {})), looked)


@pytest.mark.parametrize("queue_s", [0.0, 1_000.0])
def test_a_message_is_found_sent_or_still_in_the_queue(url: str, far: Any, queue_s: float) -> None:
    far.queue_s = queue_s
    sent = send(url)
    look = find(url)
    assert (look.sighting, look.receipt) == (Sighting.SEEN, sent.receipt)


@pytest.mark.parametrize(
    ("other", "about"),
    [
        ({"text": "Other words"}, {}),
        ({"to": BOB}, {}),
        ({"from_": "+15005550005"}, {}),
        ({}, {"first_began_at": time.time() + 3_600}),
    ],
    ids=["words", "number", "sender", "time"],
)
def test_a_message_that_differs_is_another(url: str, other: dict[str, Any], about: dict[str, Any]) -> None:
    send(url, **other)
    assert find(url, **about).sighting is Sighting.UNSEEN


def test_a_message_of_another_delivery_is_not_taken(url: str) -> None:
    sent = send(url)
    assert sent.receipt is not None
    assert find(url, claimed=frozenset({sent.receipt.id})).sighting is Sighting.UNSEEN


def test_of_two_that_may_be_it_nobody_knows_which(url: str) -> None:
    send(url)
    send(url)
    look = find(url)
    assert (look.sighting, look.answered, look.receipt) == (Sighting.UNKNOWN, True, None)


@pytest.mark.parametrize(
    "shown", ["Sent from your Twilio trial account - It is “late”", 'It is "late"', "It is “late” "]
)
def test_words_that_twilio_changed_are_known_again(shown: str) -> None:
    message = {"sid": "SM1", "body": shown, "to": ANN.address, "from": FROM, "direction": "outbound-api"}
    with FaultServer("500", remaining=0, otherwise={"messages": [message], "next_page_uri": None}) as server:
        assert find(server.url, "It is “late”").sighting is Sighting.SEEN


def test_a_message_of_another_service_is_another(url: str) -> None:
    service = {"from_": None, "messaging_service": SERVICE}
    send(url, **service)
    assert find(url, own=service).sighting is Sighting.SEEN
    assert find(url, own={**service, "messaging_service": f"MG{8:032x}"}).sighting is Sighting.UNSEEN


def test_a_sender_s_name_is_found_in_whatever_letters(url: str) -> None:
    send(url, from_="FERRIES")
    assert find(url, own={"from_": "Ferries"}).sighting is Sighting.SEEN
    assert find(url, own={"from_": "Buses"}).sighting is Sighting.UNSEEN


def test_one_is_found_behind_many_others_to_the_same_number(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_twilio_list, "FIRST_LOOK", 3)
    monkeypatch.setattr(_twilio_list, "PAGE", 2)
    ours = send(url)
    for number in range(6):
        send(url, f"Other words {number}")
    assert find(url).receipt == ours.receipt


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.ERROR, Fault.UNAUTHORIZED, Fault.GARBAGE, Fault.HANG_AFTER])
def test_a_list_that_cannot_be_had_tells_nothing(sandbox: Sandbox, url: str, fault: Fault) -> None:
    send(url)
    sandbox.fault("twilio", fault)
    look = find(url, timeout_s=A_WAIT)
    assert (look.sighting, look.answered) == (Sighting.UNKNOWN, False)
    assert look.detail


# Receipts


def receipts(url: str, since: float, **own: Any) -> list[list[tuple[str, Outcome]]]:
    async def read(adapter: TwilioAdapter) -> list[list[tuple[str, Outcome]]]:
        return [list(page) async for page in adapter.receipts(since, 10.0)]

    return using(an_adapter(url, **own), read)


def told(url: str, since: float, **own: Any) -> dict[str, tuple[Verdict, Reason]]:
    pages = receipts(url, since, **own)
    return {sid: (outcome.verdict, outcome.reason) for page in pages for sid, outcome in page}


def sid_of(outcome: Outcome) -> str:
    assert outcome.receipt is not None
    return outcome.receipt.id


def test_receipts_tell_what_arrived_and_why_the_rest_did_not(url: str, clock: TurnedClock) -> None:
    numbers = (ANN.address, "+15005551003", "+15005551005", "+15005551007")
    sids = [sid_of(send(url, to=number)) for number in numbers]
    assert told(url, clock.moment - 60) == dict(
        zip(
            sids,
            [
                (Verdict.CONFIRMED, Reason.NONE),
                (Verdict.INVISIBLE, Reason.UNDELIVERED),
                (Verdict.INVISIBLE, Reason.NO_SUCH_ADDRESS),
                (Verdict.INVISIBLE, Reason.UNDELIVERED),
            ],
            strict=True,
        )
    )


def test_what_is_on_its_way_is_left_out(sandbox: Sandbox, url: str, far: Any, clock: TurnedClock) -> None:
    far.queue_s = 60.0
    send(url)
    assert told(url, clock.moment - 60) == {}
    sandbox.fault("twilio", Fault.HIDDEN)
    late = sid_of(send(url))
    clock.moment += 61
    assert late not in told(url, clock.moment - 120)
    sandbox.lift()
    assert late in told(url, clock.moment - 120)


def test_what_was_sent_before_or_by_another_sender_is_left_out(url: str, clock: TurnedClock) -> None:
    send(url)
    clock.moment += 3_600
    send(url, from_="+15005550005")
    ours = sid_of(send(url))
    assert list(told(url, clock.moment - 60)) == [ours]


def test_twilio_s_clock_may_be_behind_ours(url: str, clock: TurnedClock) -> None:
    ours = sid_of(send(url))
    assert list(told(url, clock.moment + 100)) == [ours]


def test_receipts_of_a_service_are_its_own(url: str, clock: TurnedClock) -> None:
    send(url)
    ours = sid_of(send(url, from_=None, messaging_service=SERVICE))
    assert list(told(url, clock.moment - 60, from_=None, messaging_service=SERVICE)) == [ours]


def test_receipts_come_page_by_page(url: str, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_twilio_list, "PAGE", 2)
    sids = [sid_of(send(url)) for _ in range(5)]
    pages = receipts(url, clock.moment - 60)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {sid for page in pages for sid, _ in page} == {*sids}


# The probe


def probe(url: str, **own: Any) -> tuple[bool, str]:
    async def probed(adapter: TwilioAdapter) -> tuple[bool, str]:
        found = await adapter.probe(A_WAIT)
        return found.ok, found.detail

    return using(an_adapter(url, **own), probed)


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ({}, "+15***0006"),
        ({"from_": "12345"}, "***"),
        ({"from_": "Ferries"}, "“Ferries”"),
        ({"from_": None, "messaging_service": SERVICE}, "a messaging service"),
    ],
)
def test_a_probe_says_who_sends_from_where(url: str, far: Any, own: dict[str, Any], named: str) -> None:
    ok, detail = probe(url, **own)
    assert ok
    assert detail.startswith("Sends from ")
    assert named in detail
    assert detail.endswith("as the account “Simulated”.")
    assert far.counts()[Kind.WRITE] == 0


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"auth_token": Secret.of("wrong")}, "does not accept account_sid and auth_token"),
        ({"from_": "+15005550007"}, "no such number. Correct from"),
        ({"from_": None, "messaging_service": f"MG{404:032d}"}, "no such service. Correct messaging_service"),
        ({"auth_token": Secret("env", "NOT_SET_ANYWHERE")}, "NOT_SET_ANYWHERE is empty or not set"),
    ],
)
def test_a_probe_says_what_is_wrong(url: str, own: dict[str, Any], words: str) -> None:
    ok, detail = probe(url, **own)
    assert not ok
    assert words in detail


@pytest.mark.parametrize(
    ("account", "ok", "words"),
    [
        ({"status": "suspended", "type": "Full"}, False, "the account is suspended"),
        ({"status": "active", "type": "Trial"}, True, "only verified numbers"),
    ],
)
def test_a_probe_says_what_the_account_may_not(account: dict[str, str], ok: bool, words: str) -> None:
    numbers = {"incoming_phone_numbers": [{"capabilities": {"sms": True}}], "next_page_uri": None}
    answer = {"friendly_name": "Ferries", **account}
    with FaultServer(
        "200",
        only=lambda method, path: path.endswith(f"{SID}.json"),
        body=answer,
        otherwise=numbers,
    ) as server:
        found, detail = probe(server.url)
    assert found is ok
    assert words in detail


def test_a_number_that_cannot_send_is_told() -> None:
    numbers = {"incoming_phone_numbers": [{"capabilities": {"sms": False}}], "next_page_uri": None}
    answer = {"friendly_name": "Ferries", "status": "active", "type": "Full"}
    with FaultServer(
        "200", only=lambda method, path: path.endswith(f"{SID}.json"), body=answer, otherwise=numbers
    ) as server:
        assert probe(server.url)[1].endswith("But this number can send no SMS. Take another one.")


# Discretion


def test_neither_numbers_nor_words_are_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    message = f"The 'To' number {ANN.address} is not a valid phone number."
    with FaultServer("400", only=is_write, body=says(29_999, message)) as server:
        outcome = send(server.url, "Confidential words")
    shown = repr(outcome) + caplog.text
    assert outcome.verdict is Verdict.REFUSED
    assert [each for each in (ANN.address[1:], TOKEN, "Confidential") if each in shown] == []


def test_a_look_costs_one_request_and_publishes_nothing(sandbox: Sandbox, url: str, far: Any) -> None:
    sandbox.fault("twilio", Fault.LOST_REPLY, on=On.WRITES, remaining=1)
    assert send(url).verdict is Verdict.UNCERTAIN
    far.forget_requests()
    assert find(url).sighting is Sighting.SEEN
    assert far.counts() == {**dict.fromkeys(Kind, 0), Kind.READ: 1}
