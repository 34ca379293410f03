"""The identifiers of people, the serializer that shows them, the hook that is asked, and the doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, UniqueConstraint
from django.utils.module_loading import import_string
from rest_framework.serializers import BaseSerializer

from authkit import conf
from authkit.core.callables import takes
from authkit.core.outgoing import is_private_url
from authkit.limiter.budgets import budgets
from authkit.signin.breached_file import BreachedFileUnusable, count_records
from authkit.signin.doors import Door, doors


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
    if is_unique(users, field):
        return []
    return [
        Warning(
            f'AUTHKIT LOGIN.IDENTIFIERS has "email", but two accounts of {users._meta.label} may share an address; '
            "neither of them could sign in with it.",
            hint=f"Make {name!r} unique, best without regard to case: UniqueConstraint(Lower({name!r}), name=...).",
            id="authkit.W002",
        )
    ]


def is_unique(users: Any, field: Any) -> bool:
    """Whether no two people can have the same value in this field of the user model."""
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


def check_may_sign_in(**_: Any) -> list[CheckMessage]:
    """E065, E066. The callable's answer is seen only at a sign-in; see `authkit.signin.may_sign_in`."""
    hook = conf.inspect()[0].login.may_sign_in
    if not hook:
        return []
    try:
        function = hook.resolve()
    except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        text = f"AUTHKIT LOGIN.MAY_SIGN_IN {hook!r} can't be imported, so every sign-in is refused: {error}"
        hint = "Name a function of yours by its dotted path, or leave the key out."
        return [Error(text, hint=hint, id="authkit.E065")]
    if takes(function, arguments=3):
        return []
    text = f"AUTHKIT LOGIN.MAY_SIGN_IN {hook!r} can't be called with (user, request, method): every sign-in is refused."
    hint = "Write it as def may_sign_in(user, request, method): return True, or a sentence; it can't be async."
    return [Error(text, hint=hint, id="authkit.E066")]


VALIDATOR = "authkit.signin.validators.BreachedPassword"


def check_breached_passwords(**_: Any) -> list[CheckMessage]:
    """E270, E271, W270, W271."""
    login = conf.inspect()[0].login
    return [*_breached_file(login.breached_file), *_breached_ranges(login.breached_ranges), *_validator(login)]


def _breached_file(path: str) -> Iterator[CheckMessage]:
    if not path:
        return
    try:
        count_records(path=path)
    except BreachedFileUnusable as error:
        yield Error(
            f"AUTHKIT LOGIN.BREACHED_FILE is of no use: {error}.",
            hint="Build it by `manage.py authkit_breached build`, or leave the key out.",
            id="authkit.E270",
        )


def _breached_ranges(url: str) -> Iterator[CheckMessage]:
    if url and not is_private_url(url):
        yield Error(
            f"AUTHKIT LOGIN.BREACHED_RANGES {url!r} is no https URL: each reader of the network would see the "
            "beginning of each password's SHA-1.",
            hint="Write it as https://api.pwnedpasswords.com/range/, or leave the key out.",
            id="authkit.E271",
        )


def _validator(login: conf.LoginSettings) -> Iterator[CheckMessage]:
    has_source = bool(login.breached_file or login.breached_ranges)
    is_listed = any(entry.get("NAME") == VALIDATOR for entry in settings.AUTH_PASSWORD_VALIDATORS)
    if is_listed and not has_source:
        yield Warning(
            "AUTH_PASSWORD_VALIDATORS has BreachedPassword, and neither a file nor a server is set where it could "
            "look: it knows Django's common passwords alone.",
            hint="Set LOGIN.BREACHED_FILE or LOGIN.BREACHED_RANGES.",
            id="authkit.W270",
        )
    if has_source and not is_listed:
        yield Warning(
            "Breached passwords are noticed at a sign-in, and a person may choose another breached one.",
            hint=f"Add {{'NAME': {VALIDATOR!r}}} to AUTH_PASSWORD_VALIDATORS.",
            id="authkit.W271",
        )


_OF_A_CHALLENGE = ("kind", "template", "field", "sources", "for_page", "verify")


def check_challenge(**_: Any) -> list[CheckMessage]:
    """E272, E273."""
    limiter = conf.inspect()[0].limiter
    if not limiter.challenge:
        return []
    try:
        challenge = limiter.challenge.resolve()()
    except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == "altcha"
        hint = "Install the extra: django-authkit[challenge]." if missing else "Correct the path, or leave the key out."
        text = f"AUTHKIT LIMITER.CHALLENGE {limiter.challenge!r} can't be made, so no password is taken: {error}"
        return [Error(text, hint=hint, id="authkit.E272")]
    lacks = [name for name in _OF_A_CHALLENGE if not hasattr(challenge, name)]
    if lacks:
        text = f"AUTHKIT LIMITER.CHALLENGE {limiter.challenge!r} is no challenge: it lacks {', '.join(lacks)}."
        return [Error(text, hint="Name a class as docs/challenges.md describes it.", id="authkit.E272")]
    if getattr(challenge, "needs_keys", False) and not (limiter.challenge_site_key and limiter.challenge_secret):
        text = f"AUTHKIT LIMITER.CHALLENGE is {challenge.kind}, and its keys are not set: it could never be asked."
        return [Error(text, hint="Set LIMITER.CHALLENGE_SITE_KEY and LIMITER.CHALLENGE_SECRET.", id="authkit.E273")]
    return []


def check_doors(**_: Any) -> list[CheckMessage]:
    """E240 to E243."""
    return [message for door in doors() for message in _door(door)]


def _door(door: Door) -> Iterator[CheckMessage]:
    if not door.evidence:
        yield Error(
            f"The door {door.id!r} names no evidence: nothing says what a caller has to show there.",
            hint='Write it as Door(..., evidence=("password",)).',
            id="authkit.E240",
        )
    if not door.budgets:
        yield Error(
            f"The door {door.id!r} names no budget, so nothing would limit how often a caller may try there.",
            hint='Write it as Door(..., budgets=("password",)).',
            id="authkit.E241",
        )
    for name in sorted(set(door.budgets) - set(budgets())):
        yield Error(
            f"The door {door.id!r} names the budget {name!r}, which does not exist.",
            hint='Register it by authkit.limiter.register_budget() in AppConfig.ready(), or name "own" where your '
            "code limits the tries by itself.",
            id="authkit.E243",
        )
    try:
        import_string(door.view)
    except Exception as error:  # noqa: BLE001  # as above
        yield Error(
            f"The view of the door {door.id!r}, {door.view!r}, can't be imported: {error}",
            hint="Name the view, or the function that opens the login, by its dotted path.",
            id="authkit.E242",
        )


CHECKS = (
    check_user_serializer,
    check_identifiers,
    check_may_sign_in,
    check_breached_passwords,
    check_challenge,
    check_doors,
)
