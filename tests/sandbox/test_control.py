from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Fault, On, Sandbox, Trouble

if TYPE_CHECKING:
    from mastodon import Mastodon


def ask(url: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """As curl does, which calls every body a form."""
    request = urllib.request.Request(url, None if body is None else body.encode(), headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            said = reply.read().decode()
            return reply.status, json.loads(said) if said[:1] in "{[" else said
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode()
            return error.code, json.loads(said) if said[:1] in "{[" else said


def test_a_fault_is_switched_from_another_terminal(sandbox: Sandbox) -> None:
    status, said = ask(
        f"{sandbox.control_url}/fault",
        '{"platform": "bluesky", "fault": "lost_reply", "on": "writes", "remaining": 2}',
    )
    expected = (Trouble(fault=Fault.LOST_REPLY, on=On.WRITES, remaining=2),)
    assert (status, sandbox.platforms["bluesky"].troubles) == (200, expected)
    assert sandbox.platforms["mastodon"].troubles == ()
    assert said["bluesky"]["troubles"][0]["fault"] == "lost_reply"


def test_without_a_platform_all_are_meant(sandbox: Sandbox) -> None:
    ask(f"{sandbox.control_url}/fault", '{"fault": "down"}')
    assert {platform.troubles[0].fault for platform in sandbox.platforms.values()} == {Fault.DOWN}
    ask(f"{sandbox.control_url}/fault", '{"fault": "none"}')
    assert {platform.troubles for platform in sandbox.platforms.values()} == {()}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("down", "The body is not JSON."),
        ("[]", "The body is no JSON object such as"),
        ("{}", "Which fault? Give one of: none, down"),
        ('{"platform": "slack", "fault": "down"}', "No platform is named 'slack' here. There are: bluesky,"),
        ('{"platform": 7, "fault": "down"}', "No platform is named 7 here."),
        ('{"fault": "down", "remaining": 1}', "A closed port strikes every request"),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(sandbox: Sandbox, body: str, told: str) -> None:
    status, said = ask(f"{sandbox.control_url}/fault", body)
    assert (status, said["error"].startswith(told)) == (400, True)
    assert sandbox.platforms["bluesky"].troubles == ()


def test_posts_are_told_with_whether_readers_see_them(sandbox: Sandbox, toots: Mastodon) -> None:
    toots.status_post("seen")
    sandbox.fault("mastodon", Fault.HIDDEN)
    toots.status_post("hidden")
    _, said = ask(f"{sandbox.control_url}/posts")
    assert said["bluesky"] == []
    assert [(post["text"], post["author"], post["visible"]) for post in said["mastodon"]] == [
        ("seen", "announcer", True),
        ("hidden", "announcer", False),
    ]


def test_requests_are_told_without_anything_secret(sandbox: Sandbox, toots: Mastodon) -> None:
    toots.status_post("hello", idempotency_key="k-1")
    _, said = ask(f"{sandbox.control_url}/requests?platform=mastodon")
    entry = said["mastodon"]["requests"][0]
    assert list(said) == ["mastodon"]
    assert said["mastodon"]["counts"] == {"read": 0, "write": 1, "upload": 0, "session": 0}
    assert (entry["method"], entry["path"], entry["answer"], entry["key"]) == ("POST", "/api/v1/statuses", 200, "k-1")
    assert "token" not in json.dumps(said)


def test_the_platforms_are_told_with_their_addresses(sandbox: Sandbox) -> None:
    _, said = ask(f"{sandbox.control_url}/platforms")
    assert {name: each["url"] for name, each in said.items()} == {
        name: platform.url for name, platform in sandbox.platforms.items()
    }


def test_the_page_tells_a_person_how_to_use_it(sandbox: Sandbox) -> None:
    status, page = ask(f"{sandbox.control_url}/")
    assert status == 200
    assert f"curl {sandbox.control_url}/posts" in page
    assert f'href="{sandbox.url("bluesky")}/"' in page


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_some_website_cannot_switch_faults(sandbox: Sandbox, headers: dict[str, str]) -> None:
    status, said = ask(f"{sandbox.control_url}/fault", '{"fault": "down"}', headers)
    assert (status, sandbox.platforms["bluesky"].troubles) == (403, ())
    assert "127.0.0.1" in said or "other websites" in said


def test_a_name_that_was_turned_to_this_machine_reads_nothing(sandbox: Sandbox) -> None:
    assert ask(f"{sandbox.control_url}/posts", headers={"Host": "evil.example"})[0] == 403


def test_a_body_that_is_too_large_is_not_read(sandbox: Sandbox) -> None:
    assert ask(f"{sandbox.control_url}/fault", " " * 20_000)[0] == 413
