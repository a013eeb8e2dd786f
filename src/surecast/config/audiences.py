"""``[audiences.NAME]``: the tables, the channels that name them, and whether anybody is reached."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from surecast.audiences import Audience
from surecast.audiences.audience import CONSENTS, FIELDS
from surecast.channel import Channel
from surecast.config.fields import build, fields_of, table_schema
from surecast.config.findings import BAD, At, Finding, listed, nearest, sort_of
from surecast.config.shapes import JsonSchema
from surecast.contact import Medium
from surecast.errors import ConfigError
from surecast.route import Route, why_no_name
from surecast.secret import Secret, unset

_ADDRESS = {Medium.PHONE: "a telephone number", Medium.EMAIL: "an e-mail address", Medium.TELEGRAM: "a Telegram chat"}


def read_audiences(tables: Any, at: At) -> dict[str, Audience | None]:
    """The audiences by name; None for one whose table cannot be read, after what is wrong was reported."""
    if type(tables) is not dict:
        example = 'Write [audiences.riders] and below it source = "riders.csv"'
        at.wrong(f"tables are expected, not {sort_of(tables)}", example)
        return {}
    return {name: _audience(name, table, at.below(name)) for name, table in tables.items()}


def _audience(name: str, table: Any, at: At) -> Audience | None:
    if reason := why_no_name(name):
        at.wrong(f"it cannot name an audience: {reason}", "Choose another name")
        return None
    if type(table) is not dict:
        at.expected("a table", table, '{ source = "riders.csv" }')
        return None
    audience = build(Audience, table, at)
    return None if audience is BAD else dataclasses.replace(audience, folder=at.folder)


def with_audiences(
    channels: Mapping[str, Channel], audiences: Mapping[str, Audience | None], at: At
) -> dict[str, Channel]:
    """The channels; one whose audience cannot be used is misconfigured.

    Args:
        at: the place of all channels.
    """
    return {name: _with_audience(channel, audiences, at.below(name)) for name, channel in channels.items()}


def _with_audience(channel: Channel, audiences: Mapping[str, Audience | None], at: At) -> Channel:
    if channel.misconfigured:
        return channel
    before = len(at.findings)
    why = _no_audience(channel, audiences, at)
    for found in at.findings[before:]:
        why = f"audience: {found.what}. {found.cure}"
    return dataclasses.replace(channel, settings=None, misconfigured=why) if why else channel


def _no_audience(channel: Channel, audiences: Mapping[str, Audience | None], at: At) -> str:
    """Reports what is wrong with the audience of a channel; the reason not to use it where that was reported before."""
    name, here = channel.audience, at.below("audience")
    if channel.kind.traits.medium is None:
        # Whoever wrote it meant these people and not the public, so it is not posted.
        if name is not None:
            here.wrong("a public channel has no audience; it reaches whoever follows", "Remove it")
    elif name is None:
        example = next(iter(audiences), "riders")
        at.wrong("it writes to people one by one, and has no audience", f'Write audience = "{example}"')
    elif name not in audiences:
        near = nearest(name, audiences)
        known = f"Known are {listed(audiences)}" if audiences else f"Write [audiences.{name}] and below it source = ..."
        here.wrong("there is no such audience", f"Did you mean {near}?" if near else known)
    elif audiences[name] is None:
        return f"audience: the table [audiences.{name}] cannot be used. See surecast config check"
    return ""


def audience_mistakes(
    channels: Mapping[str, Channel], audiences: Mapping[str, Audience], routes: Collection[Route]
) -> Iterator[Finding]:
    """Sources that cannot be read, and channels that reach nobody; only of channels that a route names.

    Reads each source until somebody is found for every channel: to its end only where nobody is.
    """
    routed = {name for route in routes for name in route.names()}
    for title, audience in audiences.items():
        direct = {
            name: channel.kind.traits.medium
            for name, channel in channels.items()
            if name in routed and channel.audience == title and channel.kind.traits.medium is not None
        }
        if direct and not (isinstance(audience.source, Secret) and unset(audience.source)):
            yield from _unreached(title, audience, direct)


def _unreached(title: str, audience: Audience, direct: Mapping[str, Medium]) -> Iterator[Finding]:
    from surecast.audiences import reaches  # noqa: PLC0415 - loads what knows telephone numbers

    try:
        reached = reaches(audience, direct.values())
    except ConfigError as error:
        what, _, cure = str(error).partition(". ")
        yield Finding(("audiences", title, "source"), what, cure.rstrip("."))
        return
    for name, medium in direct.items():
        if medium not in reached:
            yield Finding(
                ("channels", name, "audience"),
                f"nobody in {title} has {_ADDRESS[medium]} and agreed to be written to there",
                f"See surecast audience check {title}",
            )


def audience_schema() -> JsonSchema:
    """The JSON Schema of one table."""
    schema = table_schema(fields_of(Audience))
    for key, names in (("columns", FIELDS), ("consent", tuple(CONSENTS))):
        schema["properties"][key]["propertyNames"] = {"enum": list(names)}
    return schema
