"""By what people are recognised, and what an answer says of them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, UniqueConstraint
from django.utils.module_loading import import_string
from rest_framework.serializers import BaseSerializer

from authkit import conf


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


CHECKS = (check_user_serializer, check_identifiers)
