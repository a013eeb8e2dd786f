from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from surecast.sandbox import Sandbox
from tests.cli.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A desk whose one channel is its site."""
    return desk.site().route("site")


@pytest.fixture(scope="session")
def _far_side() -> Iterator[Sandbox]:
    with Sandbox.in_thread() as running:
        yield running


@pytest.fixture
def far_side(_far_side: Sandbox) -> Iterator[Sandbox]:
    """Simulated platforms; posts of other tests pile up on them, faults do not."""
    _far_side.lift()
    yield _far_side
    _far_side.lift()


@pytest.fixture
def house(desk: Desk, far_side: Sandbox) -> Desk:
    """A desk with a site, Bluesky and Mastodon; each turn takes seconds only."""
    desk.site().bluesky(far_side.url("bluesky"), within="2s", visible_within="2s", settle_after="1s")
    return desk.mastodon(far_side.url("mastodon"), settle_after="1s").route("site & (bluesky | mastodon)")


@pytest.fixture
def crowd(desk: Desk, far_side: Sandbox) -> Desk:
    """A desk with a site, SMS and e-mail to twenty riders, of whom one's telephone takes no SMS."""
    people = [(f"Anna {number}", f"+3069400000{number:02}", f"a{number}@ferries.example") for number in range(19)]
    desk.site().sms(far_side.url("twilio")).newsletter(far_side.url("email"))
    desk.riders(*people, ("Mute Maria", "+15005550009", "maria@ferries.example"))
    return desk.route("sms", all="site & (sms | newsletter)", mail="newsletter")
