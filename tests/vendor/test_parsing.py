"""Status pages as vendors write them, and as nobody should write them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surecast.vendor import View, Word, parse
from surecast.vendor.members import moment
from surecast.vendor.view import GRAVITY, LONGEST, line, worst
from surecast.vendor.wording import said

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW = NOON.timestamp()
JSON, XML = "application/json; charset=utf-8", "application/rss+xml"

Members = dict[str, Any]


def ago(**how_long: float) -> str:
    return (NOON - timedelta(**how_long)).isoformat().replace("+00:00", "Z")


def read(document: object, component: str = "") -> View:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse(content, JSON, now=NOW, component=component)


def word(document: object, component: str = "") -> Word:
    return read(document, component).word


# ---------------------------------------------------------------------------------------------------- Statuspage


def an_incident(**members: Any) -> Members:
    """As in Statuspage's summary.json, unresolved."""
    return {
        "id": "8zc63m64hy36",
        "name": "Delayed delivery of SMS",
        "status": "investigating",
        "impact": "minor",
        "created_at": ago(hours=1),
        "shortlink": "https://stspg.io/m1ps7yrhp4n8",
        "incident_updates": [
            {"status": "investigating", "body": "We are looking into it.", "created_at": ago(hours=1)}
        ],
        "components": [{"id": "b13y", "name": "Programmable Messaging", "status": "degraded_performance"}],
        **members,
    }


def a_statuspage(indicator: object = "none", description: str = "All Systems Operational", **members: Any) -> Members:
    return {
        "page": {
            "id": "gpkpyklzq55q",
            "name": "Twilio",
            "url": "https://status.twilio.com",
            "time_zone": "America/Los_Angeles",
            "updated_at": ago(minutes=5),
        },
        "components": [
            {"id": "b13y", "name": "Programmable Messaging", "status": "operational", "group": False, "group_id": None},
            {"id": "k2p9", "name": "Voice", "status": "major_outage", "group": False, "group_id": None},
        ],
        "incidents": [],
        "scheduled_maintenances": [],
        "status": {"indicator": indicator, "description": description},
        **members,
    }


@pytest.mark.parametrize(
    ("indicator", "meant"),
    [
        ("none", Word.GOOD),
        ("minor", Word.DEGRADED),
        ("major", Word.BAD),
        ("critical", Word.BAD),
        ("maintenance", Word.MAINTENANCE),
        ("NONE", Word.GOOD),
        ("Critical", Word.BAD),
        ("splendid", Word.UNKNOWN),
        ("", Word.UNKNOWN),
        (None, Word.UNKNOWN),
        (0, Word.UNKNOWN),
        (["none"], Word.UNKNOWN),
        ({"none": "none"}, Word.UNKNOWN),
    ],
)
def test_statuspages_indicator_speaks_for_the_page(indicator: object, meant: Word) -> None:
    assert word(a_statuspage(indicator)) is meant
    assert word({"page": {"id": "x"}, "status": {"indicator": indicator, "description": "?"}}) is meant  # status.json


def test_the_page_says_it_in_its_own_words_and_when() -> None:
    view = read(a_statuspage("major", "Partial System Outage"))
    assert view == View(word=Word.BAD, detail="Partial System Outage", at=NOW - 300)


def test_the_title_of_the_incident_tells_more_than_the_pages_words() -> None:
    incidents = [an_incident(), an_incident(name="Voice calls fail", impact="critical", status="Identified")]
    assert read(a_statuspage("critical", "Major Outage", incidents=incidents)).detail == "Voice calls fail"
    assert read(a_statuspage("minor", incidents=[an_incident(), an_incident()])).detail == (
        "Delayed delivery of SMS (and 1 more)"
    )


@pytest.mark.parametrize(
    ("impact", "meant"),
    [("minor", Word.DEGRADED), ("major", Word.BAD), ("critical", Word.BAD), ("maintenance", Word.MAINTENANCE)],
)
def test_an_open_incident_outweighs_an_indicator_that_says_all_is_well(impact: str, meant: Word) -> None:
    view = read(a_statuspage("none", incidents=[an_incident(impact=impact)]))
    assert (view.word, view.detail) == (meant, "Delayed delivery of SMS")


@pytest.mark.parametrize("impact", ["none", "grave", None, 3])
def test_an_open_incident_without_a_known_impact_leaves_it_open_whether_all_is_well(impact: object) -> None:
    assert word(a_statuspage("none", incidents=[an_incident(impact=impact)])) is Word.UNKNOWN
    assert word(a_statuspage("minor", incidents=[an_incident(impact=impact)])) is Word.DEGRADED


def test_incidents_that_are_over_do_not_count() -> None:
    over = [an_incident(status=status, impact="critical") for status in ("resolved", "postmortem")]
    assert word(a_statuspage("none", incidents=over)) is Word.GOOD


def test_an_incident_that_is_scheduled_has_not_begun() -> None:
    assert word(a_statuspage("none", incidents=[an_incident(status="scheduled", impact="critical")])) is Word.GOOD


def test_maintenance_somewhere_is_not_maintenance_of_all() -> None:
    at_work = {"name": "Carrier maintenance", "status": "in_progress", "impact": "maintenance"}
    planned = {"name": "Later", "status": "scheduled", "impact": "maintenance"}
    assert word(a_statuspage("none", scheduled_maintenances=[at_work])) is Word.GOOD
    view = read(a_statuspage("maintenance", "Service Under Maintenance", scheduled_maintenances=[planned, at_work]))
    assert (view.word, view.detail) == (Word.MAINTENANCE, "Carrier maintenance")


