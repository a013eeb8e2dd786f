"""From the options of a verb to a configuration and a broadcaster over it; everything heavy is imported here, late."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surecast.cli.output import Output, safe_mistake
from surecast.errors import ConfigError

if TYPE_CHECKING:
    from surecast.broadcaster.broadcaster import Broadcaster
    from surecast.config import Config

SANDBOX = "SURECAST_SANDBOX"
NO_CONFIG = (
    "No surecast.toml is found here or above. `surecast init` writes one; "
    "or name yours: --config FILE, or the variable SURECAST_CONFIG."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One run of a verb: what it was told about every verb's own questions.

    Attributes:
        named: the file of ``--config``; None when it was not given.
    """

    named: str | None
    out: Output

    def path(self) -> Path:
        """The configuration file.

        Raises:
            ConfigError: nobody named one, and none is found.
        """
        from surecast.config import find_config  # noqa: PLC0415 - not for --help

        path = find_config(self.named, Path.cwd())
        if path is None:
            raise ConfigError(NO_CONFIG)
        return path

    def config(self) -> Config:
        """The configuration; what is wrong in it although it can be used is said beside the answer."""
        from surecast.config import load_config  # noqa: PLC0415 - not for --help

        config = load_config(self.path())
        if not self.out.quiet:
            self.out.hint(*map(safe_mistake, config.mistakes), verbatim=True)
        return config

    def again(self, words: str) -> str:
        """A command that a person can type next, over the same configuration."""
        return f"surecast {words}" + (f" --config {self.named}" if self.named else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A configuration, and the broadcaster that it describes."""

    config: Config
    broadcaster: Broadcaster

    @property
    def empty(self) -> bool:
        """Whether nothing was ever sent from here: asking must not make a ledger."""
        return not self.broadcaster.ledger.exists()


@contextmanager
def opened(call: Call, *, sandbox: bool = False, platforms: bool = True) -> Iterator[House]:
    """The house of a call; what runs in it is stopped at the end.

    Args:
        sandbox: on simulated platforms; the variable SURECAST_SANDBOX asks for the same.
        platforms: whether they are needed; not where nothing is opened anyway.
    """
    call.out.sandbox = sandbox or sandbox_by_variable()
    config = call.config()
    with ExitStack() as stack:
        if call.out.sandbox and platforms:
            from surecast.rehearsal import rehearse  # noqa: PLC0415 - loads a web server

            config = stack.enter_context(rehearse(config))
        from surecast.config.assemble import assemble  # noqa: PLC0415 - not for --help

        # This process ends with the verb, so nobody carries on in it: the report must not count on that.
        broadcaster = assemble(dataclasses.replace(config, background="worker"))
        stack.callback(broadcaster.close)
        yield House(config=config, broadcaster=broadcaster)


def sandbox_by_variable() -> bool:
    """Whether SURECAST_SANDBOX asks for a rehearsal of everything."""
    if not os.environ.get(SANDBOX, "").strip():
        return False
    from surecast.rehearsal import wanted  # noqa: PLC0415 - loads a web server

    return wanted()
