"""Which authentication back end of the project's a session means.

Needs no models: the session store is imported before there are any.
"""

from __future__ import annotations

from django.conf import settings

from authkit.wiring import LIMITED_MODEL_BACKEND, MODEL_BACKEND

_SAME = {MODEL_BACKEND: LIMITED_MODEL_BACKEND, LIMITED_MODEL_BACKEND: MODEL_BACKEND}


def path_in_force(path: str) -> str:
    """The entry of AUTHENTICATION_BACKENDS that a session means which names this path.

    Django's ModelBackend and authkit's subclass of it are one back end under two names. Sessions from before
    `configure()` put the subclass in its place name the one, and so does code that calls `login(request, user,
    backend="django.contrib.auth.backends.ModelBackend")`.
    """
    listed = settings.AUTHENTICATION_BACKENDS
    other = _SAME.get(path)
    return other if other is not None and path not in listed and other in listed else path
