"""Which saves decide about a person: whether they are active, by which password, under which address.

Every save does, unless its fields are known to be harmless. More models than the user model may write the columns of a
person: the models that derive from it, its parents (multi-table inheritance), their other children, proxies, and a
model of another app on the same table. They are found by their tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from inspect import getattr_static
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.db.models.query_utils import DeferredAttribute

_HASHES = ("get_session_auth_hash", "get_session_auth_fallback_hash", "_get_session_auth_hash")
_LAST_LOGIN = "last_login"


def models_that_decide() -> list[Any]:
    """All models whose save may decide about a person. Asks no database."""
    return [model for model in apps.get_models() if issubclass(model, get_user_model()) or _written(model, None)]


def decides(instance: Any, update_fields: Iterable[str] | None) -> bool:
    """Whether this save may decide about a person.

    Args:
        instance: of one of `models_that_decide`.
        update_fields: the saved fields, by name; all, if None.
    """
    model: Any = type(instance)
    return bool(_written(model, None if update_fields is None else frozenset(update_fields)))


def keys_of(instance: Any) -> list[Any]:
    """The keys of the people whose row this is a part of. Asks the database only where the user model has several
    parents and this is not the one that gives it its key."""
    users: Any = get_user_model()
    if isinstance(instance, users):
        key = getattr(instance, users._meta.pk.attname)
        return [] if key is None else [key]
    found, lineage = [], _lineage(users)
    for table, owner in _parts(type(instance)).items():
        ancestor = lineage.get(table)
        key = None if ancestor is None else getattr(instance, owner._meta.pk.attname)
        if ancestor is None or key is None:
            continue
        if table in _tables_of_the_key(users):
            found.append(key)
        else:
            people = users._base_manager.using(router.db_for_write(users))
            found += people.filter(**{ancestor._meta.pk.name: key}).values_list("pk", flat=True)
    return list(dict.fromkeys(found))


def made_inactive(instance: Any, update_fields: Iterable[str] | None) -> list[Any]:
    """The keys of the people of `keys_of` who are inactive once this is saved, as far as this save has to do with it.

    `is_active` may be a property of other fields. Then the database's values count, and not the instance's: a field
    that was set and not saved is no deactivation.
    """
    users: Any = get_user_model()
    column = _column(users, "is_active")
    if column is not None:
        model: Any = type(instance)
        written = _written(model, None if update_fields is None else frozenset(update_fields))
        if column not in written or getattr(instance, written[column]):
            return []
        return keys_of(instance)
    if not decides(instance, update_fields) or getattr_static(users, "is_active", True) is True:
        return []
    if isinstance(instance, users) and (update_fields is None or instance.is_active):
        return [] if instance.is_active else keys_of(instance)
    people = users._base_manager.using(router.db_for_write(users)).filter(pk__in=keys_of(instance))
    return [person.pk for person in people if not person.is_active]


def address_field(model: Any) -> Any:
    """The field of this model that is written to the column of people's e-mail addresses; None if there is none."""
    users: Any = get_user_model()
    column = _column(users, users.get_email_field_name())
    lineage = _lineage(users)
    fields = (field for field in model._meta.concrete_fields if field.model._meta.db_table in lineage)
    return next((field for field in fields if field.column == column), None)


@lru_cache(maxsize=256)
def _written(model: Any, names: frozenset[str] | None) -> dict[str, str]:
    """The columns of people by which these fields of the model decide about one, each with the attribute it holds."""
    users: Any = get_user_model()
    lineage, deciding = _lineage(users), _deciding_columns(users)
    if lineage.keys().isdisjoint(_parts(model)):
        return {}
    return {
        field.column: field.attname
        for field in model._meta.concrete_fields
        if (names is None or field.name in names or field.attname in names)
        and (deciding is None or (field.column in deciding and field.model._meta.db_table in lineage))
        and field.name != _LAST_LOGIN
    }


@lru_cache(maxsize=8)
def _deciding_columns(users: Any) -> frozenset[str] | None:
    """None where it can't be known: the project itself decides who is active, or of what a login's hash is made."""
    own = [name for name in _HASHES if getattr(users, name, None) is not getattr(AbstractBaseUser, name, None)]
    active, password = _column(users, "is_active"), _column(users, "password")
    if own or password is None or (active is None and getattr_static(users, "is_active", True) is not True):
        return None
    address = _column(users, users.get_email_field_name())
    return frozenset(column for column in (active, password, address) if column is not None)


def _column(users: Any, name: str) -> str | None:
    """None if there is no such field, or something else is in its place, as a property over a parent's field."""
    if not isinstance(getattr_static(users, name, None), DeferredAttribute):
        return None
    return next((field.column for field in users._meta.concrete_fields if field.name == name), None)


def _parts(model: Any) -> dict[str, Any]:
    """The tables that hold an instance of this model, and the model of each."""
    concrete = model._meta.concrete_model or model
    return {part._meta.db_table: part for part in (concrete, *concrete._meta.get_parent_list())}


@lru_cache(maxsize=8)
def _lineage(users: Any) -> dict[str, Any]:
    return _parts(users)


@lru_cache(maxsize=8)
def _tables_of_the_key(users: Any) -> frozenset[str]:
    """Where a row of this table has the key of its person."""
    field, tables = users._meta.pk, {users._meta.db_table}
    while field.remote_field:
        tables.add(field.remote_field.model._meta.db_table)
        field = field.target_field
    return frozenset(tables)