def test_null_stands_for_an_empty_list_with_incident_io() -> None:
    assert word(a_statuspage("none", incidents=None, scheduled_maintenances=None)) is Word.GOOD


def test_a_list_of_components_is_as_good_as_its_worst() -> None:
    components = a_statuspage()["components"]
    page = a_statuspage()["page"]
    view = read({"page": page, "components": components})
    assert (view.word, view.detail, view.at) == (Word.BAD, "Voice: major outage", NOW - 300)
    assert word({"page": page, "components": components[:1]}) is Word.GOOD
    assert word({"page": page, "components": []}) is Word.UNKNOWN


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        ("operational", Word.GOOD),
        ("degraded_performance", Word.DEGRADED),
        ("partial_outage", Word.DEGRADED),
        ("major_outage", Word.BAD),
        ("under_maintenance", Word.MAINTENANCE),
        ("full_outage", Word.BAD),
        ("not_operational", Word.UNKNOWN),
        ("operational?", Word.UNKNOWN),
        ("", Word.UNKNOWN),
        (None, Word.UNKNOWN),
        (True, Word.UNKNOWN),
    ],
)
def test_states_of_components(state: object, meant: Word) -> None:
    assert word({"page": {}, "components": [{"name": "API", "status": state}]}) is meant
    if isinstance(state, str):
        instatus = state.replace("_", "").upper()  # PARTIALOUTAGE
        assert word({"components": [{"name": "API", "status": instatus}]}) is meant


def test_a_list_of_incidents_is_good_when_all_are_over() -> None:
    page = a_statuspage()["page"]
    over = an_incident(status="resolved")
    assert word({"page": page, "incidents": [over, over]}) is Word.GOOD
    assert word({"page": page, "incidents": [over, an_incident(impact="major")]}) is Word.BAD
    assert word({"page": page, "incidents": []}) is Word.UNKNOWN


def test_only_the_component_that_is_named_counts() -> None:
    page = a_statuspage("critical", "Major System Outage")
    assert read(page, "messaging") == View(word=Word.GOOD, detail="Programmable Messaging: operational", at=NOW - 300)
    assert read(page, " VOICE ").word is Word.BAD
    assert read(page, "o").word is Word.BAD  # both: the worst


def test_an_incident_that_names_the_component_counts_even_if_the_component_says_operational() -> None:
    page = a_statuspage("none", incidents=[an_incident(impact="major"), an_incident(impact="critical", components=[])])
    view = read(page, "Messaging")
    assert (view.word, view.detail) == (Word.BAD, "Delayed delivery of SMS")
    assert read(page, "Voice").detail == "Voice: major outage"


def test_a_component_that_is_not_there_is_unknown_and_said_so() -> None:
    view = read(a_statuspage(), "Fax")
    assert (view.word, view.at) == (Word.UNKNOWN, None)
    assert view.detail == "The status page lists no component called 'Fax'. Correct its name, or leave it out."


def test_a_page_without_components_says_where_they_are() -> None:
    status_json = {"page": {}, "status": {"indicator": "none", "description": "All Systems Operational"}}
    view = read(status_json, "Voice")
    assert view.word is Word.UNKNOWN
    assert "lists no components. Give the address of its components.json" in view.detail


# ------------------------------------------------------------------------------------------------------ Instatus


def an_instatus(status: object = "UP", **members: Any) -> Members:
    return {"page": {"name": "Bluesky", "url": "https://status.example", "status": status}, **members}


def an_instatus_incident(impact: object = "MAJOROUTAGE", status: str = "INVESTIGATING", **members: Any) -> Members:
    return {
        "name": "Feeds do not load",
        "started": "Sun Nov 22 2026 11:30:00 GMT+0000 (Coordinated Universal Time)",
        "status": status,
        "impact": impact,
        "url": "https://status.example/incident/cl4a8n3070721qtmzvts760c4",
        **members,
    }


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("UP", Word.GOOD),
        ("up", Word.GOOD),
        ("HASISSUES", Word.DEGRADED),
        ("UNDERMAINTENANCE", Word.MAINTENANCE),
        ("DOWN", Word.UNKNOWN),
        (None, Word.UNKNOWN),
        ([], Word.UNKNOWN),
    ],
)
def test_the_status_of_an_instatus_page(status: object, meant: Word) -> None:
    assert word(an_instatus(status)) is meant
    assert word(an_instatus(status, activeIncidents=[], activeMaintenances=[])) is meant


@pytest.mark.parametrize(
    ("impact", "meant"),
    [
        ("MAJOROUTAGE", Word.BAD),
        ("PARTIALOUTAGE", Word.DEGRADED),
        ("MINOROUTAGE", Word.DEGRADED),
        ("DEGRADEDPERFORMANCE", Word.DEGRADED),
    ],
)
def test_the_impact_of_an_incident_makes_an_instatus_page_worse(impact: str, meant: Word) -> None:
    for status in ("UP", "HASISSUES"):
        view = read(an_instatus(status, activeIncidents=[an_instatus_incident(impact)]))
        assert (view.word, view.detail, view.at) == (meant, "Feeds do not load", NOW - 1800)


