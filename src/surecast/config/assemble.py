"""From a configuration to a broadcaster."""

from __future__ import annotations

from surecast.broadcaster.broadcaster import Broadcaster
from surecast.broadcaster.roster import Network
from surecast.config.routes import resolve_route
from surecast.config.values import Background, Config
from surecast.message import Urgency
from surecast.route import Operand, Route


def assemble(config: Config, *, background: Background | None = None) -> Broadcaster:
    """The broadcaster that a configuration describes; nothing is opened yet.

    A channel whose secrets are not set is skipped and rerouted; secrets are looked at here, so that a report can
    show such a channel first.

    Args:
        background: in place of the configuration's; a process that ends with the call leaves the rest to a worker.

    Raises:
        ConfigError: the ledger's reference leads to nothing.
    """
    checked = config.with_secrets_checked()

    def choose(asked: str | Operand | None, urgency: Urgency) -> tuple[Route, str]:
        return resolve_route(checked, asked, urgency)

    return Broadcaster(
        checked.channels.values(),
        ledger=checked.ledger_path(),
        choose=choose,
        house=checked.house,
        ledger_key=checked.ledger_key,
        network=Network(
            proxy=checked.network.proxy,
            ca_file=str(checked.network.ca_file) if checked.network.ca_file else None,
            use_environment=checked.network.use_environment,
        ),
        breaker=checked.breaker,
        repeat_window_s=checked.repeat_window_s,
        keep_s=checked.keep_s,
        background=background or checked.background,
    )
