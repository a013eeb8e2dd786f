"""Pages and notices from templates: one jinja2 environment for all of surecast.

Templates come from `surecast/templates`; a folder of the user's own can stand in front of it, file by file.
"""

from __future__ import annotations

import re
import traceback
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from surecast.clock import iso
from surecast.errors import UsageError
from surecast.text.facets import links

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2
    from markupsafe import Markup

#: Extensions of what is markup; ``.j2`` may follow.
MARKUP = ("html", "htm", "xhtml", "xml", "atom", "rss", "svg")


def environment(*, loader: jinja2.BaseLoader | None = None, folder: Path | None = None) -> jinja2.Environment:
    """An environment for surecast's templates.

    Values are escaped in markup and left alone in plain text; an unknown name is an error. Filters: ``iso`` and
    ``rfc822`` (Unix seconds for machines and for RSS), ``people_time(zone)``, ``paragraphs``.

    Args:
        loader: where templates come from, instead of surecast's own.
        folder: the user's own templates; those that are not there come from `loader`.
    """
    import jinja2  # noqa: PLC0415 - loaded with the first page

    loaders: list[jinja2.BaseLoader] = [jinja2.FileSystemLoader(folder)] if folder is not None else []
    loaders.append(loader if loader is not None else jinja2.PackageLoader("surecast", "templates"))
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=jinja2.select_autoescape([*MARKUP, *(f"{name}.j2" for name in MARKUP)]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"iso": iso, "rfc822": rfc822, "people_time": people_time, "paragraphs": paragraphs}
    return made


def render(environment: jinja2.Environment, name: str, /, **values: Any) -> str:
    """The template called `name`, filled with `values`.

    Raises:
        UsageError: with the template, the line and what is wrong there.
    """
    import jinja2  # noqa: PLC0415 - loaded with the first page

    try:
        return environment.get_template(name).render(**values)
    except jinja2.TemplateNotFound as error:
        raise UsageError(f"The template {error.name} is not there. Write it, or correct the name.") from error
    except jinja2.TemplateSyntaxError as error:
        place = _place(error.filename or error.name, name, error.lineno)
        raise UsageError(
            f"The template {place} cannot be read: {str(error.message).rstrip('.')}. Correct it there."
        ) from error
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        *_, place = (name, *_places(error, name))
        raise UsageError(f"The template {place} cannot be filled: {error}. Correct it there.") from error


def rfc822(moment: float) -> str:
    """`moment` (Unix seconds) as RSS 2.0 wants dates (https://www.rssboard.org/rss-specification, 2026-11-22)."""
    from email.utils import format_datetime  # noqa: PLC0415 - only feeds need it

    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


def people_time(moment: float, zone: str | tzinfo) -> str:
    """`moment` (Unix seconds) as a clock in `zone` shows it: ``2026-11-22 06:07 EET``.

    Args:
        zone: a name such as ``Europe/Athens``, or a zone.
    """
    if isinstance(zone, str):
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a name is given

        zone = ZoneInfo(zone)
    return datetime.fromtimestamp(moment, zone).strftime("%Y-%m-%d %H:%M %Z")


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: blank lines part paragraphs, line ends break lines, links can be followed."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    parts = (part.strip() for part in re.split(r"\n\s*\n", text))
    return Markup("\n").join(Markup("<p>{}</p>").format(_lines(part)) for part in parts if part)


def _lines(text: str) -> Markup:
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    pieces, done = [], 0
    for _, start, end, address in links(text):
        pieces += [escape(text[done:start]), Markup('<a href="{0}">{0}</a>').format(address)]
        done = end
    pieces.append(escape(text[done:]))
    return Markup("<br>\n").join(Markup("").join(pieces).split("\n"))


def _places(error: Exception, name: str) -> list[str]:
    """Where in templates the error was raised; jinja2 shows their lines in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return [_place(frame.filename, name, frame.lineno) for frame in frames if not frame.filename.endswith(".py")]


def _place(file: str | None, name: str, line: int | None) -> str:
    shown = name if file is None or file.startswith("<") else file
    return f"{shown}, line {line},"
