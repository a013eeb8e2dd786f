"""From an announcement to a plan: the route, the exact words for each channel, and its terms. Pure."""

from surecast.planning.house import CATCH_UP_RATE, DEFAULT_TIMES, PER_CONTACT, Few, House, Times
from surecast.planning.plan import make_plan

__all__ = ["CATCH_UP_RATE", "DEFAULT_TIMES", "PER_CONTACT", "Few", "House", "Times", "make_plan"]