def test_instatus_may_say_when_an_incident_was_updated() -> None:
    incident = an_instatus_incident(updatedAt=ago(minutes=2))
    assert read(an_instatus("HASISSUES", activeIncidents=[incident])).at == NOW - 120


def test_an_instatus_page_that_is_up_beside_an_incident_without_impact_is_in_doubt() -> None:
    assert word(an_instatus("UP", activeIncidents=[an_instatus_incident("OPERATIONAL")])) is Word.UNKNOWN
    assert word(an_instatus("UP", activeIncidents=[an_instatus_incident(status="RESOLVED")])) is Word.GOOD


def test_the_maintenance_of_an_instatus_page_is_named() -> None:
    maintenances = [
        {"name": "Later", "status": "NOTSTARTEDYET", "start": ago(hours=-3), "duration": "60"},
        {"name": "Database move", "status": "INPROGRESS", "start": ago(hours=1), "duration": "60"},
    ]
    view = read(an_instatus("UNDERMAINTENANCE", activeMaintenances=maintenances))
    assert (view.word, view.detail) == (Word.MAINTENANCE, "Database move")


COMPONENTS: list[Members] = [
    {"id": "cm86", "name": "App", "description": "", "status": "OPERATIONAL", "group": None},
    {
        "id": "cm87",
        "name": "Network",
        "status": "OPERATIONAL",
        "isParent": True,
        "children": [{"id": "cm88", "name": "Relay", "description": "", "status": "PARTIALOUTAGE"}],
    },
]


@pytest.mark.parametrize("document", [{"components": COMPONENTS}, COMPONENTS], ids=["as served", "as documented"])
def test_components_of_instatus(document: object) -> None:
    assert read(document).detail == "Relay: partial outage"
    assert word(document) is Word.DEGRADED
    assert word(document, "app") is Word.GOOD
    assert word(document, "relay") is Word.DEGRADED
    assert word(document, "feed") is Word.UNKNOWN


def test_the_summary_of_instatus_has_no_components() -> None:
    view = read(an_instatus("UP"), "Relay")
    assert view.word is Word.UNKNOWN
    assert "components.json" in view.detail


# --------------------------------------------------------------------------------------------------------- Slack


def slack(status: object = "active", *incidents: object) -> Members:
    return {
        "status": status,
        "date_created": "2026-11-22T02:30:00-08:00",
        "date_updated": "2026-11-22T03:00:00-08:00",
        "active_incidents": list(incidents),
    }


def a_slack_incident(kind: object = "incident", status: object = "active", **members: Any) -> Members:
    return {
        "id": "546",
        "date_created": "2026-11-22T02:30:00-08:00",
        "date_updated": "2026-11-22T03:30:00-08:00",
        "title": "Trouble sending messages",
        "type": kind,
        "status": status,
        "url": "https://slack-status.com/2026-11/7dea1cd14cd0f657",
        "services": ["Messaging", "Apps/Integrations/APIs"],
        "notes": [{"date_created": "2026-11-22T03:30:00-08:00", "body": "We are looking into it."}],
        **members,
    }


def test_slack_is_well() -> None:
    assert read(slack("ok")) == View(word=Word.GOOD, detail="The status page says that all is well.", at=NOW - 3600)


@pytest.mark.parametrize(
    ("kind", "status", "meant"),
    [
        ("incident", "active", Word.DEGRADED),
        ("outage", "active", Word.BAD),
        ("maintenance", "active", Word.MAINTENANCE),
        ("notice", "active", Word.UNKNOWN),
        ("surprise", "active", Word.UNKNOWN),
        (7, "active", Word.UNKNOWN),
        ("outage", "resolved", Word.GOOD),
        ("maintenance", "completed", Word.GOOD),
        ("maintenance", "cancelled", Word.GOOD),
        ("maintenance", "scheduled", Word.UNKNOWN),
        ("outage", "pending", Word.UNKNOWN),
        ("outage", None, Word.UNKNOWN),
        ("OUTAGE", "Active", Word.BAD),
    ],
)
def test_what_slack_tells_of(kind: object, status: object, meant: Word) -> None:
    assert word(slack("active", a_slack_incident(kind, status))) is meant


def test_slacks_worst_incident_speaks() -> None:
    view = read(slack("active", a_slack_incident(), a_slack_incident("outage", title="Nobody can connect")))
    assert view == View(word=Word.BAD, detail="Nobody can connect", at=NOW - 1800)


def test_slack_contradicts_itself() -> None:
    assert word(slack("ok", a_slack_incident("outage"))) is Word.BAD
    assert word(slack("ok", a_slack_incident("maintenance", "scheduled"))) is Word.GOOD
    assert word(slack("active")) is Word.UNKNOWN
    assert word(slack("fine")) is Word.UNKNOWN


def test_services_of_slack() -> None:
    document = slack("active", a_slack_incident("outage"))
    assert word(document, "messaging") is Word.BAD
    assert read(document, "Huddles").detail == "The status page tells of incidents, but of none that names 'Huddles'."
    assert word(document, "Huddles") is Word.UNKNOWN
    assert word(slack("ok"), "Huddles") is Word.GOOD


# -------------------------------------------------------------------------------------------------- Better Stack


