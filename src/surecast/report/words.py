"""A report in the words of people: who has it; what we still do; what you do. No verdict names, no tracebacks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from surecast.clock import hours_minutes
from surecast.decide import State
from surecast.outcome import Reason, Verdict
from surecast.report.contact_words import group_words, in_doubt, left_out, still_done, together, who_was_missed

if TYPE_CHECKING:
    from surecast.report.values import ChannelReport, GroupReport, Report

#: Somebody who delivers what is owed should be seen at least this often, in seconds.
WORKER_SILENT_S = 600.0

_WHY = {
    Reason.NOT_CONNECTED: "it cannot be reached",
    Reason.TIMED_OUT: "it does not answer in time",
    Reason.INTERRUPTED: "it broke off in the middle",
    Reason.CRASHED: "we were interrupted while sending",
    Reason.CANCELLED_IN_FLIGHT: "we were stopped while sending",
    Reason.SERVER_ERROR: "it answered with an error of its own",
    Reason.UNREADABLE_REPLY: "its answer cannot be read",
    Reason.REDIRECTED: "it sent us elsewhere",
    Reason.RATE_LIMITED: "it asks us to wait",
    Reason.TEXT_REFUSED: "it refused the post",
    Reason.MEDIA_REFUSED: "it refused an image",
    Reason.CREDENTIALS: "it refused our login",
    Reason.NOT_ALLOWED: "it does not allow us to post",
    Reason.NOT_VISIBLE: "accepted, but nobody can see it",
    Reason.OURS: "a fault on this machine",
    Reason.NO_NETWORK: "this machine has no network",
    Reason.BREAKER_OPEN: "it was down a moment ago and rests",
    Reason.ISOLATED: "switched off by hand",
    Reason.SPARED: "so many posts fail there that it is spared for a while",
    Reason.MISCONFIGURED: "not set up",
    Reason.CANNOT_BE_FITTED: "the text does not fit",
    Reason.CANCELLED: "cancelled",
    Reason.EXPIRED: "too late",
    Reason.SUPPRESSED: "not to be written to",
    Reason.OVER_THE_CAP: "no money is left for it",
    Reason.SUPERSEDED: "not needed any more",
    Reason.OUTDATED: "a newer announcement took its place",
    Reason.HAD_ELSEWHERE: "readers had it elsewhere",
    Reason.TOO_OFTEN: "had as many messages as one person may have",
    Reason.NOT_WORTH_IT: "no money is spent because of what happened to the others",
    Reason.NOBODY_THERE: "it reaches nobody in the audience",
    Reason.OPTED_OUT: "wants no messages",
    Reason.NO_SUCH_ADDRESS: "there is no such address",
    Reason.UNDELIVERED: "accepted, but it did not arrive",
}

#: What the ledger says of a contact where no reason is known.
_WHY_NO_REASON = {
    "uncertain": "we do not know what became of it",
    "refused": "it was refused",
    "unavailable": "the platform did not manage it",
    "throttled": "the platform asks us to wait",
    "unauthorized": "the platform refused our login",
    "forgotten": "forgotten by order",
}


def say(report: Report) -> list[str]:
    """The lines of a report."""
    zone = ZoneInfo(report.time_zone)
    clock = hours_minutes(report.at, zone, report.at)
    zone_name = datetime.fromtimestamp(report.at, zone).tzname() or ""
    return [
        f"{report.state.value.upper()} {clock} {zone_name}: {_who_has_it(report)}",
        *_what_we_still_do(report, zone),
        *(_what_you_do(report) or ["Nothing to do."]),
    ]


def why_not(word: str) -> str:
    """Why a contact was not reached, for people.

    Args:
        word: of `Reason`, or of `Verdict` where there is none.
    """
    reasons = {reason.value: words for reason, words in _WHY.items()}
    return reasons.get(word) or _WHY_NO_REASON.get(word, "not sent")


def name_of(report: Report, channel: ChannelReport) -> str:
    """How people call a channel: by its platform, or by its own name where the platform has several."""
    if sum(other.platform == channel.platform for other in report.channels.values()) > 1:
        return channel.name
    return "your site" if channel.platform == "Website" else channel.platform


def _who_has_it(report: Report) -> str:
    public = [channel for channel in report.channels.values() if channel.contacts is None]
    done = [name_of(report, channel) for channel in public if channel.status == "done"]
    perhaps = [f"{name_of(report, channel)} ({_why(channel)})" for channel in public if channel.perhaps]
    posted = [f"on {together(done)}"] if done else []
    posted += [f"perhaps on {together(perhaps)}"] if perhaps else []
    written = [words for group in report.groups if (words := group_words(report, group, _names(report, group)))]
    not_on, not_by = _lacking(report, public), _lacking(report, list(filter(_reached_nobody, report.channels.values())))
    if not posted and not written:
        nowhere = "on no channel yet" if report.state is State.PENDING else "nobody has it"
        lacking = [*not_on, *not_by]
        said = f"{nowhere}: {together(lacking)}" if lacking else nowhere
    else:
        said = "; ".join([*([", ".join(posted)] if posted else []), *written])
        said += f", not on {together(not_on)}" if not_on else ""
        said += f", not by {together(not_by)}" if not_by else ""
    if report.repeated:
        said += ". The same announcement was sent before, so nothing was sent now"
    return f"{said}."


def _lacking(report: Report, channels: Iterable[ChannelReport]) -> list[str]:
    """Those of the channels that did not get it out, with the reason of each."""
    return [
        f"{name_of(report, channel)} ({_why(channel)})"
        for channel in channels
        if not channel.perhaps and channel.status not in {"done", "not_needed", "waiting"}
    ]


def _reached_nobody(channel: ChannelReport) -> bool:
    """Whether a direct channel failed as a whole, rather than for some of its contacts."""
    counts = channel.contacts
    return counts is not None and channel.status in {"owed", "gave_up"} and not counts.reached and not counts.held


def _names(report: Report, group: GroupReport) -> dict[str, str]:
    return {name: name_of(report, report.channels[name]) for name in group.shares}


def _why(channel: ChannelReport) -> str:
    if channel.status == "sending" and channel.verdict is Verdict.ACCEPTED:
        return "accepted, not yet seen in public"
    if channel.status == "sending":
        return "still at it"
    if channel.verdict is None:
        return _WHY.get(channel.reason, "not begun yet" if channel.status == "owed" else "too late")
    if channel.reason in {Reason.MISCONFIGURED, Reason.CANNOT_BE_FITTED, Reason.TEXT_REFUSED} and channel.error:
        return f"{_WHY[channel.reason]}: {_without_stop(channel.error)}"
    return _WHY.get(channel.reason, _without_stop(channel.error) or "not sent")


def _what_we_still_do(report: Report, zone: ZoneInfo) -> list[str]:
    lines = []
    for channel in report.channels.values():
        called = _capital(name_of(report, channel))
        if channel.contacts is not None:
            lines += still_done(report, channel, channel.contacts, called)
        elif channel.name in report.owed and channel.status != "sending":
            lines.append(_still_owed(report, channel, called, zone))
    return lines


def _still_owed(report: Report, channel: ChannelReport, called: str, zone: ZoneInfo) -> str:
    until = hours_minutes(report.expires_at, zone, report.at)
    if channel.reason is Reason.ISOLATED and channel.next_try is None:
        return f"{called} gets it once it is on again: surecast channels on {channel.name}."
    if channel.next_try is None:
        return f"{called} still gets it, until {until}."
    again = hours_minutes(channel.next_try, zone, report.at)
    if channel.status == "unsure":
        return f"{called} is looked up again at {again}."
    if channel.next_try <= report.at:
        return f"{called} is tried again at the next run, until {until}."
    return f"{called} is tried again at {again}, until {until}."


def _capital(name: str) -> str:
    return name.capitalize() if name == "your site" else name


def _what_you_do(report: Report) -> list[str]:
    lines = [*report.warnings, *who_was_missed(report)]
    for channel in report.channels.values():
        lines += _to_put_right(report, channel, name_of(report, channel))
    silent = report.worker_seen_at is None or report.at - report.worker_seen_at > WORKER_SILENT_S
    if silent and (report.owed or report.state is State.PENDING):
        lines.append(
            f"Nobody is running to go on with it: surecast resume {report.id}, or in cron: */5 * * * * {report.worker}"
        )
    return lines


def _to_put_right(report: Report, channel: ChannelReport, name: str) -> list[str]:
    """What a person does about one channel."""
    counts = channel.contacts
    lines = [left_out(report, counts, name)] if counts is not None and counts.skipped and report.missed else []
    if counts is not None and counts.unsure and channel.status == "unsure" and channel.next_try is None:
        lines.append(in_doubt(report, channel, counts, name))
    elif channel.status == "unsure" and channel.next_try is None:
        lines.append(
            f"Look whether it is on {name}, then say so: surecast settle {report.id} {channel.name} --there "
            "(or --not-there to send it again)."
        )
    elif channel.reason is Reason.CREDENTIALS and channel.status != "done":
        lines.append(f"Give {name} a valid password or token, then: surecast resume {report.id}.")
    elif channel.reason is Reason.MISCONFIGURED and channel.status != "done":
        lines.append(f"Set up {channel.name} (surecast config check), then: surecast resume {report.id}.")
    elif channel.status == "gave_up" and channel.verdict is Verdict.REFUSED:
        lines.append(f"{name} says: {channel.error or 'no'} Change the text and send it anew.")
    elif channel.status == "gave_up" and channel.reason is Reason.CANNOT_BE_FITTED and report.state is State.MISSED:
        lines.append(f"Correct what {name} cannot take, and send it anew.")
    return lines


def _without_stop(sentence: str) -> str:
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")
