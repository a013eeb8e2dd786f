"""Publishes pages on the example site in a process of its own, and tells as JSON what that took.

usage: python drive_wagtail.py EXAMPLES_FOLDER PAGES
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from statistics import median

sys.path.insert(0, sys.argv[1])

import wagtail_site as site
from django.core.management import call_command
from django.utils import timezone
from wagtail.models import Page
from wagtail.signals import page_published

PAGES = int(sys.argv[2])

call_command("migrate", verbosity=0)
home = Page.objects.get(pk=2)  # made by Wagtail's own migration


def new_page(title: str) -> Page:
    return home.add_child(instance=Page(title=title, slug=f"page-{time.time_ns()}", live=False))


def publish(title: str) -> float:
    """Milliseconds that Publish takes."""
    revision = new_page(title).save_revision()
    began = time.perf_counter()
    revision.publish()
    return 1000 * (time.perf_counter() - began)


publish("The first page")
with_hook = [publish(f"Page {number}") for number in range(PAGES)]
page = Page.objects.get(title="The first page").specific
page.title = "The first page, edited"
page.save_revision().publish()
new_page("A draft").save_revision()
soon = timezone.now() + timedelta(days=1)
later = home.add_child(instance=Page(title="Later", slug="later", live=False, go_live_at=soon))
later.save_revision(approved_go_live_at=soon).publish()
page_published.disconnect(site.on_published)
without = [publish(f"Silent {number}") for number in range(PAGES)]
deadline = time.monotonic() + 30
while any(item.state == "pending" for item in site.broadcaster.listing()) and time.monotonic() < deadline:
    time.sleep(0.1)
announced = sorted(item.text for item in site.broadcaster.listing())
states = sorted({item.state for item in site.broadcaster.listing()})
print(json.dumps({"extra_ms": median(with_hook) - median(without), "announced": announced, "states": states}))
