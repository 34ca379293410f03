"""The AUTHKIT block, by itself and beside the user model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from inspect import iscoroutinefunction, signature
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, UniqueConstraint
from django.utils.module_loading import import_string
from rest_framework.serializers import BaseSerializer

from authkit import conf

_IDS = {"unknown": "authkit.E001", "type": "authkit.E002", "value": "authkit.E003"}


def check_keys(**_: Any) -> list[CheckMessage]:
    """E001 to E004."""
    return [
        Error(f"AUTHKIT {problem.path}: {problem.message}", hint=problem.hint, id=_IDS[problem.kind])
        if problem.path
        else Error(f"AUTHKIT {problem.message}", hint="AUTHKIT = {} uses the defaults.", id="authkit.E004")
        for problem in conf.inspect()[1]
    ]


def check_lifetimes(**_: Any) -> list[CheckMessage]:
    """E005 to E007, W001."""
    block, _problems = conf.inspect()
    return [*_within_absolute(block), *_tokens(block.tokens), *_remembered(block.sessions)]


def _within_absolute(block: conf.Settings) -> Iterator[CheckMessage]:
    sessions, tokens = block.sessions, block.tokens
    for idle, absolute, names in (
        (sessions.idle, sessions.absolute, ("SESSIONS.IDLE", "SESSIONS.ABSOLUTE")),
        (sessions.remembered_idle, sessions.remembered_absolute,
         ("SESSIONS.REMEMBERED_IDLE", "SESSIONS.REMEMBERED_ABSOLUTE")),
        (tokens.refresh_idle, tokens.refresh_absolute, ("TOKENS.REFRESH_IDLE", "TOKENS.REFRESH_ABSOLUTE")),
    ):  # fmt: skip
        if idle > absolute:
            yield Error(
                f"AUTHKIT {names[0]} ({idle}) is longer than {names[1]} ({absolute}), which ends the login first.",
                hint=f"Make {names[0]} at most {names[1]}.",
                id="authkit.E005",
            )


def _tokens(tokens: conf.TokenSettings) -> Iterator[CheckMessage]:
    if tokens.access_lifetime >= tokens.refresh_idle:
        yield Error(
            "AUTHKIT TOKENS.ACCESS_LIFETIME is not shorter than TOKENS.REFRESH_IDLE: when its access token has "
            "expired, a client finds its refresh token expired too.",
            hint="Access tokens live for minutes, refresh tokens for days.",
            id="authkit.E006",
        )
    if tokens.grace >= tokens.refresh_idle:
        yield Error(
            "AUTHKIT TOKENS.GRACE is not shorter than TOKENS.REFRESH_IDLE: reuse would never be noticed.",
            hint="The default is 60 seconds.",
            id="authkit.E007",
        )


def _remembered(sessions: conf.SessionSettings) -> Iterator[CheckMessage]:
    pairs: tuple[tuple[str, timedelta, timedelta], ...] = (
        ("IDLE", sessions.idle, sessions.remembered_idle),
        ("ABSOLUTE", sessions.absolute, sessions.remembered_absolute),
    )
    for name, plain, remembered in pairs:
        if remembered < plain:
            yield Warning(
                f"AUTHKIT SESSIONS.REMEMBERED_{name} ({remembered}) is shorter than SESSIONS.{name} ({plain}): "
                "“remember me” would sign people out sooner.",
                hint=f"Raise SESSIONS.REMEMBERED_{name}, or lower SESSIONS.{name}.",
                id="authkit.W001",
            )


def check_cookie_age(**_: Any) -> list[CheckMessage]:
    """W004."""
    absolute = conf.inspect()[0].sessions.absolute
    if absolute.total_seconds() <= settings.SESSION_COOKIE_AGE:
        return []
    return [
        Warning(
            f"SESSION_COOKIE_AGE ({settings.SESSION_COOKIE_AGE} s) ends a session before AUTHKIT SESSIONS.ABSOLUTE "
            f"({absolute}) does: Django keeps the session's row no longer after it was last saved.",
            hint=f"SESSION_COOKIE_AGE = {int(absolute.total_seconds())}, or lower SESSIONS.ABSOLUTE.",
            id="authkit.W004",
        )
    ]


def check_public_url(**_: Any) -> list[CheckMessage]:
    """E008."""
    url = conf.inspect()[0].public_url
    return [] if not url or _is_origin(url) else [
        Error(
            f"AUTHKIT PUBLIC_URL {url!r} is not a scheme and a host.",
            hint='Write it as "https://www.example.com", without a path.',
            id="authkit.E008",
        )
    ]  # fmt: skip


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and parts.path in {"", "/"}
        and not any(character in url for character in "?#\\ \t\r\n")
    )


def check_user_serializer(**_: Any) -> list[CheckMessage]:
    """E009."""
    dotted = conf.inspect()[0].login.user_serializer
    try:
        found = import_string(dotted)
    except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        wrong = f"can't be imported: {error}"
    else:
        if isinstance(found, type) and issubclass(found, BaseSerializer):
            return []
        wrong = "is not a serializer class of Django REST framework."
    hint = "Name a serializer of your user model by its dotted path, or leave the key out."
    return [Error(f"AUTHKIT LOGIN.USER_SERIALIZER {dotted!r} {wrong}", hint=hint, id="authkit.E009")]


def check_claims(**_: Any) -> list[CheckMessage]:
    """E060 to E064. What the callables return is seen only at a sign-in; see `authkit.tokens.claims`."""
    tokens = conf.inspect()[0].tokens
    found: list[CheckMessage] = [
        Error(
            f"AUTHKIT TOKENS.ACR_VALUES[{method!r}] is not a string, or is empty.",
            hint='Write it as {"password": "urn:example:password"}, by "password" or the provider.',
            id="authkit.E062",
        )
        for method, value in tokens.acr_values.items()
        if not isinstance(method, str) or not isinstance(value, str) or not value
    ]
    for name, hook, ids in (
        ("CLAIMS", tokens.claims, ("E060", "E061")),
        ("ANSWER_FIELDS", tokens.answer_fields, ("E063", "E064")),
    ):
        found += _asked_of_user_and_login(name, hook, *ids)
    return found


def _asked_of_user_and_login(name: str, hook: conf.Hook, not_there: str, not_callable: str) -> Iterator[CheckMessage]:
    if not hook:
        return
    try:
        function = hook.resolve()
    except Exception as error:  # noqa: BLE001  # as above
        hint = "Name a function of yours by its dotted path, or leave the key out."
        text = f"AUTHKIT TOKENS.{name} {hook!r} can't be imported, so no token can be issued: {error}"
        yield Error(text, hint=hint, id=f"authkit.{not_there}")
        return
    if not _takes_user_and_login(function):
        text = f"AUTHKIT TOKENS.{name} {hook!r} can't be called with (user, login), so no token can be issued."
        hint = f"Write it as def {name.lower()}(user, login): return {{...}}; it can't be async."
        yield Error(text, hint=hint, id=f"authkit.{not_callable}")


def _takes_user_and_login(function: Any) -> bool:
    if not callable(function) or iscoroutinefunction(function):
        return False
    try:
        signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:
        pass  # written in C, so nobody knows
    return True


def check_identifiers(**_: Any) -> list[CheckMessage]:
    """E010, W002."""
    if "email" not in conf.inspect()[0].login.identifiers:
        return []
    users = get_user_model()
    name = users.get_email_field_name()
    try:
        field = users._meta.get_field(name)
    except FieldDoesNotExist:
        return [
            Error(
                f'AUTHKIT LOGIN.IDENTIFIERS has "email", but {users._meta.label} has no field {name!r}.',
                hint='Set EMAIL_FIELD on the user model, or take "email" out.',
                id="authkit.E010",
            )
        ]
    if _is_unique(users, field):
        return []
    return [
        Warning(
            f'AUTHKIT LOGIN.IDENTIFIERS has "email", but two accounts of {users._meta.label} may share an address; '
            "neither of them could sign in with it.",
            hint=f"Make {name!r} unique, best without regard to case: UniqueConstraint(Lower({name!r}), name=...).",
            id="authkit.W002",
        )
    ]


def check_reuse_mail(**_: Any) -> list[CheckMessage]:
    """W060."""
    users = get_user_model()
    name = users.get_email_field_name()
    if not conf.inspect()[0].tokens.reuse_mail or hasattr(users, name):
        return []
    return [
        Warning(
            f"AUTHKIT TOKENS.REUSE_MAIL is on, but {users._meta.label} has no field {name!r}: no mail can be sent.",
            hint="Set EMAIL_FIELD on the user model, or take the key out.",
            id="authkit.W060",
        )
    ]


def _is_unique(users: Any, field: Any) -> bool:
    if isinstance(field, Field) and field.unique:
        return True
    for constraint in users._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.condition is None:
            named = set(constraint.fields)
            expressions: Any = constraint.expressions
            for expression in expressions:
                named |= {part.name for part in expression.flatten() if hasattr(part, "name")}
            if named == {field.name}:
                return True
    return False


def check_trusted_proxies(**_: Any) -> list[CheckMessage]:
    """W003. Its type and range are E002 and E003."""
    behind = settings.USE_X_FORWARDED_HOST or settings.USE_X_FORWARDED_PORT or settings.SECURE_PROXY_SSL_HEADER
    if conf.inspect()[0].trusted_proxies or not behind:
        return []
    return [
        Warning(
            "The settings say that this site is behind a proxy (USE_X_FORWARDED_HOST, USE_X_FORWARDED_PORT or "
            "SECURE_PROXY_SSL_HEADER), but AUTHKIT TRUSTED_PROXIES is 0: every login would show the proxy's address.",
            hint="Set TRUSTED_PROXIES to the number of your own proxies that append to X-Forwarded-For.",
            id="authkit.W003",
        )
    ]


CHECKS = (
    check_keys,
    check_lifetimes,
    check_cookie_age,
    check_public_url,
    check_user_serializer,
    check_claims,
    check_identifiers,
    check_trusted_proxies,
    check_reuse_mail,
)
