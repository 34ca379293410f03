"""The one statement that loads a person together with one of their logins and the cutoffs.

The ORM builds it, so that quoting, column names, converters and every database are its business; but it builds it once
per process. Rebuilding the same SQL for each request takes several times as long as the database takes to answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections, models, router
from django.db.models import DateTimeField, F, OuterRef, Subquery
from django.db.models.sql.compiler import SQLCompiler

from authkit.logins.models import GlobalCutoff, Login, UserCutoff

_PREFIX = "_authkit_"
_LOGIN_COLUMNS = tuple(f.attname for f in Login._meta.concrete_fields if f.attname not in {"id", "user_id"})
_CUTOFFS = ("user_cutoff", "global_cutoff")

# Stand-ins by which the compiled parameters are told apart. No row has them, and their types suit the columns.
_ANY_LOGIN = UUID("ffffffff-0000-7000-8000-00617574686b")
_ANY_USERS: dict[str, Any] = {"UUIDField": UUID("ffffffff-0000-4000-8000-00617574686b"), "CharField": "\x01authkit"}
_ANY_INTEGER = -1_717_986_918


@dataclass(frozen=True, slots=True)
class Found:
    """What the statement found: a person, the login, and the later one of the two cutoffs."""

    user: AbstractBaseUser
    login: Login
    cut_off_at: datetime | None


def find(*, login_id: UUID, user_id: Any) -> Found | None:
    """One SQL statement, on the database that is written to: a replica may not know yet what has been revoked.

    Args:
        login_id: the login's key.
        user_id: the key of the person whose login it must be, in any form that the key's field takes.

    Returns:
        None if there is no such login of such a person.

    Raises:
        ValueError, ValidationError, OverflowError, DataError: `user_id` can't be a key of the user model.
    """
    users = get_user_model()
    using = router.db_for_write(Login)
    row = _fetch(users, using, login_id, user_id)
    if row is None:
        return None
    width = len(row) - len(_LOGIN_COLUMNS) - len(_CUTOFFS)
    user = users.from_db(using, _user_columns(users), row[:width])
    login = Login.from_db(using, _login_names(), [login_id, user.pk, *row[width : width + len(_LOGIN_COLUMNS)]])
    return Found(user=user, login=login, cut_off_at=max(filter(None, row[-len(_CUTOFFS) :]), default=None))


def _fetch(users: type[AbstractBaseUser], using: str, login_id: UUID, user_id: Any) -> Any:
    if type(users._default_manager).get_queryset is not models.Manager.get_queryset:
        # A manager with a mind of its own (tenants, soft deletion) may answer differently for each request.
        return _queryset(users, using, login_id, user_id).first()
    statement = _compiled(users, using)
    connection = connections[using]
    parameters = list(statement.parameters)
    parameters[statement.login_at] = Login._meta.pk.get_db_prep_value(login_id, connection)
    parameters[statement.user_at] = users._meta.pk.get_db_prep_value(user_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, parameters)
        row = cursor.fetchone()
    if row is None or not statement.converters:
        return row
    return next(iter(statement.compiler.apply_converters([row], statement.converters)))


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    parameters: tuple[Any, ...]
    login_at: int
    user_at: int
    compiler: SQLCompiler
    converters: dict[int, Any]


@lru_cache(maxsize=32)
def _compiled(users: type[AbstractBaseUser], using: str) -> _Statement:
    connection = connections[using]
    any_user = _ANY_USERS.get(users._meta.pk.get_internal_type(), _ANY_INTEGER)
    compiler = _queryset(users, using, _ANY_LOGIN, any_user).query.get_compiler(using)
    sql, parameters = compiler.as_sql()
    login_key = Login._meta.pk.get_db_prep_value(_ANY_LOGIN, connection)
    user_key = users._meta.pk.get_db_prep_value(any_user, connection)
    return _Statement(
        sql=sql,
        parameters=tuple(parameters),
        login_at=parameters.index(login_key),
        user_at=parameters.index(user_key),
        compiler=compiler,
        converters=compiler.get_converters([expression for expression, _, _ in compiler.select]),
    )


def _queryset(users: type[AbstractBaseUser], using: str, login_id: UUID, user_id: Any) -> Any:
    # From the user model's own default manager, so that people whom a project hides there stay hidden. The annotations
    # reuse the join that the filter made: Django documents filter-then-annotate to do so.
    login_columns = {_PREFIX + name: F(f"authkit_logins__{name}") for name in _LOGIN_COLUMNS}
    mine = UserCutoff.objects.filter(user_id=OuterRef("pk")).values("issued_before")
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    cutoffs = {
        _PREFIX + name: Subquery(cutoff, output_field=DateTimeField())
        for name, cutoff in zip(_CUTOFFS, (mine, everybodys), strict=True)
    }
    everyone: Any = users._default_manager  # of a swappable model, so no type checker knows its relations
    return (
        everyone.using(using)
        .filter(authkit_logins=login_id, pk=user_id)
        .annotate(**login_columns, **cutoffs)
        .order_by()
        .values_list(*_user_columns(users), *login_columns, *cutoffs)
    )


@lru_cache(maxsize=8)
def _user_columns(users: type[AbstractBaseUser]) -> tuple[str, ...]:
    return tuple(field.attname for field in users._meta.concrete_fields)


@lru_cache(maxsize=1)
def _login_names() -> tuple[str, ...]:
    return ("id", "user_id", *_LOGIN_COLUMNS)
