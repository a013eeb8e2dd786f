"""The act: `conduct` decides and opens turns, `run_batch` takes deliveries as far as they can go now."""

from surecast.dispatch.dispatcher import Dispatcher
from surecast.dispatch.ports import Bench, Host, Waker

__all__ = ["Bench", "Dispatcher", "Host", "Waker"]
