"""Mastodon against real and imitated servers on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image
from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnMastodonMock, OwnSnac
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.process import wait_until
from tests.servers.snac import Snac

from surecast.channel import (
    Confirms,
    Context,
    Errand,
    Finds,
    Limits,
    Part,
    Picture,
    Post,
    Probes,
    Retracts,
    Sending,
    Words,
)
from surecast.channels import _mastodon_talk, mastodon
from surecast.channels.mastodon import KIND, TRAITS, MastodonAdapter, Settings
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.secret import Secret
from surecast.transport.classify import classify

pytest_plugins = ["tests.servers.fixtures"]

T = TypeVar("T")
TOKEN = "tok-3n-SECRET"
LINK = "https://www.ferries.example/notices/2026/11/a-very-long-path?x=1&y=2#z"
A_WAIT = 1.0  # long enough for a loaded machine, short enough to wait for
SLACK = 0.5

INSTANCE = {"configuration": {"statuses": {"max_characters": 500, "characters_reserved_per_url": 23}}}
ACCOUNT = {"id": "7", "acct": "ferries"}


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def an_adapter(server: str, token: str | Secret = TOKEN, **settings: Any) -> MastodonAdapter:
    class NoSessions:
        async def load(self) -> str | None:
            raise AssertionError("Mastodon has no sessions")

        async def save(self, session: str) -> None:
            raise AssertionError("Mastodon has no sessions")

        def renewing(self) -> Any:
            raise AssertionError("Mastodon has no sessions")

    secret = token if isinstance(token, Secret) else Secret.of(token)
    context = Context(
        name="mastodon",
        sessions=NoSessions(),
        sender="Harbour Ferries",
        language="en",
        time_zone="UTC",
        use_environment=False,
    )
    return MastodonAdapter(Settings(server=server, access_token=secret, **settings), context)


def an_errand(
    text: str, *, key: str = "b1/mastodon", images: dict[str, bytes] | None = None, limits: Limits = TRAITS.limits,
    language: str = "en", words: Words | None = None, alt: str = "A ferry at the pier",
) -> Errand:  # fmt: skip
    stored = images or {}

    async def image(digest: str) -> bytes:
        return stored[digest]

    pictures = tuple(
        Picture(digest=digest, media_type="image/png", alt=f"{alt} {number}", width=4, height=3)
        for number, digest in enumerate(stored)
    )
    post = Post(
        parts=(Part(text=text),),
        words=words or Words(text=text),
        language=language,
        sender="Harbour Ferries",
        limits=limits,
        pictures=pictures,
    )
    return Errand(key=key, post=post, part=0, created_at=time.time(), expires_at=time.time() + 3600, image=image)


def a_sending(
    payload: bytes | str, *, timeout_s: float = 10.0, began: float = 0.0, claimed: frozenset[str] = frozenset()
):
    """Payload, or the text of a post that has nothing but text."""
    if isinstance(payload, str):
        payload = json.dumps(
            {"status": payload, "visibility": "public", "language": "en", "idempotency_key": key_of(payload)}
        ).encode()
    return Sending(
        key="b1/mastodon",
        payload=payload,
        first_began_at=began or time.time(),
        timeout_s=timeout_s,
        claimed=claimed,
    )


def key_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


async def attempt(adapter: MastodonAdapter, sending: Sending) -> Outcome:
    """One attempt, with its end and its judgement, as the dispatcher makes it."""
    try:
        async with asyncio.timeout(sending.timeout_s):
            return await adapter.publish(sending)
    except Exception as error:
        return classify(error, adapter.classify)


async def prepared(adapter: MastodonAdapter, errand: Errand) -> bytes | Outcome:
    try:
        async with asyncio.timeout(10):
            return await adapter.prepare(errand)
    except Exception as error:
        return classify(error, adapter.classify)


def png() -> bytes:
    """A picture like no other: its digest is its own."""
    file = io.BytesIO()
    Image.effect_noise((32, 24), 90).save(file, "PNG")
    return file.getvalue()


def is_post(method: str, path: str) -> bool:
    return method == "POST" and path == "/api/v1/statuses"


def never(method: str, path: str) -> bool:
    return False


Canned = dict[str, Any]


def canned(**answers: Any) -> Callable[[Recorded, int], Any]:
    """Answers by the end of the path: ``instance``, ``verify_credentials``, ``statuses``, ``media``."""

    def answer(request: Recorded, _status: int) -> Any:
        path = request.path.partition("?")[0].rstrip("/")
        found = answers.get(path.rsplit("/", 1)[-1], {})
        return found(request) if callable(found) else found

    return answer


@pytest.fixture(params=["snac", "mastodon_mock"])
def server(request: pytest.FixtureRequest) -> Snac | MastodonMock:
    found: Snac | MastodonMock = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def mock(mastodon_mock: MastodonMock) -> Iterator[MastodonMock]:
    yield mastodon_mock
    mastodon_mock.clear_faults()


@pytest.fixture
def text(request: pytest.FixtureRequest) -> str:
    """Words that no other test posts."""
    return f"Ferry 12 is cancelled today ({request.node.name} {time.time_ns()})"


def with_text(server: Snac | MastodonMock, text: str) -> list[dict[str, Any]]:
    mark = text.rsplit(" ", 1)[-1].rstrip(")")
    return [status for status in server.statuses() if mark in status["content"]]


# ---------------------------------------------------------------------------------------------- the kind


def test_the_kind_says_what_it_can() -> None:
    assert KIND.name == "mastodon"
    assert [KIND.able(ability) for ability in (Finds, Confirms, Retracts, Probes)] == [True] * 4
    assert TRAITS.resend == "after_lookup"
    assert TRAITS.read_back_needs_no_setup
    assert TRAITS.keeps_link_in_text
    assert not TRAITS.link_card


def test_the_module_loads_no_sdk() -> None:
    code = "import sys, surecast.channels.mastodon; print([m for m in sys.modules if m in sys.argv[1:]])"
    said = subprocess.run(
        [sys.executable, "-c", code, "mastodon", "requests", "httpx", "dateutil"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://social.example", ""),
        ("http://127.0.0.1:8080", ""),
        ("http://localhost/masto", ""),
        ("http://[::1]:80", ""),
        ("http://social.example", "Begin it with https://"),
        ("http://localhost.evil.example", "Begin it with https://"),
        ("social.example", "is not a web address"),
        ("https://me:pw@social.example", "must not hold a user name"),
    ],
)
def test_the_servers_address_must_keep_the_token_secret(address: str, wrong: str) -> None:
    check = Settings.__dataclass_fields__["server"].metadata["check"]

    assert wrong in check(address)
    assert bool(wrong) == bool(check(address))


# ---------------------------------------------------------------------------------------------- posting


def test_a_post_with_link_mention_and_images_arrives_whole(server: Snac | MastodonMock, text: str) -> None:
    images = {f"{text} {number}": png() for number in range(2)}
    whole = f"{text}\n\nAsk @writer. {LINK} #Ferry"

    async def post() -> tuple[bytes, Outcome]:
        adapter = an_adapter(server.url, server.access_token, visibility="public")
        payload = await adapter.prepare(an_errand(whole, images=images))
        return payload, await attempt(adapter, a_sending(payload))

    payload, outcome = run(post())

    (status,) = with_text(server, text)
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.receipt == Receipt(
        id=str(status["id"]), url=status["url"], extra={"uri": status["uri"], "visibility": "public"}
    )
    assert json.loads(payload)["status"] == whole
    assert LINK.replace("&", "&amp;").partition("?")[0] in status["content"]
    alts = [media["description"] for media in status["media_attachments"]]
    assert alts == ["A ferry at the pier 0", "A ferry at the pier 1"]


def test_a_post_is_found_and_confirmed_where_it_was_made(server: Snac | MastodonMock, text: str) -> None:
    whole = f"{text}: 5 > 3 & so on.\n\n{LINK}\n@writer #Ferry ¡Olé! 👩‍👩‍👧"

    async def post() -> Any:
        adapter = an_adapter(server.url, server.access_token)
        sending = a_sending(await adapter.prepare(an_errand(whole)))
        outcome = await attempt(adapter, sending)
        return outcome, await adapter.find(sending)

    outcome, found = run(post())

    assert found.sighting is Sighting.SEEN
    assert found.receipt == outcome.receipt


def test_the_same_key_twice_makes_one_status(mock: MastodonMock, text: str) -> None:
    async def twice() -> list[Outcome]:
        adapter = an_adapter(mock.url, mock.access_token)
        sending = a_sending(await adapter.prepare(an_errand(text)))
        return [await attempt(adapter, sending), await attempt(adapter, sending)]

    first, second = run(twice())

    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert first.receipt == second.receipt
    assert len(with_text(mock, text)) == 1


def test_a_second_event_loop_works(mock: MastodonMock, text: str) -> None:
    adapter = an_adapter(mock.url, mock.access_token)
    run(adapter.open())
    payload = run(adapter.prepare(an_errand(text)))

    verdicts = [run(attempt(adapter, a_sending(payload))).verdict for _ in range(2)]

    assert verdicts == [Verdict.ACCEPTED] * 2


def test_visibility_and_language_are_those_of_the_channel(mock: MastodonMock, text: str) -> None:
    async def post() -> Outcome:
        adapter = an_adapter(mock.url, mock.access_token, visibility="unlisted", language="el")
        return await attempt(adapter, a_sending(await adapter.prepare(an_errand(text))))

    outcome = run(post())

    (status,) = with_text(mock, text)
    assert (status["visibility"], status["language"]) == ("unlisted", "el")
    assert outcome.receipt is not None
    assert outcome.receipt.extra["visibility"] == "unlisted"


@pytest.mark.parametrize(("tag", "sent"), [("en-GB", "en"), ("DE", "de"), ("", None)])
def test_the_language_is_sent_as_the_code_that_mastodon_takes(tag: str, sent: str | None) -> None:
    with FaultServer("503", otherwise=canned(instance=INSTANCE), only=never) as far:
        payload = run(an_adapter(far.url).prepare(an_errand("Hello", language=tag)))

    assert json.loads(payload)["language"] == sent


def test_the_payload_depends_on_nothing_but_the_errand() -> None:
    with FaultServer("503", otherwise=canned(instance=INSTANCE), only=never) as far:
        one = run(an_adapter(far.url).prepare(an_errand("Hello")))
        again = run(an_adapter(far.url).prepare(an_errand("Hello")))
        other = run(an_adapter(far.url).prepare(an_errand("Hello", key="b2/mastodon")))

    assert one == again
    assert json.loads(one)["idempotency_key"] != json.loads(other)["idempotency_key"]


# ---------------------------------------------------------------------------------------------- live limits

LONG = "The ferry is late. " * 60  # 1140 characters


@pytest.mark.parametrize(("most", "longest"), [(120, 120), (5000, 1200), (500, 500)])
def test_words_are_fitted_to_what_the_server_takes(most: int, longest: int) -> None:
    says = {"configuration": {"statuses": {"max_characters": most, "characters_reserved_per_url": 23}}}
    planned = LONG[:480] + "…"
    words = Words(text=LONG, url="https://a.example/1")
    with FaultServer("503", otherwise=canned(instance=says), only=never) as far:
        status = json.loads(run(an_adapter(far.url).prepare(an_errand(planned, words=words))))["status"]

    if most == 500:
        assert status == planned
    else:
        assert status.endswith("https://a.example/1")
        assert most // 2 < min(len(status), longest) <= longest
        assert (LONG.strip() in status) == (most == 5000)


def test_a_server_with_only_the_old_form_is_asked_for_it(snac: Snac) -> None:
    words = Words(text=LONG)

    payload = run(an_adapter(snac.url, snac.access_token).prepare(an_errand(LONG[:480] + "…", words=words)))

    assert json.loads(payload)["status"] == LONG.strip()  # snac takes 100,000 characters


@pytest.mark.parametrize("fault", ["refused", "hang_after_body", "500", "200-html", "200-broken-json", "429-none"])
def test_limits_that_cannot_be_had_are_those_of_the_plan(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mastodon, "LIMITS_TIMEOUT_S", 0.3)
    with FaultServer(fault) as far:
        payload = run(an_adapter(far.url).prepare(an_errand("As planned", words=Words(text=LONG))))

    assert json.loads(payload)["status"] == "As planned"


def test_limits_are_asked_for_once_an_hour_and_then_kept_if_there_is_no_answer() -> None:
    says = {"configuration": {"statuses": {"max_characters": 100, "characters_reserved_per_url": 23}}}

    async def four_times(far: FaultServer) -> list[int]:
        adapter = an_adapter(far.url)
        errand = an_errand(LONG[:480] + "…", words=Words(text=LONG))
        lengths = [len(json.loads(await adapter.prepare(errand))["status"]) for _ in range(2)]
        adapter._ask_limits_at = 0.0  # an hour later
        far.set_fault("503")
        return [*lengths, *[len(json.loads(await adapter.prepare(errand))["status"]) for _ in range(2)]]

    with FaultServer("200", body=canned(instance=says)) as far:
        lengths = run(four_times(far))

        assert [length <= 100 for length in lengths] == [True] * 4
        assert len(far.requests) == 3


def test_a_server_that_takes_fewer_images_gets_the_first_ones() -> None:
    says = {"configuration": {"statuses": {"max_characters": 500, "max_media_attachments": 1}}}
    uploads: Canned = {"id": "9", "url": "https://social.example/9.png"}
    with FaultServer("503", otherwise=canned(instance=says, media=uploads), only=never) as far:
        errand = an_errand("Look", images={"one": png(), "two": png()})
        payload = run(an_adapter(far.url).prepare(errand))

    assert json.loads(payload)["media_ids"] == ["9"]


# ---------------------------------------------------------------------------------------------- images


def test_an_image_is_attached_only_when_it_is_ready() -> None:
    being_made = {"id": "9", "url": None}
    inside = FaultServer(
        "206", only=lambda method, path: path == "/api/v1/media/9", remaining=2, body=being_made,
        otherwise=canned(instance=INSTANCE, **{"9": {"id": "9", "url": "https://social.example/9.png"}}),
    )  # fmt: skip
    outside = FaultServer(
        "202", only=lambda method, path: path == "/api/v2/media", body=being_made, upstream=inside.url
    )
    with inside, outside:
        payload = run(an_adapter(outside.url).prepare(an_errand("Look", images={"one": png()})))

        asked = [(request.method, request.path) for request in outside.requests if "media" in request.path]
        assert asked == [("POST", "/api/v2/media"), *[("GET", "/api/v1/media/9")] * 3]
    assert json.loads(payload)["media_ids"] == ["9"]


def test_an_image_that_is_never_ready_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mastodon, "MEDIA_POLL_S", 0.001)
    with FaultServer("202", body=canned(media={"id": "9"}, **{"9": {"id": "9"}})) as far:
        outcome = run(prepared(an_adapter(far.url), an_errand("Look", images={"one": png()})))

    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.TIMED_OUT)


@pytest.mark.parametrize("fault", ["413", "422"])
def test_an_image_that_the_server_refuses_is_refused_content(fault: str) -> None:
    with FaultServer(fault, only=lambda method, path: "media" in path, otherwise=canned(instance=INSTANCE)) as far:
        outcome = run(prepared(an_adapter(far.url), an_errand("Look", images={"one": png(), "two": png()})))

    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)
    assert outcome.reason is Reason.MEDIA_REFUSED


# ---------------------------------------------------------------------------------------------- doubt


def test_a_frozen_server_leaves_doubt_and_the_look_up_finds_the_one_status(own_snac: OwnSnac, text: str) -> None:
    server = own_snac()

    async def in_doubt() -> Any:
        adapter = an_adapter(server.url, server.access_token)
        payload = await adapter.prepare(an_errand(f"{text} {LINK}"))
        began = time.time()
        server.freeze()
        outcome = await attempt(adapter, a_sending(payload, timeout_s=A_WAIT, began=began))
        while_frozen = await adapter.find(a_sending(payload, timeout_s=A_WAIT, began=began))
        server.thaw()
        await asyncio.to_thread(wait_until, lambda: bool(server.statuses()), 10, "the status did not come")
        return outcome, while_frozen, await adapter.find(a_sending(payload, began=began))

    outcome, while_frozen, found = run(in_doubt())

    (status,) = server.statuses()
    assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.TIMED_OUT)
    assert while_frozen.sighting is Sighting.UNKNOWN
    assert found.sighting is Sighting.SEEN
    assert found.receipt is not None
    assert found.receipt.id == status["id"]


def test_two_statuses_with_the_same_words_stay_in_doubt_until_one_is_claimed(snac: Snac, text: str) -> None:
    async def look() -> Any:
        adapter = an_adapter(snac.url, snac.access_token)
        payload = await adapter.prepare(an_errand(text))
        ids = [(await attempt(adapter, a_sending(payload))).receipt.id for _ in range(2)]  # type: ignore[union-attr]
        both = await adapter.find(a_sending(payload))
        one = await adapter.find(a_sending(payload, claimed=frozenset(ids[:1])))
        none = await adapter.find(a_sending(payload, claimed=frozenset(ids)))
        return ids, both, one, none

    ids, both, one, none = run(look())

    assert (both.sighting, both.receipt) == (Sighting.UNKNOWN, None)
    assert "2 posts" in both.detail
    assert (one.sighting, one.receipt.id) == (Sighting.SEEN, ids[1])
    assert none.sighting is Sighting.UNSEEN


def test_words_that_the_server_draws_otherwise_are_not_called_absent(snac: Snac, text: str) -> None:
    async def look() -> Any:
        adapter = an_adapter(snac.url, snac.access_token)
        payload = await adapter.prepare(an_errand(f"*Now*: {text} :-)"))
        outcome = await attempt(adapter, a_sending(payload))
        return outcome, await adapter.find(a_sending(payload))

    outcome, found = run(look())

    assert found.sighting is Sighting.UNKNOWN
    assert outcome.receipt is not None
    assert str(outcome.receipt.url) in found.detail


def test_what_was_never_posted_is_not_there(server: Snac | MastodonMock, text: str) -> None:
    found = run(an_adapter(server.url, server.access_token).find(a_sending(text)))

    assert found.sighting is Sighting.UNSEEN


def test_what_was_written_before_is_not_ours(mock: MastodonMock, text: str) -> None:
    async def look() -> Any:
        adapter = an_adapter(mock.url, mock.access_token)
        await attempt(adapter, a_sending(text))
        soon, later = time.time() + 60, time.time() + 180
        return [(await adapter.find(a_sending(text, began=began))).sighting for began in (soon, later)]

    assert run(look()) == [Sighting.SEEN, Sighting.UNSEEN]


def iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))


def a_status(number: int, moment: float, text: str = "Something else") -> dict[str, Any]:
    return {
        "id": str(number),
        "created_at": iso(moment),
        "content": f"<p>{text}</p>",
        "uri": f"https://social.example/users/ferries/statuses/{number}",
        "url": f"https://social.example/@ferries/{number}",
    }


def an_account(statuses: list[dict[str, Any]], headers: dict[str, str] | None = None, page: int = 40) -> FaultServer:
    """A server whose account has these statuses, the newest first, in pages as Mastodon gives them."""

    def listed(request: Recorded) -> list[dict[str, Any]]:
        older = [part.partition("=")[2] for part in request.path.partition("?")[2].split("&") if "max_id" in part]
        return [status for status in statuses if not older or int(status["id"]) < int(older[0])][:page]

    return FaultServer("200", body=canned(verify_credentials=ACCOUNT, statuses=listed), headers=headers)


@pytest.mark.parametrize("slow_by", [3600.0, -3600.0])
def test_a_server_with_another_time_is_read_by_its_own_clock(slow_by: float) -> None:
    theirs = time.time() - slow_by
    statuses = [a_status(2, theirs, "Ferry 12"), a_status(1, theirs - 900, "Ferry 12")]
    with an_account(statuses, {"Date": formatdate(theirs, usegmt=True)}) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.SEEN
    assert found.receipt is not None
    assert found.receipt.id == "2"


@pytest.mark.parametrize(("age_s", "seen"), [(500.0, Sighting.SEEN), (700.0, Sighting.UNSEEN)])
def test_a_server_that_tells_no_time_gets_the_benefit_of_the_doubt(age_s: float, seen: Sighting) -> None:
    with an_account([a_status(1, time.time() - age_s, "Ferry 12")]) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

    assert found.sighting is seen


def test_a_busy_account_is_read_page_by_page() -> None:
    now = time.time()
    statuses = [a_status(number, now - 10, "Ferry 12" if number == 30 else "Else") for number in range(100, 0, -1)]
    with an_account(statuses) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

        assert found.sighting is Sighting.SEEN
        assert len(far.requests) == 1 + 4  # who we are; three pages; an empty one


def test_an_account_that_cannot_be_read_to_the_end_proves_no_absence() -> None:
    now = time.time()
    statuses = [a_status(number, now - 10) for number in range(1000, 0, -1)]
    with an_account(statuses) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.UNKNOWN


def test_a_server_that_repeats_a_full_page_proves_no_absence() -> None:
    statuses = [a_status(number, time.time() - 10) for number in range(60, 0, -1)]
    with FaultServer("200", body=canned(verify_credentials=ACCOUNT, statuses=statuses)) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.UNKNOWN


@pytest.mark.parametrize("fault", ["refused", "hang_after_body", "reset", "500", "503", "429", "200-html", "slow_drip"])
def test_a_server_in_trouble_tells_nothing_about_the_post(fault: str) -> None:
    with FaultServer(fault) as far:
        started = time.monotonic()
        found = run(an_adapter(far.url).find(a_sending("Ferry 12", timeout_s=A_WAIT)))

    assert found.sighting is Sighting.UNKNOWN
    assert found.detail
    assert time.monotonic() - started < A_WAIT + SLACK


def test_a_look_up_with_a_refused_token_says_where_to_get_another(server: Snac | MastodonMock) -> None:
    found = run(an_adapter(server.url, "no-such-token").find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.UNKNOWN
    assert f"{server.url}/settings/applications" in found.detail


# ---------------------------------------------------------------------------------------------- read-back


def test_anybody_can_see_a_public_post(server: Snac | MastodonMock, text: str) -> None:
    async def post_and_read(through: str) -> Any:
        adapter = an_adapter(server.url, server.access_token)
        outcome = await attempt(adapter, a_sending(text))
        assert outcome.receipt is not None
        return outcome.receipt, await an_adapter(through).confirm(outcome.receipt, 5.0)

    with FaultServer("503", upstream=server.url, only=never) as watched:
        receipt, look = run(post_and_read(watched.url))

        assert watched.requests
        assert [request.headers["Authorization"] for request in watched.requests] == [None] * len(watched.requests)
    assert (look.sighting, look.receipt) == (Sighting.SEEN, receipt)


def test_a_post_that_is_not_there_is_not_seen(server: Snac | MastodonMock) -> None:
    receipt = Receipt(
        id="179539865404999", url=f"{server.url}/writer/p/179539865404.999", extra={"visibility": "public"}
    )

    look = run(an_adapter(server.url).confirm(receipt, 5.0))

    assert look.sighting is Sighting.UNSEEN


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_a_post_for_few_is_not_looked_for_in_public(visibility: str) -> None:
    with FaultServer("404") as far:
        receipt = Receipt(id="1", extra={"visibility": visibility})
        looks = [
            run(an_adapter(far.url).confirm(receipt, 1.0)),
            run(an_adapter(far.url, visibility=visibility).confirm(Receipt(id="1"), 1.0)),
        ]

        assert [look.sighting for look in looks] == [Sighting.UNKNOWN] * 2
        assert far.requests == []


@pytest.mark.parametrize(
    "fault",
    ["refused", "tls_garbage", "hang_after_body", "reset", "close", "half", "slow_drip", "302", "403", "429", "500"]
    + ["502", "503", "200-html", "200-broken-json", "200", "401"],
)
def test_a_read_side_in_trouble_is_no_information(fault: str) -> None:
    with FaultServer(fault, body={"id": "2"} if fault == "200" else None) as far:
        started = time.monotonic()
        look = run(an_adapter(far.url).confirm(Receipt(id="1", extra={"visibility": "public"}), A_WAIT))

    assert look.sighting is Sighting.UNKNOWN
    assert look.detail
    assert time.monotonic() - started < A_WAIT + SLACK


def test_a_page_of_somebody_in_between_is_no_absence() -> None:
    with FaultServer("404", body="<html>no such site</html>") as far:
        look = run(an_adapter(far.url).confirm(Receipt(id="1", extra={"visibility": "public"}), 1.0))

    assert look.sighting is Sighting.UNKNOWN


@pytest.mark.parametrize(
    ("page", "sighting"),
    [("200-html", Sighting.SEEN), ("404", Sighting.UNSEEN), ("410", Sighting.UNSEEN), ("403", Sighting.UNKNOWN)]
    + [("503", Sighting.UNKNOWN), ("302", Sighting.UNKNOWN), ("reset", Sighting.UNKNOWN)],
)
def test_where_the_api_is_for_members_the_page_decides(page: str, sighting: Sighting) -> None:
    with FaultServer(page) as pages, FaultServer("401") as api:
        receipt = Receipt(id="1", url=f"{pages.url}/@ferries/1", extra={"visibility": "unlisted"})
        look = run(an_adapter(api.url).confirm(receipt, 5.0))

    assert look.sighting is sighting


# ---------------------------------------------------------------------------------------------- taking back


def test_a_post_is_taken_back_and_taking_it_back_again_is_fine(mock: MastodonMock, text: str) -> None:
    async def post_and_retract() -> Any:
        adapter = an_adapter(mock.url, mock.access_token)
        receipt = (await attempt(adapter, a_sending(text))).receipt
        assert receipt is not None
        return [await adapter.retract(receipt, 5.0), await adapter.retract(receipt, 5.0)]

    outcomes = run(post_and_retract())

    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 2
    assert with_text(mock, text) == []


def test_a_server_that_deletes_nothing_says_so_with_the_address(snac: Snac, text: str) -> None:
    async def post_and_retract() -> Any:
        adapter = an_adapter(snac.url, snac.access_token)
        receipt = (await attempt(adapter, a_sending(text))).receipt
        assert receipt is not None
        return receipt, await adapter.retract(receipt, 5.0)

    receipt, outcome = run(post_and_retract())

    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, Reason.NOT_ALLOWED)
    assert receipt.url in outcome.detail


def test_a_deletion_that_is_answered_with_nothing_is_a_deletion() -> None:
    with FaultServer("200", body="") as far:
        outcome = run(an_adapter(far.url).retract(Receipt(id="1"), 5.0))

    assert outcome.verdict is Verdict.ACCEPTED


def test_a_deletion_that_fails_is_judged_like_any_call() -> None:
    with FaultServer("503") as far, pytest.raises(_mastodon_talk.CallError) as raised:
        run(an_adapter(far.url).retract(Receipt(id="1"), 5.0))

    assert classify(raised.value, an_adapter(far.url).classify).verdict is Verdict.UNAVAILABLE


# ---------------------------------------------------------------------------------------------- probing


def test_a_probe_names_account_and_limits(mock: MastodonMock) -> None:
    probed = run(an_adapter(mock.url, mock.access_token).probe(5.0))

    assert probed.ok
    assert probed.detail == f"Posts as @testuser on {mock.url}: 500 characters, a link counts 23, 4 images."


def test_a_probe_of_a_server_with_the_old_form_names_its_limits(snac: Snac) -> None:
    probed = run(an_adapter(snac.url, snac.access_token).probe(5.0))

    assert probed.ok
    assert "100000 characters, a link counts 32" in probed.detail


def test_a_probe_with_a_refused_token_says_where_to_get_another(server: Snac | MastodonMock) -> None:
    probed = run(an_adapter(server.url, "no-such-token").probe(5.0))

    assert not probed.ok
    assert f"{server.url}/settings/applications" in probed.detail
    assert "no-such-token" not in probed.detail


@pytest.mark.parametrize(
    ("scopes", "ok", "said"),
    [
        (["read", "write"], True, "4 images."),
        (["read"], False, "may not write:statuses, write:media."),
        (["read", "write:statuses"], True, "may not write:media."),
        (["profile", "write"], True, "may not read:accounts, read:statuses."),
        (None, True, "4 images."),
    ],
)
def test_a_probe_tells_what_the_token_may_not(scopes: list[str] | None, ok: bool, said: str) -> None:
    def credentials(request: Recorded) -> Any:
        return {"name": "surecast", "scopes": scopes} if "/apps/" in request.path else ACCOUNT

    with FaultServer("200", body=canned(instance=INSTANCE, verify_credentials=credentials)) as far:
        probed = run(an_adapter(far.url).probe(5.0))

    assert probed.ok is ok
    assert said in probed.detail


@pytest.mark.parametrize("fault", ["refused", "tls_self_signed", "hang_after_body", "500", "200-html"])
def test_a_probe_of_a_server_in_trouble_says_what_is_wrong(fault: str) -> None:
    with FaultServer(fault) as far:
        probed = run(an_adapter(far.url).probe(A_WAIT))

    assert not probed.ok
    assert probed.detail


# ---------------------------------------------------------------------------------------------- the token


def test_a_token_that_is_also_the_name_of_a_file_is_sent_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-token").write_text("another-token\n")
    monkeypatch.chdir(tmp_path)
    with FaultServer("422") as far:
        run(attempt(an_adapter(far.url, "my-token"), a_sending("Hello")))

        assert far.requests[0].headers["Authorization"] == "Bearer my-token"


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tökén"])
def test_a_token_that_no_header_can_carry_is_a_mistake_and_is_not_shown(token: str) -> None:
    with FaultServer("200") as far:
        outcome = run(attempt(an_adapter(far.url, token), a_sending("Hello")))
        probed = run(an_adapter(far.url, token).probe(1.0))

        assert far.requests == []
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert not probed.ok
    assert token not in outcome.detail + probed.detail


def test_a_token_that_is_not_set_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    secret = Secret("env", "NO_SUCH_TOKEN")

    outcome = run(attempt(an_adapter("https://social.example", secret), a_sending("Hello")))

    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert "NO_SUCH_TOKEN" in outcome.detail


def test_a_token_that_was_refused_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "old-token")

    async def twice(far: FaultServer) -> None:
        adapter = an_adapter(far.url, Secret("env", "THE_TOKEN"))
        await attempt(adapter, a_sending("Hello"))
        monkeypatch.setenv("THE_TOKEN", "new-token")
        await attempt(adapter, a_sending("Hello"))

    with FaultServer("401") as far:
        run(twice(far))

        assert [request.headers["Authorization"] for request in far.requests] == [
            "Bearer old-token",
            "Bearer new-token",
        ]


def test_a_refused_token_is_not_the_servers_fault(server: Snac | MastodonMock, text: str) -> None:
    outcome = run(attempt(an_adapter(server.url, "no-such-token"), a_sending(text)))

    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert with_text(server, text) == []


# ---------------------------------------------------------------------------------------------- what errors mean

STATUS = {"id": "1", "uri": "https://social.example/1", "url": "https://social.example/@ferries/1"}
IN_DOUBT = (Verdict.UNCERTAIN, Scope.CHANNEL)
FAULTS: dict[str, tuple[Verdict, Scope, Reason]] = {
    "refused": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "tls_garbage": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "tls_self_signed": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "hang_before_body": (*IN_DOUBT, Reason.TIMED_OUT),
    "hang_after_body": (*IN_DOUBT, Reason.TIMED_OUT),
    "slow_drip": (*IN_DOUBT, Reason.TIMED_OUT),
    "reset": (*IN_DOUBT, Reason.INTERRUPTED),
    "close": (*IN_DOUBT, Reason.INTERRUPTED),
    "half": (*IN_DOUBT, Reason.INTERRUPTED),
    "302": (*IN_DOUBT, Reason.REDIRECTED),
    "304": (*IN_DOUBT, Reason.REDIRECTED),
    "400": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "401": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS),
    "403": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "404": (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "408": (*IN_DOUBT, Reason.SERVER_ERROR),
    "413": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "422": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "429": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "429-date": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "429-none": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "500": (*IN_DOUBT, Reason.SERVER_ERROR),
    "502": (*IN_DOUBT, Reason.SERVER_ERROR),
    "503": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.SERVER_ERROR),
    "504": (*IN_DOUBT, Reason.SERVER_ERROR),
    "200-html": (*IN_DOUBT, Reason.UNREADABLE_REPLY),
    "200-broken-json": (*IN_DOUBT, Reason.UNREADABLE_REPLY),
    "200": (*IN_DOUBT, Reason.UNREADABLE_REPLY),  # JSON, but no status
    "lost_reply": (*IN_DOUBT, Reason.INTERRUPTED),
    "lost_reply_hang": (*IN_DOUBT, Reason.TIMED_OUT),
    "lost_reply_502": (*IN_DOUBT, Reason.SERVER_ERROR),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_matrix(
    fault: str, mock: MastodonMock, text: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    unreachable = fault in ("refused", "tls_garbage", "tls_self_signed")
    token = mock.access_token if fault.startswith("lost") else TOKEN
    options: dict[str, Any] = {} if unreachable else {"only": is_post, "upstream": mock.url}
    if fault == "200":
        options["body"] = {"ok": True}

    async def twice(far: FaultServer) -> Any:
        adapter = an_adapter(far.url, token)
        await adapter.open()
        sending = a_sending(text, timeout_s=A_WAIT)
        outcomes, times = [], []
        for _ in range(2):
            started = time.monotonic()
            outcomes.append(await attempt(adapter, sending))
            times.append(time.monotonic() - started)
        return outcomes, times

    with FaultServer(fault, **options) as far:
        outcomes, times = run(twice(far))

        assert [(one.verdict, one.scope, one.reason) for one in outcomes] == [FAULTS[fault]] * 2
        assert max(times) < A_WAIT + SLACK
        assert len(far.disturbed) == len(far.requests) == (0 if unreachable else 2)  # one write per attempt
        assert {request.headers["Idempotency-Key"] for request in far.requests} <= {key_of(text)}
        assert len({request.body for request in far.requests if fault != "hang_before_body"}) <= 1
    assert len(with_text(mock, text)) == (1 if fault.startswith("lost") else 0)
    shown = "".join(one.detail for one in outcomes) + repr(outcomes) + caplog.text + "".join(capfd.readouterr())
    assert token not in shown
    assert all(one.detail for one in outcomes)


@pytest.mark.parametrize(("fault", "wait"), [("429", 7.0), ("429-date", 7.0), ("429-none", None)])
def test_a_stated_wait_is_passed_on(fault: str, wait: float | None) -> None:
    with FaultServer(fault, retry_after=7.0) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))

    assert outcome.retry_after_s == (None if wait is None else pytest.approx(wait, abs=1.5))


def test_mastodons_own_rate_limit_is_a_stated_wait(own_mastodon_mock: OwnMastodonMock, text: str) -> None:
    server = own_mastodon_mock(rate_limit=(4, 30))

    async def until_limited() -> list[Outcome]:
        adapter = an_adapter(server.url, server.access_token)
        return [await attempt(adapter, a_sending(f"{text} {number}")) for number in range(6)]

    outcome = run(until_limited())[-1]

    assert (outcome.verdict, outcome.reason) == (Verdict.THROTTLED, Reason.RATE_LIMITED)
    assert outcome.retry_after_s == pytest.approx(15, abs=16)


@pytest.mark.parametrize(
    ("status", "verdict"), [("200", Verdict.UNCERTAIN), ("429-none", Verdict.THROTTLED), ("422", Verdict.REFUSED)]
)
def test_a_reset_time_that_cannot_be_read_hides_no_answer(status: str, verdict: Verdict) -> None:
    headers = {"X-RateLimit-Reset": "soon"}
    with FaultServer(status, headers=headers, body=STATUS if status == "200" else None) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))

    assert outcome.verdict is verdict


def test_the_servers_words_are_told_for_a_refused_text(mock: MastodonMock) -> None:
    outcome = run(attempt(an_adapter(mock.url, mock.access_token), a_sending("x" * 501)))

    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)
    assert "500" in outcome.detail


def test_what_the_sdk_refuses_to_send_is_refused_content() -> None:
    payload = json.dumps({"status": "Hello", "visibility": "everybody"}).encode()
    with FaultServer("200") as far:
        outcome = run(attempt(an_adapter(far.url), a_sending(payload)))

        assert far.requests == []
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)


def test_another_adapters_error_is_left_to_the_common_rules() -> None:
    assert an_adapter("https://social.example").classify(ValueError("whatever")) is None
    assert an_adapter("https://social.example").classify(ConfigError("whatever")) is None


# ---------------------------------------------------------------------------------------------- threads


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "surecast-mastodon-mastodon"]


@pytest.mark.parametrize("fault", ["hang_after_body", "slow_drip"])
def test_a_call_that_is_given_up_ends_its_thread(fault: str) -> None:
    before = set(workers())

    async def give_up(far: FaultServer) -> None:
        adapter = an_adapter(far.url)
        attempts = [asyncio.create_task(adapter.publish(a_sending("Hello", timeout_s=60))) for _ in range(3)]
        await asyncio.to_thread(far.wait_for, 3)
        for each in attempts:
            each.cancel()
        ended = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(each) for each in ended] == [asyncio.CancelledError] * 3
        await adapter.close()

    with FaultServer(fault) as far:
        run(give_up(far))
        wait_until(lambda: set(workers()) <= before, 3.0, "a thread still waits for the server")


def test_after_a_hung_attempt_the_next_one_works(text: str, mock: MastodonMock) -> None:
    async def twice(far: FaultServer) -> list[Verdict]:
        adapter = an_adapter(far.url, mock.access_token)
        first = await attempt(adapter, a_sending(text, timeout_s=0.5))
        return [first.verdict, (await attempt(adapter, a_sending(text))).verdict]

    with FaultServer("hang_after_body", only=is_post, remaining=1, upstream=mock.url) as far:
        assert run(twice(far)) == [Verdict.UNCERTAIN, Verdict.ACCEPTED]


def test_an_attempt_that_was_given_up_while_it_waited_for_a_thread_posts_nothing(mock: MastodonMock, text: str) -> None:
    async def crowd(far: FaultServer) -> None:
        adapter = an_adapter(far.url, mock.access_token)
        late = [asyncio.create_task(attempt(adapter, a_sending(text, timeout_s=0.6))) for _ in range(30)]
        await asyncio.gather(*late)
        far.clear()
        await asyncio.sleep(0.5)

    with FaultServer("hang_after_body", only=is_post, upstream=mock.url) as far:
        run(crowd(far))

    assert with_text(mock, text) == []


def test_nothing_in_the_settings_or_the_adapter_shows_the_token() -> None:
    adapter = an_adapter("https://social.example")
    settings = replace(adapter._settings)

    assert TOKEN not in repr(settings) + repr(adapter) + str(vars(adapter))
