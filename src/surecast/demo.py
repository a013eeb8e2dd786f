"""`surecast demo`: Bluesky goes down, the announcement gets out, and the missed post is paid back; at last everything
public is down, and people are written to.

Nothing here is staged: the dispatcher, the adapters and the platforms' own libraries are the product's; only the far
sides are simulated, on loopback, because nobody should need an account to see this, nor a real outage.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from surecast.broadcaster.broadcaster import Broadcaster
from surecast.config import load_config, rehome
from surecast.config.assemble import assemble
from surecast.history import Action, Fact, Kind
from surecast.outcome import Verdict
from surecast.report import Report
from surecast.sandbox import Fault, Sandbox

Say = Callable[[str], None]

CONFIG = """\
sender = "Harbour Ferries"
time_zone = "Europe/Athens"

[urgencies.normal]
within = "8s"             # short, so that nobody waits for the demo

[urgencies.emergency]
within = "5s"

[routes]
default = "site & (bluesky | mastodon)"
emergency = "site & (bluesky | mastodon | newsletter | sms)"

[channels.site]
type = "site"
directory = "notices"
url = "https://ferries.example/notices"

[channels.bluesky]
type = "bluesky"
handle = "ferries.example"
app_password = { env = "BLUESKY_APP_PASSWORD" }
visible_within = "3s"

[channels.mastodon]
type = "mastodon"
server = "https://social.example"
access_token = { env = "MASTODON_ACCESS_TOKEN" }

[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{ host = "mail.ferries.example", user = "notices", password = { env = "SMTP_PASSWORD" } }]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"

[channels.sms]
type = "twilio"
account_sid = { env = "TWILIO_ACCOUNT_SID" }
auth_token = { env = "TWILIO_AUTH_TOKEN" }
from = "+15005550006"
audience = "riders"
price = 0.04
max_cost = 10
max_cost_per_day = 20
spend_after = "2s"        # after the first failure of a channel in front of it; 60 s is usual in an emergency

