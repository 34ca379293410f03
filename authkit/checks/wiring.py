"""Checks of the entries that `authkit.configure(globals())` inserts, and of the include in the URLs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
from rest_framework.authentication import BasicAuthentication, SessionAuthentication

from authkit import features, wiring
from authkit.signin.checks import is_unique

_LINE = "Make authkit.configure(globals()) the last line of your settings"
_SESSION_MIDDLEWARE = "django.contrib.sessions.middleware.SessionMiddleware"
_REST_FRAMEWORK_DEFAULTS = (SessionAuthentication, BasicAuthentication)


def check_apps(**_: Any) -> list[CheckMessage]:
    """E020: the apps of the core, and of each feature whose section the block has."""
    return [
        Error(f"{name!r} is not in INSTALLED_APPS.", hint=f"{_LINE}, or add {name!r} yourself.", id="authkit.E020")
        for name in (*wiring.APPS, *wiring.feature_apps(getattr(settings, "AUTHKIT", {})))
        if not apps.is_installed(name)
    ]


def check_middleware(**_: Any) -> list[CheckMessage]:
    """E021, E022: if one is missing, or stands too early, a login that has ended would still carry its session, and
    another host's cookie would pass for one of ours."""
    needed = (
        wiring.COOKIE_MIDDLEWARE,
        _SESSION_MIDDLEWARE,
        wiring.AUTHENTICATION_MIDDLEWARE,
        wiring.MIDDLEWARE,
    )
    positions = [_position(path, settings.MIDDLEWARE) for path in needed]
    messages: list[CheckMessage] = [
        Error(
            f"{path!r} is not in MIDDLEWARE.",
            hint=f"{_LINE}, or put these into MIDDLEWARE in this order: {', '.join(needed)}.",
            id="authkit.E021",
        )
        for path, position in zip(needed, positions, strict=True)
        if position is None
    ]
    present = [(path, position) for path, position in zip(needed, positions, strict=True) if position is not None]
    for (earlier, first), (later, second) in pairwise(present):
        if second < first:
            messages.append(
                Error(
                    f"{later!r} stands before {earlier!r} in MIDDLEWARE.",
                    hint=f"The order is: {', '.join(needed)}.",
                    id="authkit.E022",
                )
            )
    return messages


def check_backends(**_: Any) -> list[CheckMessage]:
    """E024, W025. A back end that can't be imported is left to Django, which says so at the first sign-in."""
    chosen = list(settings.AUTHENTICATION_BACKENDS)
    found: list[CheckMessage] = []
    if not any(_finds_people(path) for path in chosen):
        found.append(
            Error(
                "No back end of AUTHENTICATION_BACKENDS finds people (get_user), so no session can carry a person.",
                hint=f"Take the setting out, or list a back end that does, such as {wiring.MODEL_BACKEND!r}.",
                id="authkit.E024",
            )
        )
    if wiring.LOGIN_BACKEND in chosen and len(chosen) > 1:
        found.append(
            Warning(
                f"{wiring.LOGIN_BACKEND!r} stands beside others in AUTHENTICATION_BACKENDS: with more than one, "
                "Django's login(request, user) raises unless its caller names a back end.",
                hint="Take it out: sessions that name it stay good, and new ones name a back end of yours.",
                id="authkit.W025",
            )
        )
    return found


def check_limited_backends(**_: Any) -> list[CheckMessage]:
    """E280, W280, W281: whether tries at doors that aren't authkit's are limited."""
    return list(_limited(list(settings.AUTHENTICATION_BACKENDS)))


def _limited(chosen: list[str]) -> Iterator[CheckMessage]:
    users: Any = get_user_model()
    if chosen == [wiring.LIMITED_MODEL_BACKEND] and not is_unique(users, users._meta.get_field(users.USERNAME_FIELD)):
        yield Error(
            f"{users._meta.label}.{users.USERNAME_FIELD} is its USERNAME_FIELD, and is not unique: two people could "
            "have one name.",
            hint="Make it unique, or list a back end of yours that tells these people apart.",
            id="authkit.E280",
        )
    if not chosen or chosen[0] in (wiring.LIMITED_MODEL_BACKEND, wiring.LIMITER_BACKEND):
        return
    if chosen == [wiring.MODEL_BACKEND] or len(chosen) > 1:
        first = wiring.LIMITED_MODEL_BACKEND if len(chosen) == 1 else wiring.LIMITER_BACKEND
        yield Warning(
            "Passwords at doors that aren't authkit's, such as Django's admin, are not limited: no back end of "
            "authkit's stands first in AUTHENTICATION_BACKENDS.",
            hint=f"Call authkit.configure(globals()) after AUTHENTICATION_BACKENDS is set, or list {first!r} "
            f"{'in its place' if len(chosen) == 1 else 'first'}.",
            id="authkit.W280",
        )
    elif chosen != [wiring.LOGIN_BACKEND]:
        yield Warning(
            f"AUTHENTICATION_BACKENDS lists {chosen[0]!r} alone: failures at doors that aren't authkit's, such as "
            "Django's admin, are counted there, but no try is refused.",
            hint=f"List {wiring.LIMITER_BACKEND!r} before it, if no code of yours calls login(request, user) without a "
            "back end; or silence this, if that back end limits its tries by itself.",
            id="authkit.W281",
        )


