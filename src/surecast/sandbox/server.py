"""What all simulated platforms have in common: posts and what readers see of them, a request log, faults, a page."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from surecast.clock import Clock
from surecast.sandbox.chaos import Fault, Kind, Switch, Trouble
from surecast.sandbox.disturb import disturb, http_date
from surecast.sandbox.home import Home, Port
from surecast.sandbox.page import page

MAX_BODY_BYTES = 110 * 1024 * 1024  # above every platform's own limit, so that each can refuse in its own words
LOG_LENGTH = 10_000

_MAGIC: Mapping[bytes, str] = MappingProxyType(
    {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
)
IMAGE_TYPES = tuple(_MAGIC.values())

_OUR_HOSTS = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?\Z")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a post, as readers get it."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post that a platform took in.

    Attributes:
        id: the platform's own name for it.
        author: the account's handle.
        text: the text as it was sent.
        html: the text as readers see it, escaped.
        at: when it was taken in, Unix seconds.
        url: the page where readers see it.
        public: whether readers may ever see it.
        raw: the platform's own form of it.
    """

    id: str
    author: str
    text: str
    html: str = field(repr=False)
    at: float
    url: str
    language: str = ""
    public: bool = True
    pictures: tuple[Picture, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Shelves:
    """What was taken in, and what readers see of it: the second follows the first unless indexing stands still."""

    def __init__(self) -> None:
        self.held: dict[str, Post] = {}
        self.shown: dict[str, Post] = {}
        self._late: list[str] = []
        self._still = False

    def put(self, post: Post) -> None:
        """Takes a post in, or another version of it."""
        self.held[post.id] = post
        self._index(post.id)

    def drop(self, post_id: str) -> None:
        """Takes a post away; does nothing when it is not there."""
        self.held.pop(post_id, None)
        self._index(post_id)

    def stand_still(self, still: bool) -> None:
        """Stops indexing, or lets it go on and catch up."""
        self._still = still
        if not still:
            late, self._late = self._late, []
            for each in late:
                self._index(each)

    def _index(self, post_id: str) -> None:
        if self._still:
            self._late.append(post_id)
        elif (post := self.held.get(post_id)) is not None and post.public:
            self.shown[post_id] = post
        else:
            self.shown.pop(post_id, None)


@dataclass(slots=True, kw_only=True)
class Request:
    """One request as the platform saw it; never its body, a token or a query.

    Attributes:
        at: when it came, Unix seconds.
        answer: the HTTP status that went out; None while it is under way and when no answer went out.
        fault: the fault that struck it.
        digest: SHA-256 over the body, where it was read whole: two attempts with the same one sent the same bytes.
        key: the header Idempotency-Key.
    """

    at: float
    kind: Kind
    method: str
    path: str
    answer: int | None = None
    fault: Fault = Fault.NONE
    digest: str = ""
    key: str = ""


class RefusedError(Exception):
    """A request that the platform turns down, in its own words."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def reply(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers)


class Platform(ABC):
    """A simulated platform on a port of its own. Its public methods may be called from any thread.

    A new platform gives its routes, and, where the defaults do not fit, what kind of request each is (`kind_of`),
    what of its path is no secret (`path_of`), and what its errors look like (`words`, `says`, `wait_headers`,
    `refusal`). Faults, log and page come with this class.

    Attributes:
        name: what this one is called within its sandbox.
        title: the platform's name for people.
        words: what it says with a fault: the HTTP status and the body.
    """

    title: ClassVar[str]
    words: ClassVar[Mapping[Fault, tuple[int, Mapping[str, Any]]]] = MappingProxyType(
        {
            Fault.THROTTLED: (429, {"error": "Too many requests"}),
            Fault.UNAUTHORIZED: (401, {"error": "Unauthorized"}),
            Fault.FORBIDDEN: (403, {"error": "Forbidden"}),
            Fault.REFUSED: (400, {"error": "Bad request"}),
            Fault.ERROR: (500, {"error": "Internal server error"}),
            Fault.UNAVAILABLE: (503, {"error": "Service unavailable"}),
        }
    )

    def __init__(self, name: str, *, clock: Clock, home: Home, port: Port) -> None:
        self.name = name
        self.clock = clock
        self.url = port.url
        self.shelves = Shelves()
        self._home = home
        self._port = port
        self._switch = Switch()
        self._log: deque[Request] = deque(maxlen=LOG_LENGTH)
        self._counts: Counter[Kind] = Counter()

    @abstractmethod
    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Its methods and paths; the page at / comes by itself."""

    def kind_of(self, request: web.Request) -> Kind:
        """What a request is about."""
        return Kind.READ if request.method in {"GET", "HEAD", "OPTIONS"} else Kind.WRITE

    def path_of(self, request: web.Request) -> str:
        """A request's path as the log keeps it; a platform that has tokens in its paths takes them out."""
        return request.path

    def refusal(self, status: int, message: str) -> RefusedError:
        """A refusal that HTTP itself explains, such as 404 for an unknown path."""
        return RefusedError(status, {"error": message})

    def wait_headers(self, seconds: float) -> Mapping[str, str]:
        """How the platform states a wait."""
        return {"Retry-After": str(max(1, round(seconds)))}

    def stamp(self, request: web.Request, reply: web.StreamResponse) -> None:  # noqa: ARG002 - for platforms
        """Adds the headers that every answer has."""
        reply.headers.setdefault("Date", http_date(self.clock.now()))

    def posts(self) -> tuple[Post, ...]:
        """What it holds, in the order in which it came."""
        return self._home.run(lambda: tuple(self.shelves.held.values()))

    def visible(self) -> tuple[Post, ...]:
        """What readers see, in the order in which it came to be seen."""
        return self._home.run(lambda: tuple(self.shelves.shown.values()))

    def requests(self) -> tuple[Request, ...]:
        """The last ten thousand requests."""
        return self._home.run(lambda: tuple(replace(request) for request in self._log))

    def counts(self) -> dict[Kind, int]:
        """How many requests of each kind came; never fewer entries than there are kinds."""
        return self._home.run(lambda: {kind: self._counts[kind] for kind in Kind})

    def forget_requests(self) -> None:
        """Starts log and counts anew."""
        self._home.run(self._forget)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What goes wrong now."""
        return self._home.run(lambda: self._switch.troubles)

    def trouble(self, *troubles: Trouble) -> None:
        """Puts these troubles in place of those before; the first that covers a request strikes it. None lifts all."""
        self._home.run(lambda: self._set(troubles))

    async def open(self) -> None:
        """Serves from now on."""
        app = web.Application(middlewares=[self._middleware()], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/", self._front_page)
        app.add_routes(self.routes())
        await self._port.serve(app)

    async def close(self) -> None:
        """Gives up the port at once, whatever hangs."""
        self._switch.set()
        await self._port.close()

    def _forget(self) -> None:
        self._log.clear()
        self._counts.clear()

    def _set(self, troubles: tuple[Trouble, ...]) -> None:
        self._switch.set(*troubles)
        self._follow_the_switch()
        if self._switch.down:
            self._port.refuse()
        else:
            self._port.listen()

    def _follow_the_switch(self) -> None:
        self.shelves.stand_still(self._switch.hidden)

    def _middleware(self) -> Any:
        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            if why := stranger(request):
                return web.Response(status=403, text=why)
            return await self._answer(request, handler)

        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = self.kind_of(request)
        trouble, lifted = self._switch.strike(kind)
        entry = Request(
            at=self.clock.now(),
            kind=kind,
            method=request.method,
            path=self.path_of(request),
            fault=trouble.fault if trouble else Fault.NONE,
            key=request.headers.get("Idempotency-Key", ""),
        )
        self._log.append(entry)
        self._counts[kind] += 1

        async def carry_out() -> web.Response:
            return await self._carry_out(request, handler, entry)

        try:
            if trouble is None:
                reply: web.StreamResponse = await carry_out()
            else:
                reply = await disturb(request, trouble, lifted=lifted, carry_out=carry_out, says=self.says)
        finally:
            self._switch.expire()
            self._follow_the_switch()
        if request.transport is not None and not request.transport.is_closing():
            entry.answer = reply.status
            if not reply.prepared:
                self.stamp(request, reply)
        return reply

    async def _carry_out(self, request: web.Request, handler: Handler, entry: Request) -> web.Response:
        try:
            if not request.content_type.startswith("multipart/"):
                entry.digest = hashlib.sha256(await request.read()).hexdigest()
            reply = await handler(request)
        except RefusedError as refusal:
            reply = refusal.reply()
        except web.HTTPException as error:
            reply = self.refusal(error.status, error.reason).reply()
        assert isinstance(reply, web.Response)
        self.stamp(request, reply)
        return reply

    def says(self, trouble: Trouble) -> web.Response:
        """The answer to a request that a trouble strikes, in the platform's own words."""
        status, body = self.words.get(trouble.fault) or Platform.words[trouble.fault]
        seconds, headers = trouble.stated_wait_s, dict[str, str]()
        if seconds is not None and trouble.fault in {Fault.THROTTLED, Fault.UNAVAILABLE}:
            late = {"Retry-After": http_date(self.clock.now() + seconds)}
            headers = late if trouble.wait == "date" else dict(self.wait_headers(seconds))
        return RefusedError(status, body, headers).reply()

    async def _front_page(self, request: web.Request) -> web.Response:
        del request
        newest_first = tuple(reversed(self.shelves.shown.values()))
        return html_reply(page(f"{self.title}, simulated", newest_first))

    def post_page(self, post: Post) -> web.Response:
        """The page of one post that readers see."""
        return html_reply(page(f"{self.title}, simulated", (post,)))


def html_reply(text: str, status: int = 200) -> web.Response:
    """A page that loads nothing from elsewhere and runs nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def image_type(data: bytes) -> str:
    """The media type that an image's first bytes tell; empty when they tell none."""
    return next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "")


def stranger(request: web.Request) -> str:
    """Why a request does not come from this machine's own programs; empty when it does.

    A page of some website, opened in a browser on this machine, can reach loopback as well: by a name that it lets
    point here (its Host gives it away), or by a request across sites (its Origin does).
    """
    if not _OUR_HOSTS.match(request.headers.get("Host", "")):
        return "This server answers only under 127.0.0.1 or localhost.\n"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers['Host']}":
        return "Requests from other websites are refused.\n"
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method != "GET":
        return "Requests from other websites are refused.\n"
    return ""
