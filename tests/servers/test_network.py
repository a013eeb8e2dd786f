"""Bluesky's own network: what its PDS accepted, the AppView shows, or does not; and nothing outlives the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import web
from tests.servers.fixtures import require
from tests.servers.network import Network
from tests.servers.pds import POST
from tests.servers.process import ServerError, answers, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]  # the first start on a new machine may need a second one

PASSWORD = "pw-1234"


@pytest.fixture
def indexing(network: Network) -> Iterator[Network]:
    yield network
    network.resume_indexing()


def write(network: Network, handle: str, did: str, text: str) -> str:
    """Post as a client does, and give the uri; the network has to take it."""
    login = {"identifier": handle, "password": PASSWORD}
    token = web.send("POST", f"{network.url}/xrpc/com.atproto.server.createSession", data=login).json()["accessJwt"]
    record = {"$type": POST, "text": text, "createdAt": "2026-01-01T00:00:00.000Z"}
    body = {"repo": did, "collection": POST, "record": record}
    reply = web.send("POST", f"{network.url}/xrpc/com.atproto.repo.createRecord", data=body, token=token)
    assert reply.status == 200
    return str(reply.json()["uri"])


def soon_visible(network: Network, uri: str) -> None:
    wait_until(lambda: network.visible(uri), 20, "the post was not shown")


def test_what_is_posted_is_shown_unless_nobody_indexes_it(indexing: Network) -> None:
    network = indexing
    did = network.create_account("shown.test", PASSWORD)
    first = write(network, "shown.test", did, "shown")
    soon_visible(network, first)

    network.stop_indexing()
    network.stop_indexing()
    overlooked = write(network, "shown.test", did, "overlooked")
    with pytest.raises(ServerError, match="not shown"):
        wait_until(lambda: network.visible(overlooked), 2, "the post was not shown")
    assert network.visible(first)
    assert {post["uri"] for post in network.posts(did)} == {first, overlooked}

    network.resume_indexing()
    soon_visible(network, overlooked)


def test_indexing_stops_although_it_has_not_caught_up(indexing: Network) -> None:
    did = indexing.create_account("busy.test", PASSWORD)
    for number in range(10):
        write(indexing, "busy.test", did, f"number {number}")
    for _ in range(5):
        indexing.stop_indexing()
        indexing.resume_indexing()
    soon_visible(indexing, write(indexing, "busy.test", did, "the last"))


def test_all_of_it_hangs_and_recovers(network: Network) -> None:
    did = network.create_account("frozen.test", PASSWORD)
    uri = write(network, "frozen.test", did, "hello")
    network.freeze()
    for url in (network.url, network.appview):
        with pytest.raises(TimeoutError):
            web.send("GET", url, timeout=0.3)
    network.thaw()
    soon_visible(network, uri)


def test_it_starts_in_spite_of_a_first_failure_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("network")
    commands = iter([["/bin/sh", "-c", "exit 1"]])
    real = Network._command
    monkeypatch.setattr(Network, "_command", lambda network: next(commands, None) or real(network))
    with Network.start(tmp_path) as network:
        pid, stores = network.pid, network._stores
        assert network.posts(network.create_account("writer.test", PASSWORD)) == []
        with pytest.raises(ServerError, match="start a new one"):
            network.restart()
    assert not any(answers(port) for port in (network.port, *stores._ports.values()))
    assert not Path(f"/proc/{pid}").exists()
    assert not stores._folder.exists()


def test_its_stores_die_with_the_tests(tmp_path: Path) -> None:
    require("network")
    code = (
        "import os, pathlib, sys; from tests.servers.network import _Stores; stores = _Stores(os.environ); "
        "stores.start(pathlib.Path(sys.argv[1])); print(stores._folder, *stores._ports.values(), flush=True); "
        "sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[2], env=os.environ,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        folder, *ports = parent.stdout.readline().split()
        assert all(answers(int(port)) for port in ports)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(answers(int(port)) for port in ports), 10, "the stores live on")
    subprocess.run(["rm", "-rf", folder], check=True)
