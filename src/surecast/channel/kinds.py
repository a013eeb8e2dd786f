"""Kinds of channels, and configured channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from surecast.channel.abilities import Adapter, SessionStore
from surecast.channel.post import Post
from surecast.channel.traits import CatchUp, Traits
from surecast.rate import Rate
from surecast.route import Name, Operand, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the house gives an adapter besides its settings.

    Attributes:
        name: the channel's name.
        sessions: see `SessionStore`.
        proxy, ca_file: one place for all SDKs, from ``[network]``; `use_environment` allows the usual variables.
    """

    name: str
    sessions: SessionStore
    sender: str
    language: str
    time_zone: str
    proxy: str | None = None
    ca_file: str | None = None
    use_environment: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an adapter module offers as `KIND`: its name in configuration files, its settings and its class.

    Attributes:
        settings: a frozen dataclass whose fields are declared with `surecast.settings.setting`.
        adapter: called as ``adapter(settings, context)``; importing its module loads no SDK.
        sdk: modules of the platform's library that `Adapter.open` needs; `config check` says if one is missing.
        reads_back: whether there is a public read side with these settings; None when there always is.
        dress: gives a fitted post its final words and its `count`, with what the platform asks for around them (a
            sender's name, how to opt out). Called as ``dress(settings, post)``; raises `UsageError` when that cannot
            be fitted. None where the fitted words are final.
        in_flight: how many deliveries a direct channel has on their way at once, where the channel does not say.
        rate: how often a direct channel may send, where the channel does not say.
        status_page: where the vendor says how it is; empty where there is no page that a program can read.
        with_audience: the kind that a channel of this type has when its table names an audience; None where the type
            cannot or must have one.
    """

    name: str
    traits: Traits
    settings: type[Any]
    adapter: Callable[[Any, Context], Adapter]
    sdk: tuple[str, ...] = ()
    reads_back: Callable[[Any], bool] | None = None
    dress: Callable[[Any, Post], Post] | None = None
    in_flight: int = 1
    rate: Rate | None = None
    status_page: str = ""
    with_audience: Kind | None = None

    def able(self, ability: type[Any]) -> bool:
        """Whether the adapter has an ability such as `Finds`."""
        return isinstance(self.adapter, type) and issubclass(self.adapter, ability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Operand):
    """A configured account on a platform; `&` and `|` make routes of channels.

    Attributes:
        settings: the adapter's frozen settings; None when they cannot be read.
        misconfigured: why it cannot be used; it is then skipped, rerouted, and shown first.
        priority: its rank where no route is written.
        within_s, visible_within_s, confirm, when_unsure, timeout_s, attempts, settle_after_s: the channel's own
            values; None takes the urgency's, then the platform's.
        audience, enough, in_flight, rate: of a direct channel, see `Terms`; None takes the kind's.
        price: what one delivery costs, for SMS one segment.
        max_cost, max_cost_per_day, spend_after_s: of a costly channel, see `Terms`.
        catch_up: see `Terms`; None takes the house's.
        status_page: where the vendor says how it is; None takes the kind's, empty for none.
        status_component: the part of that page that counts; empty for the whole.
        credentials_end: the day on which its token or password ends; a person is told before.
    """

    name: str
    kind: Kind
    settings: Any = field(default=None, repr=False)
    misconfigured: str = ""
    priority: int | None = None
    within_s: float | None = None
    visible_within_s: float | None = None
    confirm: Literal["accepted", "visible"] | None = None
    when_unsure: Literal["reroute", "hold"] | None = None
    timeout_s: float = 10.0
    attempts: int = 3
    settle_after_s: float = 10.0
    audience: str | None = None
    enough: float = 0.95
    in_flight: int | None = None
    rate: Rate | None = None
    price: float | None = None
    max_cost: float | None = None
    max_cost_per_day: float | None = None
    spend_after_s: float | None = None
    catch_up: CatchUp | None = None
    status_page: str | None = None
    status_component: str = ""
    credentials_end: date | None = None

    def as_route(self) -> Route:
        return Name(self.name)

    def __str__(self) -> str:
        return self.name
