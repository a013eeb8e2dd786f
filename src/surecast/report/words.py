"""A report in the words of people: who has it; what we still do; what you do. No verdict names, no tracebacks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from surecast.clock import hours_minutes
from surecast.decide import State
from surecast.outcome import Reason, Verdict

if TYPE_CHECKING:
    from surecast.report.fold import ChannelReport, Report

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
    Reason.BREAKER_OPEN: "it was down a moment ago and rests",
    Reason.ISOLATED: "switched off by hand",
    Reason.SPARED: "so many posts fail there that it is spared for a while",
    Reason.MISCONFIGURED: "not set up",
    Reason.CANNOT_BE_FITTED: "the text does not fit",
    Reason.CANCELLED: "cancelled",
    Reason.EXPIRED: "too late",
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


def name_of(report: Report, channel: ChannelReport) -> str:
    """How people call a channel: by its platform, or by its own name where the platform has several."""
    if sum(other.platform == channel.platform for other in report.channels.values()) > 1:
        return channel.name
    return "your site" if channel.platform == "Website" else channel.platform


def _who_has_it(report: Report) -> str:
    channels = report.channels.values()
    done = [name_of(report, channel) for channel in channels if channel.status == "done"]
    perhaps = [f"{name_of(report, channel)} ({_why(channel)})" for channel in channels if channel.perhaps]
    lacking = [
        f"{name_of(report, channel)} ({_why(channel)})"
        for channel in channels
        if not channel.perhaps and channel.status not in {"done", "not_needed", "waiting"}
    ]
    parts = [f"on {_and(done)}"] if done else []
    parts += [f"perhaps on {_and(perhaps)}"] if perhaps else []
    if not parts:
        nowhere = "on no channel yet" if report.state is State.PENDING else "nobody has it"
        said = f"{nowhere}: {_and(lacking)}" if lacking else nowhere
    else:
        said = ", ".join([*parts, *([f"not on {_and(lacking)}"] if lacking else [])])
    if report.repeated:
        said += ". The same announcement was sent before, so nothing was sent now"
    return f"{said}."


def _why(channel: ChannelReport) -> str:
    if channel.status == "sending" and channel.verdict is Verdict.ACCEPTED:
        return "accepted, not yet seen in public"
    if channel.status == "sending":
        return "still at it"
    if channel.verdict is None:
        return "too late"
    if channel.reason in {Reason.MISCONFIGURED, Reason.CANNOT_BE_FITTED, Reason.TEXT_REFUSED} and channel.error:
        return f"{_WHY[channel.reason]}: {_without_stop(channel.error)}"
    return _WHY.get(channel.reason, _without_stop(channel.error) or "not sent")


def _what_we_still_do(report: Report, zone: ZoneInfo) -> list[str]:
    until = hours_minutes(report.expires_at, zone, report.at)
    lines = []
    for name in report.owed:
        channel = report.channels[name]
        called = (
            name_of(report, channel).capitalize()
            if name_of(report, channel) == "your site"
            else name_of(report, channel)
        )
        if channel.status == "sending":
            continue
        if channel.status == "unsure" and channel.next_try is not None:
            lines.append(f"{called} is looked up again at {hours_minutes(channel.next_try, zone, report.at)}.")
        elif channel.next_try is None:
            lines.append(f"{called} still gets it, until {until}.")
        elif channel.next_try <= report.at:
            lines.append(f"{called} is tried again at the next run, until {until}.")
        else:
            lines.append(
                f"{called} is tried again at {hours_minutes(channel.next_try, zone, report.at)}, until {until}."
            )
    return lines


def _what_you_do(report: Report) -> list[str]:
    lines = list(report.warnings)
    for channel in report.channels.values():
        name = name_of(report, channel)
        if channel.status == "unsure" and channel.next_try is None:
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
    silent = report.worker_seen_at is None or report.at - report.worker_seen_at > WORKER_SILENT_S
    if silent and (report.owed or report.state is State.PENDING):
        lines.append(
            f"Nobody is running to go on with it: surecast resume {report.id}, or in cron: */5 * * * * {report.worker}"
        )
    return lines


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _without_stop(sentence: str) -> str:
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")
