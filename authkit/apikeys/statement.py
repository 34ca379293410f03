"""The one statement of a request by key: it finds the key by its digest, and with it the login and the person.

As `authkit.logins.statement.find`, which looks a login up by its id, it is built once and prepared where that pays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections, models, router
from django.db.models import DateTimeField, F, Subquery

from authkit.apikeys.models import ApiKey
from authkit.logins.compiled import Select, select_where_possible
from authkit.logins.endings import beyond_cutoffs
from authkit.logins.models import GlobalCutoff, Login
from authkit.logins.statement import JUDGED, FoundLogin, Standing, standing_of, user_columns

_PREFIX = "_authkit_"
_ANY_DIGEST = "authkit"
"""Stands in for the digest in the compiled statement; no row has it."""

_KEY = ("login_id", "scopes", "networks")
_ORDINARY, _LASTING = ("issued_before", "keeps"), ("lasting_before",)
"""Columns of the person's cutoff. Which of them count for keys depends on the settings (`beyond_cutoffs`)."""

KIND = "key"


class KeyRow(NamedTuple):
    """The columns of a key that a request needs."""

    login_id: UUID
    scopes: str
    networks: str


class FoundKey(NamedTuple):
    """A key, and the person and the standing of its login, which are still to be judged."""

    found: FoundLogin
    row: KeyRow


def find_key(*, digest: str) -> FoundKey | None:
    """One SQL statement, on the database that is written to.

    Args:
        digest: of the key's text.

    Returns:
        None if there is no such key.
    """
    users = get_user_model()
    using = router.db_for_write(Login)
    cutoff = _LASTING if KIND in beyond_cutoffs() else _ORDINARY
    row = _fetch(users, using, digest, cutoff)
    if row is None:
        return None
    names = user_columns(users)
    width, judged = len(names), len(JUDGED)
    user = users.from_db(using, names, row[:width])
    values = tuple(row[width : width + judged])
    key = KeyRow._make(row[width + judged : width + judged + len(_KEY)])
    persons, everybodys = row[-len(cutoff) - 1], row[-1]
    if cutoff is _ORDINARY and row[-2] == key.login_id:
        persons = None  # the login that this cutoff keeps
    found = FoundLogin(
        user=user,
        standing=Standing._make(standing_of(JUDGED)(values)),
        cut_off_at=max(persons, everybodys) if persons and everybodys else persons or everybodys,
        blacklisted=False,
        using=using,
        columns=("id", "user_id", *JUDGED),
        values=(key.login_id, user.pk, *values),
    )
    return FoundKey(found, key)


def _fetch(users: type[AbstractBaseUser], using: str, digest: str, cutoff: tuple[str, ...]) -> Any:
    statement = None
    if type(users._default_manager).get_queryset is models.Manager.get_queryset:
        statement = _compiled(users, using, cutoff)
    if statement is None:  # for the reasons in `authkit.logins.statement`
        return _queryset(users, using, digest, cutoff).first()
    rows = statement.rows(connections[using], {"digest": digest})
    return rows[0] if rows else None


@lru_cache(maxsize=8)
def _compiled(users: type[AbstractBaseUser], using: str, cutoff: tuple[str, ...]) -> Select | None:
    field: Any = ApiKey._meta.get_field("digest")
    query = _queryset(users, using, _ANY_DIGEST, cutoff).query
    return select_where_possible(query, using=using, stand_ins={"digest": (field, _ANY_DIGEST)})


def _queryset(users: type[AbstractBaseUser], using: str, digest: str, cutoff: tuple[str, ...]) -> Any:
    login = {f"{_PREFIX}{name}": F(f"authkit_logins__{name}") for name in JUDGED}
    key = {f"{_PREFIX}key_{name}": F(f"authkit_logins__authkit_key__{name}") for name in _KEY}
    # By a join, unlike `find`: the person is not known before.
    persons = {f"{_PREFIX}cutoff_{name}": F(f"authkit_cutoff__{name}") for name in cutoff}
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    everybody = {f"{_PREFIX}everybody": Subquery(everybodys, output_field=DateTimeField())}
    everyone: Any = users._default_manager  # of a swappable model, so no type checker knows its relations
    return (
        everyone.using(using)
        .filter(authkit_logins__authkit_key__digest=digest)
        .annotate(**login, **key, **persons, **everybody)
        .order_by()
        .values_list(*user_columns(users), *login, *key, *persons, *everybody)
    )
