"""The reference of all keys in Markdown, from the declarations that read them.

``python -m surecast.config docs/configuration.md`` writes it anew between the two markers in that file.
"""

from __future__ import annotations

from collections.abc import Iterable

from surecast.audiences import Audience
from surecast.config.channel_terms import ChannelTerms
from surecast.config.durations import spoken
from surecast.config.fields import Field, fields_of
from surecast.config.json_schema import tables_of
from surecast.config.kinds import Kinds, known_kinds
from surecast.config.shapes import Duration
from surecast.config.tables import Breaker, Network, Person
from surecast.config.values import URGENCY_TIMES, Config, UrgencyTimes
from surecast.config.watching import CatchUpTable, Watch
from surecast.message import Urgency

BEGIN = "<!-- reference: written by python -m surecast.config docs/configuration.md -->"
END = "<!-- end of reference -->"

_HEAD = "| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
_TABLES = ("network", "breaker", "catch_up", "watch", "people")


def reference(*, kinds: Kinds | None = None) -> str:
    """All keys with type, default and meaning, table by table."""
    found = kinds or known_kinds()
    top = [field for field in fields_of(Config) if field.key not in _TABLES]
    sections = [
        _section("### At the top of the file", top),
        _section("### `[channels.NAME]`: what every channel may say", fields_of(ChannelTerms)),
    ]
    for name in found.names():
        for one in tables_of(found, name):
            beside = " and an `audience`" if one.audience else ""
            sections.append(_section(f'### `[channels.NAME]` with `type = "{name}"`{beside}: {one.platform}', one.own))
    sections += [
        _section("### `[audiences.NAME]`", fields_of(Audience)),
        _urgencies(),
        _section("### `[network]`", fields_of(Network)),
        _section("### `[breaker]`", fields_of(Breaker)),
        _section("### `[catch_up]`", fields_of(CatchUpTable)),
        _section("### `[watch]`", fields_of(Watch)),
        _section("### `[people.NAME]`", fields_of(Person)),
    ]
    return "\n".join(sections)


def renewed(page: str, *, kinds: Kinds | None = None) -> str:
    """A page with the reference between its markers written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference(kinds=kinds)}\n{END}{after}"


def _section(heading: str, fields: Iterable[Field]) -> str:
    return f"{heading}\n\n{_HEAD}" + "".join(_row(field, _default(field)) for field in fields)


def _urgencies() -> str:
    """One row for each key; the default depends on the urgency."""
    heading = f"### `[urgencies.NAME]`: NAME is {', '.join(Urgency)}\n\n{_HEAD}"
    rows = []
    for field in fields_of(UrgencyTimes):
        defaults = {urgency: getattr(URGENCY_TIMES[urgency], field.attribute) for urgency in Urgency}
        if isinstance(field.shape, Duration) and len(set(defaults.values())) > 1:
            by_urgency = ", ".join(f"{spoken(value)} ({urgency})" for urgency, value in defaults.items())
            rows.append(_row(field, by_urgency))
        else:
            rows.append(_row(field, _default(field)))
    return heading + "".join(rows)


def _row(field: Field, default: str) -> str:
    cells = (f"`{field.key}`", field.shape.words, default, field.about)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _default(field: Field) -> str:
    if field.required:
        return "must be written"
    return f"`{field.default_words}`" if field.default_words else "none"
