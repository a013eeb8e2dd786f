"""A sign of life to somebody outside, against a real server; its address is nobody's business."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.ops.stage import MINUTE, Stage, house

from surecast.config import Config
from surecast.config.assemble import assemble
from surecast.ops import heartbeat
from surecast.ops.heartbeat import Heartbeat
from surecast.secret import Secret

PATH = "/ping/f7a1c3d9-4711-secret"
SILENT = "Look at heartbeat in [watch]: since 09:00 no sign of life arrived at its address."


@dataclass(slots=True)
class Outside:
    """Whoever watches over us: what was called, and what is answered."""

    address: str = ""
    status: int = 200
    calls: list[str] = field(default_factory=list)


@pytest.fixture
def outside() -> Iterator[Outside]:
    there = Outside()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.calls.append(self.path)
            self.send_response(there.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        there.address = f"http://127.0.0.1:{server.server_port}{PATH}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()


def beating(config: Config, address: str | Secret | None) -> Config:
    return dataclasses.replace(config, watch=dataclasses.replace(config.watch, heartbeat=address))


@contextmanager
def hearted(tmp_path: Path, address: str | Secret | None, **own: Any) -> Iterator[Stage]:
    with house(tmp_path, **own) as stage:
        stage.config = beating(stage.config, address)
        yield stage


def beat(stage: Stage) -> bool | None:
    return stage.do(lambda desk: Heartbeat(desk, stage.config).beat())


def needs(stage: Stage) -> list[str]:
    return [sentence for sentence in stage.caster.overview().needs_you if "heartbeat" in sentence]


def test_where_no_address_is_written_nobody_is_called(tmp_path: Path, outside: Outside) -> None:
    with hearted(tmp_path, None) as stage:
        assert beat(stage) is None
    assert outside.calls == []


def test_the_address_is_called_with_the_rounds_of_the_watch_and_not_with_each(tmp_path: Path, outside: Outside) -> None:
    with hearted(tmp_path, outside.address) as stage:
        stage.play(6 * MINUTE)
        assert outside.calls == [PATH] * 2, "now, and every five minutes"


def test_how_often_that_is_may_be_written(tmp_path: Path, outside: Outside) -> None:
    with hearted(tmp_path, outside.address, watch='heartbeat_every = "60s"') as stage:
        stage.play(3 * MINUTE)
        assert len(outside.calls) == 4


def test_an_address_in_a_file_is_read_without_the_end_of_the_line(tmp_path: Path, outside: Outside) -> None:
    (tmp_path / "heartbeat").write_text(f"{outside.address}\n", "utf-8")
    with house(tmp_path, watch='heartbeat = { file = "heartbeat" }') as stage:
        assert [beat(stage), beat(stage)] == [True, None]
    assert outside.calls == [PATH]


def test_of_all_processes_one_calls(tmp_path: Path, outside: Outside) -> None:
    with (
        hearted(tmp_path, outside.address) as stage,
        assemble(stage.config, background="worker", clock=stage.clock) as other,
    ):
        assert beat(stage) is True
        assert other.attend(lambda desk: Heartbeat(desk, stage.config).beat()) is None
    assert len(outside.calls) == 1


@pytest.mark.parametrize("status", [404, 500, 301])
def test_an_answer_that_is_no_success_is_shown_and_is_no_error(
    tmp_path: Path, outside: Outside, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    outside.status = status
    with hearted(tmp_path, outside.address) as stage:
        assert beat(stage) is False
        stage.play(2 * MINUTE)
        assert needs(stage) == [], "one alone may be a hiccup"
        stage.play(9 * MINUTE)
        assert needs(stage) == [SILENT]
        assert stage.people.told == []
        said = f"The sign of life did not arrive (it was answered with {status}). Look at heartbeat in [watch]"
        assert caplog.messages.count(said) == 1, "once, until it arrives again"


def test_it_is_shown_since_its_first_failure_until_it_arrives_again(tmp_path: Path, outside: Outside) -> None:
    with hearted(tmp_path, outside.address) as stage:
        outside.status = 500
        stage.play(20 * MINUTE)
        assert needs(stage) == [SILENT]
        outside.status = 200
        stage.play(6 * MINUTE)
        assert needs(stage) == []


def test_nothing_is_shown_of_an_address_that_is_no_longer_configured(tmp_path: Path, outside: Outside) -> None:
    outside.status = 500
    with hearted(tmp_path, outside.address) as stage:
        stage.play(11 * MINUTE)
        assert needs(stage) == [SILENT]
        stage.config = beating(stage.config, None)
        stage.round()
        assert needs(stage) == []


def test_nothing_is_shown_of_it_while_this_machine_is_cut_off_or_no_watch_runs(
    tmp_path: Path, outside: Outside
) -> None:
    outside.status = 500
    with hearted(tmp_path, outside.address) as stage:
        stage.play(11 * MINUTE)
        stage.cut_off()
        assert (stage.caster.overview().own_network != "", needs(stage)) == (True, [])
        stage.clock.advance(5 * MINUTE)
        assert needs(stage) == [SILENT]
        stage.clock.advance(20 * MINUTE)
        assert needs(stage) == [], "nobody knows any more"


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/none", "http://", "not an address", Secret("env", "NOT_SET"), Secret("file", "/no/such/file")],
    ids=["nobody listens", "no host", "no address", "a secret that is not set", "a file that is not there"],
)
def test_whatever_is_wrong_with_it_the_watch_goes_on(tmp_path: Path, address: str | Secret) -> None:
    with hearted(tmp_path, address) as stage:
        assert beat(stage) is False
        assert stage.round() > 0


def test_a_server_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "TIMEOUT_S", 0.1)
    with (
        HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent,  # it takes connections and never reads
        hearted(tmp_path, f"http://127.0.0.1:{silent.server_port}{PATH}") as stage,
    ):
        assert beat(stage) is False


@pytest.mark.parametrize(("kind", "status"), [("written", 200), ("written", 500), ("a secret", 200), ("a secret", 500)])
def test_its_address_is_never_logged(
    tmp_path: Path, outside: Outside, caplog: pytest.LogCaptureFixture, kind: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "surecast", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    outside.status = status
    address = outside.address if kind == "written" else Secret.of(outside.address)
    with hearted(tmp_path, address) as stage:
        assert beat(stage) is (status == 200)
        shown = f"{caplog.text}{stage.caster.overview()!r}"
    assert outside.calls == [PATH]
    assert "secret" not in shown
    assert "/ping/" not in shown


def test_a_secret_address_is_not_shown_with_the_configuration(tmp_path: Path, outside: Outside) -> None:
    (tmp_path / "heartbeat").write_text(outside.address, "utf-8")
    with house(tmp_path, watch='heartbeat = { file = "heartbeat" }') as stage:
        assert PATH not in repr(stage.config)
        beat(stage)
        ledger = b"".join(path.read_bytes() for path in tmp_path.glob("surecast.db*"))
        assert PATH.encode() not in ledger
