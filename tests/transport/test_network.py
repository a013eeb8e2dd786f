"""Whether this machine is cut off: in a network of its own, which is made as poor as a test needs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NoReturn

import pytest

from surecast.transport import network
from surecast.transport.network import INDEPENDENT, place_of

ROOT = Path(__file__).resolve().parents[2]

#: What a machine may have, from nothing to a way out. Nobody is outside but 203.0.113.7, which is this machine again.
NOTHING: tuple[str, ...] = ()
LOOPBACK = ("ip link set lo up",)
WAY_OUT = (
    *LOOPBACK,
    "ip address add 203.0.113.7/32 dev lo",
    "ip route add default dev lo",
    "ip route add unreachable 203.0.113.66",
)

CHILD = """
import asyncio, json, socket, subprocess, sys, threading, time
sys.path.insert(0, {source!r})
from surecast.transport import network
for command in {commands!r}:
    subprocess.run(command.split(), check=True)

def answers(host):
    listening = socket.create_server((host, 0), backlog=50)
    return listening, (host, listening.getsockname()[1])

def refuses(host):
    listening, place = answers(host)
    listening.close()
    return place

def hangs(host):
    "A server that is up and takes no connection any more: its queue is full."
    listening = socket.create_server((host, 0), backlog=0)
    waiting = []
    for _ in range(2):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(listening.getsockname())
    time.sleep(0.05)
    return (listening, *waiting), (host, listening.getsockname()[1])

def asked(hosts, others=(), independent=(), patience=0.3):
    "What comes of it, and after how long."
    network.CONNECT_S = patience
    began = time.monotonic()
    found = asyncio.run(network.cut_off(hosts, others, tuple(independent)))
    return found, time.monotonic() - began

def say(value):
    print(json.dumps(value), flush=True)

