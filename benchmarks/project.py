"""The project that every contender is measured in: the same middleware, the same view, the same people."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path
from typing import Any

from benchmarks.base import Contender
from benchmarks.places import Place

PEOPLE = 1000
_URLS = "benchmarks.urls_of_the_contender"


class _NoMigrations(dict[str, None]):
    """Tables straight from the models: quicker, and the same tables."""

    def __contains__(self, app: object) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def settings_of(contender: Contender, place: Place, database: str) -> dict[str, Any]:
    """Everything for `settings.configure()`."""
    common: dict[str, Any] = {
        "SECRET_KEY": "bench-" + "k" * 58,
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "ROOT_URLCONF": _URLS,
        "DATABASES": {"default": place.database(database)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.admin",
            "rest_framework",
            *contender.apps,
        ],
        "MIDDLEWARE": [
            *contender.first_middleware,
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *contender.middleware,
        ],
        "REST_FRAMEWORK": {
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_AUTHENTICATION_CLASSES": [],
        },
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": True,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "root": {"handlers": ["null"], "level": "CRITICAL"},
            "loggers": {"django": {"handlers": ["null"], "propagate": False}},
        },
        "MIGRATION_MODULES": _NoMigrations(),
    }
    if place.redis_url:
        cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": place.redis_url, "KEY_PREFIX": database}
        common["CACHES"] = {"default": cache}
    given = contender.settings
    return {**common, **(given() if callable(given) else given)}


def set_up(contender: Contender, place: Place, database: str) -> Any:
    """Makes the contender's own database, sets Django up in this process, and answers the first of the people."""
    drop_database(place, database, create=True)
    configure(contender, place, database)
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    users = get_user_model()
    password = make_password("pw-bench-1")
    users.objects.bulk_create(
        [users(username=f"u{i}", email=f"u{i}@example.com", password=password) for i in range(PEOPLE)]
    )
    contender.prepare()
    return users.objects.get(username="u0")


def configure(contender: Contender, place: Place, database: str) -> None:
    """Sets Django up in this process for a contender whose database another process has made, or will make."""
    options = settings_of(contender, place, database)
    import django
    from django.conf import settings

    settings.configure(**options)
    django.setup()
    _mount(contender)


def drop_database(place: Place, database: str, *, create: bool = False) -> None:
    """Removes a contender's database if it is there, and makes an empty one if asked to."""
    entry = place.database(database)
    if place.db == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            Path(entry["NAME"] + suffix).unlink(missing_ok=True)
        return
    import psycopg

    with psycopg.connect(place.postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{entry["NAME"]}" WITH (FORCE)')
        if create:
            connection.execute(f'CREATE DATABASE "{entry["NAME"]}"')


def _mount(contender: Contender) -> None:
    from django.urls import path
    from django.utils.module_loading import import_string
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Me(APIView):
        authentication_classes = [import_string(contender.auth)] if contender.auth else []
        permission_classes = [IsAuthenticated] if contender.auth else []

        def get(self, request: Any) -> Response:
            return Response({"id": request.user.pk})

    for name, value in contender.view.items():
        setattr(Me, name, value)
    module: Any = types.ModuleType(_URLS)
    module.urlpatterns = [path("me/", Me.as_view()), *contender.urls()]
    sys.modules[_URLS] = module


class Caller:
    """Calls the project through Django's WSGIHandler; the work of a client stays outside the clock."""

    def __init__(self) -> None:
        from django.core.handlers.wsgi import WSGIHandler
        from django.test import RequestFactory

        self._app = WSGIHandler()
        self._base = RequestFactory()._base_environ

    def environ(
        self, path: str, meta: dict[str, str] | None = None, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """A request that `call` may make any number of times."""
        environ: dict[str, Any] = self._base(PATH_INFO=path, REQUEST_METHOD="GET" if body is None else "POST")
        if body is not None:
            raw = json.dumps(body).encode()
            environ |= {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(raw)), "_raw": raw}
        return environ | (meta or {})

    def call(self, environ: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body."""
        request = dict(environ)
        request["wsgi.input"] = io.BytesIO(request.pop("_raw", b""))
        started: list[str] = []
        response = self._app(request, lambda status, headers: started.append(status))
        data = b"".join(response)
        response.close()
        return int(started[0].split()[0]), data