def better_stack(state: object = "operational", resource: object = "operational") -> Members:
    return {
        "data": {
            "id": "133002",
            "type": "status_page",
            "attributes": {"company_name": "Ferries", "aggregate_state": state, "updated_at": ago(minutes=10)},
        },
        "included": [
            {"id": "104771", "type": "status_page_section", "attributes": {"name": "API", "position": 0}},
            {
                "id": "4018902",
                "type": "status_page_resource",
                "attributes": {"public_name": "Send API", "status": resource, "availability": 1.0},
            },
            {
                "id": "1050825",
                "type": "status_report",
                "attributes": {"title": "Old trouble", "ends_at": None, "aggregate_state": "resolved"},
            },
            {
                "id": "1050826",
                "type": "status_report",
                "attributes": {"title": "Sending fails", "ends_at": None, "aggregate_state": "downtime"},
            },
        ],
    }


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        ("operational", Word.GOOD),
        ("degraded", Word.DEGRADED),
        ("downtime", Word.BAD),
        ("maintenance", Word.MAINTENANCE),
        ("Operational", Word.GOOD),
        ("not_monitored", Word.UNKNOWN),
        (None, Word.UNKNOWN),
        ({}, Word.UNKNOWN),
    ],
)
def test_better_stacks_states(state: object, meant: Word) -> None:
    assert word(better_stack(state)) is meant
    assert word(better_stack("downtime", state), "send") is meant


def test_better_stack_tells_when_and_what() -> None:
    assert read(better_stack()).at == NOW - 600
    assert read(better_stack("downtime")).detail == "Sending fails"
    assert read(better_stack("degraded")).detail == "The status page tells of a disturbance."
    assert read(better_stack(), "Send").detail == "Send API: operational"
    assert "no component called 'Fax'" in read(better_stack(), "Fax").detail
    assert word(better_stack(), "API") is Word.GOOD  # a section is no component


# --------------------------------------------------------------------------------------------------------- feeds


def a_label(what: str, words: str = "We keep looking.") -> str:
    """One update as Statuspage writes it into a feed."""
    when = "<small>Nov <var data-var='date'>22</var>, <var data-var='time'>11:30</var> UTC</small>"
    return f"<p>{when}<br><strong>{what}</strong> - {words}</p>"


def an_item(body: str, *, title: str = "Sending fails", at: datetime | str = NOON, link: str = "/incidents/1") -> str:
    when = at if isinstance(at, str) else format_datetime(at)
    return (
        f"<item><title>{escape(title)}</title><description>{escape(body)}</description>"
        f"<pubDate>{when}</pubDate><link>https://status.example{link}</link></item>"
    )


def rss(*items: str, head: str = "<lastBuildDate>Sun, 22 Nov 2026 11:55:00 +0000</lastBuildDate>") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>Ferries Status - Incident History</title><link>https://status.example</link>{head}"
        f"{''.join(items)}</channel></rss>"
    ).encode()


def atom(*entries: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xml:lang="en-US" xmlns="http://www.w3.org/2005/Atom">'
        f"<id>tag:status.example,2005:/history</id><title>Ferries Status</title><updated>{ago(minutes=3)}</updated>"
        f"{''.join(entries)}</feed>"
    ).encode()


def an_entry(content: str, *, updated: str, published: str = "", title: str = "Sending fails", number: int = 1) -> str:
    return (
        f"<entry><id>tag:status.example,2005:Incident/{number}</id><published>{published or updated}</published>"
        f'<updated>{updated}</updated><link rel="alternate" href="https://status.example/incidents/{number}"/>'
        f'<title>{title}</title><content type="html">{escape(content)}</content></entry>'
    )


HOUR, DAYS = timedelta(hours=1), timedelta(days=3)


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        (["Investigating"], Word.DEGRADED),
        (["Update", "Identified", "Investigating"], Word.DEGRADED),
        (["Monitoring", "Investigating"], Word.DEGRADED),
        (["Resolved", "Monitoring", "Investigating"], Word.GOOD),  # newest first, as Statuspage has it
        (["Investigating", "Monitoring", "Resolved"], Word.GOOD),  # oldest first, as Instatus has it
        (["RESOLVED"], Word.GOOD),
        (["Postmortem", "Resolved", "Investigating"], Word.GOOD),
        (["Investigating", "Resolved", "Investigating"], Word.DEGRADED),  # open again
        (["In progress", "Scheduled"], Word.MAINTENANCE),
        (["Verifying", "In progress", "Scheduled"], Word.MAINTENANCE),
        (["Completed", "In progress", "Scheduled"], Word.GOOD),
        (["Update", "Scheduled"], Word.UNKNOWN),
        (["Update"], Word.UNKNOWN),
        (["Scheduled"], Word.UNKNOWN),  # nothing else stands in the feed
        (["Major outage"], Word.BAD),
    ],
)
def test_the_labels_of_an_incident_say_how_it_stands(labels: list[str], meant: Word) -> None:
    body = "".join(map(a_label, labels))
    assert word(rss(an_item(body, at=NOON - HOUR))) is meant
    assert word(atom(an_entry(body, updated=ago(hours=1)))) is meant


def test_what_a_label_says_is_not_undone_by_the_words_after_it() -> None:
    body = a_label("Investigating", "We will tell you when this has been resolved. All other services are operational.")
    assert word(rss(an_item(body))) is Word.DEGRADED
    body = a_label("Update", "This is what we know.<br />Resolved: Europe<br />") + a_label("Investigating")
    assert word(rss(an_item(body))) is Word.DEGRADED
    body = a_label("Resolved", "The outage is over; we are investigating what led to it.")
    assert word(rss(an_item(body))) is Word.GOOD


