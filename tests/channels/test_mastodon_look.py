"""Whether a post is there: the look-up with credentials after doubt, and the read-back without."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest
from tests.channels.mastodon_bench import (
    A_WAIT,
    ACCOUNT,
    LINK,
    SLACK,
    Server,
    a_canned_server,
    a_sending,
    an_adapter,
    an_errand,
    attempt,
    by_name,
    new_text,
    run,
)
from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnSnac
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.process import wait_until
from tests.servers.snac import Snac

from surecast.outcome import Reason, Receipt, Sighting, Verdict

pytestmark = pytest.mark.server


@pytest.fixture(params=["snac", "mastodon_mock"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


# The look-up


def test_a_frozen_server_leaves_doubt_and_the_look_up_finds_the_one_status(own_snac: OwnSnac) -> None:
    text = new_text()
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


def test_two_statuses_with_the_same_words_stay_in_doubt_until_one_is_claimed(snac: Snac) -> None:
    text = new_text()

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


def test_words_that_the_server_draws_otherwise_are_not_called_absent(snac: Snac) -> None:
    text = new_text()

    async def look() -> Any:
        adapter = an_adapter(snac.url, snac.access_token)
        payload = await adapter.prepare(an_errand(f"*Now*: {text} :-)"))
        outcome = await attempt(adapter, a_sending(payload))
        return outcome, await adapter.find(a_sending(payload))

    outcome, found = run(look())

    assert found.sighting is Sighting.UNKNOWN
    assert outcome.receipt is not None
    assert str(outcome.receipt.url) in found.detail


def test_what_was_never_posted_is_not_there(server: Server) -> None:
    text = new_text()
    found = run(an_adapter(server.url, server.access_token).find(a_sending(text)))

    assert found.sighting is Sighting.UNSEEN


def test_what_was_written_before_is_not_ours(mastodon_mock: MastodonMock) -> None:
    text = new_text()

    async def look() -> Any:
        adapter = an_adapter(mastodon_mock.url, mastodon_mock.access_token)
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

    return FaultServer("200", body=by_name(verify_credentials=ACCOUNT, statuses=listed), headers=headers)


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
    with a_canned_server(verify_credentials=ACCOUNT, statuses=statuses) as far:
        found = run(an_adapter(far.url).find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.UNKNOWN


@pytest.mark.parametrize(
    "fault", ["refused", "hang_after_body", "reset", "500", "503", "429", "200-html", "200", "slow_drip"]
)
def test_a_server_in_trouble_tells_nothing_about_the_post(fault: str) -> None:
    body = by_name(verify_credentials=ACCOUNT) if fault == "200" else None  # statuses that are no list
    with FaultServer(fault, body=body) as far:
        started = time.monotonic()
        found = run(an_adapter(far.url).find(a_sending("Ferry 12", timeout_s=A_WAIT)))

    assert found.sighting is Sighting.UNKNOWN
    assert found.detail
    assert "delivered" not in found.detail
    assert time.monotonic() - started < A_WAIT + SLACK


def test_a_look_up_with_a_refused_token_says_where_to_get_another(server: Server) -> None:
    found = run(an_adapter(server.url, "no-such-token").find(a_sending("Ferry 12")))

    assert found.sighting is Sighting.UNKNOWN
    assert f"{server.url}/settings/applications" in found.detail


# The read-back


def test_anybody_can_see_a_public_post(server: Server) -> None:
    text = new_text()

    async def post_and_read(through: str) -> Any:
        adapter = an_adapter(server.url, server.access_token)
        outcome = await attempt(adapter, a_sending(text))
        assert outcome.receipt is not None
        return outcome.receipt, await an_adapter(through).confirm(outcome.receipt, 5.0)

    with FaultServer("503", upstream=server.url, remaining=0) as watched:
        receipt, look = run(post_and_read(watched.url))

        assert watched.requests
        assert [request.headers["Authorization"] for request in watched.requests] == [None] * len(watched.requests)
    assert (look.sighting, look.receipt) == (Sighting.SEEN, receipt)


def test_a_post_that_is_not_there_is_not_seen(server: Server) -> None:
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
    [
        *("refused", "tls_garbage", "hang_after_body", "reset", "close", "half", "slow_drip", "302", "401", "403"),
        *("429", "500", "502", "503", "200-html", "200-broken-json", "200"),
    ],
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
    [
        ("200-html", Sighting.SEEN),
        ("404", Sighting.UNSEEN),
        ("410", Sighting.UNSEEN),
        ("302", Sighting.UNKNOWN),
        ("403", Sighting.UNKNOWN),
        ("503", Sighting.UNKNOWN),
        ("reset", Sighting.UNKNOWN),
    ],
)
def test_where_the_api_is_for_members_the_page_decides(page: str, sighting: Sighting) -> None:
    with FaultServer(page) as pages, FaultServer("401") as api:
        receipt = Receipt(id="1", url=f"{pages.url}/@ferries/1", extra={"visibility": "unlisted"})
        look = run(an_adapter(api.url).confirm(receipt, 5.0))

    assert look.sighting is sighting
