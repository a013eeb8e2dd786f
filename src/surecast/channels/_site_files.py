"""The website's folder: written by several processes at once, killed at any moment, never seen half done.

entries/SLUG.json         what was announced: the truth, from which everything else is built
entries/past/SLUG.json    the same, for those that left the index and the feeds
SLUG.html, SLUG-*.jpg     pages and pictures
index.html, feed.*, current.json
.surecast/                locks, files in the making, and who is not published yet
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

ENTRIES, PAST, HIDDEN, INDEX = "entries", "entries/past", ".surecast", "index.html"

#: Stands in every page; an index without it was written by somebody else and is never overwritten.
SIGNATURE = b'<meta name="generator" content="surecast">'

LOW_DISK_BYTES = 20_000_000
_LOCK_POLL_S = 0.01
_TERM_GRACE_S = 0.1
_READ_BYTES, _SHOWN_CHARS = 65_536, 200


class FolderError(Exception):
    """The folder cannot be used; the text names it and says what to do."""


class BusyError(FolderError):
    """Another process held a lock for as long as we could wait."""


class CommandError(Exception):
    """The command after a write did not do its work; the text says how it ended.

    Attributes:
        timed_out: it was still running at the deadline and was ended.
        started: it could be started at all.
    """

    def __init__(self, sentence: str, *, timed_out: bool = False, started: bool = True) -> None:
        super().__init__(sentence)
        self.timed_out = timed_out
        self.started = started


class Folder:
    """The files of one website.

    Everything that changes a file is called while `locked` holds the lock "write".
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what the system says about the folder into a `FolderError`."""
        try:
            yield
        except OSError as error:
            raise FolderError(_sentence(self.path, error)) from error

    @contextlib.contextmanager
    def locked(self, what: str, deadline: float) -> Iterator[None]:
        """Holds one of the folder's locks, against threads and processes alike; a killed owner frees it.

        Args:
            what: ``write`` or ``publish``.
            deadline: when to give up, by the monotonic clock, in seconds.

        Raises:
            BusyError: the lock was not free in time.
        """
        _make(self.path / HIDDEN)
        descriptor = os.open(self.path / HIDDEN / f"{what}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(descriptor):
                # Not a blocking flock: nothing could end it at the deadline.
                if time.monotonic() >= deadline:
                    raise BusyError(
                        f"Another surecast is still busy in {self.path}. It is tried again; if this stays, look "
                        f"for a hung process with: fuser {self.path / HIDDEN / f'{what}.lock'}"
                    )
                time.sleep(_LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)

    def refuse_foreign_index(self) -> None:
        """Raises FolderError when the folder's start page is somebody else's."""
        with contextlib.suppress(FileNotFoundError):
            if SIGNATURE not in (self.path / INDEX).read_bytes():
                raise FolderError(
                    f"{self.path / INDEX} was not written by surecast and would be overwritten. Give the site a "
                    f"folder of its own, e.g. directory = {str(self.path / 'notices')!r}, or move the file away."
                )

    def write(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Replaces files in the order given, each in one step; what is the same already is not touched.

        When the disk cannot take all of them, none is replaced.
        """
        for stale in (self.path / HIDDEN).glob("*.new"):
            stale.unlink()
        changed = [(name, data) for name, data in files if self._read(name) != data]
        made: list[tuple[Path, Path]] = []
        try:
            for number, (name, data) in enumerate(changed):
                # In a folder of the same file system, so that replacing is atomic and a copying command or a web
                # server never meets a file in the making.
                fresh = self.path / HIDDEN / f"{number}.new"
                made.append((fresh, self.path / name))
                _write_through(fresh, data)
            for fresh, final in made:
                _make(final.parent)
                fresh.replace(final)
        finally:
            for fresh, _ in made:
                with contextlib.suppress(OSError):
                    fresh.unlink()
        for folder in {final.parent for _, final in made}:
            _sync_folder(folder)

    def entries(self) -> Mapping[str, bytes]:
        """The entries of index and feeds, by slug."""
        found = {}
        for path in (self.path / ENTRIES).glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                found[path.stem] = path.read_bytes()
        return found

    def entry(self, slug: str) -> bytes | None:
        """One entry, wherever it is by now."""
        for folder in (ENTRIES, PAST, ENTRIES):  # it may move while we look
            if (data := self._read(f"{folder}/{slug}.json")) is not None:
                return data
        return None

    def retire(self, slugs: Iterable[str]) -> None:
        """Takes entries out of index and feeds; their pages stay."""
        for slug in slugs:
            _make(self.path / PAST)
            (self.path / ENTRIES / f"{slug}.json").replace(self.path / PAST / f"{slug}.json")

    def forget(self, slug: str) -> None:
        """Deletes an entry; one that is gone already is no mistake."""
        for folder in (ENTRIES, PAST):
            (self.path / folder / f"{slug}.json").unlink(missing_ok=True)

    def remove_page(self, slug: str) -> None:
        """Deletes an entry's page and pictures."""
        for path in (self.path / f"{slug}.html", *self.path.glob(f"{slug}-*")):
            path.unlink(missing_ok=True)

    # A change goes through two notes: "writing" while files are replaced, "written" until the command after the
    # write has carried them on. Whoever finds neither knows that the change is complete; a crash leaves one behind.

    def note_writing(self, slug: str) -> None:
        """Notes that files of this entry are about to change."""
        self._note(slug, "writing").touch()
        self._note(slug, "written").unlink(missing_ok=True)
        _sync_folder(self.path / HIDDEN)

    def note_written(self, slug: str) -> None:
        """Notes that its files are complete and not carried on yet."""
        self._note(slug, "writing").replace(self._note(slug, "written"))

    def written(self) -> Mapping[str, int]:
        """The entries whose files are complete and not carried on yet, each with a mark of that change."""
        found = {}
        for path in (self.path / HIDDEN).glob("*.written"):
            with contextlib.suppress(FileNotFoundError):
                found[path.stem] = path.stat().st_mtime_ns
        return found

    def note_done(self, carried: Mapping[str, int]) -> None:
        """Notes that these changes were carried on; an entry changed since keeps its note."""
        for slug, mark in carried.items():
            note = self._note(slug, "written")
            with contextlib.suppress(FileNotFoundError):
                if note.stat().st_mtime_ns == mark:
                    note.unlink()

    def is_done(self, slug: str) -> bool:
        """Whether the last change of this entry is complete, and carried on."""
        return not any(self._note(slug, state).exists() for state in ("writing", "written"))

    def try_out(self) -> int:
        """Writes and deletes a hidden file, and gives the bytes that are free."""
        self.refuse_foreign_index()
        _make(self.path / HIDDEN)
        with tempfile.NamedTemporaryFile(dir=self.path / HIDDEN, prefix="probe-") as file:
            file.write(b"surecast\n")
            file.flush()
            os.fsync(file.fileno())
        return shutil.disk_usage(self.path).free

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def _note(self, slug: str, state: str) -> Path:
        return self.path / HIDDEN / f"{slug}.{state}"


