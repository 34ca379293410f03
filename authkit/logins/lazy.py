"""A person and a login of whom nothing was read but their keys.

Both are real instances with all other fields deferred. What needs a key alone (`user.pk`, `==`, `filter(owner=user)`,
`is_authenticated`) costs nothing; anything else loads both by the one statement of `check_login`, once, which also
says whether the login still stands. Raises `LoginEnded` or `TruthUnavailable` then, wherever the field was asked for.

In asynchronous code that is a statement where Django allows none: `await user.arefresh_from_db()` first.
"""

from __future__ import annotations

import weakref
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, router

from authkit.exceptions import LoginEnded
from authkit.logins.checkers import Carried, check_login
from authkit.logins.hints import mention
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

_PAIR = "_authkit_pair"
_LOGIN_FIELDS = ("id", "user_id")


class _Pair:
    """What a lazy person and their lazy login have in common. Refers to them weakly: a cycle would outlive the request
    until the garbage collector comes by."""

    __slots__ = ("instances", "login_id", "user_id")

    def __init__(self, login_id: UUID, user_id: Any) -> None:
        self.login_id = login_id
        self.user_id = user_id
        self.instances: tuple[weakref.ref[Any], ...] = ()

    def load(self) -> None:
        """Fills both, unless somebody has let go of one."""
        try:
            carried = check_login(login_id=self.login_id, user_id=self.user_id)
        except LoginEnded as ended:
            if ended.why in {EndReason.DEACTIVATED, EndReason.PASSWORD_CHANGED, EndReason.DELETED}:
                mention(login_id=self.login_id)  # a change that no hint spoke of, such as one by raw SQL
            raise
        for instance, loaded in zip(self.instances, (carried.user, carried.login), strict=True):
            _fill(instance(), loaded)


def lazily(*, login_id: UUID, user_id: Any) -> Carried | None:
    """A person and their login, unread.

    Args:
        login_id: the token's `sid`.
        user_id: the token's `sub`.

    Returns:
        None where it has to be the database: the user model's manager picks people by itself, or this is no key of it.
    """
    users: Any = get_user_model()
    if type(users._default_manager).get_queryset is not models.Manager.get_queryset:
        return None
    key = users._meta.pk
    try:
        pk = key.to_python(user_id)
    except ValidationError:
        return None
    using = router.db_for_write(Login)
    pair = _Pair(login_id, pk)
    user = _lazy(users).from_db(using, (key.attname,), (pk,))
    login = _lazy(Login).from_db(using, _LOGIN_FIELDS, (login_id, pk))
    user.__dict__[_PAIR] = login.__dict__[_PAIR] = pair
    pair.instances = (weakref.ref(user), weakref.ref(login))
    return Carried(user=user, login=login)


@lru_cache(maxsize=8)
def _lazy(model: type[models.Model]) -> Any:
    """A class that behaves as `model` and says that it is, as Django's SimpleLazyObject does: `isinstance`,
    `__class__`, `_meta`, the sender of signals. Made past Django's metaclass, to which it would be another model."""

    def refresh_from_db(self: Any, using: str | None = None, fields: Any = None, **options: Any) -> None:
        pair = self.__dict__.get(_PAIR)
        if pair is not None:
            for name in fields or [field.attname for field in model._meta.concrete_fields if not field.primary_key]:
                self.__dict__.pop(name, None)
            pair.load()
        if pair is None or using is not None or options:
            model.refresh_from_db(self, using, fields, **options)

    def state_of(self: Any) -> dict[str, Any]:
        # Unpickled or copied, it is no credential any more, and an instance of the model itself.
        state: dict[str, Any] = dict(model.__getstate__(self))
        state.pop(_PAIR, None)
        return state

    body = {
        "__module__": model.__module__,
        "__qualname__": model.__qualname__,
        "__class__": property(lambda self: model),
        "__getstate__": state_of,
        "refresh_from_db": refresh_from_db,
    }
    return type.__new__(type(model), model.__name__, (model,), body)


def _fill(instance: Any, loaded: models.Model) -> None:
    if instance is None:
        return
    held = instance.__dict__
    held.pop(_PAIR, None)
    for name, value in loaded.__dict__.items():
        held.setdefault(name, value)  # what a view has set meanwhile stays
    object.__dict__["__class__"].__set__(instance, type(loaded))