def test_an_outage_in_the_title_of_an_open_incident_is_bad() -> None:
    assert word(rss(an_item(a_label("Identified"), title="API outage"))) is Word.BAD
    assert word(rss(an_item(a_label("Identified"), title="Partial outage of the API"))) is Word.DEGRADED
    assert word(rss(an_item(a_label("Resolved"), title="API outage"))) is Word.GOOD


def test_the_feed_names_the_incident_and_says_when_it_was_updated() -> None:
    view = parse(rss(an_item(a_label("Identified"), title="Sending <b>fails</b>\n again")), XML, now=NOW)
    assert view == View(word=Word.DEGRADED, detail="Sending fails again", at=NOW - 300)
    view = parse(atom(an_entry(a_label("Resolved"), updated=ago(hours=1))), XML, now=NOW)
    assert view == View(word=Word.GOOD, detail="The feed tells of no incident that is open.", at=NOW - 180)
    view = parse(rss(an_item(a_label("Resolved"), at=NOON - HOUR), head=""), XML, now=NOW)
    assert view.at == NOW - 3600


def test_old_entries_say_that_nothing_is_open_today() -> None:
    old = an_item("<p>Something happened.</p>", at=NOON - DAYS)
    assert word(rss(old, old)) is Word.GOOD
    assert word(rss(an_item(a_label("Resolved")), old)) is Word.GOOD
    assert word(rss(an_item(a_label("Investigating"), at=NOON - timedelta(days=30)))) is Word.GOOD


def test_an_incident_of_this_week_that_is_still_labelled_open_may_last() -> None:
    """Instatus dates an entry by when it began."""
    assert word(rss(an_item(a_label("Investigating"), at=NOON - DAYS))) is Word.UNKNOWN
    assert word(rss(an_item(a_label("Scheduled"), at=NOON - DAYS))) is Word.GOOD


def test_a_feed_without_entries_says_nothing() -> None:
    assert word(rss()) is Word.UNKNOWN
    assert word(atom()) is Word.UNKNOWN
    assert word(b"<rss/>") is Word.UNKNOWN


def test_a_fresh_entry_that_cannot_be_understood_is_unknown() -> None:
    old = an_item(a_label("Resolved"), at=NOON - DAYS)
    assert word(rss(an_item("<p>Something about ferries.</p>"), old)) is Word.UNKNOWN
    assert word(rss(an_item("<p>Nothing.</p>", title="A"), an_item(a_label("Identified"), title="B"))) is Word.DEGRADED


def test_an_entry_of_nobody_knows_when_counts_only_if_it_is_over() -> None:
    for when in ("", "yesterday", format_datetime(NOON + DAYS)):
        assert word(rss(an_item(a_label("Investigating"), at=when))) is Word.UNKNOWN
        assert word(rss(an_item(a_label("Resolved"), at=when))) is Word.GOOD


def test_what_is_announced_for_later_changes_nothing() -> None:
    """Statuspage dates a maintenance by when it will begin."""
    later = an_item(a_label("Scheduled"), at=NOON + DAYS, title="Move", link="/incidents/2")
    assert word(rss(later, an_item(a_label("Resolved"), at=NOON - HOUR))) is Word.GOOD
    assert word(rss(later)) is Word.UNKNOWN


def test_a_vendors_clock_may_be_a_little_ahead() -> None:
    assert word(rss(an_item(a_label("Investigating"), at=NOON + timedelta(minutes=2)))) is Word.DEGRADED


def test_the_time_of_an_atom_entry_is_its_last_change() -> None:
    body = a_label("Investigating")
    assert word(atom(an_entry(body, published=ago(days=5), updated=ago(hours=1)))) is Word.DEGRADED


def test_of_several_entries_about_one_incident_the_newest_speaks() -> None:
    """As Better Stack writes them: https://betterstack.com/docs/uptime/status-pages/."""
    investigating = an_item(
        "We are investigating connection issues.",
        title="[Investigating] Database Connection Issues",
        at=NOON - 2 * HOUR,
    )
    resolved = an_item(
        "The issue has been resolved. All services are operational.",
        title="[Resolved] Database Connection Issues",
        at=NOON - HOUR,
    )
    other = an_item("We are investigating.", title="[Investigating] Sending", link="/incidents/2", at=NOON - 2 * HOUR)
    assert word(rss(resolved, investigating)) is Word.GOOD
    assert word(rss(investigating, resolved)) is Word.GOOD
    assert word(rss(resolved, investigating, other)) is Word.DEGRADED


def test_incidents_with_one_address_are_not_taken_for_one() -> None:
    open_one = an_item(a_label("Identified"), title="Voice fails", link="/", at=NOON - 2 * HOUR)
    assert word(rss(an_item(a_label("Resolved"), link="/"), open_one)) is Word.DEGRADED
    nowhere = f"<item><title>Trouble</title><description>{escape(a_label('Identified'))}</description>"
    nowhere += "<pubDate>Sun, 22 Nov 2026 10:00:00 +0000</pubDate></item>"
    over = nowhere.replace("Identified", "Resolved").replace("10:00", "11:00")
    assert word(rss(over, nowhere)) is Word.DEGRADED


