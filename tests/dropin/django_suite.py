"""Settings for Django's own `runtests.py`: as a project has them whose last line is `authkit.configure(globals())`.

That script has INSTALLED_APPS and MIDDLEWARE of its own, and sets them over those of any settings module. They are
lists, so they are changed in place.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

import __main__ as runtests
import authkit

DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")}
SECRET_KEY = "of Django's own tests, and as long as authkit wants it"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False


class Tables(AppConfig):
    """Has authkit's tables made without migrations: runtests has those of Django's apps made so, and ours build on
    them."""

    name = "tests.dropin"
    label = "django_suite_tables"

    def ready(self) -> None:
        settings.MIGRATION_MODULES.update(authkit=None, social_django=None)


INSTALLED_APPS, MIDDLEWARE = runtests.ALWAYS_INSTALLED_APPS, runtests.ALWAYS_MIDDLEWARE
authkit.configure(globals())
runtests.ALWAYS_INSTALLED_APPS[:] = [*INSTALLED_APPS, f"{__name__}.Tables"]
runtests.ALWAYS_MIDDLEWARE[:] = MIDDLEWARE
