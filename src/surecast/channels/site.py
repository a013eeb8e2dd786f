"""A website of plain files: the channel that stands when every platform is down.

Writes pages, an index, feeds (Atom, RSS 2.0, JSON Feed 1.1) and ``current.json`` into a folder that any web server
can serve; a command of the owner's may carry them further. Nobody else's service is needed to write them, and what the
public sees of them is looked up only where that is asked for (``confirm = "visible"``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from surecast.channel import Context, Errand, Kind, Limits, Probed, Sending, Traits
from surecast.channels import _site_public
from surecast.channels._site_entry import Entry, clean, picture_file, safe_name, select
from surecast.channels._site_files import (
    ENTRIES,
    LOW_DISK_BYTES,
    BusyError,
    CommandError,
    Folder,
    FolderError,
    is_program,
    run_command,
)
from surecast.channels._site_pages import Pages
from surecast.clock import Clock, SteadyClock
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.settings import setting, web_address
from surecast.threads import DaemonPool
from surecast.transport.classify import MAYBE, classify
from surecast.transport.clients import httpx_client
from surecast.transport.redact import redact

# Nobody else limits us; these keep a page quick to open on a train, and 4 MB is about what a phone's photo needs.
MAX_IMAGES, MAX_IMAGE_BYTES, MAX_ALT = 20, 4_000_000, 5_000

#: How long before the end of an attempt we end by ourselves, to say what happened before we are cut off.
MARGIN_S, MARGIN_SHARE = 1.0, 0.2

#: How long `prepare` waits for another process that is writing.
PREPARE_WAIT_S = 5.0

_THREADS = 4


def _whole_command(command: tuple[str, ...]) -> str:
    if command and not command[0].strip():
        return 'the command has no program. Write a list, e.g. ["rsync", "-a", "public/", "web:/srv/www/"]'
    return ""


def _at_least_one(count: int) -> str:
    return "" if count >= 1 else f"{count} entries would leave the feeds empty. Write 1 or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A website's settings."""

    directory: Path = setting(
        "The folder to write into, one of its own; it is made when it is not there.",
        example="public/notices",
        sandbox="folder",
    )
    url: str = setting(
        "The public address of that folder.", example="https://ferries.example/notices", check=web_address
    )
    after_write: tuple[str, ...] = setting(
        "A command that carries the files on, run after each write: a list, no shell.",
        default=(),
        example='["rsync", "-a", "public/", "web:/srv/www/"]',
        check=_whole_command,
        sandbox="default",
    )
    after_write_in: Path = setting(
        "The folder in which after_write runs; without it the configuration's.", default=Path()
    )
    title: str = setting("The heading of the site; without it the sender.", default="", example="Service notices")
    keep: int = setting(
        "How many notices stay in index and feeds; valid ones always stay.", default=50, check=_at_least_one
    )


TRAITS = Traits(
    platform="Website",
    limits=Limits(text=None, images=MAX_IMAGES, image_bytes=MAX_IMAGE_BYTES, alt=MAX_ALT),
    resend="same_key",
    keeps_link_in_text=False,
    long_form=True,
    local=True,
)


