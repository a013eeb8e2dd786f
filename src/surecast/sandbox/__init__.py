"""Simulated platforms on loopback with real sockets, for the demo, drills, trying out, and tests.

The real SDKs talk to them as they talk to Bluesky or Mastodon. One file per platform says how it behaves on the wire;
faults are switched on and off at one place, so every platform has all of them. Nothing here leaves this machine.

    with Sandbox.in_thread() as sandbox:
        sandbox.url("bluesky")                                  # http://127.0.0.1:...
        sandbox.fault("bluesky", Fault.LOST_REPLY, on=On.WRITES, remaining=1)
        sandbox.platforms["bluesky"].visible()                  # what readers see

The web server behind it is loaded with `Sandbox`, not with this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from surecast.sandbox.chaos import Fault, Kind, On, Trouble

if TYPE_CHECKING:
    from surecast.sandbox.run import Sandbox as Sandbox
    from surecast.sandbox.server import Platform as Platform

__all__ = ["Fault", "Kind", "On", "Platform", "Sandbox", "Trouble"]


def __getattr__(name: str) -> Any:
    if name == "Sandbox":
        from surecast.sandbox.run import Sandbox  # noqa: PLC0415 - loads the web server

        return Sandbox
    if name == "Platform":
        from surecast.sandbox.server import Platform  # noqa: PLC0415 - loads the web server

        return Platform
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
