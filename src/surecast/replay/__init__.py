"""Outages that were, played again: the product on simulated platforms, hours in seconds."""

from surecast.replay.figures import Figures
from surecast.replay.player import play
from surecast.replay.timeline import APRIL_2026, TIMELINES, Spell, Timeline

__all__ = ["APRIL_2026", "TIMELINES", "Figures", "Spell", "Timeline", "play"]
