"""The two statements that every request or refresh needs: load a person by one of their logins; rotate that login.

The ORM builds them once per process (`authkit.logins.compiled`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections, models, router, transaction
from django.db.models import Case, DateTimeField, Exists, F, Q, Subquery, Value, When
from django.db.models.sql import UpdateQuery

from authkit.logins.compiled import CompiledStatement, Select, select_where_possible
from authkit.logins.endings import beyond_cutoffs
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff

_PREFIX = "_authkit_"
_KEYS = ("id", "user_id")

Columns = tuple[str, ...]
"""Columns of a login, besides its key and its person's. The others are loaded, all at once, when one is asked for:
converting dates that no code looks at costs as much as a third of the statement."""

Condition = Callable[[UUID], Any]
"""Takes a login's key and returns a condition on its row, such as an Exists(), for `filter()`. A function of a module:
the statement is built once for each."""

WHOLE: Columns = tuple(f.attname for f in Login._meta.concrete_fields if f.attname not in _KEYS)
_ORIGIN = ("parent_id", "actor_id")
_JUDGED = {"kind", "restricted", "auth_hash", "created_at", "expires_at", "ended_at", "end_reason"}  # as `Standing`
_USED = _JUDGED | {"remembered", "last_seen_at", "absolute_expires_at", *_ORIGIN}
_REPLAYED = {"rotated_at", "rotated_device", "rotated_network", "retried_at", "retried_generation", "late_retries"}
_ROTATED = _JUDGED | _REPLAYED | {"generation", "absolute_expires_at", *_ORIGIN}
# In the model's own order, in which `from_db()` takes their values.
JUDGED: Columns = tuple(name for name in WHOLE if name in _JUDGED)
"""The columns that decide whether the login stands: all that the check of an access token needs."""
USED: Columns = tuple(name for name in WHOLE if name in _USED)
"""The columns that a session needs to note its use; and those of the login it came from, as only a session can."""
ROTATED: Columns = tuple(name for name in WHOLE if name in _ROTATED)
"""The columns that a refresh needs, a repeated one as well."""

_CUTOFFS = ("user_cutoff", "global_cutoff")

# Stand-ins by which the compiled parameters are told apart. No row has them, and their types suit the columns.
_ANY_LOGIN = UUID("ffffffff-0000-7000-8000-00617574686b")
_ANY_USERS: dict[str, Any] = {"UUIDField": UUID("ffffffff-0000-4000-8000-00617574686b"), "CharField": "\x01authkit"}
_ANY_INTEGER = -1_717_986_918
_ANY_GENERATION = 1_717_986_918
_ANY_TEXTS = {name: f"\x01{name}" for name in ("rotated_device", "rotated_network")}
_ANY_HASH = "\x01authkit"
_ANY_HELD_HASH = "\x02authkit"
_ANY_DIGEST_OF_IT = "\x03authkit"
_ANY_DIGEST = "authkit"
_ANY_AMR = "\x04authkit"
_ANY_TIMES = [datetime(1066, 10, day, tzinfo=UTC) for day in (14, 15, 16, 17)]
_ANY_AUTHENTICATION = datetime(1066, 10, 18, tzinfo=UTC)


class Standing(NamedTuple):
    """The columns of a login's row that decide whether it stands, and how far it reaches."""

    kind: str
    restricted: bool
    auth_hash: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str


class Hashes(NamedTuple):
    """The replacement of a login's `auth_hash`.

    Args:
        held_hash: the one with which the login was read. Where the row has another by now, the password was hashed anew
            meanwhile (`rehashing`), and the person was read before that: the row's hash stays.
        auth_hash: the person's present one.
        password_digest: the digest that is kept beside it.
    """

    held_hash: str
    auth_hash: str
    password_digest: str


class Authentication(NamedTuple):
    """The facts of a step-up.

    Args:
        authenticated_at: when the person showed who they are.
        amr: how, as `Login.amr` has it.
    """

    authenticated_at: datetime
    amr: str


class FoundLogin(NamedTuple):
    """The statement's result: a person, the standing of their login, the later of the two cutoffs that don't spare it,
    and whether the token that was asked for is on the blacklist."""

    user: AbstractBaseUser
    standing: Standing
    cut_off_at: datetime | None
    blacklisted: bool
    using: str
    columns: Columns
    values: tuple[Any, ...]

    def origin(self) -> tuple[UUID, Any] | None:
        """The id and the person of the login that this one came from; None for a login that came from no other, and
        where the columns that say so were not read."""
        if _ORIGIN[0] not in self.columns:
            return None
        held = dict(zip(self.columns, self.values, strict=True))
        return None if held["parent_id"] is None else (held["parent_id"], held["actor_id"])

    def login(self) -> Login:
        """The row itself, with the columns that were read."""
        return Login.from_db(self.using, _as_set(self.columns), self.values)