def test_a_feed_of_instatus() -> None:
    """Escaped twice, in one line, oldest first; trimmed from a real one."""

    def written(*labels: str) -> bytes:
        line = " ".join(f"Nov 22, 11:{10 + n}:00 GMT+0 - {label} - We look into it." for n, label in enumerate(labels))
        marked = "".join(map(a_label, labels))
        return rss(
            f"<item><title>Degraded login</title><description>\n    Type: Incident\n    Duration: 46 minutes\n\n"
            f"    Affected Components: App\n    {line} \n  </description><content:encoded "
            f'xmlns:content="http://purl.org/rss/1.0/modules/content/"><![CDATA[<p><strong>Type:</strong> Incident</p>'
            f"{escape(marked)}]]></content:encoded><pubDate>Sun, 22 Nov 2026 11:10:00 +0000</pubDate></item>"
        )

    assert word(written("Investigating")) is Word.DEGRADED
    assert word(written("Investigating", "Monitoring")) is Word.DEGRADED
    assert word(written("Investigating", "Monitoring", "Resolved")) is Word.GOOD


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        # incident.io
        (
            "<b>Status: Investigating</b><br/><br/>Looking.<ul><li>Search (Degraded performance)</li></ul>",
            Word.DEGRADED,
        ),
        ("<b>Status: Resolved</b><br/><br/>This incident has been resolved.", Word.GOOD),
        # Mistral
        ("Status: Resolved<br/>The incident has been resolved<br/><br/>Affected<ul><li>API</li></ul>", Word.GOOD),
        # xAI
        ("<h3>Status: ACTIVE</h3>\n<p>Severity: outage</p><hr /><h3>Investigating outage</h3>", Word.BAD),
        ("<h3>Status: RESOLVED</h3><p>Severity: degraded</p>", Word.GOOD),
        # A list of components does not end an incident.
        ("<p>Investigating - looking.</p><p>Affected:</p><p>Chat: Operational</p><p>Operational</p>", Word.DEGRADED),
        ("<p>Operational</p>", Word.GOOD),
    ],
)
def test_labels_of_other_vendors(body: str, meant: Word) -> None:
    assert word(rss(an_item(body))) is meant


def test_marked_up_content_of_atom() -> None:
    content = (
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p><small>11:30 UTC</small><br/>'
        "<strong>{}</strong> - text</p></div></content>"
    )
    for label, meant in (("Resolved", Word.GOOD), ("Identified", Word.DEGRADED)):
        entry = f"<entry><title>x</title><updated>{ago(hours=1)}</updated>{content.format(label)}</entry>"
        assert word(atom(entry)) is meant


@pytest.mark.parametrize(
    ("title", "body", "meant"),
    [
        ("Service is operating normally: [RESOLVED] Delays", "We experienced delays.", Word.GOOD),  # AWS
        ("Informational message: Delays", "We are investigating increased delays.", Word.DEGRADED),
        ("Incident: Slow workflows", "This issue is now resolved for all users.Scope: users in the EU.", Word.GOOD),
        ("Resolved: Emergency maintenance", "", Word.GOOD),  # Heroku
        ("Emergency maintenance completed", "", Word.GOOD),
        ("Login - Resolved", "", Word.GOOD),
        ("[Scheduled] Move", "We move.", None),
        ("Delays", "The problem was identified and is now resolved.", Word.GOOD),
        ("Delays", "We have resolved the outage.", Word.GOOD),
        ("Delays", "The outage is not yet resolved.", Word.BAD),
        ("Delays", "The fault hasn't been resolved.", Word.DEGRADED),
        ("Delays", "We will tell you when it is resolved.", Word.UNKNOWN),
        ("Delays", "We are investigating. Other services remain operational.", Word.DEGRADED),
        ("Delays", "Europe is resolved, but we are still investigating Asia.", Word.DEGRADED),
        ("Delays", "It has been resolved. We will continue to monitor.", Word.GOOD),
        ("Delays", "All systems are operational.", Word.GOOD),
        ("Delays", "After the outage all is fully operational again.", Word.GOOD),
        ("Operational issue", "Nothing is known.", Word.UNKNOWN),
        ("Delays", "Names are unresolved.", Word.UNKNOWN),
        ("Outage", "", Word.BAD),
        ("Degraded performance", "", Word.DEGRADED),
        ("Delays", "The maintenance has been completed.", Word.GOOD),
        ("Delays", "We've completed the first of many steps.", Word.UNKNOWN),
        ("", "", Word.UNKNOWN),
    ],
)
def test_without_labels_the_last_sentence_that_says_something_decides(
    title: str, body: str, meant: Word | None
) -> None:
    assert said(title, [body]).word is meant


def test_a_feed_has_no_components() -> None:
    view = read(rss(an_item(a_label("Resolved"))), "API")
    assert view.word is Word.UNKNOWN
    assert "lists no components" in view.detail


# ------------------------------------------------------------------------------------------- what is no status page


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel>&b;</channel></rss>'
FILE = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><title>&x;</title></rss>'
PLAIN_DTD = b'<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://x.example/rss.dtd"><rss/>'


