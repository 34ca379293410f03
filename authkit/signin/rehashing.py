"""A password that Django hashes anew stays the same password, so the person's logins go on.

Django's `check_password` upgrades a hash as soon as it has seen the password: after a raise of the iterations, or with
another hasher. The column changes, and with it the fingerprint that each login holds; to every check that looks like a
new password. So the logins move on with the column, in one transaction: between two, a request of another device would
find a password that its login doesn't have, and end that login.

An upgrade is told from a change of the password by the password itself. The user model's `check_password` is wrapped
(Django sends no signal there, and the admin, other packages and ours all call it), and for as long as it runs the
instance's `save`. Only where the new hash verifies the very password that is being checked is it an upgrade: one hash
more, once for each upgrade, and none where nothing is upgraded. A model that burns a one-time password while it checks
it, or sets another one, has changed it.

Django writes its new hash over any value that stands there by then. Two sign-ins at once would upgrade twice, and one
at the time of a password change would bring the old password back. So the column is only written if it still holds the
hash that the password was checked against.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from functools import wraps
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password as verifies
from django.db import router, transaction
from django.db.models import F
from django.views.decorators.debug import sensitive_variables

from authkit.logins.current import current_scope
from authkit.logins.fingerprints import good_auth_hashes, password_digest, session_auth_hash
from authkit.logins.limits import lock_logins_of
from authkit.logins.models import Login
from authkit.signin.breaches import note_password
from authkit.signin.proofs import note_proof

_WATCHED = "_authkit_watched"


def connect() -> None:
    """Watches the user model's `check_password` and its asynchronous twin. Safe to call twice."""
    users: Any = get_user_model()
    for name, watched in (("check_password", _watched), ("acheck_password", _awatched)):
        check = getattr(users, name, None)  # a model that doesn't derive from Django's may have neither
        if check is not None and not getattr(check, _WATCHED, False):
            setattr(users, name, watched(check))


def _watched(check: Any) -> Any:
    @wraps(check)
    @sensitive_variables("raw_password")
    def check_password(self: Any, raw_password: str, *args: Any, **options: Any) -> bool:
        with _Check(self, raw_password):
            correct: bool = check(self, raw_password, *args, **options)
        if correct:
            note_proof(self)
            note_password(self, raw_password)
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
            note_password(self, raw_password)
        return correct

    setattr(acheck_password, _WATCHED, True)
    return acheck_password


class _Check:
    """One call of `check_password`, for as long as it runs. Has no repr of its own: it holds a password.

    `save` is replaced on the instance and not on the model, so that nothing else which is saved meanwhile is touched.
    """

    __slots__ = ("_outer", "before", "password", "person")

    def __init__(self, person: Any, password: str) -> None:
        self.person = person
        self.password = password
        self.before: str = getattr(person, "password", "")

    def __enter__(self) -> None:
        self._outer = vars(self.person).get("save")  # a model's check_password that calls its parent's
        vars(self.person)["save"] = self._save

    def __exit__(self, *raised: object) -> None:
        if self._outer is None:
            del vars(self.person)["save"]
        else:
            vars(self.person)["save"] = self._outer

    def _save(self, *args: Any, **options: Any) -> None:
        person = self.person
        if not self._is_upgrade(options.get("update_fields")):
            type(person).save(person, *args, **options)
            return
        using = options.get("using") or router.db_for_write(type(person), instance=person)
        old = copy(person)
        old.password = self.before
        good = good_auth_hashes(old)
        with transaction.atomic(using=using):
            saved = self._write(using, good)
            if saved:
                type(person).save(person, *args, **options)
        if saved:
            _note(person, good)
        else:
            self._give_way(using)

    def _is_upgrade(self, update_fields: Collection[str] | None) -> bool:
        person = self.person
        written = update_fields is None or "password" in update_fields
        if not written or person.pk is None or getattr(person, "password", "") == self.before:
            return False
        return verifies(self.password, person.password)

    def _write(self, using: str, good: Collection[str]) -> bool:
        person, people = self.person, get_user_model()._base_manager
        lock_logins_of(user_id=person.pk)
        logins = Login.objects.using(using).filter(user_id=person.pk, ended_at=None, auth_hash__in=good)
        # In this order: MariaDB assigns from left to right. Nothing ends by it, so there is nothing to tell Redis.
        logins.update_told(
            former_auth_hash=F("auth_hash"),
            auth_hash=session_auth_hash(person),
            password_digest=password_digest(person),
        )
        held = people.using(using).filter(pk=person.pk, password=self.before)
        if held.update(password=person.password):
            return True
        transaction.set_rollback(True, using=using)
        return False

    def _give_way(self, using: str) -> None:
        """Another process has written the column meanwhile. Where it was an upgrade too, its hash is as good. Where the
        password was changed, this instance keeps a hash that no check will find in the database, so a login that is
        opened with it is out at once."""
        people = get_user_model()._base_manager.using(using)
        held = people.filter(pk=self.person.pk).values_list("password", flat=True).first()
        if held is not None and verifies(self.password, held):
            self.person.password = held


def _note(person: Any, good: Collection[str]) -> None:
    # The request's own login was read before. Its write at the end goes by the values that it holds.
    scope = current_scope()
    login = scope.login if scope is not None else None
    row: Login | None = login if isinstance(login, Login) or login is None else login.login
    if row is not None and row.user_id == person.pk and vars(row).get("auth_hash") in good:
        row.auth_hash = session_auth_hash(person)
