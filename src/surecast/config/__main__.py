"""``python -m surecast.config FILE``: writes the reference of all keys anew between the markers in that file."""

from __future__ import annotations

import sys
from pathlib import Path

from surecast.config.key_reference import renewed

page = Path(sys.argv[1])
page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
