"""A process that has loaded everything once and forks for every job: a new process in milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ledger.open_files import ROOT, environment


class Forks:
    """Runs functions of `tests.dispatch.shelf`, or of ``pigeons.``, in processes of their own."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.dispatch.forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(20)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def start(self, function: str, root: Path, *arguments: str) -> int:
        """Starts a job in a new process and gives its id."""
        return int(self._ask({"run": function, "root": str(root), "arguments": arguments}))

    def wait(self, pid: int) -> int:
        """Waits for its end and gives its exit code, negative for a signal."""
        return int(self._ask({"wait": pid}))

    def _ask(self, question: dict[str, object]) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()


def serve() -> None:
    from tests.dispatch import pigeons, shelf

    from surecast.ledger.database import _queries

    _queries()
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                module, _, name = asked["run"].rpartition(".")
                getattr(pigeons if module == "pigeons" else shelf, name)(Path(asked["root"]), *asked["arguments"])
            finally:
                os._exit(70)
        print(pid, flush=True)


if __name__ == "__main__":
    serve()