def is_program(name: str, folder: Path) -> bool:
    """Whether `run_command` would find the program."""
    return shutil.which(str(folder / name) if os.sep in name else name) is not None


def run_command(command: Sequence[str], folder: Path, deadline: float, redact: Callable[[str], str]) -> None:
    """Runs the command after a write, without a shell, and ends it with its children at the deadline.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        deadline: by the monotonic clock, in seconds.
        redact: takes secrets out of what the command says.

    Raises:
        CommandError: it could not be started, failed, or was not done in time.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as said:
        try:
            # The output goes to a file, not a pipe: a child left behind could hold a pipe open for ever.
            process = subprocess.Popen(  # noqa: S603 - the owner of the configuration names the command
                list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            why = f"{error.strerror}: {error.filename}"
            raise CommandError(f"{name} cannot be started ({why})", started=False) from error
        try:
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(process)
            raise CommandError(f"{name} was not done in time and was ended", timed_out=True) from None
        if status != 0:
            line = _last_line(redact(_end_of(said)))
            raise CommandError(f"{name} ended with status {status}{f': {line}' if line else ''}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for end in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TERM_GRACE_S)


def _end_of(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _READ_BYTES))
    return said.read().decode(errors="replace")


def _last_line(text: str) -> str:
    lines = ("".join(char for char in line if char.isprintable()).strip() for line in reversed(text.splitlines()))
    return next((line[:_SHOWN_CHARS] for line in lines if line), "")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path) -> None:
    """Makes a folder and those above it, readable for the web server, whatever the umask."""
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        _make(folder.parent)
    with contextlib.suppress(FileExistsError):  # another process was quicker
        folder.mkdir()
        folder.chmod(0o755)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)  # readable for the web server, whatever the umask
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot do this; their rename is durable or it is not.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sentence(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return (
                f"There is no room left for {path} ({error.strerror}). Free some disk space; the pages of before stand."
            )
        case errno.EROFS:
            return f"{path} is on a read-only disk. Mount it writable, or choose another directory."
        case errno.EACCES | errno.EPERM:
            return f"surecast may not write in {path}. Give the folder to the user who runs surecast (chown)."
        case errno.ENOTDIR | errno.EEXIST:
            return f"{path} is no folder: a file stands in its place. Move it away, or choose another directory."
        case _:
            return f"{path} cannot be used ({error.strerror or type(error).__name__}). Look at the disk."