def find(
    *,
    login_id: UUID,
    user_id: Any,
    digest: str | None = None,
    columns: Columns = WHOLE,
    condition: Condition | None = None,
) -> FoundLogin | None:
    """One SQL statement, on the database that is written to: a replica may not know yet what has been revoked.

    Args:
        login_id: the login's key.
        user_id: the key of the person whose login it must be, in any form that the key's field takes.
        digest: of a token's jti, to look up on the blacklist in the same statement; nothing is looked up if None.
        columns: the columns to read of the login.
        condition: of a feature whose credential is good only while a row of its own says so. It is asked in the same
            statement; None leaves the statement as it is.

    Returns:
        None if there is no such login of such a person, or the condition does not hold.

    Raises:
        ValueError, ValidationError, OverflowError, DataError: `user_id` can't be a key of the user model.
    """
    users = get_user_model()
    using = router.db_for_write(Login)
    row = _fetch(users, using, login_id, user_id, digest, columns, condition)
    if row is None:
        return None
    blacklisted = False
    if digest is not None:
        *row, blacklisted = row
    names = user_columns(users)
    width = len(names)
    user = users.from_db(using, names, row[:width])
    values = row[width : width + len(columns)]
    standing = Standing._make(standing_of(columns)(values))
    user_cutoff, global_cutoff = row[-2:]
    if user_cutoff and standing.kind in beyond_cutoffs():
        user_cutoff = None
    return FoundLogin(
        user=user,
        standing=standing,
        cut_off_at=max(user_cutoff, global_cutoff) if user_cutoff and global_cutoff else user_cutoff or global_cutoff,
        blacklisted=bool(blacklisted),
        using=using,
        columns=(*_KEYS, *columns),
        values=(login_id, user.pk, *values),
    )


@lru_cache(maxsize=8)
def _as_set(columns: Columns) -> frozenset[str]:
    return frozenset(columns)  # `from_db()` looks for each of the model's columns in it


@lru_cache(maxsize=8)
def standing_of(columns: Columns) -> itemgetter[Any]:
    """Takes what `Standing` is made of out of the values of these columns of a login."""
    return itemgetter(*(columns.index(name) for name in Standing._fields))


def _fetch(
    users: type[AbstractBaseUser],
    using: str,
    login_id: UUID,
    user_id: Any,
    digest: str | None,
    columns: Columns,
    condition: Condition | None,
) -> Any:
    if type(users._default_manager).get_queryset is not models.Manager.get_queryset:
        # A custom manager (tenants, soft deletion) may answer differently for each request.
        return _queryset(users, using, login_id, user_id, digest, columns, condition).first()
    statement = _compiled(users, using, columns, with_digest=digest is not None, condition=condition)
    if statement is None:
        return _queryset(users, using, login_id, user_id, digest, columns, condition).first()
    rows = statement.rows(connections[using], {"login_id": login_id, "user_id": user_id, "digest": digest})
    return rows[0] if rows else None


def advance(
    *,
    login_id: UUID,
    generation: int,
    now: datetime,
    expires_at: datetime,
    device: str,
    network: str,
    hashes: Hashes | None = None,
    authentication: Authentication | None = None,
) -> bool:
    """The conditional UPDATE behind every refresh; its row count is the answer.

    Columns of this one table only: a join would turn the condition into a sub-select, and two could win.

    Args:
        login_id: the login's key.
        generation: the one that it must still have, and leaves by one.
        now: the time of the rotation; the login must not have ended or run out by then.
        expires_at: until when it then waits for its next use.
        device: from which the rotation comes, at most MAX_ROTATED_DEVICE_LENGTH characters.
        network: likewise, as `Client.network` has it.
        hashes: to be replaced; None where the login holds the person's present hash already.
        authentication: of a step-up; None at a refresh, which makes no login younger.

    Returns:
        Whether this call moved it on.
    """
    using = router.db_for_write(Login)
    connection = connections[using]
    statement = _compiled_advance(using, with_hashes=hashes is not None, with_authentication=authentication is not None)
    given = {
        "login_id": login_id, "generation": generation, "now": now,
        "rotated_at": now, "last_seen_at": now, "expires_at": expires_at,
        "rotated_device": device, "rotated_network": network,
        **(hashes._asdict() if hashes else {}), **(authentication._asdict() if authentication else {}),
    }  # fmt: skip
    with transaction.mark_for_rollback_on_error(using=using), connection.cursor() as cursor:
        statement.execute(cursor, connection, given)
        return bool(cursor.rowcount)


