"""Runs the benchmarks named, or all that take less than some minutes; exits 1 when a budget is exceeded."""

from __future__ import annotations

import sys

from benchmarks import acceptance, direct, editor, email, failover, imports, mail_product, measuring, sms, sms_sdk
from benchmarks.figures import Figure

BENCHMARKS = {
    "imports": imports.measure,
    "acceptance": acceptance.measure,
    "failover": failover.measure,
    "editor": editor.measure,
    "measuring": measuring.measure,
    "sms_sdk": sms_sdk.measure,
    "sms": sms.measure,
    "email": email.measure,
    "mail": mail_product.measure,
    "direct": direct.measure,
}
#: Only when it is named.
LONG = {"million": direct.measure_million}


def main(names: list[str]) -> int:
    figures: list[Figure] = []
    for name in names or list(BENCHMARKS):
        for figure in (BENCHMARKS | LONG)[name]():
            print(figure, flush=True)
            figures.append(figure)
    return 0 if all(figure.kept for figure in figures) else 1


sys.exit(main(sys.argv[1:]))
