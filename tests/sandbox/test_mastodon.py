"""The simulated Mastodon, asked by its real SDK."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Fault, Kind, Sandbox
from tests.sandbox.bench import PNG, a_mastodon

if TYPE_CHECKING:
    from mastodon import Mastodon


def refused(caught: pytest.ExceptionInfo[Any]) -> tuple[int, str]:
    return caught.value.args[1], caught.value.args[3]


def test_a_status_is_posted_and_read_back_with_and_without_a_token(sandbox: Sandbox, toots: Mastodon) -> None:
    posted = toots.status_post("hello", visibility="unlisted", language="el", spoiler_text="ferries", sensitive=True)
    with a_mastodon(sandbox, token="") as reader:
        reader.access_token = None
        seen = [each.status(posted.id) for each in (toots, reader)]
    assert [(each.content, each.visibility, each.language, each.spoiler_text, each.sensitive) for each in seen] == [
        ("<p>hello</p>", "unlisted", "el", "ferries", True)
    ] * 2
    assert posted.url == f"{sandbox.url('mastodon')}/@announcer/{posted.id}"


def test_the_same_key_gives_the_same_status_whatever_the_text(mastodon: Any, toots: Mastodon) -> None:
    ids = {toots.status_post(text, idempotency_key="k-1").id for text in ("one", "one", "two")}
    assert (len(ids), [post.text for post in mastodon.posts()]) == (1, ["one"])


def test_a_key_is_kept_for_an_hour(clock: Any, mastodon: Any, toots: Mastodon) -> None:
    for later in (0, 3599, 2):
        clock.moment += later
        toots.status_post("hello", idempotency_key="k-1")
    assert len(mastodon.posts()) == 2


def test_a_key_is_one_accounts_own(sandbox: Sandbox, mastodon: Any, toots: Mastodon) -> None:
    with a_mastodon(sandbox, "another") as other:
        names = [each.status_post("hello", idempotency_key="k-1").account.acct for each in (toots, other)]
    assert (names, len(mastodon.posts())) == (["announcer", "announcer2"], 2)


def test_a_post_that_was_refused_leaves_its_key_free(mastodon: Any, toots: Mastodon) -> None:
    with pytest.raises(Exception, match="exceeded"):
        toots.status_post("x" * 501, idempotency_key="k-1")
    toots.status_post("x", idempotency_key="k-1")
    assert [post.text for post in mastodon.posts()] == ["x"]


def test_other_servers_ignore_the_key(mastodon: Any, toots: Mastodon) -> None:
    mastodon.honours_keys = False
    for _ in range(2):
        toots.status_post("hello", idempotency_key="k-1")
    assert len(mastodon.posts()) == 2


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"status": ""}, 422, "Validation failed: Text can't be blank"),
        ({"status": " \n"}, 422, "Validation failed: Text can't be blank"),
        ({"status": "x" * 501}, 422, "Validation failed: Text character limit of 500 exceeded"),
        (
            {"status": "x" * 490, "spoiler_text": "y" * 11},
            422,
            "Validation failed: Text character limit of 500 exceeded",
        ),
        ({"status": "x", "media_ids": ["7"]}, 422, "Media 7 not found or already attached to another post"),
        ({"status": "x", "media_ids": list("12345")}, 422, "Cannot attach more than 4 files"),
        (
            {"status": "x", "in_reply_to_id": "7"},
            404,
            "The post you are trying to reply to does not appear to exist.",
        ),
    ],
)
def test_what_is_refused_and_how(toots: Mastodon, values: dict[str, Any], status: int, told: str) -> None:
    with pytest.raises(Exception) as caught:
        toots.status_post(**values)
    assert refused(caught) == (status, told)


def test_a_link_costs_23_and_graphemes_count_once(toots: Mastodon) -> None:
    text = "https://ferries.example/" + "x" * 600 + " " + "👨‍👩‍👧‍👦" * 476
    assert toots.status_post(text).id
    with pytest.raises(Exception, match="exceeded"):
        toots.status_post(text + "!")


def test_scheduling_is_refused_rather_than_sent_now(mastodon: Any, toots: Mastodon) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(Exception, match="scheduled_at is not simulated"):
        toots.status_post("hello", scheduled_at=later)
    assert mastodon.posts() == ()


@pytest.mark.parametrize("token", ["wrong", "revoked"])
def test_a_bad_token_is_no_account(sandbox: Sandbox, token: str) -> None:
    with a_mastodon(sandbox, token) as toots:
        for ask in (toots.me, lambda: toots.status_post("x"), lambda: toots.status("1")):
            with pytest.raises(Exception) as caught:
                ask()
            assert refused(caught) == (401, "The access token is invalid")


def test_without_a_token_nothing_is_posted(sandbox: Sandbox) -> None:
    import httpx

    answer = httpx.post(f"{sandbox.url('mastodon')}/api/v1/statuses", data={"status": "x"}, trust_env=False)
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})


def test_json_is_taken_as_well_as_a_form(sandbox: Sandbox) -> None:
    import httpx

    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    answers = [
        httpx.post(f"{sandbox.url('mastodon')}/api/v1/statuses", headers=headers, content=content, trust_env=False)
        for content in (b'{"status": "x"}', b'{"status')
    ]
    assert [answer.status_code for answer in answers] == [200, 400]


def test_a_status_can_be_taken_back_by_its_author_alone(sandbox: Sandbox, mastodon: Any, toots: Mastodon) -> None:
    posted = toots.status_post("hello")
    with a_mastodon(sandbox, "another") as other, pytest.raises(Exception) as caught:
        other.status_delete(posted.id)
    assert refused(caught) == (404, "Record not found")
    assert toots.status_delete(posted.id).text == "hello"
    with pytest.raises(Exception, match="Record not found"):
        toots.status(posted.id)
    assert mastodon.visible() == ()


def test_a_hidden_status_is_there_for_its_author_and_for_nobody_else(
    sandbox: Sandbox, mastodon: Any, toots: Mastodon
) -> None:
    import httpx

    sandbox.fault("mastodon", Fault.HIDDEN)
    posted = toots.status_post("hello")
    public = [posted.url, f"{sandbox.url('mastodon')}/api/v1/statuses/{posted.id}"]
    public_list = f"{sandbox.url('mastodon')}/api/v1/accounts/{posted.account.id}/statuses"
    during = [httpx.get(url, trust_env=False).status_code for url in public]
    assert httpx.get(public_list, trust_env=False).json() == []
    assert [status.id for status in toots.account_statuses(posted.account.id)] == [posted.id]
    sandbox.lift()
    after = [httpx.get(url, trust_env=False).status_code for url in public]
    assert (during, after) == ([404, 404], [200, 200])


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_public_is_not_for_readers(
    sandbox: Sandbox, mastodon: Any, toots: Mastodon, visibility: str
) -> None:
    posted = toots.status_post("hello", visibility=visibility)
    with a_mastodon(sandbox, "another") as other, pytest.raises(Exception, match="Record not found"):
        other.status(posted.id)
    assert (len(mastodon.posts()), mastodon.visible()) == (1, ())


def test_an_accounts_statuses_come_newest_first_and_in_pages(toots: Mastodon) -> None:
    ids = [toots.status_post(str(number)).id for number in range(5)]
    me = toots.me().id
    page = toots.account_statuses(me, limit=2)
    assert [status.id for status in page] == ids[:2:-1]
    assert [status.id for status in toots.fetch_next(page)] == ids[2:0:-1]
    assert [status.id for status in toots.account_statuses(me, since_id=ids[2])] == ids[:2:-1]
    assert [status.id for status in toots.account_statuses(me, min_id=ids[0], limit=2)] == ids[2:0:-1]


def test_a_picture_is_attached_with_its_description(mastodon: Any, toots: Mastodon) -> None:
    media = toots.media_post(io.BytesIO(PNG), mime_type="image/png", description="A ferry")
    posted = toots.status_post("", media_ids=[media.id])
    assert [(each.description, each.type) for each in posted.media_attachments] == [("A ferry", "image")]
    assert [picture.alt for picture in mastodon.visible()[0].pictures] == ["A ferry"]
    assert toots.session.get(mastodon.visible()[0].pictures[0].url).content == PNG
    assert mastodon.counts()[Kind.UPLOAD] == 1
    with pytest.raises(Exception, match="already attached"):
        toots.status_post("again", media_ids=[media.id])


def test_a_picture_that_is_still_processed_cannot_be_attached_yet(mastodon: Any, toots: Mastodon) -> None:
    mastodon.polls_until_ready = 2
    media = toots.media_post(io.BytesIO(PNG), mime_type="image/png")
    with pytest.raises(Exception, match="have not finished processing"):
        toots.status_post("x", media_ids=[media.id])
    assert [toots.media(media.id).url is None for _ in range(2)] == [True, False]
    assert toots.status_post("x", media_ids=[media.id]).media_attachments[0].id == media.id


@pytest.mark.parametrize(
    ("data", "description", "told"),
    [
        (b"%PDF", "", "File content type is invalid"),
        (PNG, "x" * 1501, r"Description is too long \(maximum is 1500 characters\)"),
        (PNG + bytes(16 * 1024 * 1024), "", "must be less than 16 MB"),
    ],
)
def test_an_upload_that_is_refused(toots: Mastodon, data: bytes, description: str, told: str) -> None:
    with pytest.raises(Exception, match=told):
        toots.media_post(io.BytesIO(data), mime_type="image/png", description=description)


def test_a_post_is_html_as_mastodon_writes_it(toots: Mastodon) -> None:
    assert toots.status_post("a <b> & 'c'").content == "<p>a &lt;b&gt; &amp; &#39;c&#39;</p>"


def test_the_limits_are_told(toots: Mastodon) -> None:
    configuration = toots.instance_v2().configuration
    assert (configuration.statuses.max_characters, configuration.statuses.characters_reserved_per_url) == (500, 23)
    assert configuration.media_attachments.image_size_limit == 16 * 1024 * 1024
    assert toots.instance_v1().configuration.statuses.max_media_attachments == 4


def test_the_rate_limit_headers_count_down_and_start_anew(clock: Any, toots: Mastodon) -> None:
    clock.moment = clock.moment // 300 * 300
    seen = []
    for later in (0, 0, 300):
        clock.moment += later
        toots.me()
        seen.append(toots.ratelimit_remaining)
    assert seen == [299, 298, 299]
    assert toots.ratelimit_limit == 300


def test_ids_grow_while_the_clock_stands(toots: Mastodon) -> None:
    ids = [int(toots.status_post("x").id) for _ in range(3)]
    assert ids == sorted(set(ids))


def test_the_page_of_a_status_is_for_its_own_author_only(sandbox: Sandbox, toots: Mastodon) -> None:
    import httpx

    posted = toots.status_post("hello")
    pages = [httpx.get(url, trust_env=False) for url in (posted.url, posted.url.replace("@announcer", "@other"))]
    assert [page.status_code for page in pages] == [200, 404]
    assert "hello" in pages[0].text


def test_the_server_is_well_and_knows_its_accounts(sandbox: Sandbox, toots: Mastodon) -> None:
    import httpx

    assert toots.account(toots.me().id).acct == "announcer"
    with pytest.raises(Exception, match="Record not found"):
        toots.account("7")
    assert httpx.get(f"{sandbox.url('mastodon')}/health", trust_env=False).json() == {"status": "UP"}


def test_a_visibility_that_does_not_exist_is_refused(sandbox: Sandbox) -> None:
    import httpx

    url, data = f"{sandbox.url('mastodon')}/api/v1/statuses", {"status": "x", "visibility": "everybody"}
    answer = httpx.post(url, data=data, headers={"Authorization": "Bearer t"}, trust_env=False)
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "Validation failed: Visibility is not included in the list"},
    )


def test_an_upload_without_a_file_is_refused(sandbox: Sandbox) -> None:
    import httpx

    url, headers = f"{sandbox.url('mastodon')}/api/v2/media", {"Authorization": "Bearer t"}
    answer = httpx.post(url, data={"description": "x"}, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()) == (422, {"error": "Validation failed: File can't be blank"})


@pytest.mark.parametrize("path", ["/media/7", "/api/v1/media/7", "/nowhere"])
def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    import httpx

    answer = httpx.get(sandbox.url("mastodon") + path, headers={"Authorization": "Bearer t"}, trust_env=False)
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})
