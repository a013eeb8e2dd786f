#!/usr/bin/env python3
"""A cron script: every Friday at five, say that the shop is closed over the weekend.

    0 17 * * 5  cd /srv/shop && .venv/bin/python closing_time.py

surecast.toml lies in the same folder. The key makes a second run on the same day harmless.
"""

import sys
from datetime import date, timedelta

import surecast

friday = date.today()  # noqa: DTZ011 - the shop's own calendar
report = surecast.broadcast(
    "We are closed over the weekend and back on Monday at nine.",
    url="https://shop.example/hours",
    key=f"closing-time:{friday}",
    expires=timedelta(hours=14),
)
print(report)
sys.exit(0 if report.satisfied else 1)
