"""Slack's own status page, and those of Better Stack."""

from __future__ import annotations

from collections.abc import Iterator

from surecast.vendor.members import Json, as_object, items, latest, state, text
from surecast.vendor.view import Notice, View, Word, told, unknown, worst

#: What an active entry of Slack's page means. A notice says something, but not whether it works. Maintenance is not
#: in the documentation: https://docs.slack.dev/reference/slack-status-api (2026-11-22).
SLACK = {
    "incident": Word.DEGRADED,
    "outage": Word.BAD,
    "notice": Word.UNKNOWN,
    "maintenance": Word.MAINTENANCE,
}
OVER = frozenset({"resolved", "completed", "cancelled"})

#: https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-to-api (2026-11-22).
BETTER_STACK = {
    "operational": Word.GOOD,
    "degraded": Word.DEGRADED,
    "downtime": Word.BAD,
    "maintenance": Word.MAINTENANCE,
}


def slack(document: Json, *, now: float, component: str) -> View | None:
    """What Slack's current API (version 2) says; None when the document is no such thing.

    Services are named only where an incident concerns them: where all is well, it is for each of them.
    """
    if "active_incidents" not in document:
        return None
    incidents = items(document.get("active_incidents"))
    at = latest([document.get("date_updated"), *(each.get("date_updated") for each in incidents)], now)
    total = state(document.get("status"))
    if component:
        concerned = tuple(each for each in incidents if _concerns(each, component))
        if not concerned and total != "ok":
            return unknown(f"The status page tells of incidents, but of none that names {component!r}.")
        incidents = concerned
    notices = list(_slack_notices(incidents))
    words = [notice.word for notice in notices]
    if total != "active":
        words.append(Word.GOOD if total == "ok" else Word.UNKNOWN)
    word = worst(words)
    return View(word=word, detail=told(word, notices), at=at)


def _concerns(incident: Json, component: str) -> bool:
    services = incident.get("services")
    named = services if isinstance(services, list) else []
    return any(component.casefold() in text(each).casefold() for each in named)


def _slack_notices(incidents: tuple[Json, ...]) -> Iterator[Notice]:
    for each in incidents:
        match state(each.get("status")):
            case "active":
                word = SLACK.get(state(each.get("type")), Word.UNKNOWN)
            case "scheduled":
                continue
            case over if over in OVER:
                word = Word.GOOD
            case _:
                word = Word.UNKNOWN
        yield Notice(word=word, title=text(each.get("title")))


def better_stack(document: Json, *, now: float, component: str) -> View | None:
    """What a page of Better Stack says (``/index.json``); None when the document is no such thing."""
    attributes = as_object(as_object(document.get("data")).get("attributes"))
    if "aggregate_state" not in attributes:
        return None
    included = items(document.get("included"))
    at = latest([attributes.get("updated_at")], now)
    if component:
        return _of_resource(included, component, at)
    word = BETTER_STACK.get(state(attributes.get("aggregate_state")), Word.UNKNOWN)
    return View(word=word, detail=told(word, _reports(included, word)), at=at)


def _reports(included: tuple[Json, ...], total: Word) -> Iterator[Notice]:
    """Titles only: a page that is past its trouble still holds reports, and ``ends_at`` is null in resolved ones."""
    for each in included:
        attributes = as_object(each.get("attributes"))
        said = BETTER_STACK.get(state(attributes.get("aggregate_state")))
        if each.get("type") == "status_report" and said is total:
            yield Notice(word=total, title=text(attributes.get("title")))


def _of_resource(included: tuple[Json, ...], component: str, at: float | None) -> View:
    notices = []
    for each in included:
        attributes = as_object(each.get("attributes"))
        name, said = text(attributes.get("public_name")), text(attributes.get("status"))
        if each.get("type") == "status_page_resource" and component.casefold() in name.casefold():
            word = BETTER_STACK.get(state(said), Word.UNKNOWN)
            notices.append(Notice(word=word, title=f"{name}: {said.replace('_', ' ').lower()}"))
    if not notices:
        return unknown(f"The status page lists no component called {component!r}. Correct its name, or leave it out.")
    word = worst(notice.word for notice in notices)
    return View(word=word, detail=told(word, notices, notices[-1].title), at=at)
