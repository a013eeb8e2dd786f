"""A Wagtail site in one file that announces each page when it is published.

    pip install surecast wagtail
    python wagtail_site.py migrate
    python wagtail_site.py createsuperuser
    DEBUG=1 python wagtail_site.py runserver  # then publish a page at /admin/ (edit "Welcome", or add page types)

surecast.toml lies beside this file, or SURECAST_CONFIG names it. What a platform missed is delivered later by this
process, or by `surecast work` beside it.
"""

import logging
import os
import sys
from functools import partial
from pathlib import Path

import django
from django.conf import settings
from django.urls import include, path

HERE = Path(__file__).resolve().parent
log = logging.getLogger("announcements")

if not settings.configured:
    settings.configure(
        DEBUG=os.environ.get("DEBUG") == "1",
        SECRET_KEY=os.environ.get("SECRET_KEY", "only-for-this-example"),
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "testserver"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.environ.get("SITE_DB", str(HERE / "site.sqlite3")),
            }
        },
        INSTALLED_APPS=[
            "wagtail.sites",
            "wagtail.users",
            "wagtail.documents",
            "wagtail.images",
            "wagtail.search",
            "wagtail.admin",
            "wagtail",
            "modelcluster",
            "taggit",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        USE_TZ=True,
        WAGTAIL_SITE_NAME="Harbour Ferries",
        WAGTAILADMIN_BASE_URL="http://127.0.0.1:8000",
    )
    django.setup()

from django.db import transaction
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.signals import page_published

import surecast

urlpatterns = [path("admin/", include(wagtailadmin_urls)), path("", include(wagtail_urls))]

# One for the whole process. Warming it up now spares the first editor the wait.
broadcaster = surecast.open_broadcaster()
broadcaster.warm()


def announce(page_id: int, title: str, url: str | None, language: str) -> None:
    """Hands the page to surecast and returns at once; an editor never waits for a platform, nor sees its errors."""
    try:
        broadcaster.broadcast(
            title,
            url=url,
            language=language,
            key=f"page:{page_id}",  # publishing the page again announces nothing again
            on_change="keep",  # ... not even with another title
            wait=False,
        )
    except Exception:
        log.exception("Page %s was not announced", page_id)


def on_published(sender, instance, **kwargs) -> None:
    """Runs inside the editor's request, also for a page that is only scheduled: that one is not live yet."""
    if not instance.live:
        return
    page = instance.specific
    language = page.locale.language_code if page.locale_id else "en"
    # Only what is really in the database is announced.
    transaction.on_commit(partial(announce, page.pk, page.title, page.full_url, language))


page_published.connect(on_published)

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
