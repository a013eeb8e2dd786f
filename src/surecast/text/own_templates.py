"""Looking at a folder of the user's own templates: what is never read there, what cannot be filled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from surecast.errors import UsageError
from surecast.text import messages, notices
from surecast.text.filling import ENDING, filled
from surecast.text.fit import clean
from surecast.text.messages import MESSAGES, PEOPLE
from surecast.text.notices import MAY_BE_EMPTY, NOTICES


def check_folder(folder: Path, language: str) -> list[str]:
    """Sentences about what is wrong in a folder of the user's own templates, each with what to do; empty for nothing.

    Args:
        language: of the house.
    """
    try:
        return list(_flaws(folder, language))
    except OSError as error:
        return [f"The folder {folder} cannot be read ({error.strerror}). Make it, or leave templates out."]


def _flaws(folder: Path, language: str) -> Iterator[str]:
    found = False
    for place in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        names = MESSAGES if place.name == PEOPLE and place != folder else NOTICES
        for path in sorted(each for each in place.iterdir() if each.is_file()):
            name = path.name.partition(".")[0]
            if path.name == f"{name}{ENDING}" and name in names:
                found = True
                tag = language if place == folder else place.name
                yield from _flaw_of(path, name, folder, tag)
            elif name in names:
                yield f"The file {path} is not read under this name. Call it {name}{ENDING}."
            elif path.suffix == ".j2" and not name.startswith("_"):  # those with _ are included by others
                yield f"The template {path} is none that surecast uses. {_meant(name, names)}"
    if not found:
        yield (
            f"The folder {folder} holds no template that surecast uses. Write one, e.g. "
            f"outage_notice{ENDING}, or leave templates out."
        )


def _flaw_of(path: Path, name: str, folder: Path, language: str) -> Iterator[str]:
    """What is wrong with one template, tried with every value and with those alone that are always given."""
    where = path.relative_to(folder).as_posix()
    for context in notices.trials(name, language) if name in NOTICES else messages.trials(name):
        try:
            said = clean(filled(where, folder, context))
        except UsageError as error:
            yield str(error)
            return
        if not said and name not in MAY_BE_EMPTY:
            yield f"The template {path} says nothing. Write at least one line in it."
            return


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"Call it {close[0]}{ENDING}."
    return f"There are {', '.join(names)}; the name of what they include begins with _. Rename it, or take it away."