@pytest.mark.parametrize("content", [LAUGHS, FILE, PLAIN_DTD])
def test_xml_with_a_document_type_or_entities_is_refused(content: bytes) -> None:
    view = parse(content, XML, now=NOW)
    assert view.word is Word.UNKNOWN
    assert "document type or entities" in view.detail


@pytest.mark.parametrize(
    ("content", "media_type", "why"),
    [
        (b"", "", "of a kind that cannot be read."),
        (b"OK", "text/plain", "of a kind that cannot be read (text/plain)."),
        (b"operational", "text/plain; charset=utf-8", "(text/plain)."),
        (b"<!DOCTYPE html><html><h1>All Systems Operational</h1></html>", "text/html", "(text/html). Give the address"),
        (b"  <html><body>Resolved</body></html>", "text/html\x1b[31m", "(text/html[31m)."),
        (b"<status>operational</status>", XML, "no feed of incidents"),
        (b"<rss><channel>", XML, "XML that cannot be read"),
        (b'<?xml version="1.0" encoding="klingon"?><rss/>', XML, "XML that cannot be read"),
        (b'<?xml version="1.0" encoding="utf-7"?><rss/>', XML, "XML that cannot be read"),
        (b'<?xml version="1.0"?><rss>\xff\xfe</rss>', XML, "XML that cannot be read"),
        (b'{"status": {"indicator": "none"', JSON, "JSON that cannot be read"),
        (b'{"status": {"indicator": "none", "description": "\xff"}}', JSON, "JSON that cannot be read"),
        (b'{"status": ' + b"9" * 5000 + b"}", JSON, "JSON that cannot be read"),
        (b"[" * 100_000, JSON, "JSON that cannot be read"),
        (b'{"status": "ok"}', JSON, "JSON of a form that is not known"),
        (b'{"status": "operational"}', JSON, "JSON of a form that is not known"),
        (b"[]", JSON, "JSON of a form that is not known"),
        (b'[1, "operational", null]', JSON, "JSON of a form that is not known"),
        (b'[{"title": "x", "status": "resolved"}]', JSON, "JSON of a form that is not known"),
        (b"{}", JSON, "JSON of a form that is not known"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_says_why(content: bytes, media_type: str, why: str) -> None:
    view = parse(content, media_type, now=NOW)
    assert (view.word, view.at) == (Word.UNKNOWN, None)
    assert why in view.detail


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_of_json(encoding: str) -> None:
    content = json.dumps(a_statuspage("none", "Tout va bien à Québec"), ensure_ascii=False).encode(encoding)
    assert read(content).detail == "Tout va bien à Québec"


def test_a_byte_order_mark_and_space_before_xml() -> None:
    assert word(b"\xef\xbb\xbf" + rss(an_item(a_label("Resolved")))) is Word.GOOD
    assert word(b"\r\n " + rss(an_item(a_label("Resolved")))) is Word.GOOD
    assert word(rss(an_item(a_label("Resolved"))).decode().replace("UTF-8", "UTF-16").encode("utf-16")) is Word.GOOD


@pytest.mark.parametrize("wrong", [5, "x", True, {}, [1], [None], [[]], ["operational"]])
def test_a_wrong_type_anywhere_is_never_good(wrong: object) -> None:
    documents = [
        a_statuspage("none", incidents=wrong),
        {"page": wrong, "components": wrong},
        {"page": {}, "components": [{"name": "API", "status": "operational"}, wrong]},
        {"page": {}, "components": [{"name": wrong, "status": wrong}]},
        {"status": wrong, "components": [], "page": {}},
        an_instatus(wrong),
        an_instatus("UP", activeIncidents=wrong),
        slack(wrong),
        slack("active", wrong),
        {"status": "ok", "active_incidents": wrong},
        better_stack(wrong),
        {"data": {"attributes": wrong}},
        {"data": wrong},
        wrong,
    ]
    assert [word(document) for document in documents] == [Word.UNKNOWN] * len(documents)


@pytest.mark.parametrize(
    "updated",
    [ago(hours=-1), "2026-11-22T12:00:00.001Z", "9999-12-31T23:59:59Z", "soon", "", None, 1e999, float("nan"), [], 1],
)
def test_a_time_to_come_or_none_at_all_is_ignored(updated: object) -> None:
    page = a_statuspage("none")
    page["page"]["updated_at"] = updated
    view = read(page)
    assert (view.word, view.at) == (Word.GOOD, None)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00.000+00:00",
        "2026-11-22T04:00:00-08:00",
        "2026-11-22 12:00:00",
        " 2026-11-22T12:00:00Z\n",
        "Sun, 22 Nov 2026 12:00:00 GMT",
        "Sun, 22 Nov 2026 12:00:00 +0000",
        "Sun, 22 Nov 2026 12:00:00 Z",
        "Sun, 22 Nov 2026 04:00:00 PST",
        "Sun Nov 22 2026 12:00:00 GMT+0000 (Coordinated Universal Time)",
        "Sun Nov 22 2026 14:00:00 GMT+0200 (Central European Summer Time)",
    ],
)
def test_times_as_vendors_write_them(time: str) -> None:
    assert moment(time) == NOW


def test_a_detail_is_one_short_line_without_invisible_characters() -> None:
    title = "Sending\r\n\tfails \x1b[2J\u202egnihton\u202c\x00\ud800 " + "x" * 300
    detail = read(a_statuspage("minor", incidents=[an_incident(name=title)])).detail
    assert detail.startswith("Sending fails [2Jgnihton xxx")
    assert detail.endswith("x…")
    assert len(detail) == LONGEST
    assert read(a_statuspage("minor", "\u200b\n")).detail == "The status page tells of a disturbance."
    many = read(a_statuspage("minor", incidents=[an_incident(name="x" * 300)] * 3)).detail
    assert many.endswith("x… (and 2 more)")
    assert len(many) == LONGEST


def test_the_gravest_word_speaks_for_all() -> None:
    assert worst([]) is Word.UNKNOWN
    assert [worst(GRAVITY[number:]) for number in range(5)] == list(GRAVITY)


# ---------------------------------------------------------------------------------------------------- properties

#: Every word that may mean that all is well, or that something is over.
GOOD_WORDS = ("none", "operational", "up", "ok", "resolved", "postmortem", "completed", "cancelled")
OTHER_WORDS = (
    *("minor", "major", "critical", "maintenance", "degraded_performance", "MAJOROUTAGE", "HASISSUES", "downtime"),
    *("active", "investigating", "identified", "outage", "notice", "scheduled", "in_progress", "status_page_resource"),
    *("unknown", "", "good", "nominal", "0", "2026-11-22T11:00:00Z"),
)
NAMES = (
    *("page", "status", "indicator", "description", "updated_at", "components", "name", "incidents", "impact"),
    *("active_incidents", "type", "title", "services", "activeIncidents", "activeMaintenances", "data", "attributes"),
    *("aggregate_state", "included", "public_name", "scheduled_maintenances", "children", "date_updated"),
)


def documents(words: tuple[str, ...]) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(words),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
        max_leaves=25,
    )


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=5))
@example(b"\xef\xbb\xbf", "", "")
@example(b"{" * 5000, "", "")
@example(b"<a>" * 50_000, "", "")
def test_no_bytes_raise_or_are_good(content: bytes, media_type: str, component: str) -> None:
    view = parse(content, media_type, now=NOW, component=component)
    assert (view.word, view.at) == (Word.UNKNOWN, None)
    assert len(view.detail) <= LONGEST
    assert view.detail.isprintable()