OUTSIDE, ELSEWHERE = ("198.51.100.7", 443), ("198.51.100.8", 443)
"""


@pytest.fixture(scope="session")
def own_network() -> tuple[str, ...]:
    """The beginning of a command that has a network of its own."""
    if not shutil.which("ip"):
        missing("the command ip: install iproute2")
    for prefix in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        if (
            shutil.which("unshare")
            and subprocess.run([*prefix, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0
        ):
            return prefix
    return missing("a network namespace: install util-linux, and run as root or with user namespaces allowed")


def missing(what: str) -> NoReturn:
    """Skips the test; where nothing may be skipped, fails it."""
    if os.environ.get("SURECAST_STRICT") == "1":
        pytest.fail(f"needs {what}", pytrace=False)
    pytest.skip(f"needs {what}")


def within(prefix: tuple[str, ...], commands: tuple[str, ...], script: str, timeout_s: float = 30.0) -> Any:
    """What a piece of Python says at last, in a network with so much in it."""
    code = CHILD.format(source=str(ROOT / "src"), commands=commands) + textwrap.dedent(script)
    done = subprocess.run(
        [*prefix, sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# Without any way out


def test_where_there_is_no_network_at_all_nobody_is_reached_not_even_on_this_machine(
    own_network: tuple[str, ...],
) -> None:
    found = within(
        own_network,
        NOTHING,
        """
        say([
            asked([("127.0.0.1", 8080)]),
            asked([("localhost", 8080), ("[::1]", 8080)]),
            asked([OUTSIDE]),
            asked([OUTSIDE], [ELSEWHERE], [ELSEWHERE], patience=9),
            asked([OUTSIDE], [("127.0.0.1", 8080)], [ELSEWHERE], patience=9),
            asked([("bsky.social", 443)], [("social.example", 443)], [("www.example.org", 443)]),
            asked([OUTSIDE, ("127.0.0.1", 8080)]),
        ])
        """,
    )
    assert [cut for cut, _ in found] == [True] * 7
    assert all(seconds < 5 for _, seconds in found), "the kernel knows at once"


def test_where_nobody_knows_where_the_platform_is_it_is_not_looked_at(own_network: tuple[str, ...]) -> None:
    assert within(own_network, NOTHING, "say(asked([], [ELSEWHERE], [ELSEWHERE]))")[0] is False


# With this machine alone


def test_what_is_on_this_machine_can_be_reached_without_any_network(own_network: tuple[str, ...]) -> None:
    found = within(
        own_network,
        LOOPBACK,
        """
        say([asked([(host, 1)], [ELSEWHERE], [ELSEWHERE]) for host in ("127.0.0.1", "127.8.8.8", "localhost", "[::1]")])
        """,
    )
    assert [cut for cut, _ in found] == [False] * 4, "whether anybody listens there is the platform's affair"


def test_what_is_outside_cannot_but_another_channel_on_this_machine_is_a_way(own_network: tuple[str, ...]) -> None:
    found = within(
        own_network,
        LOOPBACK,
        """
        server, there = answers("127.0.0.1")
        full, hung = hangs("127.0.0.1")
        nobody = refuses("127.0.0.1")
        say({
            "alone": asked([OUTSIDE]),
            "others outside": asked([OUTSIDE], [ELSEWHERE], [ELSEWHERE]),
            "one here": asked([OUTSIDE], [ELSEWHERE, there]),
            "one here is independent": asked([OUTSIDE], [], [there]),
            "its server is down": asked([OUTSIDE], [nobody]),
            "its server hangs": asked([OUTSIDE], [hung]),
            "one of two hangs": asked([OUTSIDE], [hung, there], patience=9),
        })
        """,
    )
    assert {name: cut for name, (cut, _) in found.items()} == {
        "alone": True,
        "others outside": True,
        "one here": False,
        "one here is independent": False,
        "its server is down": False,
        "its server hangs": True,
        "one of two hangs": False,
    }
    assert found["one of two hangs"][1] < 5, "who answers first is enough"


# With a way out


def test_with_a_way_out_an_independent_place_decides(own_network: tuple[str, ...]) -> None:
    found = within(
        own_network,
        WAY_OUT,
        """
        server, there = answers("203.0.113.7")
        full, hung = hangs("203.0.113.7")
        nobody, lost, unreachable = refuses("203.0.113.7"), ("198.51.100.99", 443), ("203.0.113.66", 443)
        say({
            "answers": asked([OUTSIDE], [], [there]),
            "refuses": asked([OUTSIDE], [], [nobody]),
            "hangs": asked([OUTSIDE], [], [hung]),
            "is lost on the way": asked([OUTSIDE], [], [lost]),
            "cannot be reached": asked([OUTSIDE], [], [unreachable], patience=9),
            "all of them": asked([OUTSIDE], [], [lost, hung, ("198.51.100.98", 443), unreachable], patience=0.5),
            "one of them": asked([OUTSIDE], [], [lost, unreachable, hung, there], patience=9),
            "another platform answers": asked([OUTSIDE], [there], [lost]),
            "another platform refuses": asked([OUTSIDE], [nobody], [lost]),
            "another platform hangs too": asked([OUTSIDE], [hung], [lost]),
            "none is to be asked": asked([OUTSIDE], [lost], [], patience=9),
        })
        """,
    )
    cut = {"hangs", "is lost on the way", "cannot be reached", "all of them", "another platform hangs too"}
    assert {name for name, (cut, _) in found.items() if cut} == cut
    assert found["all of them"][1] < 1.4, "they are asked at once"
    assert all(found[name][1] < 5 for name in ("one of them", "cannot be reached", "none is to be asked"))


def test_the_platform_itself_is_never_asked(own_network: tuple[str, ...]) -> None:
    """A platform that answers is no proof of anything here: it failed just now."""
    asked = within(
        own_network,
        WAY_OUT,
        """
        server, platform = answers("203.0.113.7")
        server.settimeout(0.1)
        cut, _ = asked([platform], [], [("198.51.100.99", 443)])
        try:
            server.accept()
        except TimeoutError:
            say([cut, "nobody came"])
        """,
    )
    assert asked == [True, "nobody came"]


def test_names_that_are_not_known_are_no_place(own_network: tuple[str, ...]) -> None:
    found = within(
        own_network,
        WAY_OUT,
        """
        def unknown(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        socket.getaddrinfo = unknown
        server, there = answers("203.0.113.7")
        say([asked([OUTSIDE], [], [("www.example.org", 443)]), asked([OUTSIDE], [], [("x" * 80, 443)])])
        """,
    )
    assert [cut for cut, _ in found] == [True, True]


def test_a_name_of_which_one_address_alone_cannot_be_reached_answers(own_network: tuple[str, ...]) -> None:
    """As where IPv6 is announced and leads nowhere, while IPv4 works."""
    found = within(
        own_network,
        WAY_OUT,
        """
        server, (_, port) = answers("203.0.113.7")
        def both(host, *asked, **own):
            hosts = ("203.0.113.66", "203.0.113.7") if host == "www.example.org" else (host,)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in hosts]
        socket.getaddrinfo = both
        say([asked([OUTSIDE], [], [("www.example.org", port)], patience=5)])
        """,
    )
    assert [cut for cut, _ in found] == [False]


def test_nothing_is_left_open_behind_it(own_network: tuple[str, ...]) -> None:
    left = within(
        own_network,
        WAY_OUT,
        """
        import os
        server, there = answers("203.0.113.7")
        full, hung = hangs("203.0.113.7")

        async def many():
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                await network.cut_off([OUTSIDE], [hung], (there,))
            await asyncio.sleep(0.05)
            return len(os.listdir("/proc/self/fd")) - before, len(asyncio.all_tasks())

        say(asyncio.run(many()))
        """,
    )
    assert left == [0, 1]


def test_a_name_server_that_says_nothing_does_not_keep_the_process_from_ending(own_network: tuple[str, ...]) -> None:
    within(
        own_network,
        WAY_OUT,
        """
        looked_up = socket.getaddrinfo
        def silent(*asked, **own):
            time.sleep(6)
            return looked_up(*asked, **own)
        socket.getaddrinfo = silent

        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        asking = network.cut_off([OUTSIDE], [], (("www.example.org", 443),))
        say(asyncio.run_coroutine_threadsafe(asking, loop).result())
        """,
        timeout_s=2.5,
    )


# Places


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("www.example.org:443", ("www.example.org", 443)),
        ("www.example.org:8443", ("www.example.org", 8443)),
        ("www.example.org", ("www.example.org", 443)),
        ("192.0.2.7:53", ("192.0.2.7", 53)),
        ("2001:db8::1", ("2001:db8::1", 443)),
        ("www.example.org:https", ("www.example.org:https", 443)),
    ],
)
def test_a_place_is_a_host_with_or_without_a_port(written: str, place: tuple[str, int]) -> None:
    assert place_of(written) == place


def test_another_port_may_be_the_usual_one() -> None:
    assert (place_of("mail.example", 587), place_of("mail.example:25", 587)) == (
        ("mail.example", 587),
        ("mail.example", 25),
    )


def test_those_asked_by_default_are_of_different_operators_and_can_be_read() -> None:
    places = [place_of(written) for written in INDEPENDENT]
    assert len({host.split(".")[-2] for host, _ in places}) == len(places) >= 3
    assert {port for _, port in places} == {443}


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.example", False),
        ("128.0.0.1", False),
        ("::2", False),
    ],
)
def test_which_hosts_are_on_this_machine(host: str, *, here: bool) -> None:
    assert network._on_this_machine(host) is here
