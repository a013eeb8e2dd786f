"""A channel: what it can take and do (`Traits`), how long it has (`Terms`), and what an adapter must be able to do."""

from surecast.channel.abilities import Adapter, Confirms, Finds, Probed, Probes, Receipts, Retracts, SessionStore
from surecast.channel.kinds import Channel, Context, Kind
from surecast.channel.post import Errand, Part, Picture, Post, Sending, Words
from surecast.channel.terms import Terms
from surecast.channel.traits import CatchUp, Limits, Resend, Traits, Unit

__all__ = [
    "Adapter",
    "CatchUp",
    "Channel",
    "Confirms",
    "Context",
    "Errand",
    "Finds",
    "Kind",
    "Limits",
    "Part",
    "Picture",
    "Post",
    "Probed",
    "Probes",
    "Receipts",
    "Resend",
    "Retracts",
    "Sending",
    "SessionStore",
    "Terms",
    "Traits",
    "Unit",
    "Words",
]
