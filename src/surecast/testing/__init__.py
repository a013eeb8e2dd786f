"""For tests of programs that use surecast, and of channels that add to it: no network, no waiting.

    fake, other = FakeChannel("bluesky"), FakeChannel("other")
    fake.script(refuse("too long"))
    with Broadcaster([fake.channel, other.channel], ledger=tmp_path / "ledger.db", route="bluesky | other") as caster:
        assert caster.broadcast("Ferry 12 is cancelled").state == "rerouted"

`ChannelContract` is what every adapter passes; a new one subclasses it in its tests. pytest is needed only for that.
"""

from surecast.testing.contract import ChannelContract, FarSide, a_context, an_errand, attempt
from surecast.testing.fakes import (
    Act,
    FakeChannel,
    ManualClock,
    MemorySessions,
    Published,
    accept,
    fail,
    fake_kind,
    hang,
    lose_reply,
    refuse,
    say,
)

__all__ = [
    "Act",
    "ChannelContract",
    "FakeChannel",
    "FarSide",
    "ManualClock",
    "MemorySessions",
    "Published",
    "a_context",
    "accept",
    "an_errand",
    "attempt",
    "fail",
    "fake_kind",
    "hang",
    "lose_reply",
    "refuse",
    "say",
]
