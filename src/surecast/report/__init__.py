"""The facts read back: for programs (`Report`, `to_dict`) and for people (`str`)."""

from surecast.report.fold import ChannelReport, Report, Status, make_report
from surecast.report.words import name_of

__all__ = ["ChannelReport", "Report", "Status", "make_report", "name_of"]
