"""Atlassian Statuspage and Instatus: a word for the whole page, its components, and its incidents.

Sources: https://confluence.status.atlassian.com/api, https://instatus.com/help/api/public-data (2026-11-22). Pages of
incident.io answer as Statuspage does, with null for empty lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from surecast.vendor.members import Json, as_object, items, latest, state, text
from surecast.vendor.view import Notice, View, Word, told, unknown, worst

#: Statuspage's sum of a page, and the impact of its incidents. The documentation leaves maintenance out.
INDICATORS = {
    "none": Word.GOOD,
    "minor": Word.DEGRADED,
    "major": Word.BAD,
    "critical": Word.BAD,
    "maintenance": Word.MAINTENANCE,
}
#: Instatus' sum of a page.
PAGES = {"up": Word.GOOD, "hasissues": Word.DEGRADED, "undermaintenance": Word.MAINTENANCE}
#: The state of a component with either, and the impact of an incident with Instatus.
COMPONENTS = {
    "operational": Word.GOOD,
    "degradedperformance": Word.DEGRADED,
    "partialoutage": Word.DEGRADED,
    "minoroutage": Word.DEGRADED,
    "majoroutage": Word.BAD,
    "fulloutage": Word.BAD,  # incident.io
    "undermaintenance": Word.MAINTENANCE,
}
#: States in more than one word, for people; Instatus writes PARTIALOUTAGE.
WRITTEN = {
    state(words): words
    for words in ("degraded performance", "partial outage", "minor outage", "major outage", "under maintenance")
}
OPEN = frozenset({"investigating", "identified", "monitoring"})
OVER = frozenset({"resolved", "postmortem", "completed"})
UNDER_WAY = frozenset({"inprogress", "verifying"})

NO_LIST = (
    "This address of the status page lists no components. "
    "Give the address of its components.json, or leave the component out."
)


def statuspage(document: Json, *, now: float, component: str) -> View | None:
    """What a Statuspage, or a list of components of Instatus, says; None when the document is neither."""
    total = document.get("status")
    summed = isinstance(total, dict) and "indicator" in total
    listed = isinstance(document.get("components"), list)
    if not (summed or listed or ("page" in document and "incidents" in document)):
        return None
    incidents = items(document.get("incidents"))
    at = latest([as_object(document.get("page")).get("updated_at")], now)
    if component:
        return _of_component(document, incidents, component, at)
    notices = list(_incidents(incidents))
    if not summed:
        return _of(None, "", [*notices, *_components(_flat(items(document.get("components"))))], at)
    word = INDICATORS.get(state(as_object(total).get("indicator")), Word.UNKNOWN)
    notices += _maintenances(items(document.get("scheduled_maintenances")), word)
    return _of(word, text(as_object(total).get("description")), notices, at)


def instatus(document: Json, *, now: float, component: str) -> View | None:
    """What the summary of an Instatus page says; None when the document is no such thing."""
    page = as_object(document.get("page"))
    if "status" not in page:
        return None
    incidents, maintenances = items(document.get("activeIncidents")), items(document.get("activeMaintenances"))
    at = latest([each.get(name) for each in (*incidents, *maintenances) for name in ("updatedAt", "started")], now)
    if component:
        return _of_component(document, incidents, component, at)
    word = PAGES.get(state(page.get("status")), Word.UNKNOWN)
    return _of(word, "", [*_incidents(incidents), *_maintenances(maintenances, word)], at)


def _of(total: Word | None, description: str, notices: list[Notice], at: float | None) -> View:
    """The page as a whole; an open incident outweighs a page that says that all is well.

    GitHub's page has done so: https://www.githubstatus.com/api/v2/summary.json, indicator none with a minor incident.
    """
    word = worst([notice.word for notice in notices] + ([] if total is None else [total]))
    return View(word=word, detail=told(word, notices, description if word is total else ""), at=at)


def _of_component(document: Json, incidents: tuple[Json, ...], component: str, at: float | None) -> View:
    listed = tuple(_flat(items(document.get("components"))))
    if not listed:
        return unknown(NO_LIST)
    meant = [each for each in listed if _means(component, each)]
    if not meant:
        return unknown(f"The status page lists no component called {component!r}. Correct its name, or leave it out.")
    concerned = tuple(
        each for each in incidents if any(_means(component, one) for one in items(each.get("components")))
    )
    notices = [*_incidents(concerned), *_components(meant)]
    word = worst(notice.word for notice in notices)
    return View(word=word, detail=told(word, notices, notices[-1].title), at=at)


def _means(component: str, listed: Json) -> bool:
    return component.casefold() in text(listed.get("name")).casefold()


def _flat(components: tuple[Json, ...]) -> Iterator[Json]:
    """Components with those below them: Instatus' documentation nests them, its pages do not."""
    for each in components:
        yield each
        yield from items(each.get("children"))


def _components(components: Iterable[Json]) -> Iterator[Notice]:
    for each in components:
        said = state(each.get("status"))
        title = f"{text(each.get('name'))}: {WRITTEN.get(said, said)}"
        yield Notice(word=COMPONENTS.get(said, Word.UNKNOWN), title=title)


def _incidents(incidents: tuple[Json, ...]) -> Iterator[Notice]:
    for each in incidents:
        title, at_work = text(each.get("name")), state(each.get("status"))
        if at_work in OVER:
            yield Notice(word=Word.GOOD, title=title)
        elif at_work in OPEN:
            yield Notice(word=_impact(state(each.get("impact"))), title=title)
        elif at_work != "scheduled":
            yield Notice(word=Word.UNKNOWN, title=title)


def _impact(said: str) -> Word:
    """Of an open incident. One that is said to have none contradicts itself: vendors raise it a little later."""
    word = INDICATORS.get(said) or COMPONENTS.get(said) or Word.UNKNOWN
    return Word.UNKNOWN if word is Word.GOOD else word


def _maintenances(maintenances: tuple[Json, ...], total: Word) -> Iterator[Notice]:
    """Titles for a page that says it is under maintenance; on large pages some maintenance is always under way."""
    for each in maintenances:
        if total is Word.MAINTENANCE and state(each.get("status")) in UNDER_WAY:
            yield Notice(word=Word.MAINTENANCE, title=text(each.get("name")))
