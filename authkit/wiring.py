"""`authkit.configure(globals())`, the last line of a project's settings.py.

It inserts constant dotted paths and nothing else. Every *value* stays in the AUTHKIT block and is read at use: a value
copied from here would go stale as soon as a later settings file redefines AUTHKIT. `AppConfig.ready()` could not do
this, because by then the app registry is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from typing import Any

APPS = ("rest_framework", "authkit")
FEATURES = {
    "SOCIAL": ("social_django", "authkit.social"),
    "AUDIT": ("authkit.audit",),
    "ACCOUNTS": ("authkit.accounts",),
    "API_KEYS": ("authkit.apikeys",),
    "OAUTH": ("authkit.oauth",),
}
"""The apps of each feature that ships with authkit, by its section of the block; see `authkit.features`."""
AUTHENTICATION_MIDDLEWARE = "django.contrib.auth.middleware.AuthenticationMiddleware"
COOKIE_MIDDLEWARE = "authkit.core.cookies.CookieMiddleware"
MIDDLEWARE = "authkit.sessions.middleware.SessionLoginMiddleware"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
LIMITED_MODEL_BACKEND = "authkit.signin.backends.LimitedModelBackend"
LIMITER_BACKEND = "authkit.signin.backends.LimiterBackend"
LOGIN_BACKEND = "authkit.signin.backends.LoginBackend"
"""Former versions wrote it into sessions opened through a provider. `configure` inserts it nowhere."""
SESSION_ENGINE = "authkit.sessions.store"
NO_SOCIAL_AUTH = (
    "AUTHKIT has a section SOCIAL, and social-auth-app-django is not installed: pip install 'django-authkit[social]'"
)
SOCIAL_AUTH_STRATEGY = "authkit.social.flow.strategy.AuthKitStrategy"
AUTHENTICATION_CLASSES = (
    "authkit.tokens.authentication.TokenAuthentication",
    "authkit.sessions.authentication.SessionAuthentication",
)


def configure(namespace: MutableMapping[str, Any]) -> None:
    """Wires authkit into a settings module. Never replaces what the project set.

    A later settings file that imports from this one may call it again: the entries that its AUTHKIT block needs in
    addition are added, and nothing is inserted twice.

    Args:
        namespace: the settings module's `globals()`. Changed: INSTALLED_APPS, MIDDLEWARE (first of all, and right
            after AuthenticationMiddleware), and, only where the project has none, SESSION_ENGINE and REST_FRAMEWORK's
            DEFAULT_AUTHENTICATION_CLASSES, and SOCIAL_AUTH_STRATEGY if the block has SOCIAL. The apps of a feature are
            added if the block has its section. In AUTHENTICATION_BACKENDS authkit's subclass stands for a lone
            ModelBackend, and authkit's limiter before several; one back end of another package's is left alone.

    Raises:
        ModuleNotFoundError: the block has SOCIAL, and the packages of its extra are not installed. Django would name
            one of them in a traceback of its own, before any check runs.
    """
    block = namespace.get("AUTHKIT", {})
    if "SOCIAL" in _sections(block) and find_spec("social_django") is None:
        raise ModuleNotFoundError(NO_SOCIAL_AUTH, name="social_django")
    namespace["INSTALLED_APPS"] = _with(namespace.get("INSTALLED_APPS", ()), *APPS, *feature_apps(block))
    namespace["MIDDLEWARE"] = _after(
        _first(COOKIE_MIDDLEWARE, namespace.get("MIDDLEWARE", ())), AUTHENTICATION_MIDDLEWARE, MIDDLEWARE
    )
    namespace["AUTHENTICATION_BACKENDS"] = _limited(namespace.get("AUTHENTICATION_BACKENDS", (MODEL_BACKEND,)))
    namespace.setdefault("SESSION_ENGINE", SESSION_ENGINE)
    if "SOCIAL" in _sections(block):
        namespace.setdefault("SOCIAL_AUTH_STRATEGY", SOCIAL_AUTH_STRATEGY)
    namespace["REST_FRAMEWORK"] = {
        "DEFAULT_AUTHENTICATION_CLASSES": list(AUTHENTICATION_CLASSES),
        **namespace.get("REST_FRAMEWORK", {}),
    }


def feature_apps(block: Any) -> list[str]:
    """The apps that a block asks for by its sections, beside `APPS`.

    Args:
        block: the AUTHKIT setting, which may have mistakes.
    """
    return [app for section, needed in FEATURES.items() if section in _sections(block) for app in needed]


def _sections(block: Any) -> Mapping[str, Any]:
    # `manage.py check` reports a block that is no dict, so the settings have to load with one.
    return block if isinstance(block, Mapping) else {}


def _limited(existing: Any) -> list[str]:
    backends = list(existing)
    if backends == [MODEL_BACKEND]:
        return [LIMITED_MODEL_BACKEND]
    if len(backends) > 1 and backends[0] not in (LIMITER_BACKEND, LIMITED_MODEL_BACKEND):
        return [LIMITER_BACKEND, *(path for path in backends if path != LIMITER_BACKEND)]
    return backends


def _with(existing: Any, *items: str) -> list[str]:
    return [*existing, *(item for item in items if item not in existing)]


def _first(item: str, existing: Any) -> list[str]:
    # Every middleware that reads a cookie stands after it. It needs nothing that another middleware prepares.
    return list(existing) if item in existing else [item, *existing]


def _after(existing: Any, anchor: str, item: str) -> list[str]:
    # Without the anchor the item is left out: `manage.py check` names the missing middleware. A guess would be worse.
    result = list(existing)
    if item not in result and anchor in result:
        result.insert(result.index(anchor) + 1, item)
    return result
