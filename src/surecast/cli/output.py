"""What is printed, and how: for people on a terminal, plain lines in a pipe, one object with ``--json``.

Answers go to standard output, everything else to standard error. Nothing secret is printed, and nothing that would
steer a terminal. A reader who has gone away (``| head``) or a full disk changes neither what is done nor its exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from surecast.errors import Mistake

SCHEMA = 1
SANDBOX = "SANDBOX "

#: C0 and C1 controls but line feed and tab, and the marks that turn the direction of what follows: a platform's
#: answer or somebody's announcement must not move the cursor or reorder a line.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Output:
    """Prints for one run of one verb.

    Args:
        as_json: one object on standard output, nothing else.
        quiet: print an answer only when `worth_saying`.
        sandbox: every line says that the platforms were simulated.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, sandbox: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.sandbox = sandbox

    @property
    def terminal(self) -> bool:
        """Whether a person watches: tables, colours and progress make sense."""
        return not self.as_json and _is_terminal(sys.stdout)

    @property
    def unicode(self) -> bool:
        """Whether more than ASCII can be shown."""
        return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"

    @cached_property
    def console(self) -> Console:
        """The terminal for rich; narrower by the sandbox's mark."""
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

        width = shutil.get_terminal_size().columns - (len(SANDBOX) if self.sandbox else 0)
        return Console(
            file=sys.stdout, width=max(20, width), highlight=False, markup=False, emoji=False, legacy_windows=False
        )

    def lines(self, *lines: str, verbatim: bool = False) -> None:
        """Prints lines of the answer; a terminal breaks them between words.

        Args:
            verbatim: somebody's own words or addresses: what merely looks like a secret stays.
        """
        if self.as_json:
            return
        texts = [tame(line) if verbatim else safe(line) for line in lines]
        if not self.terminal:
            self._write(sys.stdout, texts)
            return
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        self.show(*map(Text, texts))

    def show(self, *renderables: RenderableType) -> None:
        """Prints what rich can draw; only on a terminal."""
        if not renderables:
            return
        with self.console.capture() as captured:
            for renderable in renderables:
                self.console.print(renderable)
        self._write(sys.stdout, captured.get().removesuffix("\n").split("\n"))

    def object(self, value: Mapping[str, Any]) -> None:
        """Prints the one object of ``--json``; nothing without it."""
        if not self.as_json:
            return
        told = {**value, "sandbox": True} if self.sandbox else dict(value)
        try:
            text = json.dumps(told, ensure_ascii=not self.unicode)
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair
            text = json.dumps(told)
        self._write(sys.stdout, [text], mark=False)

    def hint(self, *lines: str, verbatim: bool = False) -> None:
        """Says something beside the answer, on standard error."""
        texts = [tame(line) if verbatim else safe(line) for line in lines]
        if _is_terminal(sys.stderr):
            width = shutil.get_terminal_size().columns - (len(SANDBOX) if self.sandbox else 0)
            texts = [piece for text in texts for line in text.split("\n") for piece in _between_words(line, width)]
        self._write(sys.stderr, texts)

    def mark(self, line: str) -> str:
        """`line` as it is printed: marked in a sandbox."""
        return f"{SANDBOX}{line}".rstrip() if self.sandbox else line

    def _write(self, stream: TextIO | None, lines: Iterable[str], *, mark: bool = True) -> None:
        if stream is None:  # closed before we began
            return
        pieces = [piece for line in lines for piece in line.split("\n")]
        text = "".join(f"{self.mark(piece) if mark else piece}\n" for piece in pieces)
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            _to_nowhere(stream)
        except OSError as error:
            _to_nowhere(stream)
            if stream is not sys.stderr:
                self.hint(f"The answer could not be printed ({error.strerror}); everything else was done.")


def safe(text: str) -> str:
    """`text` without secrets, and without what would steer a terminal."""
    from surecast.transport.redact import redact  # noqa: PLC0415 - its patterns are compiled only where text is printed

    return tame(redact(text))


def safe_mistake(mistake: Mistake) -> str:
    """A configuration's mistake on one line; its place is no secret, though it may name the key of one."""
    return f"{mistake.place}: {safe(mistake.what)}. {safe(mistake.cure)}"


def one_line(text: str) -> str:
    """`text` on one line, tame."""
    return " ".join(tame(text).split())


def tame(text: str) -> str:
    """`text` without what would steer a terminal; whatever goes to `Output.show` must be tame."""
    return _STEERING.sub("\ufffd", text.replace("\r\n", "\n"))


def prepare() -> None:
    """Makes sure that no character can stop us from printing: what the terminal's encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _between_words(line: str, width: int) -> list[str]:
    from textwrap import wrap  # noqa: PLC0415 - only for a terminal

    return wrap(line, max(20, width), break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [""]


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _to_nowhere(stream: TextIO) -> None:
    """Lets later writes, and the interpreter's own at its end, succeed."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
