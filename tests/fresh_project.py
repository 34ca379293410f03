"""A Django project of its own, in a directory of its own, driven as a process: what can't be shown in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from django.core.management.utils import get_random_secret_key

ROOT = Path(__file__).parent.parent

APPS = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
)

# As startproject writes them.
SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = {key!r}
DEBUG = True
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = {apps!r}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "urls"
TEMPLATES = [
    {{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {{
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        }},
    }},
]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}}}
USE_TZ = True
STATIC_URL = "static/"
"""

URLS = """\
from django.urls import include, path

urlpatterns = [path("auth/", include("authkit.urls"))]
"""

ADMIN_URLS = """\
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("auth/", include("authkit.urls")), path("admin/", admin.site.urls)]
"""


class FreshProject:
    """A settings module and a URL configuration in `path`.

    Args:
        path: an empty directory.
        end: the last lines of the settings, such as ``authkit.configure(globals())``.
        apps: INSTALLED_APPS before those lines.
        urls: the whole of urls.py.
    """

    def __init__(self, path: Path, *, end: str, apps: Iterable[str] = APPS, urls: str = ADMIN_URLS) -> None:
        self.path = path
        key = f"django-insecure-{get_random_secret_key()}"
        (path / "settings.py").write_text(SETTINGS.format(key=key, apps=list(apps)) + end)
        (path / "urls.py").write_text(urls)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a management command."""
        return self._run("-m", "django", *arguments)

    def python(self, code: str, *, settings: str = "settings") -> subprocess.CompletedProcess[str]:
        """Runs Python once Django is set up with this settings module."""
        return self._run("-c", f"import django\ndjango.setup()\n{code}", settings=settings)

    def _run(self, *arguments: str, settings: str = "settings") -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONPATH": os.pathsep.join((str(self.path), str(ROOT))),
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
