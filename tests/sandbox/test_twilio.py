"""The simulated Twilio, asked by its real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from surecast.sandbox import Fault, Kind, On, Sandbox
from tests.sandbox.bench import SDK_TIMEOUT_S, TurnedClock

SID = f"AC{7:032x}"
FROM = "+15005550006"
ANN = "+15559871234"


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(["twilio"], clock=clock) as running:
        yield running


@pytest.fixture
def twilio(sandbox: Sandbox) -> Any:
    return sandbox.platforms["twilio"]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with logged_in(sandbox) as own:
        yield own


class logged_in:  # noqa: N801 - used as a function
    """The real SDK, with connections that are closed at the end."""

    def __init__(self, sandbox: Sandbox, token: str = "token") -> None:
        self._http = TwilioHttpClient(timeout=SDK_TIMEOUT_S)
        self._client = Client(SID, token, http_client=self._http)
        self._client.api.base_url = sandbox.url("twilio")
        self._client.messaging.base_url = f"{sandbox.url('twilio')}/messaging"

    def __enter__(self) -> Client:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._http.session.close()


def send(client: Client, to: str = ANN, **own: Any) -> Any:
    return client.messages.create(to=to, **{"from_": FROM, "body": "No ferries today", **own})


def refusal(client: Client, to: str = ANN, **own: Any) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as caught:
        send(client, to, **own)
    return caught.value.status, caught.value.code


def test_a_message_is_queued_and_delivered_when_it_is_looked_at(client: Client, twilio: Any) -> None:
    sent = send(client)
    assert (sent.status, sent.date_sent, sent.num_segments) == ("queued", None, "1")
    seen = client.messages(sent.sid).fetch()
    assert (seen.status, seen.body, seen.to, seen.error_code) == ("delivered", "No ferries today", ANN, None)
    assert seen.date_sent is not None
    assert [(post.author, post.text) for post in twilio.posts()] == [(ANN, "No ferries today")]


def test_segments_are_counted(client: Client) -> None:
    assert [send(client, body=body).num_segments for body in ("a" * 160, "a" * 161, "я" * 71)] == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("to", "code"),
    [
        *(("+15005550001", 21211), ("+15005550002", 21612), ("+15005550003", 21408), ("+15005550004", 21610)),
        *(("+15005550009", 21614), ("pier 3", 21211)),
    ],
)
def test_some_numbers_are_refused(client: Client, twilio: Any, to: str, code: int) -> None:
    assert refusal(client, to) == (400, code)
    assert twilio.posts() == ()


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        ({"from_": "+15005550001"}, (400, 21212)),
        ({"from_": "+15005550007"}, (400, 21606)),
        ({"from_": "+15005550008"}, (429, 21611)),
        ({"from_": ""}, (400, 21603)),
        ({"body": ""}, (400, 21602)),
        ({"body": "a" * 1601}, (400, 21617)),
        ({"validity_period": 0}, (400, 20001)),
        ({"validity_period": 36_001}, (400, 20001)),
        ({"from_": "", "messaging_service_sid": f"MG{404:032d}"}, (404, 20404)),
    ],
)
def test_some_senders_and_words_are_refused(client: Client, own: dict[str, Any], refused: tuple[int, int]) -> None:
    assert refusal(client, **own) == refused


def test_the_longest_text_and_validity_are_taken(client: Client, twilio: Any) -> None:
    send(client, body="a" * 1600, validity_period=36_000)
    assert twilio.posts()[0].raw["validity_period"] == 36_000


def test_some_numbers_are_taken_and_not_reached(client: Client) -> None:
    seen = client.messages(send(client, "+15005551005").sid).fetch()
    assert (seen.status, seen.error_code) == ("undelivered", 30005)


def test_what_waits_in_the_queue_has_no_date(client: Client, twilio: Any, clock: TurnedClock) -> None:
    twilio.queue_s = 60.0
    send(client)
    today = f"{client.messages.list()[0].date_created:%Y-%m-%d}"
    assert [message.status for message in client.messages.list()] == ["queued"]
    assert client.messages.list(date_sent_after=today) == []
    clock.moment += 61
    assert [message.status for message in client.messages.list(date_sent_after=today)] == ["delivered"]


def test_lists_are_newest_first_and_go_by_number_sender_and_day(client: Client, clock: TurnedClock) -> None:
    first = send(client)
    clock.moment += 2 * 86_400
    others = [send(client, "+15559870000"), send(client, from_="+15005550005"), send(client)]
    newest = [message.sid for message in reversed([first, *others])]
    days = [message.date_sent.date() for message in client.messages.list()]

    def listed(**filters: Any) -> list[str]:
        return [message.sid for message in client.messages.list(**filters)]

    assert listed() == newest
    assert listed(to=ANN, from_=FROM) == [others[2].sid, first.sid]
    assert listed(date_sent_after=days[0]) == newest[:3]
    assert listed(date_sent_before=days[3]) == listed(date_sent=days[3]) == [first.sid]


def test_long_lists_come_in_pages_that_keep_their_filters(client: Client) -> None:
    ours = [send(client).sid for _ in range(5)]
    send(client, "+15559870000")
    assert [message.sid for message in client.messages.list(to=ANN, page_size=2)] == ours[::-1]


def test_the_account_and_its_senders_are_shown(client: Client) -> None:
    assert client.api.v2010.accounts(SID).fetch().status == "active"
    assert len(client.incoming_phone_numbers.list(phone_number=FROM)) == 1
    assert client.incoming_phone_numbers.list(phone_number="+15005550007") == []
    assert len(client.short_codes.list(short_code="12345")) == 1
    assert client.messaging.v1.services(f"MG{7:032x}").fetch().sid == f"MG{7:032x}"


def test_a_wrong_token_and_a_foreign_account_are_refused(sandbox: Sandbox) -> None:
    with logged_in(sandbox, token="wrong") as stranger:
        assert refusal(stranger) == (401, 20003)
    with logged_in(sandbox) as own, pytest.raises(TwilioRestException) as caught:
        own.api.v2010.accounts(f"AC{8:032x}").fetch()
    assert caught.value.code == 20404
    reply = httpx.get(f"{sandbox.url('twilio')}/2010-04-01/Accounts/{SID}.json", trust_env=False)
    assert (reply.status_code, reply.json()["code"]) == (401, 20003)


def test_an_unknown_path_is_refused_in_twilio_s_words(sandbox: Sandbox) -> None:
    reply = httpx.get(f"{sandbox.url('twilio')}/2010-04-01/Nothing", trust_env=False)
    assert (reply.status_code, reply.json()["code"]) == (404, 20404)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault.THROTTLED, (429, 20429)),
        (Fault.UNAUTHORIZED, (401, 20003)),
        (Fault.FORBIDDEN, (403, 20403)),
        (Fault.REFUSED, (400, 21617)),
        (Fault.ERROR, (500, 20500)),
        (Fault.UNAVAILABLE, (503, 20503)),
    ],
)
def test_faults_speak_as_twilio_does(sandbox: Sandbox, client: Client, fault: Fault, answer: tuple[int, int]) -> None:
    sandbox.fault("twilio", fault, on=On.WRITES)
    assert refusal(client) == answer


def test_receipts_can_be_kept_back(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("twilio", Fault.HIDDEN)
    sid = send(client).sid
    assert client.messages(sid).fetch().status == "sent"
    sandbox.lift()
    assert client.messages(sid).fetch().status == "delivered"


def test_neither_page_nor_log_shows_a_number_or_the_account(sandbox: Sandbox, client: Client, twilio: Any) -> None:
    send(client, body="<b>No</b>\nferries")
    client.messages.list(to=ANN)
    shown = httpx.get(f"{sandbox.url('twilio')}/", trust_env=False).text
    assert "&lt;b&gt;No&lt;/b&gt;<br>ferries" in shown
    assert "+15***1234" in shown
    assert "9871234" not in shown + repr(twilio.requests())
    assert SID not in repr(twilio.requests())
    assert twilio.counts()[Kind.WRITE] == 1
