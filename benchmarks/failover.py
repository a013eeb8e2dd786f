"""How soon the secondary's far side has the post: when the primary hangs, and when its breaker is open."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.stage import stage
from surecast.broadcaster.broadcaster import Broadcaster
from surecast.sandbox import Fault, Sandbox

RUNS = 9
WITHIN_S = 2.0


def measure() -> Iterator[Figure]:
    with stage(within=WITHIN_S, failures=10_000) as (broadcaster, sandbox):
        sandbox.fault("bluesky", Fault.HANG_AFTER)
        over = [1000 * (_arrival_s(broadcaster, sandbox, run) - WITHIN_S) for run in range(RUNS)]
    yield Figure(what="primary hangs: secondary has it after `within` +", values=over, unit="ms", budget=100)
    with stage(within=30.0, failures=3) as (broadcaster, sandbox):
        sandbox.fault("bluesky", Fault.DOWN)
        broadcaster.broadcast("opening the breaker")
        waits = [1000 * _arrival_s(broadcaster, sandbox, run) for run in range(RUNS)]
    yield Figure(what="breaker open: secondary has it after", values=waits, unit="ms", budget=50)


def _arrival_s(broadcaster: Broadcaster, sandbox: Sandbox, run: int) -> float:
    """Seconds from acceptance to the arrival of the post at Mastodon's far side."""
    mastodon = sandbox.platforms["mastodon"]
    mastodon.forget_requests()
    report = broadcaster.broadcast(f"announcement {run}", again=True)
    assert report.state == "rerouted", report
    arrived = next(request.at for request in mastodon.requests() if request.path == "/api/v1/statuses")
    return arrived - report.created_at