class Site:
    """Writes one website's folder.

    Args:
        settings: see `Settings`.
        context: gives the sender, the language of the index, the time zone of the times on the pages, and the way to
            the network by which they are read back.
        clock: tells which notices are still valid.
    """

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context, clock: Clock | None = None) -> None:
        self._settings = settings
        self._context = context
        self._clock = clock or SteadyClock()
        self._folder = Folder(Path(settings.directory).absolute())
        self._pages = Pages(
            title=clean(settings.title or context.sender),
            sender=clean(context.sender),
            url=settings.url.rstrip("/"),
            language=context.language,
            zone=ZoneInfo(context.time_zone),
        )
        self._pool = DaemonPool(f"site-{context.name}", _THREADS)

    async def open(self) -> None:
        """Reads the templates; touches no file of the site."""
        await self._pool.run(self._pages.load)

    async def prepare(self, errand: Errand) -> bytes:
        """The entry as JSON. Pictures are put in place now, where nothing links to them yet."""
        entry = Entry.of(errand, self._pages.url)
        pictures = [
            (file, await errand.image(picture.digest))
            for picture in errand.post.pictures
            if (file := picture_file(entry.slug, picture))
        ]
        if pictures:
            await self._pool.run(self._put_pictures, pictures)
        return entry.payload()

    async def publish(self, sending: Sending) -> Outcome:
        """Writes the entry and everything that is made of it, then runs `after_write`."""
        deadline = _deadline(sending.timeout_s)
        return await self._pool.run(self._publish, sending.payload, deadline)

    async def find(self, sending: Sending) -> Look:
        """Whether the entry, as it is to be sent, is in the folder, complete and carried on."""
        return await self._pool.run(self._find, sending.payload)

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look:
        """Fetches the notice's page from its public address, as any reader would, past caches where they let us.

        Seen is only a page that is this notice's own, unseen that the web server has none or another in its place.
        """
        try:
            address = receipt.url or self._receipt(safe_name(receipt.id)).url or ""
            async with asyncio.timeout(timeout_s), httpx_client(self._context, timeout_s) as reader:
                return await _site_public.look(reader, address, receipt)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is no information
            return _site_public.unknown(classify(error, own=self.classify).detail.removesuffix(MAYBE).strip())

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome:
        """Deletes page, pictures and entry, and runs `after_write`; what is gone already is well."""
        return await self._pool.run(self._retract, receipt, _deadline(timeout_s))

    async def probe(self, timeout_s: float) -> Probed:
        """Whether the folder takes a file, the disk has room and `after_write` can be started."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._pool.run(self._probe)
        except TimeoutError:
            return Probed(ok=False, detail=f"{self._folder.path} did not answer in {timeout_s:g} s. Look at the disk.")

    def classify(self, error: BaseException) -> Outcome | None:
        """What the folder refuses is a fault on our own side; nothing is published then."""
        if isinstance(error, FolderError):
            return Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.OURS, detail=redact(str(error)))
        return None

    async def close(self) -> None:
        """Ends the threads; a command that still runs is not waited for."""
        self._pool.close()

    def _put_pictures(self, pictures: list[tuple[str, bytes]]) -> None:
        with self._folder.explained(), self._folder.locked("write", time.monotonic() + PREPARE_WAIT_S):
            self._folder.refuse_foreign_index()
            self._folder.write(pictures)

    def _publish(self, payload: bytes, deadline: float) -> Outcome:
        entry = Entry.read(payload)
        with self._folder.explained(), self._folder.locked("write", deadline):
            self._folder.refuse_foreign_index()
            self._folder.note_writing(entry.slug)
            left_out = self._rebuild({entry.slug: payload})
            self._folder.note_written(entry.slug)
        return self._carry_on(self._receipt(entry.slug), deadline, left_out)

    def _retract(self, receipt: Receipt, deadline: float) -> Outcome:
        slug = safe_name(receipt.id)
        with self._folder.explained(), self._folder.locked("write", deadline):
            self._folder.refuse_foreign_index()
            self._folder.note_writing(slug)
            self._folder.forget(slug)
            left_out = self._rebuild({})
            self._folder.remove_page(slug)  # last, so that nothing links to a page that is gone
            self._folder.note_written(slug)
        return self._carry_on(receipt, deadline, left_out)

    def _rebuild(self, changed: Mapping[str, bytes]) -> str:
        """Makes all files anew from the entries; gives a sentence about entries that cannot be read."""
        entries, left_out = [], []
        for slug, data in {**self._folder.entries(), **changed}.items():
            try:
                entries.append(Entry.read(data, slug))
            except ValueError:
                left_out.append(f"{ENTRIES}/{slug}.json")
        now = self._clock.now()
        valid, ended, others = select(entries, self._settings.keep, now)
        truth = [(f"{ENTRIES}/{slug}.json", data) for slug, data in changed.items()]
        self._folder.write([*truth, *self._pages.render(valid, ended, others, now)])
        self._folder.retire(entry.slug for entry in others)
        return f"Left out, because it cannot be read: {', '.join(left_out)}" if left_out else ""

    def _carry_on(self, receipt: Receipt, deadline: float, detail: str) -> Outcome:
        """Runs `after_write`, unless another process that began after our change has carried it on with its own."""
        try:
            with self._folder.explained(), self._folder.locked("publish", deadline):
                written = self._folder.written()
                if self._settings.after_write and receipt.id in written:
                    run_command(self._settings.after_write, self._settings.after_write_in, deadline, redact)
                self._folder.note_done(written)
        except (CommandError, BusyError) as error:
            return Outcome(
                verdict=Verdict.UNAVAILABLE,
                reason=_reason(error),
                detail=f"The site in {self._folder.path} is written, but not published: {error}. "
                "Run the command of after_write by hand to see why.",
            )
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt, detail=detail)

    def _receipt(self, slug: str) -> Receipt:
        return Receipt(id=slug, url=f"{self._pages.url}/{slug}.html")

    def _find(self, payload: bytes) -> Look:
        slug = Entry.read(payload).slug
        try:
            with self._folder.explained():
                there = self._folder.entry(slug) == payload and self._folder.is_done(slug)
        except FolderError as error:
            return Look(sighting=Sighting.UNKNOWN, detail=str(error))
        if not there:
            return Look(sighting=Sighting.UNSEEN)
        return Look(sighting=Sighting.SEEN, receipt=self._receipt(slug))

    def _probe(self) -> Probed:
        try:
            with self._folder.explained():
                free = self._folder.try_out()
        except FolderError as error:
            return Probed(ok=False, detail=str(error))
        if free < LOW_DISK_BYTES:
            return Probed(ok=False, detail=f"The disk of {self._folder.path} is nearly full: {_size(free)} free.")
        if (command := self._settings.after_write) and not is_program(command[0], self._settings.after_write_in):
            return Probed(
                ok=False, detail=f"after_write: there is no program {command[0]!r}. Install it, or correct the name."
            )
        return Probed(ok=True, detail=f"{self._folder.path} can be written, {_size(free)} free.")


def _deadline(timeout_s: float) -> float:
    return time.monotonic() + timeout_s - min(MARGIN_S, timeout_s * MARGIN_SHARE)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _reason(error: CommandError | BusyError) -> Reason:
    if isinstance(error, BusyError) or error.timed_out:
        return Reason.TIMED_OUT
    return Reason.NOT_CONNECTED if error.started else Reason.OURS


KIND = Kind(name="site", traits=TRAITS, settings=Settings, adapter=Site)