def _finds_people(path: Any) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        return True
    return getattr(found, "get_user", BaseBackend.get_user) is not BaseBackend.get_user


def check_session_engine(**_: Any) -> list[CheckMessage]:
    """W020."""
    if _is_our_engine(settings.SESSION_ENGINE):
        return []
    return [
        Warning(
            f"SESSION_ENGINE is {settings.SESSION_ENGINE!r}: its storage holds usable session ids, for every reader.",
            hint=f"SESSION_ENGINE = {wiring.SESSION_ENGINE!r} stores digests.",
            id="authkit.W020",
        )
    ]


def _is_our_engine(engine: str) -> bool:
    if engine == wiring.SESSION_ENGINE:
        return True
    try:
        return issubclass(import_module(engine).SessionStore, import_module(wiring.SESSION_ENGINE).SessionStore)
    except (ImportError, AttributeError):
        return False


def check_rest_framework(**_: Any) -> list[CheckMessage]:
    """W022, W023."""
    own = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES")
    chosen = _REST_FRAMEWORK_DEFAULTS if own is None else own
    return [*_missing_classes(chosen, is_own=own is not None), *_strange_classes(chosen)]


def _missing_classes(chosen: Any, *, is_own: bool) -> Iterator[CheckMessage]:
    # configure() leaves a list of the project's own as it is, so its line would change nothing then.
    classes = ", ".join(map(repr, wiring.AUTHENTICATION_CLASSES))
    hint = (
        f"Put these first in your DEFAULT_AUTHENTICATION_CLASSES, in this order: {classes}." if is_own else f"{_LINE}."
    )
    for path in wiring.AUTHENTICATION_CLASSES:
        if _position(path, chosen) is None:
            yield Warning(
                f"{path!r} is not in REST_FRAMEWORK's DEFAULT_AUTHENTICATION_CLASSES: your API views don't accept it.",
                hint=hint,
                id="authkit.W022",
            )


def _strange_classes(chosen: Any) -> Iterator[CheckMessage]:
    ours = tuple(_classes(wiring.AUTHENTICATION_CLASSES))
    for path in chosen:
        cls = _class(path)
        # DRF's own SessionAuthentication takes the user that authkit's middleware has checked.
        if cls is not None and not issubclass(cls, (*ours, SessionAuthentication)):
            yield Warning(
                f"REST_FRAMEWORK's default {cls.__module__}.{cls.__qualname__} knows nothing of logins: a credential "
                "that it accepts outlives a forced logout.",
                hint="Take it out of DEFAULT_AUTHENTICATION_CLASSES, and name it on the views that need it.",
                id="authkit.W023",
            )


def check_databases(**_: Any) -> list[CheckMessage]:
    """E025: the statement of each check joins logins and people, and authkit's transactions are those of `default`."""
    return [
        Error(
            f"DATABASE_ROUTERS {problem}: every request that needs it would be a 503 or a 500.",
            hint=f"Let db_for_write() and allow_migrate() of your routers leave {', '.join(features.labels())} and the "
            f"user model in {DEFAULT_DB_ALIAS!r}.",
            id="authkit.E025",
        )
        for model in (get_user_model(), *features.models())
        if (problem := _misplaced(model))
    ]


def _misplaced(model: type[Model]) -> str:
    alias = router.db_for_write(model)
    if alias != DEFAULT_DB_ALIAS:
        return f"send {model._meta.label} to {alias!r}"
    if not router.allow_migrate_model(DEFAULT_DB_ALIAS, model):
        return f"don't let the table of {model._meta.label} be made in {DEFAULT_DB_ALIAS!r}, where it is written"
    return ""


def check_urls(**_: Any) -> list[CheckMessage]:
    """W024."""
    urlconf = getattr(settings, "ROOT_URLCONF", None)
    if not urlconf:
        return []
    try:
        reverse("authkit:session")
    except NoReverseMatch:
        return [
            Warning(
                "authkit's URLs are not included.",
                hint=f'Add path("auth/", include("authkit.urls")) to urlpatterns in {urlconf}; '
                'include("authkit.urls.api") mounts the JSON alone.',
                id="authkit.W024",
            )
        ]
    return []


def _position(path: str, candidates: Any) -> int | None:
    """The position of this class, or of one that derives from it; None if it isn't there."""
    wanted = _class(path)
    for position, candidate in enumerate(candidates):
        if candidate == path:
            return position
        found = _class(candidate)
        if wanted is not None and found is not None and issubclass(found, wanted):
            return position
    return None


def _classes(paths: Any) -> Iterator[type[Any]]:
    return (cls for cls in map(_class, paths) if cls is not None)


def _class(path: Any) -> type[Any] | None:
    # The package that uses a path reports it if it can't be imported. Middleware may be plain functions.
    try:
        found = import_string(path) if isinstance(path, str) else path
    except ImportError:
        return None
    return found if isinstance(found, type) else None


CHECKS = (
    check_apps,
    check_middleware,
    check_backends,
    check_limited_backends,
    check_session_engine,
    check_rest_framework,
    check_databases,
    check_urls,
)
