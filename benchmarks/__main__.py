"""Runs the benchmarks named, or all; exits 1 when a budget is exceeded."""

from __future__ import annotations

import sys

from benchmarks import acceptance, editor, failover, imports, measuring
from benchmarks.figures import Figure

BENCHMARKS = {
    "imports": imports.measure,
    "acceptance": acceptance.measure,
    "failover": failover.measure,
    "editor": editor.measure,
    "measuring": measuring.measure,
}


def main(names: list[str]) -> int:
    figures: list[Figure] = []
    for name in names or list(BENCHMARKS):
        for figure in BENCHMARKS[name]():
            print(figure, flush=True)
            figures.append(figure)
    return 0 if all(figure.kept for figure in figures) else 1


sys.exit(main(sys.argv[1:]))