@given(documents(OTHER_WORDS), st.sampled_from(["", "a", "API"]))
def test_no_json_without_a_good_word_is_good(document: object, component: str) -> None:
    view = read(document, component)
    assert view.word is not Word.GOOD
    assert view.at is None or view.at <= NOW


@given(documents((*GOOD_WORDS, *OTHER_WORDS)), st.sampled_from(["", "o", "API"]))
def test_no_json_raises(document: object, component: str) -> None:
    view = read(document, component)
    assert line(view.detail) == view.detail != ""


@given(
    st.sampled_from([a_statuspage(), an_instatus("UP", activeIncidents=[an_instatus_incident()]), slack("ok")]),
    st.data(),
)
def test_a_page_that_is_cut_off_anywhere_is_unknown(document: Members, data: st.DataObject) -> None:
    content = json.dumps(document).encode()
    assert word(content[: data.draw(st.integers(0, len(content) - 1))]) is Word.UNKNOWN


@given(
    st.lists(st.tuples(st.text(max_size=40), st.text(max_size=80), st.sampled_from(["", ago(hours=1), ago(days=9)]))),
    st.booleans(),
)
def test_no_feed_raises(entries: list[tuple[str, str, str]], html: bool) -> None:
    def safe(text: str) -> str:
        kept = "".join(char for char in text if char.isprintable())
        return escape(f"<p><strong>{kept}</strong> - x</p>" if html else kept)

    body = "".join(
        f"<item><title>{safe(title)}</title><description>{safe(text)}</description><pubDate>{when}</pubDate></item>"
        for title, text, when in entries
    )
    content = f"<rss><channel>{body}</channel></rss>".encode()
    view = parse(content, XML, now=NOW)
    assert view.detail.isprintable()
    if view.word is Word.GOOD:
        assert any(when == ago(days=9) for _, _, when in entries) or any(
            good in body.lower() for good in ("resolved", "operational", "complete", "cancel", "postmortem", "normal")
        )


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    seen = line(text)
    assert len(seen) <= LONGEST
    assert seen == line(seen)
    assert "\n" not in seen


@pytest.mark.parametrize(
    "hostile",
    [
        "outage " * 60_000,
        "<" * 400_000,
        "<p " * 130_000,
        "&#" + "9" * 400_000 + ";",
        "&amp;" * 80_000,
        " " * 400_000 + "x",
        "not a " * 60_000 + "resolved",
        "11:11 a - " * 40_000,
        "[resolved" * 40_000,
        "resolved. " * 40_000,
    ],
    ids=range(10),
)
def test_a_hostile_text_takes_no_long_time(hostile: str) -> None:
    content = rss(an_item(hostile, title=hostile[:100_000]))
    begun = time.process_time()
    parse(content, XML, now=NOW)
    assert time.process_time() - begun < 5.0


def test_deep_xml_is_read_without_trouble() -> None:
    content = b"<rss><channel><item><title>" + b"<b>" * 50_000 + b"</b>" * 50_000 + b"</title></item></channel></rss>"
    assert word(content) is Word.UNKNOWN


def test_reading_pages_loads_no_http_client_and_no_xml() -> None:
    code = "import sys, surecast.vendor; print(sorted({'httpx', 'defusedxml', 'xml.etree'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
