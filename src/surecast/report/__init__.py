"""The facts read back: for programs (`Report`, `to_dict`) and for people (`str`)."""

from surecast.report.fold import make_report
from surecast.report.values import ChannelReport, ContactCounts, GroupReport, Report, Status
from surecast.report.words import name_of, why_not

__all__ = [
    "ChannelReport",
    "ContactCounts",
    "GroupReport",
    "Report",
    "Status",
    "make_report",
    "name_of",
    "why_not",
]
