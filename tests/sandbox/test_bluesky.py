"""The simulated Bluesky, asked by its real SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Fault, Kind, On, Sandbox
from tests.sandbox.bench import HANDLE, PNG, a_client

if TYPE_CHECKING:
    from atproto import Client

# The SDK gives raw bytes to httpx in a way that httpx would rather not see.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

POST = "app.bsky.feed.post"
RKEY = "3jzfcijpj2z2a"


def a_record(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"$type": POST, "text": text, "createdAt": "2026-01-01T00:00:00.000Z", **fields}


def call(client: Client, method: str, **data: Any) -> Any:
    said = client.invoke_procedure(
        f"com.atproto.repo.{method}",
        content=json.dumps({"repo": client._session.did, "collection": POST, **data}),
        input_encoding="application/json",
        output_encoding="application/json",
    )
    return said.content


def refused(caught: pytest.ExceptionInfo[Any]) -> tuple[int, str]:
    response = caught.value.response
    return response.status_code, response.content.error


def test_login_gives_a_session_that_leads_back_here(sandbox: Sandbox, client: Client) -> None:
    from atproto_client.client.session import get_session_pds_endpoint

    session = client.com.atproto.server.get_session()
    assert (session.handle, session.did) == (HANDLE, client._session.did)
    assert get_session_pds_endpoint(session) == sandbox.url("bluesky")  # the SDK goes where this says


def test_the_whole_login_of_the_sdk_works_and_finds_the_profile(sandbox: Sandbox) -> None:
    with a_client(sandbox) as client:
        assert client.login(HANDLE, "any password").handle == HANDLE


@pytest.mark.parametrize(
    ("handle", "password"), [(HANDLE, "wrong"), (HANDLE, "revoked"), ("no handle", "x"), ("did:none", "x")]
)
def test_a_login_that_is_not_let_in(sandbox: Sandbox, handle: str, password: str) -> None:
    with a_client(sandbox) as client, pytest.raises(Exception) as caught:
        client.login(handle, password, fetch_bsky_profile=False)
    assert refused(caught) == (401, "AuthenticationRequired")


def test_a_handle_is_the_same_account_whatever_its_case(sandbox: Sandbox, client: Client) -> None:
    with a_client(sandbox) as other:
        other.login(HANDLE.upper(), "x", fetch_bsky_profile=False)
        assert other._session.did == client._session.did


def test_an_account_has_the_same_did_in_every_sandbox(client: Client) -> None:
    with Sandbox.in_thread(["bluesky"]) as another, a_client(another) as other:
        other.login(HANDLE, "x", fetch_bsky_profile=False)
        assert other._session.did == client._session.did


def test_the_same_write_again_is_a_success_without_a_commit(bluesky: Any, client: Client) -> None:
    first = call(client, "putRecord", rkey=RKEY, record=a_record(), swapRecord=None)
    second = call(client, "putRecord", rkey=RKEY, record=a_record(), swapRecord=None)
    assert ("commit" in first, "commit" in second) == (True, False)
    assert (second["uri"], second["cid"]) == (first["uri"], first["cid"])
    assert [post.text for post in bluesky.posts()] == ["hello"]


def test_another_text_under_the_same_key_is_an_invalid_swap(bluesky: Any, client: Client) -> None:
    call(client, "putRecord", rkey=RKEY, record=a_record(), swapRecord=None)
    with pytest.raises(Exception) as caught:
        call(client, "putRecord", rkey=RKEY, record=a_record("other"), swapRecord=None)
    assert refused(caught) == (400, "InvalidSwap")
    assert [post.text for post in bluesky.posts()] == ["hello"]


def test_without_the_guard_a_put_overwrites(bluesky: Any, client: Client) -> None:
    call(client, "putRecord", rkey=RKEY, record=a_record())
    call(client, "putRecord", rkey=RKEY, record=a_record("other"))
    assert [post.text for post in bluesky.visible()] == ["other"]


def test_creating_twice_is_a_plain_500(client: Client) -> None:
    call(client, "createRecord", rkey=RKEY, record=a_record())
    with pytest.raises(Exception) as caught:
        call(client, "createRecord", rkey=RKEY, record=a_record())
    assert refused(caught) == (500, "InternalServerError")


def test_a_post_can_be_taken_back_once_and_again(bluesky: Any, client: Client) -> None:
    call(client, "putRecord", rkey=RKEY, record=a_record())
    answers = [call(client, "deleteRecord", rkey=RKEY) for _ in range(2)]
    assert ["commit" in answer for answer in answers] == [True, False]
    assert (bluesky.posts(), bluesky.visible()) == ((), ())


def test_records_are_listed_by_key_the_highest_first(client: Client) -> None:
    for last in "abc":
        call(client, "putRecord", rkey=RKEY[:-1] + last, record=a_record(last))
    listed = client.com.atproto.repo.list_records({"repo": HANDLE, "collection": POST, "limit": 2})
    rest = client.com.atproto.repo.list_records({"repo": HANDLE, "collection": POST, "cursor": listed.cursor})
    assert [record.value.text for record in listed.records + rest.records] == ["c", "b", "a"]


def test_someone_elses_repository_is_not_ours(sandbox: Sandbox, client: Client) -> None:
    with a_client(sandbox) as other:
        other.login("other.example", "x", fetch_bsky_profile=False)
    seen = []
    for repo in ("other.example", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"):
        with pytest.raises(Exception) as caught:
            call(client, "putRecord", rkey=RKEY, record=a_record(), repo=repo)
        seen.append(refused(caught))
    assert seen == [(401, "AuthenticationRequired"), (403, "AccountNotFound")]


def test_a_renewal_spends_the_old_refresh_token(client: Client) -> None:
    server, first = client.com.atproto.server, client._session.refresh_jwt
    renewed = server.refresh_session(headers={"Authorization": f"Bearer {first}"})
    assert renewed.refresh_jwt != first
    with pytest.raises(Exception) as caught:
        server.refresh_session(headers={"Authorization": f"Bearer {first}"})
    assert refused(caught) == (400, "ExpiredToken")
    server.refresh_session(headers={"Authorization": f"Bearer {renewed.refresh_jwt}"})


def test_within_the_grace_a_spent_token_gives_the_same_successor(bluesky: Any, client: Client, clock: Any) -> None:
    bluesky.sessions.grace_s = 7200.0
    headers = {"Authorization": f"Bearer {client._session.refresh_jwt}"}
    renewed = [client.com.atproto.server.refresh_session(headers=headers).refresh_jwt for _ in range(2)]
    assert renewed[0] == renewed[1]
    clock.moment += 7201
    with pytest.raises(Exception) as caught:
        client.com.atproto.server.refresh_session(headers=headers)
    assert refused(caught) == (400, "ExpiredToken")


def test_the_sdk_renews_a_token_that_is_about_to_expire(bluesky: Any, sandbox: Sandbox) -> None:
    bluesky.sessions.access_s = 600.0  # the SDK renews 15 minutes before the end
    with a_client(sandbox) as client:
        client.login(HANDLE, "x", fetch_bsky_profile=False)
        before = client._session.refresh_jwt
        call(client, "putRecord", rkey=RKEY, record=a_record())
        assert client._session.refresh_jwt != before


def test_a_token_that_the_server_calls_expired(client: Client, clock: Any) -> None:
    clock.moment += 7201
    with pytest.raises(Exception) as caught:
        call(client, "putRecord", rkey=RKEY, record=a_record())
    assert refused(caught) == (400, "ExpiredToken")


def test_revoked_sessions_have_to_log_in_again(bluesky: Any, client: Client) -> None:
    bluesky.sessions.revoke_all()
    with pytest.raises(Exception) as caught:
        client.com.atproto.server.refresh_session(headers={"Authorization": f"Bearer {client._session.refresh_jwt}"})
    assert refused(caught) == (400, "ExpiredToken")


def test_a_session_of_an_earlier_sandbox_is_not_known(client: Client) -> None:
    with Sandbox.in_thread(["bluesky"]) as another, a_client(another) as other:
        seen = []
        for token in (client._session.access_jwt, client._session.refresh_jwt):
            headers, server = {"Authorization": f"Bearer {token}"}, other.com.atproto.server
            with pytest.raises(Exception) as caught:
                (server.get_session if not seen else server.refresh_session)(headers=headers)
            seen.append(refused(caught))
    assert seen == [(400, "InvalidToken"), (400, "ExpiredToken")]


def test_logging_out_ends_the_refresh_token(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client._session.refresh_jwt}"}
    client.com.atproto.server.delete_session(headers=headers)
    with pytest.raises(Exception) as caught:
        client.com.atproto.server.refresh_session(headers=headers)
    assert refused(caught) == (400, "ExpiredToken")


def test_readers_see_a_post_without_credentials(sandbox: Sandbox, client: Client) -> None:
    uri = call(client, "putRecord", rkey=RKEY, record=a_record())["uri"]
    with a_client(sandbox) as reader:
        seen = reader.get_posts([uri, uri.replace(client._session.did, HANDLE), uri[:-1] + "z"]).posts
    assert [(post.uri, post.author.handle, post.record.text) for post in seen] == [(uri, HANDLE, "hello")] * 2


def test_an_accepted_post_can_be_hidden_from_readers_and_comes_up_later(
    sandbox: Sandbox, bluesky: Any, client: Client
) -> None:
    sandbox.fault("bluesky", Fault.HIDDEN)
    uri = call(client, "putRecord", rkey=RKEY, record=a_record())["uri"]
    stored = client.com.atproto.repo.get_record({"repo": HANDLE, "collection": POST, "rkey": RKEY})
    with a_client(sandbox) as reader:
        during = reader.get_posts([uri]).posts
        feeds = [len(each.get_author_feed(HANDLE).feed) for each in (reader, client)]
        sandbox.lift()
        after = reader.get_posts([uri]).posts
    assert (stored.uri, during, [post.uri for post in after]) == (uri, [], [uri])
    assert feeds == [0, 1]  # the server adds what is not indexed to the author's own feed
    assert bluesky.counts()[Kind.WRITE] == 1


def test_a_post_can_come_up_at_the_third_look(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("bluesky", Fault.HIDDEN, on=On.READS, remaining=2)
    uri = call(client, "putRecord", rkey=RKEY, record=a_record())["uri"]
    assert [len(client.get_posts([uri]).posts) for _ in range(3)] == [0, 0, 1]


def test_what_is_invalid_is_stored_unchecked_and_never_seen(bluesky: Any, client: Client) -> None:
    answer = call(client, "putRecord", rkey=RKEY, record=a_record("x" * 301), validate=False)
    assert "validationStatus" not in answer
    assert (len(bluesky.posts()), bluesky.visible()) == (1, ())


def test_a_picture_is_seen_with_its_description(sandbox: Sandbox, bluesky: Any, client: Client) -> None:
    blob = client.upload_blob(PNG).blob.model_dump(by_alias=True)
    images = {"$type": "app.bsky.embed.images", "images": [{"alt": "A ferry", "image": blob}]}
    uri = call(client, "putRecord", rkey=RKEY, record=a_record(embed=images))["uri"]
    view = client.get_posts([uri]).posts[0].embed
    assert (blob["mimeType"], view.images[0].alt) == ("image/png", "A ferry")
    assert client.com.atproto.sync.get_blob({"did": client._session.did, "cid": blob["ref"]["$link"]}) == PNG
    assert [(picture.alt, picture.url) for picture in bluesky.visible()[0].pictures] == [
        ("A ferry", view.images[0].fullsize)
    ]
    assert bluesky.counts()[Kind.UPLOAD] == 1


def test_a_card_is_seen(client: Client) -> None:
    card = {"uri": "https://ferries.example/12", "title": "Ferry 12", "description": "Cancelled"}
    embed = {"$type": "app.bsky.embed.external", "external": card}
    uri = call(client, "putRecord", rkey=RKEY, record=a_record(embed=embed))["uri"]
    assert client.get_posts([uri]).posts[0].embed.external.title == "Ferry 12"


def test_a_blob_that_was_never_uploaded_is_refused(client: Client) -> None:
    ref = {"$link": "bafkreibabalobzn6cd366ukcsjycp4yymjymgfxcv6xczmlgpemzkz3cfa"}
    blob = {"$type": "blob", "ref": ref, "mimeType": "image/png", "size": 1}
    images = {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob}]}
    with pytest.raises(Exception) as caught:
        call(client, "putRecord", rkey=RKEY, record=a_record(embed=images))
    assert refused(caught) == (400, "BlobNotFound")


def test_an_upload_above_the_limit_is_too_large(client: Client) -> None:
    with pytest.raises(Exception) as caught:
        client.upload_blob(bytes(5 * 1024 * 1024 + 1))
    assert (type(caught.value).__name__, *refused(caught)) == ("NetworkError", 413, "PayloadTooLarge")


def test_only_what_a_facet_covers_is_a_link(bluesky: Any, client: Client) -> None:
    text = "Fähre <12>: https://a.example"
    start = len("Fähre <12>: ".encode())
    facet = {
        "index": {"byteStart": start, "byteEnd": len(text.encode())},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example"}],
    }
    call(client, "putRecord", rkey=RKEY, record=a_record(text, facets=[facet]))
    call(client, "putRecord", rkey=RKEY[:-1] + "b", record=a_record(text))
    assert [post.html for post in bluesky.visible()] == [
        '<p>Fähre &lt;12&gt;: <a href="https://a.example">https://a.example</a></p>',
        "<p>Fähre &lt;12&gt;: https://a.example</p>",
    ]


@pytest.mark.parametrize(("start", "end", "uri"), [(0, 99, "https://a"), (3, 3, "https://a"), (0, 5, "javascript:x")])
def test_a_facet_that_leads_nowhere_is_left_out(bluesky: Any, client: Client, start: int, end: int, uri: str) -> None:
    features = [{"$type": "app.bsky.richtext.facet#link", "uri": uri}]
    facet = {"index": {"byteStart": start, "byteEnd": end}, "features": features}
    call(client, "putRecord", rkey=RKEY, record=a_record(facets=[facet]))
    assert bluesky.visible()[0].html == "<p>hello</p>"


def test_a_post_has_a_page_that_is_gone_with_it(bluesky: Any, client: Client) -> None:
    import httpx

    call(client, "putRecord", rkey=RKEY, record=a_record(langs=["en"]))
    url = bluesky.visible()[0].url
    seen = [httpx.get(url, trust_env=False)]
    call(client, "deleteRecord", rkey=RKEY)
    seen.append(httpx.get(url, trust_env=False))
    assert [(page.status_code, "hello" in page.text) for page in seen] == [(200, True), (404, False)]


def test_a_key_made_here_is_a_tid_and_grows_while_the_clock_stands(client: Client) -> None:
    from surecast.sandbox.bluesky_records import TID

    keys = [call(client, "createRecord", record=a_record())["uri"].rpartition("/")[2] for _ in range(3)]
    assert all(map(TID.match, keys))
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("app.bsky.feed.getPosts", 'Invalid app.bsky.feed.getPosts params: Missing required key "uris"'),
        ("app.bsky.feed.getPosts?uris=x", 'Invalid app.bsky.feed.getPosts params: Invalid at-uri (got "x")'),
        ("app.bsky.feed.getPosts?" + "uris=at://a.example&" * 26, "array too big (maximum 25, got 26)"),
        ("app.bsky.feed.getAuthorFeed?actor=nobody.example", "Profile not found"),
        (f"app.bsky.feed.getAuthorFeed?actor={HANDLE}&limit=101", "integer too big (maximum 100, got 101)"),
        (f"app.bsky.feed.getAuthorFeed?actor={HANDLE}&limit=x", "Expected integer value type (got x)"),
        ("app.bsky.actor.getProfile?actor=nobody.example", "Profile not found"),
        ("com.atproto.repo.listRecords?repo=nobody.example&collection=a.b.c", "Could not find repo: nobody.example"),
        (f"com.atproto.sync.getBlob?did={HANDLE}&cid=x", "Blob not found"),
    ],
)
def test_a_query_that_is_refused(sandbox: Sandbox, client: Client, query: str, told: str) -> None:
    import httpx

    answer = httpx.get(f"{sandbox.url('bluesky')}/xrpc/{query}", trust_env=False)
    assert (answer.status_code, answer.json()["message"].endswith(told)) == (400, True)


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [(b"[]", 400, "InvalidRequest"), (b"{", 400, "SyntaxError"), (b" " * 1_000_001, 413, "PayloadTooLarge")],
)
def test_a_body_that_is_refused(sandbox: Sandbox, client: Client, content: bytes, status: int, error: str) -> None:
    import httpx

    headers = {"Authorization": f"Bearer {client._session.access_jwt}", "Content-Type": "application/json"}
    url = f"{sandbox.url('bluesky')}/xrpc/com.atproto.repo.putRecord"
    answer = httpx.post(url, content=content, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_records_of_other_kinds_are_kept_unchecked_and_are_no_posts(bluesky: Any, client: Client) -> None:
    record = {"subject": "did:plc:x", "createdAt": "whenever"}
    said = call(client, "createRecord", collection="app.bsky.graph.follow", record=record)
    assert (said["validationStatus"], bluesky.posts()) == ("unknown", ())


def test_a_record_must_be_an_object(client: Client) -> None:
    with pytest.raises(Exception) as caught:
        call(client, "createRecord", record="hello")
    assert refused(caught) == (400, "InvalidRequest")