[audiences.riders]
source = "riders.csv"
"""

RIDERS = """\
name,phone,email,consent_sms,consent_email
Eleni,+306940000001,eleni@ferries.example,yes,yes
Jonas,+4915140000002,nobody@ferries.example,yes,yes
Ana,+351912345678,,yes,
Marc,+33612345678,marc@ferries.example,,yes
"""

PUBLIC = ("bluesky", "mastodon")
TIME_ZONE = "Europe/Athens"
URL = "https://ferries.example/timetable"
FIRST = "Ferry 12 is cancelled today because of the wind. Ferries 3 and 7 sail as planned."
SECOND = "Ferry 7 is delayed by 40 minutes."
THIRD = "Storm: no ferry sails before tomorrow noon."
PERSISTENCE_S = 15.0


def run_demo(say: Say = print, *, folder: Path | None = None) -> int:
    """Plays the demo and gives the exit code: 0 when everything came out as it must.

    Args:
        say: prints a line.
        folder: where the site's pages are written; else a new temporary one.
    """
    home = folder or Path(tempfile.mkdtemp(prefix="surecast-demo-"))
    home.mkdir(parents=True, exist_ok=True)
    (home / "surecast.toml").write_text(CONFIG, encoding="utf-8")
    (home / "riders.csv").write_text(RIDERS, encoding="utf-8")
    began = time.monotonic()
    with Sandbox.in_thread(("bluesky", "mastodon", "email", "twilio")) as sandbox:
        endpoints = {name: sandbox.url(name) for name in sandbox.platforms}
        with assemble(rehome(load_config(home / "surecast.toml"), endpoints, home)) as broadcaster:
            good = _Demo(say, sandbox, broadcaster).play()
    page = home / "site" / "index.html"
    say("")
    say(f"The site's page, as readers get it: {page}")
    say(f"The configuration of this demo: {home / 'surecast.toml'}")
    say(f"Took {time.monotonic() - began:.0f} s. {'All as it must be.' if good else 'Something is not as it must be.'}")
    return 0 if good and page.exists() else 1


class _Demo:
    """The acts of the demo."""

    def __init__(self, say: Say, sandbox: Sandbox, broadcaster: Broadcaster) -> None:
        self._say = say
        self._sandbox = sandbox
        self._broadcaster = broadcaster
        self._told = 0

    def play(self) -> bool:
        self._say("Simulated platforms are running on this machine; the real libraries talk to them:")
        for name, platform in self._sandbox.platforms.items():
            self._say(f"  {name:<12}{platform.url}")
        return self._down() and self._back() and self._hidden() and self._to_people()

    def _down(self) -> bool:
        self._act("1. Bluesky goes down, and a ferry is cancelled")
        self._sandbox.fault("bluesky", Fault.DOWN)
        report = self._send(FIRST)
        self._shelves()
        return report.state.value == "rerouted"

    def _back(self) -> bool:
        self._act("2. Bluesky is back, and gets what it missed")
        self._sandbox.fault("bluesky", Fault.NONE)
        self._say("Delivering what is owed, as by: surecast resume last")
        (report,) = self._broadcaster.resume("last")
        self._follow()
        self._say("")
        self._say(str(report))
        self._shelves()
        return report.state.value == "reached" and self._counts(FIRST) == [1, 1]

    def _hidden(self) -> bool:
        self._act("3. Bluesky takes posts and shows them to nobody, as in April 2026")
        self._say("(A post must be seen within 3 s here; 60 s is usual.)")
        self._sandbox.fault("bluesky", Fault.HIDDEN)
        report = self._send(SECOND)
        self._shelves()
        return report["bluesky"].verdict is Verdict.INVISIBLE and report.state.value == "rerouted"

    def _to_people(self) -> bool:
        self._act("4. Bluesky and Mastodon are both down, and a storm is coming: people are written to")
        self._say("(Four riders: Jonas' mailbox is gone, Ana has a telephone only, Marc agreed to e-mail only.)")
        for name in PUBLIC:
            self._sandbox.fault(name, Fault.DOWN)
        report = self._send(THIRD, urgency="emergency")
        self._say("")
        for name, platform in self._sandbox.platforms.items():
            if name not in PUBLIC:
                self._say(f"  {name:<12}took in {_messages(len(platform.posts()))}")
        held = {name: len(platform.posts()) for name, platform in self._sandbox.platforms.items()}
        return report.state.value == "rerouted" and (held["email"], held["twilio"]) == (2, 2)

    def _send(self, text: str, *, urgency: Literal["normal", "emergency"] = "normal") -> Report:
        beside = "" if urgency == "normal" else f" --urgency {urgency}"
        self._say(f'Announcing, as by: surecast send "{text}" --url {URL}{beside}')
        self._told = 0
        self._broadcaster.broadcast(text, url=URL, urgency=urgency, wait=False)
        until = time.monotonic() + 2 * PERSISTENCE_S
        while (report := self._broadcaster.status()).state.value == "pending" and time.monotonic() < until:
            self._follow()
            time.sleep(0.1)
        self._follow()
        self._say("")
        self._say(str(report))
        return report

    def _follow(self) -> None:
        """Tells what happened since the last look, fact by fact."""
        facts = self._broadcaster.facts()
        for fact in facts[self._told :]:
            if line := _told(fact):
                moment = datetime.fromtimestamp(fact.at, ZoneInfo(TIME_ZONE))
                self._say(f"  {moment:%H:%M:%S}  {fact.channel:<12}{line}")
        self._told = len(facts)

    def _shelves(self) -> None:
        self._say("")
        for name in PUBLIC:
            platform = self._sandbox.platforms[name]
            seen = [post.text.split("\n")[0] for post in platform.visible()]
            self._say(f"  What readers see on {name}: {'; '.join(seen) if seen else 'nothing'}")

    def _counts(self, text: str) -> list[int]:
        """How many copies of a post each platform holds."""
        return [sum(post.text.startswith(text) for post in self._sandbox.platforms[name].posts()) for name in PUBLIC]

    def _act(self, title: str) -> None:
        self._say("")
        self._say(title)
        self._say("-" * len(title))


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _told(fact: Fact) -> str:
    if fact.kind is Kind.TURN:
        return "has its turn"
    if fact.kind is not Kind.ENDED:
        return ""
    if fact.outcome is not None and fact.outcome.verdict is Verdict.ACCEPTED:
        return "took the post"
    if fact.outcome is not None:
        return f"{fact.outcome.verdict.value}: {fact.outcome.detail}"
    if fact.action is Action.CONFIRM and fact.look is not None:
        return {"seen": "shows the post to readers", "unseen": "does not show it yet"}.get(fact.look.sighting, "")
    return ""
