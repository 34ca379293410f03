"""A person and a login of which nothing was read but their keys.

Both are real instances with all other fields deferred. A use of the key alone (`user.pk`, `==`, `filter(owner=user)`,
`is_authenticated`) costs nothing. Any other field loads both, once, by the one statement of `check_login`, which also
says whether the login still stands. It raises `LoginEnded` or `DatabaseUnavailable` then, wherever the field was asked
for.

In asynchronous code that is a statement where Django allows none: `await user.arefresh_from_db()` first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init

from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.statement import WHOLE
from authkit.logins.verdict import check_login
from authkit.revocation import sightings
from authkit.revocation.hints import mention

_PAIR = "_authkit_pair"
_LOGIN_FIELDS = ("id", "user_id")
_readers: set[Any] = set()
"""Models whose instances look at their own fields while they are made."""
_UNSPOKEN = {EndReason.DEACTIVATED, EndReason.PASSWORD_CHANGED, EndReason.DELETED}
"""Endings that may have come without a hint, for example by raw SQL: the others should find out as well."""


class _FieldRead(Exception):
    """An instance that is being made has asked for a field that wasn't read."""


class _Pair:
    """The state that a lazy person and their lazy login share: the rows that were read, once a field was asked for.

    It knows neither of the two: a cycle would outlive the request until the garbage collector comes by.
    """

    __slots__ = ("_loaded", "login_id", "user_id", "using")

    def __init__(self, *, login_id: UUID, user_id: Any, using: str) -> None:
        self.login_id = login_id
        self.user_id = user_id
        self.using = using
        self._loaded: Principal | None = None

    def load(self, *, anew: bool = False) -> Principal:
        if anew or self._loaded is None:
            try:
                self._loaded = check_login(login_id=self.login_id, user_id=self.user_id, columns=WHOLE)
            except LoginEnded as ended:
                if ended.why in _UNSPOKEN:
                    mention(login_id=self.login_id)
                sightings.forget(sightings.here(), login_id=self.login_id, user_id=str(self.user_id))
                raise
        return self._loaded

    def login(self) -> Login:
        """The login, unread where the person is."""
        if self._loaded is not None:
            return self._loaded.login
        try:
            login: Login = _unread(Login, self.using, _LOGIN_FIELDS, (self.login_id, self.user_id))
        except _FieldRead:
            return self.load().login
        login.__dict__[_PAIR] = self
        return login


def lazily(*, login_id: UUID, user_id: Any, using: str) -> Principal | None:
    """A person and their login, unread.

    Args:
        login_id: the token's `sid`.
        user_id: the token's `sub`.
        using: the alias of the database that logins are kept in.

    Returns:
        None where the database has to be asked: people can't go unread (`can_be_unread`), or this is no person's key.
    """
    if not can_be_unread():
        return None
    users = _users()
    key = users._meta.pk
    try:
        pk = key.to_python(user_id)
    except ValidationError:
        return None
    try:
        user = _unread(users, using, (key.attname,), (pk,))
    except _FieldRead:
        return None
    pair = _Pair(login_id=login_id, user_id=pk, using=using)
    user.__dict__[_PAIR] = pair
    return Principal(user=user, login=pair.login)


def can_be_unread() -> bool:
    """Whether people may go unread: not where the user model's manager picks them by itself, nor where an instance of
    theirs has looked at its own fields while it was made (`__init__`, a receiver of `post_init`)."""
    users = _users()
    return users not in _readers and type(users._default_manager).get_queryset is models.Manager.get_queryset


@lru_cache(maxsize=1)
def _users() -> Any:
    return get_user_model()  # the same for as long as the process lives, and looked up by two names each time


def read(instance: Any) -> None:
    """Reads a person who may be unread, for a caller that is about to write them: after the write it may be too late.

    Raises:
        LoginEnded, DatabaseUnavailable: as any field would.
    """
    pair: _Pair | None = instance.__dict__.get(_PAIR)
    if pair is not None:
        _fill(instance, pair.load().user)


def _unread(model: Any, using: str, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """The instance that `from_db()` makes of these columns. Where no other code has a say in that, no other field is
    asked whether it was read: at each request that would take longer than all the rest of this module."""
    if not _is_plain(model) or pre_init.receivers or post_init.receivers:
        return _made_by_the_model(model, using, names, values)
    instance = object.__new__(_lazy(model))
    state = ModelState()
    state.db, state.adding = using, False
    held = instance.__dict__
    held["_state"] = state
    for name, value in zip(names, values, strict=True):
        held[name] = value
    return instance


def _made_by_the_model(model: Any, using: str, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    # The instance doesn't know yet by which statement to load a field. A load by its key alone would be a statement for
    # each request, which judges no login, and an error of the server's for a person who is deleted.
    instance = _probe(model).from_db(using, names, values)
    if type(instance) is not _probe(model):  # of a class that `from_db()` has chosen, by a field for one
        _readers.add(model)
    if model in _readers:
        raise _FieldRead  # perhaps once more: `__init__` may have caught the first one
    _become(instance, _lazy(model))
    return instance


@lru_cache(maxsize=8)
def _is_plain(model: Any) -> bool:
    made: Any = models.Model.from_db
    return (
        model.from_db.__func__ is made.__func__
        and model.__init__ is models.Model.__init__
        and model.__new__ is object.__new__
    )


@lru_cache(maxsize=8)
def _lazy(model: type[models.Model]) -> Any:
    """A class that behaves as `model` and says that it is, as Django's SimpleLazyObject does: `isinstance`,
    `__class__`, `_meta`, the sender of signals. Made past Django's metaclass, to which it would be another model."""

    def refresh_from_db(self: Any, using: str | None = None, fields: Any = None, **options: Any) -> None:
        pair: _Pair | None = self.__dict__.get(_PAIR)
        if pair is None or using is not None or options:
            model.refresh_from_db(self, using, fields, **options)
            return
        principal = pair.load(anew=fields is None)
        for name in fields or [field.attname for field in model._meta.concrete_fields if not field.primary_key]:
            self.__dict__.pop(name, None)
        _fill(self, principal.login if model is Login else principal.user)

    def state_of(self: Any) -> dict[str, Any]:
        # Unpickled or copied, it is no credential any more, and an instance of the model itself.
        state: dict[str, Any] = dict(model.__getstate__(self))
        state.pop(_PAIR, None)
        return state

    return _disguised(model, refresh_from_db=refresh_from_db, __getstate__=state_of)


@lru_cache(maxsize=8)
def _probe(model: type[models.Model]) -> Any:
    """The class of an unread instance while it is being made; reading a field says that it can't be unread."""

    def refresh_from_db(self: Any, *_args: Any, **_options: Any) -> None:
        _readers.add(model)
        raise _FieldRead

    return _disguised(model, refresh_from_db=refresh_from_db)


def _disguised(model: type[models.Model], **body: Any) -> Any:
    names = {"__module__": model.__module__, "__qualname__": model.__qualname__}
    body = {**names, "__class__": property(lambda self: model), **body}
    return type.__new__(type(model), model.__name__, (model,), body)


def _fill(instance: Any, loaded: models.Model) -> None:
    held = instance.__dict__
    del held[_PAIR]
    for name, value in loaded.__dict__.items():
        held.setdefault(name, value)  # a value that a view has set meanwhile stays
    _become(instance, type(loaded))


def _become(instance: Any, model: Any) -> None:
    object.__dict__["__class__"].__set__(instance, model)
