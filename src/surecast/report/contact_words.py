"""What a report says of contacts: how many have it, how many were missed, what becomes of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from surecast.clock import hours_minutes
from surecast.outcome import Reason

if TYPE_CHECKING:
    from surecast.report.values import ChannelReport, ContactCounts, GroupReport, Report


def contacts_words(number: int) -> str:
    """``1 contact``, ``9,874 contacts``."""
    return f"{number:,} {'contact' if number == 1 else 'contacts'}"


def together(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def group_words(report: Report, group: GroupReport, names: Mapping[str, str]) -> str:
    """Who of an audience has it; empty when nobody was asked for.

    Args:
        names: how people call the channels.
    """
    if group.contacts == 0:
        return ""
    under_way = group.on_the_way > 0 or not group.complete
    shares = {names[name]: number for name, number in group.shares.items() if number}
    if not shares and not under_way:
        nobody = f"none of {contacts_words(group.contacts)} has it"
        if group.missed == group.contacts:
            return nobody
        return f"{nobody}{' yet' if group.held else ''}{_rest(report, group)}"
    if len(shares) == 1 and group.reached == group.contacts > 1 and not under_way:
        return f"{next(iter(shares))} to all {contacts_words(group.contacts)}"
    if not shares:
        shares = {together(list(names.values())): 0}
    told = together([f"{name} to {number:,}" for name, number in shares.items()])
    total = f"{'' if group.complete else 'at least '}{contacts_words(group.contacts)}"
    return f"{told} of {total}{' so far' if under_way else ''}{_rest(report, group)}"


def _rest(report: Report, group: GroupReport) -> str:
    told = [f"{group.missed:,} missed{_cut_short(report, group)}" if group.missed else "none missed"]
    told += [f"{group.unsure:,} unsure"] if group.unsure else []
    told += [f"{group.on_the_way:,} on the way"] if group.on_the_way else []
    if group.held:
        until = f" until {_clock(report, group.held_until)}" if group.held_until is not None else ""
        told.append(f"{group.held:,} held{until}")
    return f" ({', '.join(told)})"


def _cut_short(report: Report, group: GroupReport) -> str:
    """Why many of them were missed at once: a person or the clock ended it."""
    reasons = {report.channels[name].reason for name in group.shares if report.channels[name].status == "gave_up"}
    if Reason.CANCELLED in reasons:
        return ", as it was cancelled"
    return ", as it was too late" if Reason.EXPIRED in reasons else ""


# What we still do -------------------------------------------------------------------------------------------------


def still_done(report: Report, channel: ChannelReport, counts: ContactCounts, name: str) -> list[str]:
    """What goes on by itself in a direct channel.

    Args:
        name: how people call it.
    """
    lines = []
    if counts.held:
        lines.append(_held(report, counts, name))
    waiting = counts.open - counts.held
    if waiting and channel.status == "owed":
        again = _again(report, channel)
        lines.append(f"{name} is tried again{again} for {contacts_words(waiting)}, until {_expiry(report)}.")
    elif channel.status == "owed" and not counts.held:
        lines.append(f"{name} is tried again{_again(report, channel)}, until {_expiry(report)}.")
    if channel.status == "unsure" and channel.next_try is not None:
        lines.append(f"{contacts_words(counts.unsure)} in doubt by {name}: looked up again, until {_expiry(report)}.")
    return lines


def _again(report: Report, channel: ChannelReport) -> str:
    later = channel.next_try is not None and channel.next_try > report.at
    return f" at {_clock(report, channel.next_try)}" if later else ""


def _held(report: Report, counts: ContactCounts, name: str) -> str:
    until = next((group.held_until for group in report.groups if group.held_until is not None), None)
    many = contacts_words(counts.held)
    if until is not None and until >= report.expires_at:
        end = _clock(report, until)
        return f"{many} will not get {name}: their quiet hours end at {end}, and it expires at {_expiry(report)}."
    at = "" if until is None else f" at {_clock(report, until)}"
    return f"{many} {'gets' if counts.held == 1 else 'get'} {name} when the quiet hours end{at}."


# What you do ------------------------------------------------------------------------------------------------------


def in_doubt(report: Report, channel: ChannelReport, counts: ContactCounts, name: str) -> str:
    """What a person does about contacts of whom nobody knows."""
    have = "has" if counts.unsure == 1 else "have"
    return (
        f"Whether {contacts_words(counts.unsure)} {have} it by {name} is not known: surecast status {report.id} "
        f"--unsure. Then say so: surecast settle {report.id} {channel.name} --there (or --not-there to send it again)."
    )


def left_out(report: Report, counts: ContactCounts, name: str) -> str:
    """Why a channel did not write to some."""
    were = "was" if counts.skipped == 1 else "were"
    return (
        f"{contacts_words(counts.skipped)} {were} left out of {name}: reached by another channel, or had too many "
        f"messages, or max_cost or max_cost_per_day is spent. Which: surecast status {report.id} --missed."
    )


def who_was_missed(report: Report) -> list[str]:
    """How to see those who were missed, once somebody is to be seen there."""
    counts = [channel.contacts for channel in report.channels.values() if channel.contacts is not None]
    settled = report.final or any(each.missed or each.skipped for each in counts)
    if report.missed and settled and not any(group.on_the_way for group in report.groups):
        return [f"Who was missed: surecast status {report.id} --missed."]
    return []


def _clock(report: Report, moment: float | None) -> str:
    return "" if moment is None else hours_minutes(moment, ZoneInfo(report.time_zone), report.at)


def _expiry(report: Report) -> str:
    return _clock(report, report.expires_at)
