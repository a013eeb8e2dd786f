"""The watch over a configuration, put together."""

from __future__ import annotations

from surecast.broadcaster.desk import Desk
from surecast.config.values import Config
from surecast.ops.heartbeat import Heartbeat
from surecast.ops.notices import Notices
from surecast.ops.people import People
from surecast.ops.watch import Watch


def watch_over(desk: Desk, config: Config) -> Watch:
    """The watch that a configuration describes, over a desk of the same one."""
    return Watch(
        desk,
        config,
        people=People(desk, config.charge, config.templates),
        notices=notices_of(desk, config),
        heartbeat=Heartbeat(desk, config),
    )


def notices_of(desk: Desk, config: Config) -> Notices:
    """The notices to readers that a configuration describes."""
    return Notices(desk, config, config.templates)
