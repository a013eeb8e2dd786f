"""The object behind `broadcast`: assembles ledger, adapters, dispatcher and engine, and answers calls."""

from surecast.broadcaster.broadcaster import Broadcaster

__all__ = ["Broadcaster"]
