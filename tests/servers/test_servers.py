"""The real servers start, take posts, hang, crash and come back; and none outlives the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import cache, fixtures, install, web
from tests.servers.faults import FaultServer
from tests.servers.pds import POST, Pds
from tests.servers.process import Process, Server, ServerError, answers, free_port, wait_until
from tests.servers.snac import Snac

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.fixtures import OwnMastodonMock, OwnPds, OwnSnac
    from tests.servers.mastodon_mock import MastodonMock

STATUSES = "/api/v1/statuses"


def toot(server: Snac | MastodonMock, text: str, key: str = "", url: str = "", timeout: float = 20) -> web.Reply:
    headers = {"Idempotency-Key": key} if key else {}
    return web.send(
        "POST",
        (url or server.url) + STATUSES,
        form={"status": text},
        token=server.access_token,
        headers=headers,
        timeout=timeout,
    )


def hangs_and_recovers(server: Server, read: Callable[[], object]) -> None:
    """The server stays silent while frozen, refuses while dead, and is the same after each."""
    before, pid = read(), server.pid
    server.freeze()
    with pytest.raises(TimeoutError):
        web.send("GET", server.url, timeout=0.3)
    server.thaw()
    assert read() == before
    server.kill()
    with pytest.raises(urllib.error.URLError) as caught:
        web.send("GET", server.url)
    assert isinstance(caught.value.reason, ConnectionRefusedError)
    with pytest.raises(ServerError, match="not running"):
        server.freeze()
    server.restart()
    assert server.pid != pid
    assert read() == before
    server.freeze()
    server.restart()
    assert read() == before
    server.stop()
    server.stop()
    assert not answers(server.port)
    with pytest.raises(ServerError, match="for good"):
        server.restart()


@pytest.mark.server
def test_pds(pds: Pds) -> None:
    did = pds.create_account("alice.test", "pw-1234")
    login = {"identifier": "alice.test", "password": "pw-1234"}
    token = pds.call("com.atproto.server.createSession", login)["accessJwt"]
    record = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
    body = {"repo": did, "collection": POST, "record": record}
    made = pds.call("com.atproto.repo.createRecord", body, token=token)
    (post,) = pds.posts(did)
    assert (post["uri"], post["cid"], post["value"]) == (made["uri"], made["cid"], record)
    assert web.get(f"{pds.plc_url}/{did}/data")["alsoKnownAs"] == ["at://alice.test"]

    pds.takedown(did, applied=True)
    with pytest.raises(ServerError, match="AccountTakedown"):
        pds.post(did, "not now")
    pds.takedown(did, applied=False)
    for number in range(101):  # a page has 100
        pds.post(did, f"number {number}")
    assert len(pds.posts(did)) == 102
    pds.delete_posts(did)
    assert pds.posts(did) == []


@pytest.mark.server
def test_pds_hangs_crashes_and_comes_back(own_pds: OwnPds) -> None:
    pds = own_pds()
    did = pds.create_account("writer.test", "pw-1234")
    pds.post(did, "hello")

    def read() -> object:
        login = {"identifier": "writer.test", "password": "pw-1234"}
        return pds.call("com.atproto.server.createSession", login)["did"], pds.posts(did)

    plc_port = int(pds.plc_url.rpartition(":")[2])
    pds.kill()
    assert answers(plc_port)
    pds.restart()
    pds.post(did, "the identity is known still, so it can sign")
    assert pds.create_account("second.test", "pw-1234") != did
    hangs_and_recovers(pds, read)
    assert not answers(plc_port)


@pytest.mark.server
def test_pds_settings(own_pds: OwnPds) -> None:
    pds = own_pds({"PDS_BLOB_UPLOAD_LIMIT": "10", "PDS_RATE_LIMITS_ENABLED": "true"})
    reply = web.send("GET", f"{pds.url}/xrpc/com.atproto.server.describeServer")
    assert "ratelimit-limit" in reply.headers


@pytest.mark.server
def test_snac(snac: Snac) -> None:
    before = len(snac.statuses())
    for number in range(41):  # a page has 40
        assert toot(snac, f"number {number}", key="same").status == 200
    after = snac.statuses()
    assert len(after) - before == 41
    assert "number 40" in after[0]["content"]


@pytest.mark.server
def test_snac_stores_what_came_while_it_hung(own_snac: OwnSnac) -> None:
    snac = own_snac()
    snac.freeze()
    with pytest.raises(TimeoutError):
        toot(snac, "hello", timeout=0.3)
    snac.thaw()
    wait_until(lambda: len(snac.statuses()) == 1, 10, "the post was not stored")
    hangs_and_recovers(snac, snac.statuses)
    assert not Path("/dev/shm", f"localhost:{snac.port}_snac_state").exists()


@pytest.mark.server
def test_mastodon_mock(mastodon_mock: MastodonMock) -> None:
    before = len(mastodon_mock.statuses())
    assert len({toot(mastodon_mock, "once", key="one key").json()["id"] for _ in range(3)}) == 1
    assert len(mastodon_mock.statuses()) == before + 1

    mastodon_mock.fault("status", status=503, body={"error": "down"}, remaining=1)
    assert [toot(mastodon_mock, "text").status for _ in range(2)] == [503, 200]
    mastodon_mock.fault("ratelimit")
    reply = toot(mastodon_mock, "text")
    assert reply.status == 429
    assert "X-RateLimit-Reset" in reply.headers
    mastodon_mock.clear_faults()
    assert toot(mastodon_mock, "text").status == 200
    assert len(mastodon_mock.statuses()) == before + 3


@pytest.mark.server
def test_mastodon_mock_hangs_crashes_and_comes_back(own_mastodon_mock: OwnMastodonMock) -> None:
    mock = own_mastodon_mock((1000, 60))
    first = toot(mock, "hello", key="one key")
    assert "X-RateLimit-Limit" in first.headers
    mock.kill()
    mock.restart()
    assert toot(mock, "hello", key="one key").json()["id"] == first.json()["id"]
    hangs_and_recovers(mock, mock.statuses)


@pytest.mark.server
def test_a_reply_lost_in_front_of_a_real_server(snac: Snac, mastodon_mock: MastodonMock) -> None:
    for server, stored in ((snac, 2), (mastodon_mock, 1)):
        before = len(server.statuses())
        with FaultServer(
            "lost_reply_502", upstream=server.url, only=lambda method, path: path == STATUSES, remaining=1
        ) as proxy:
            verify = f"{proxy.url}/api/v1/accounts/verify_credentials"
            assert web.get(verify, token=server.access_token)["id"]
            replies = [toot(server, "hello", key="a new key", url=proxy.url).status for _ in range(2)]
            assert replies == [502, 200]
        assert len(server.statuses()) - before == stored  # snac does not know Idempotency-Key


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    for command, said in (
        ("echo no good >&2; exit 3", "ended while starting"),
        ("echo no good; sleep 9", "come up"),
    ):
        process = Process(["/bin/sh", "-c", command], tmp_path / "log", os.environ, tmp_path)
        with pytest.raises(ServerError, match=rf"(?s){said}.*no good"):
            process.wait_ready(lambda: False, "it", seconds=0.3)
        assert not process.running


def test_a_child_outlives_the_thread_that_started_it_and_no_more(tmp_path: Path) -> None:
    started: list[Process] = []
    thread = threading.Thread(
        target=lambda: started.append(Process(["/bin/sleep", "60"], tmp_path / "log", os.environ, tmp_path))
    )
    thread.start()
    thread.join()
    (process,) = started
    assert process.running
    process.freeze()
    process.stop()
    assert not process.running


def test_children_die_with_the_tests(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from tests.servers.process import Process; here = pathlib.Path(sys.argv[1]); "
        "child = Process(['/bin/sleep', '60'], here / 'log', os.environ, here); print(child.pid, flush=True); "
        "sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{child}/cmdline").exists() or _is_zombie(child), 5, "the child lives on")


def _is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_ports_are_given_out_once() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50


def test_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SURECAST_TEST_CACHE", str(tmp_path))
    assert "install snac`" in (cache.available("snac") or "")

    def fails(build: install.Build) -> None:
        build.run("the fetching", ["/bin/sh", "-c", "echo; echo 'E: no such package' >&2; exit 7"])

    monkeypatch.setattr(install, "INSTALLERS", {"snac": fails})
    assert install.main(["snac"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("snac: missing: the fetching failed: E: no such package (all of it: ")
    assert said.count("\n") == 1
    assert cache.available("snac") is not None

    monkeypatch.setattr(install, "INSTALLERS", {"snac": lambda build: (build.folder / "snac").touch()})
    assert install.main([]) == 0
    assert cache.available("snac") is None
    assert (cache.location("snac") / "snac").exists()
    assert install.main(["snac"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["installed", "found"]
    assert install.main(["nonsense"]) == 2


def test_a_kept_cache_does_not_stand_for_what_the_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURECAST_TEST_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    cache.location("postfix").mkdir()
    (cache.location("postfix") / cache.MARKER).touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert "install postfix`" in (cache.available("postfix") or "")
    for name in ("postfix", "openssl"):
        (programs / name).touch(0o755)
    assert cache.available("postfix") is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "only root can run postfix" in (cache.available("postfix") or "")


def test_a_missing_server_skips_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURECAST_TEST_CACHE", str(tmp_path))
    monkeypatch.delenv("SURECAST_STRICT", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install pds"):
        fixtures.require("pds")
    monkeypatch.setenv("SURECAST_STRICT", "1")
    with pytest.raises(pytest.fail.Exception, match="install pds"):
        fixtures.require("pds")
    with pytest.raises(ServerError, match="not installed"):
        Snac.start(tmp_path / "data")
