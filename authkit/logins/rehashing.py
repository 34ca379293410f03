"""A password that Django hashes anew stays the same password, so the person's logins go on.

Django's `check_password` upgrades a hash as soon as it has seen the password: after a raise of the iterations, or with
another hasher. The column changes, and with it the fingerprint that each login holds; to every check that looks like a
new password. So the logins move on with the column, in one transaction.

An upgrade is told from a change of the password by the password itself. The user model's `check_password` is wrapped
(Django sends no signal there, and the admin, other packages and ours all call it), so that a save from within it is
known, and with it what the person has typed. Only where the new hash verifies the very same password is it an upgrade:
one hash more, once for each upgrade, and none where nothing is upgraded. A model that burns a one-time password while
it checks it, or sets another one, has changed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar, Token
from copy import copy
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.db import router, transaction
from django.db.models import F
from django.db.models.signals import pre_save
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.logins.current import current_scope
from authkit.logins.fingerprints import good_auth_hashes, password_digest, session_auth_hash
from authkit.logins.limits import line_up_with_rehash
from authkit.logins.models import Login
from authkit.logins.proofs import note_proof

_UID = "authkit.logins.move_logins_on"
_WATCHED = "_authkit_watched"


class _Check:
    """One call of `check_password`, for as long as it runs. Has no repr of its own: it holds a password."""

    __slots__ = ("_token", "before", "password", "person")

    def __init__(self, person: Any, password: str) -> None:
        self.person = person
        self.password = password
        self.before: str = person.password

    def __enter__(self) -> None:
        self._token: Token[_Check | None] = _check.set(self)

    def __exit__(self, *raised: object) -> None:
        _check.reset(self._token)


_check: ContextVar[_Check | None] = ContextVar("authkit_password_check", default=None)


def connect() -> None:
    """Watches the user model's `check_password`, and listens to saves. Safe to call twice."""
    users: Any = get_user_model()
    if not getattr(users.check_password, _WATCHED, False):
        users.check_password = _watched(users.check_password)
        users.acheck_password = _awatched(users.acheck_password)
    for model in apps.get_models():
        if issubclass(model, users):
            pre_save.connect(move_logins_on, sender=model, dispatch_uid=_UID)


def _watched(check: Any) -> Any:
    @wraps(check)
    @sensitive_variables("raw_password")
    def check_password(self: Any, raw_password: str, *args: Any, **options: Any) -> bool:
        with _Check(self, raw_password):
            correct: bool = check(self, raw_password, *args, **options)
        if correct:
            note_proof(self)
        return correct

    setattr(check_password, _WATCHED, True)
    return check_password


def _awatched(check: Any) -> Any:
    @wraps(check)
    @sensitive_variables("raw_password")
    async def acheck_password(self: Any, raw_password: str, *args: Any, **options: Any) -> bool:
        with _Check(self, raw_password):
            correct: bool = await check(self, raw_password, *args, **options)
        if correct:
            note_proof(self)
        return correct

    return acheck_password


def move_logins_on(
    sender: Any, *, instance: Any, raw: bool, using: str, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Where a save is an upgrade of the hash, writes the new one and moves the logins on, before Django writes it too.

    Before, because between Django's save and a later write a request of another device would find a password that its
    login doesn't have, and end that login. Django's save then writes the same value again.
    """
    check = _check.get()
    if check is None or raw or not _is_upgrade(check, instance, update_fields):
        return
    old = copy(instance)
    old.password = check.before
    good = good_auth_hashes(old)
    new = {"auth_hash": session_auth_hash(instance), "password_digest": password_digest(instance)}
    # Of the model as it is stored: a save through a lazy person or a proxy writes the same column.
    people: Any = get_user_model()._base_manager
    with transaction.atomic(using=using):
        line_up_with_rehash(user_id=instance.pk, most=conf.current().login.max_logins)
        logins = Login.objects.using(router.db_for_write(Login)).filter(user_id=instance.pk, ended_at=None)
        # In this order: MariaDB assigns from left to right.
        logins.filter(auth_hash__in=good).update(former_auth_hash=F("auth_hash"), **new)
        held = people.using(using).filter(pk=instance.pk, password=check.before)
        if not held.update(password=instance.password):
            # Another password was set meanwhile. Django's save is about to undo that, and must find no login to revive.
            transaction.set_rollback(True, using=using)
            return
    _note(user_id=instance.pk, good=good, auth_hash=new["auth_hash"])


def _is_upgrade(check: _Check, instance: Any, update_fields: Iterable[str] | None) -> bool:
    written = update_fields is None or "password" in update_fields
    if not written or instance.pk is None or instance.pk != check.person.pk or instance.password == check.before:
        return False
    return check_password(check.password, instance.password)


def _note(*, user_id: Any, good: set[str], auth_hash: str) -> None:
    # The request's own login was read before. What is written for it at the end goes by what it holds.
    scope = current_scope()
    login = scope.login if scope is not None else None
    row: Login | None = login if isinstance(login, Login) or login is None else login.login
    if row is not None and row.user_id == user_id and vars(row).get("auth_hash") in good:
        row.auth_hash = auth_hash
