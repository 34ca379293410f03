"""Django's own sessions through DRF's SessionAuthentication."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.base import Contender


class Session(Contender):
    auth = "rest_framework.authentication.SessionAuthentication"
    engine = "db"

    def settings(self) -> dict[str, Any]:
        return {"SESSION_ENGINE": f"django.contrib.sessions.backends.{self.engine}"}

    def credential(self, user: Any) -> dict[str, str]:
        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        return {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}


CONTENDERS = [
    Session(name="session-db", title="Django's sessions in the database", engine="db"),
    Session(name="session-cached_db", title="Django's sessions, database and Redis", engine="cached_db", redis=True),
]
