"""Posting to Mastodon: what is sent, what is answered, and what a probe says; on real and imitated servers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.channels.mastodon_bench import (
    A_WAIT,
    ACCOUNT,
    INSTANCE,
    LINK,
    Server,
    a_canned_server,
    a_sending,
    an_adapter,
    an_errand,
    attempt,
    by_name,
    new_text,
    png,
    preparation,
    run,
    with_text,
)
from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.snac import Snac

from surecast.channel import Confirms, Finds, Probes, Retracts, Words
from surecast.channels import _mastodon_talk, mastodon
from surecast.channels.mastodon import KIND, TRAITS, Settings
from surecast.outcome import Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.sandbox import Sandbox
from surecast.transport.classify import classify

pytestmark = pytest.mark.server


@pytest.fixture(params=["snac", "mastodon_mock"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


# The kind


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


# Posting


def test_a_post_with_link_mention_and_images_arrives_whole(server: Server) -> None:
    text = new_text()
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
    assert alts == ["Picture 0", "Picture 1"]


def test_a_post_is_found_and_confirmed_where_it_was_made(server: Server) -> None:
    text = new_text()
    whole = f"{text}: 5 > 3 & so on.\n\n{LINK}\n@writer #Ferry ¡Olé! 👩‍👩‍👧"

    async def post() -> Any:
        adapter = an_adapter(server.url, server.access_token)
        sending = a_sending(await adapter.prepare(an_errand(whole)))
        outcome = await attempt(adapter, sending)
        return outcome, await adapter.find(sending)

    outcome, found = run(post())

    assert found.sighting is Sighting.SEEN
    assert found.receipt == outcome.receipt


def test_the_same_key_twice_makes_one_status(mastodon_mock: MastodonMock) -> None:
    text = new_text()

    async def twice() -> list[Outcome]:
        adapter = an_adapter(mastodon_mock.url, mastodon_mock.access_token)
        sending = a_sending(await adapter.prepare(an_errand(text)))
        return [await attempt(adapter, sending), await attempt(adapter, sending)]

    first, second = run(twice())

    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert first.receipt == second.receipt
    assert len(with_text(mastodon_mock, text)) == 1


def test_a_second_event_loop_works(mastodon_mock: MastodonMock) -> None:
    text = new_text()
    adapter = an_adapter(mastodon_mock.url, mastodon_mock.access_token)
    run(adapter.open())
    payload = run(adapter.prepare(an_errand(text)))

    verdicts = [run(attempt(adapter, a_sending(payload))).verdict for _ in range(2)]

    assert verdicts == [Verdict.ACCEPTED] * 2


def test_visibility_and_language_are_those_of_the_channel(mastodon_mock: MastodonMock) -> None:
    text = new_text()

    async def post() -> Outcome:
        adapter = an_adapter(mastodon_mock.url, mastodon_mock.access_token, visibility="unlisted", language="el")
        return await attempt(adapter, a_sending(await adapter.prepare(an_errand(text))))

    outcome = run(post())

    (status,) = with_text(mastodon_mock, text)
    assert (status["visibility"], status["language"]) == ("unlisted", "el")
    assert outcome.receipt is not None
    assert outcome.receipt.extra["visibility"] == "unlisted"


@pytest.mark.parametrize(("tag", "sent"), [("en-GB", "en"), ("DE", "de"), ("", None)])
def test_the_language_is_sent_as_the_code_that_mastodon_takes(tag: str, sent: str | None) -> None:
    with a_canned_server(instance=INSTANCE) as far:
        payload = run(an_adapter(far.url).prepare(an_errand("Hello", language=tag)))

    assert json.loads(payload)["language"] == sent


def test_the_payload_depends_on_nothing_but_the_errand() -> None:
    with a_canned_server(instance=INSTANCE) as far:
        one = run(an_adapter(far.url).prepare(an_errand("Hello")))
        again = run(an_adapter(far.url).prepare(an_errand("Hello")))
        other = run(an_adapter(far.url).prepare(an_errand("Hello", key="b2/mastodon")))

    assert one == again
    assert json.loads(one)["idempotency_key"] != json.loads(other)["idempotency_key"]


def test_the_simulated_server_goes_the_whole_way_like_the_real_ones() -> None:
    text = f"{new_text()}: 5 > 3 & so on.\n\n{LINK}\n@announcer @someone@remote.example #Ferry ¡Olé!"

    async def whole_way(url: str) -> Any:
        adapter = an_adapter(url)
        sending = a_sending(await adapter.prepare(an_errand(text, images={"one": png()})))
        outcome = await attempt(adapter, sending)
        assert outcome.receipt is not None
        before = [await adapter.find(sending), await adapter.confirm(outcome.receipt, 5.0)]
        gone = await adapter.retract(outcome.receipt, 5.0)
        after = [await adapter.find(sending), await adapter.confirm(outcome.receipt, 5.0)]
        return outcome.receipt, before, gone, after

    with Sandbox.in_thread(["mastodon"]) as sandbox:
        receipt, before, gone, after = run(whole_way(sandbox.url("mastodon")))

    assert [(look.sighting, look.receipt) for look in before] == [(Sighting.SEEN, receipt)] * 2
    assert gone.verdict is Verdict.ACCEPTED
    assert [look.sighting for look in after] == [Sighting.UNSEEN] * 2


# Live limits


LONG = "The ferry is late. " * 60  # 1140 characters


@pytest.mark.parametrize(("most", "shortest", "longest"), [(120, 80, 120), (500, 481, 481), (5000, 1160, 1160)])
def test_words_are_fitted_to_what_the_server_takes(most: int, shortest: int, longest: int) -> None:
    says = {"configuration": {"statuses": {"max_characters": most, "characters_reserved_per_url": 23}}}
    planned = LONG[:480] + "…"
    words = Words(text=LONG, url="https://a.example/1")
    with a_canned_server(instance=says) as far:
        status = json.loads(run(an_adapter(far.url).prepare(an_errand(planned, words=words))))["status"]

    assert shortest <= len(status) <= longest
    assert (status == planned) == (most == 500)
    assert status.endswith("https://a.example/1") == (most != 500)


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

    with a_canned_server(instance=says) as far:
        lengths = run(four_times(far))

        assert [length <= 100 for length in lengths] == [True] * 4
        assert len(far.requests) == 3


def test_a_server_that_takes_fewer_images_gets_the_first_ones() -> None:
    says = {"configuration": {"statuses": {"max_characters": 500, "max_media_attachments": 1}}}
    uploads = {"id": "9", "url": "https://social.example/9.png"}
    with a_canned_server(instance=says, media=uploads) as far:
        errand = an_errand("Look", images={"one": png(), "two": png()})
        payload = run(an_adapter(far.url).prepare(errand))

    assert json.loads(payload)["media_ids"] == ["9"]


# Images


def test_an_image_is_attached_only_when_it_is_ready() -> None:
    being_made = {"id": "9", "url": None}
    inside = FaultServer(
        "206", only=lambda method, path: path == "/api/v1/media/9", remaining=2, body=being_made,
        otherwise=by_name(instance=INSTANCE, **{"9": {"id": "9", "url": "https://social.example/9.png"}}),
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
    with FaultServer("202", body=by_name(media={"id": "9"}, **{"9": {"id": "9"}})) as far:
        outcome = run(preparation(an_adapter(far.url), an_errand("Look", images={"one": png()})))

    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.TIMED_OUT)


@pytest.mark.parametrize("fault", ["413", "422"])
def test_an_image_that_the_server_refuses_is_refused_content(fault: str) -> None:
    with FaultServer(fault, only=lambda method, path: "media" in path, otherwise=by_name(instance=INSTANCE)) as far:
        outcome = run(preparation(an_adapter(far.url), an_errand("Look", images={"one": png(), "two": png()})))

    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)
    assert outcome.reason is Reason.MEDIA_REFUSED


@pytest.mark.parametrize("fault", ["500", "502", "200-html", "200", "reset", "half"])
def test_an_upload_that_fails_leaves_nothing_in_doubt(fault: str) -> None:
    body = {"no": "id"} if fault == "200" else None
    media = FaultServer(
        fault, only=lambda method, path: "media" in path, body=body, otherwise=by_name(instance=INSTANCE)
    )
    with media as far:
        outcome = run(preparation(an_adapter(far.url), an_errand("Look", images={"one": png()})))

    assert isinstance(outcome, Outcome)
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert "delivered" not in outcome.detail


# Taking back


def test_a_post_is_taken_back_and_taking_it_back_again_is_fine(mastodon_mock: MastodonMock) -> None:
    text = new_text()

    async def post_and_retract() -> Any:
        adapter = an_adapter(mastodon_mock.url, mastodon_mock.access_token)
        receipt = (await attempt(adapter, a_sending(text))).receipt
        assert receipt is not None
        return [await adapter.retract(receipt, 5.0), await adapter.retract(receipt, 5.0)]

    outcomes = run(post_and_retract())

    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 2
    assert with_text(mastodon_mock, text) == []


def test_a_server_that_deletes_nothing_says_so_with_the_address(snac: Snac) -> None:
    text = new_text()

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


# Probing


def test_a_probe_names_account_and_limits(mastodon_mock: MastodonMock) -> None:
    probed = run(an_adapter(mastodon_mock.url, mastodon_mock.access_token).probe(5.0))

    assert probed.ok
    assert probed.detail == f"Posts as @testuser on {mastodon_mock.url}: 500 characters, a link counts 23, 4 images."


def test_a_probe_of_a_server_with_the_old_form_names_its_limits(snac: Snac) -> None:
    probed = run(an_adapter(snac.url, snac.access_token).probe(5.0))

    assert probed.ok
    assert "100000 characters, a link counts 32" in probed.detail


def test_a_probe_with_a_refused_token_says_where_to_get_another(server: Server) -> None:
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

    with a_canned_server(instance=INSTANCE, verify_credentials=credentials) as far:
        probed = run(an_adapter(far.url).probe(5.0))

    assert probed.ok is ok
    assert said in probed.detail


@pytest.mark.parametrize("fault", ["refused", "tls_self_signed", "hang_after_body", "500", "200-html", "200"])
def test_a_probe_of_a_server_in_trouble_says_what_is_wrong(fault: str) -> None:
    with FaultServer(fault, body={"no": "account"} if fault == "200" else None) as far:
        probed = run(an_adapter(far.url).probe(A_WAIT))

    assert not probed.ok
    assert probed.detail
    assert "delivered" not in probed.detail