@lru_cache(maxsize=32)
def _compiled(
    users: type[AbstractBaseUser],
    using: str,
    columns: Columns,
    *,
    with_digest: bool,
    condition: Condition | None = None,
) -> Select | None:
    key: Any = users._meta.pk
    any_user = _ANY_USERS.get(key.get_internal_type(), _ANY_INTEGER)
    any_digest = _ANY_DIGEST if with_digest else None
    query = _queryset(users, using, _ANY_LOGIN, any_user, any_digest, columns, condition).query
    stand_ins: dict[str, tuple[Any, Any]] = {"login_id": (Login._meta.pk, _ANY_LOGIN), "user_id": (key, any_user)}
    if with_digest:
        stand_ins["digest"] = (BlacklistedToken._meta.pk, _ANY_DIGEST)
    return select_where_possible(query, using=using, stand_ins=stand_ins)


@lru_cache(maxsize=8)
def _compiled_advance(using: str, *, with_hashes: bool, with_authentication: bool) -> CompiledStatement:
    times = dict(zip(("now", "rotated_at", "last_seen_at", "expires_at"), _ANY_TIMES, strict=True))
    query: Any = (
        Login.objects.using(using)
        .filter(pk=_ANY_LOGIN, generation=_ANY_GENERATION, ended_at=None, expires_at__gt=times["now"])
        .query.chain(UpdateQuery)
    )
    changed: dict[str, Any] = {name: times[name] for name in ("rotated_at", "last_seen_at", "expires_at")}
    field: Any = Login._meta.get_field
    hashes: dict[str, Any] = {}
    stand_ins: dict[str, tuple[Any, Any]] = {}
    if with_hashes:
        as_read = Q(auth_hash=_ANY_HELD_HASH)
        hashes = {
            # In this order: MariaDB assigns from left to right, and the conditions look at `auth_hash`.
            "password_digest": Case(When(as_read, then=Value(_ANY_DIGEST_OF_IT)), default=F("password_digest")),
            "auth_hash": Case(When(as_read, then=Value(_ANY_HASH)), default=F("auth_hash")),
        }
        stand_ins = {
            "held_hash": (field("auth_hash"), _ANY_HELD_HASH),
            "auth_hash": (field("auth_hash"), _ANY_HASH),
            "password_digest": (field("password_digest"), _ANY_DIGEST_OF_IT),
        }
    if with_authentication:
        changed |= {"authenticated_at": _ANY_AUTHENTICATION, "amr": _ANY_AMR}
        stand_ins |= {
            "authenticated_at": (field("authenticated_at"), _ANY_AUTHENTICATION),
            "amr": (field("amr"), _ANY_AMR),
        }
    query.add_update_values({"generation": F("generation") + 1, **hashes, **_ANY_TEXTS, **changed})
    stand_ins |= {
        "login_id": (Login._meta.pk, _ANY_LOGIN),
        "generation": (field("generation"), _ANY_GENERATION),
        **{name: (field(name), text) for name, text in _ANY_TEXTS.items()},
        **{name: (field("expires_at"), time) for name, time in times.items()},
    }
    return CompiledStatement.compiled(query, using=using, stand_ins=stand_ins)


def _queryset(
    users: type[AbstractBaseUser],
    using: str,
    login_id: UUID,
    user_id: Any,
    digest: str | None,
    columns: Columns,
    condition: Condition | None = None,
) -> Any:
    # From the user model's own default manager, so that people that a project hides there stay hidden. The annotations
    # reuse the join that the filter made: Django documents filter-then-annotate to do so.
    login_columns = {_PREFIX + name: F(f"authkit_logins__{name}") for name in columns}
    # By the value, not by OuterRef("pk"): a sub-select that knows no outer row is planned and run for less.
    mine = UserCutoff.objects.filter(user_id=user_id).exclude(keeps=login_id).values("issued_before")
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    cutoffs = {
        _PREFIX + name: Subquery(cutoff, output_field=DateTimeField())
        for name, cutoff in zip(_CUTOFFS, (mine, everybodys), strict=True)
    }
    listed = {}
    if digest is not None:
        listed = {_PREFIX + "blacklisted": Exists(BlacklistedToken.objects.filter(pk=digest))}
    everyone: Any = users._default_manager  # of a swappable model, so no type checker knows its relations
    return (
        everyone.using(using)
        .filter(*([] if condition is None else [condition(login_id)]), authkit_logins=login_id, pk=user_id)
        .annotate(**login_columns, **cutoffs, **listed)
        .order_by()
        .values_list(*user_columns(users), *login_columns, *cutoffs, *listed)
    )


@lru_cache(maxsize=8)
def user_columns(users: type[AbstractBaseUser]) -> tuple[str, ...]:
    """The columns of a person, in the order in which `from_db()` takes their values."""
    return tuple(field.attname for field in users._meta.concrete_fields)
