"""From a configuration to a broadcaster."""

from __future__ import annotations

from surecast.broadcaster.broadcaster import Broadcaster
from surecast.broadcaster.roster import Network
from surecast.clock import Clock
from surecast.config.routes import resolve_route
from surecast.config.values import Background, Config
from surecast.message import Urgency
from surecast.route import Operand, Route


def assemble(config: Config, *, background: Background | None = None, clock: Clock | None = None) -> Broadcaster:
    """The broadcaster that a configuration describes; nothing is opened yet.

    No secret is read; a channel whose secret is not set is skipped and rerouted when something is sent.

    Args:
        background: in place of the configuration's; a process that ends with the call leaves the rest to a worker.
        clock: tells the time, in place of this machine's.

    Raises:
        ConfigError: the ledger's reference leads to nothing.
    """

    def choose(asked: str | Operand | None, urgency: Urgency) -> tuple[Route, str]:
        return resolve_route(config, asked, urgency)

    charge = config.charge
    return Broadcaster(
        config.channels.values(),
        ledger=config.ledger_path(),
        choose=choose,
        house=config.house,
        ledger_key=config.ledger_key,
        network=Network(
            proxy=config.network.proxy,
            ca_file=str(config.network.ca_file) if config.network.ca_file else None,
            use_environment=config.network.use_environment,
            independent=config.network.independent,
        ),
        breaker=config.breaker,
        repeat_window_s=config.repeat_window_s,
        keep_s=config.keep_s,
        background=background or config.background,
        clock=clock,
        audiences={**config.audiences, **charge.audiences},
        in_charge=charge.channels.values(),
    )
