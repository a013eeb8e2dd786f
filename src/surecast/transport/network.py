"""Whether this machine is cut off, so that no platform is to blame: its own network, checked by independent names."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable

from surecast.threads import DaemonPool

#: Of operators that have nothing to do with each other, nor with the platforms.
INDEPENDENT = ("www.cloudflare.com:443", "www.google.com:443", "www.wikipedia.org:443")
CONNECT_S = 1.5
#: For documentation only, so nobody's (RFC 5737, RFC 3849). Nothing is sent there: the kernel only looks for a way.
_NOWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

Place = tuple[str, int]


async def cut_off(hosts: Iterable[Place], others: Iterable[Place], independent: tuple[Place, ...]) -> bool:
    """Whether nothing at all can be reached, so that a failing channel says nothing about its platform.

    Args:
        hosts: where the channel's platform is; where nobody knows, it is not asked for more.
        others: where the platforms of other channels are: while one of them answers, there is a way for announcements.
        independent: places that have nothing to do with either; none: they are not asked.
    """
    places = tuple(hosts)
    if not places:
        return False
    if all(_on_this_machine(host) for host, _ in places):
        return not _way_to(socket.AF_INET, "127.0.0.1")
    elsewhere = tuple(dict.fromkeys((*others, *independent)))
    if not any(_way_to(family, address) for family, address in _NOWHERE):
        return not await _any_answers([place for place in elsewhere if _on_this_machine(place[0])])
    return bool(independent) and not await _any_answers(elsewhere)


def place_of(written: str, port: int = 443) -> Place:
    """``host:port``, or a host alone."""
    host, _, number = written.rpartition(":") if written.count(":") == 1 else (written, "", "")
    return (host, int(number)) if number.isdigit() else (written, port)


def _on_this_machine(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host.strip("[]") == "::1"


def _way_to(family: int, address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect((address, 9))
        return True
    return False


async def _any_answers(places: Iterable[Place]) -> bool:
    trying = [asyncio.create_task(_answers(host, port)) for host, port in places]
    try:
        for trial in asyncio.as_completed(trying):
            if await trial:
                return True
    finally:
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)
    return False


async def _answers(host: str, port: int) -> bool:
    """Whether a connection can be made, or is refused by somebody, who then must be there."""
    pool = DaemonPool("names", size=1)  # the loop's own threads would be waited for at the end of the process
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await pool.run(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            for address in dict.fromkeys(str(each[4][0]) for each in found):
                if await _connects(address, port):
                    return True
    except (OSError, TimeoutError):
        return False
    finally:
        pool.close()
    return False


async def _connects(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    writer.close()
    return True
