"""Tries at doors that aren't authkit's: Django's admin, DRF's BasicAuthentication, each view that calls Django's
`authenticate()`.

A back end of authkit's (`authkit.signin.backends`) is asked first by `authenticate()`, and reserves. Which code settles
depends on what is known there:

- The back end verifies the password itself, and settles at once. So a good password costs its owner nothing, however
  often it is sent, as by a program with BasicAuthentication.
- Other back ends verify. Django sends `user_login_failed` where all of them refuse. Without that signal the try is
  settled when the answer is made: a request that became a person's has shown a right password.
- There is one back end, and it is not authkit's. The failure is counted after `user_login_failed`, and no try is
  refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from rest_framework import exceptions as drf

from authkit import conf
from authkit.core.clients import Client, client_from
from authkit.core.outages import DATABASE_DOWN
from authkit.core.refusals import payload_of
from authkit.core.transactions import apart, is_inside
from authkit.exceptions import DatabaseUnavailable, InvalidCredentials, Throttled
from authkit.limiter import database
from authkit.limiter.hash_gate import place
from authkit.limiter.services import Reservation, admit, refund, reserve, settle_failure, settle_success
from authkit.limiter.verifying import held, verifying
from authkit.signin.credentials import key_of_person
from authkit.signin.device_values import device_of_try
from authkit.signin.doors import Door
from authkit.signin.service_accounts import is_refused_by_password

DOOR = Door("authenticate", "authkit.signin.backends.LimitedModelBackend", ("password",), ("password",))
"""Django's `authenticate()`, called by any code but authkit's own doors."""

_ATTRIBUTE = "_authkit_try"

_failed_alone: ContextVar[bool] = ContextVar("authkit_failed_alone", default=False)
"""Whether the last `authenticate()` without a request failed, and was settled as a failure."""


class TooManyTries(drf.Throttled):
    """A refusal for the code that called `authenticate()`. Views of DRF's answer it with 429 by themselves; for other
    views `SessionLoginMiddleware` does.

    Not a PermissionDenied, by which Django's `authenticate()` would only end its list of back ends.

    Args:
        refused: by the limiter.
    """

    def __init__(self, refused: Throttled) -> None:
        super().__init__(wait=refused.retry_after)
        self.detail = payload_of(refused)  # DRF renders a dict as it is
        self.refused = refused


@dataclass(slots=True)
class ForeignTry:
    """A try of one request's."""

    name: str
    reservation: Reservation
    is_open: bool = True
    """Whether it is not settled yet."""
    lost_with_transaction: bool = False
    """Whether its charge goes if the view's transaction is rolled back."""


def connect() -> None:
    """Listens to Django's signal of a failed `authenticate()`; called once the apps are ready."""
    user_login_failed.connect(count_failure, dispatch_uid="authkit.signin.foreign_tries")


def judged(request: Any, *, name: str, verify: Callable[[], Any], alone: bool) -> Any:
    """A person by a password that this call verifies, and whose try it charges and settles.

    Args:
        request: as `authenticate()` was given it; may be None.
        name: as it was typed.
        verify: asks the database and hashes; returns the person or None.
        alone: whether no other back end is asked after a failure. If one is, the failure is settled when all have
            refused.

    Raises:
        TooManyTries: the name or the network was tried too often, or there is no place at the hash gate.
        DatabaseUnavailable: the try can't be counted.
    """
    if held() is not None:
        return verify()  # a door of authkit's has charged it, and settles it
    _forget(request)
    try:
        # The place is held until the try is settled: only as many parallel requests with a good password as there are
        # places are charged at a time, so a program's requests don't slow each other down.
        with place():
            reservation = _reserved(request, name)
            with verifying(reservation):
                user = verify()
            if user is not None and is_refused_by_password(user):
                user = None
            if user is None and not alone:
                _note(request, ForeignTry(name, reservation))
                return None
            user = _apart(partial(_settled, reservation, user, name))
    except Throttled as refused:
        raise TooManyTries(refused) from refused
    if user is None:
        _note(request, ForeignTry(name, reservation, is_open=False))
    return user


def open_try(request: Any, *, name: str) -> None:
    """Charges a try that other back ends are about to judge. Without a request there is no place to keep it: then its
    failure is counted, and nothing is refused.

    Raises:
        TooManyTries: the name or the network was tried too often.
        DatabaseUnavailable: the try can't be counted.
    """
    if held() is not None:
        return
    _forget(request)
    if _http(request) is None:
        return
    try:
        _note(request, ForeignTry(name, _reserved(request, name)))
    except Throttled as refused:
        raise TooManyTries(refused) from refused


def count_failure(sender: Any, credentials: Mapping[str, Any], request: Any = None, **_: Any) -> None:
    """Settles the try that `authenticate()` has failed at; charges one where none was open."""
    if held() is not None:
        return
    tried = _tried(request)
    if tried is None and _failed_alone.get():
        _failed_alone.set(False)
    elif tried is None:
        _count_afterwards(request, credentials)
    elif tried.is_open:
        tried.is_open = False
        _apart(partial(settle_failure, tried.reservation, user_id=key_of_person(tried.name)))


def is_unsettled(request: HttpRequest) -> bool:
    """Whether `settle_on_the_way_out` has anything to do; asks no database."""
    tried = _tried(request)
    return tried is not None and (tried.is_open or tried.lost_with_transaction)


def settle_on_the_way_out(request: HttpRequest, response: HttpResponseBase) -> None:
    """Settles a try that no signal has settled, and counts a failure again whose count went with the view's
    transaction. Outside of that transaction.

    A try that neither failed nor made the request a person's is refunded if the view went on, as one that asks for a
    second factor does. Otherwise another back end may have raised an error after a first one had refused the password.
    The charge stays then, until the window forgets it.
    """
    tried = _tried(request)
    if tried is None:
        return
    if tried.is_open:
        tried.is_open, tried.lost_with_transaction = False, False
        user: Any = getattr(request, "user", None)
        if response.status_code < 500 and user is not None and user.is_authenticated:
            settle_success(tried.reservation, user=user)
        elif response.status_code < 400:
            refund(tried.reservation)
    elif tried.lost_with_transaction and _is_gone(tried.reservation):
        tried.lost_with_transaction = False
        _count(tried.reservation.client, tried.name)


def name_among(credentials: Mapping[str, Any]) -> str | None:
    """The name in credentials that hold a password; None where they hold none, such as a token, or where no person
    could have the name."""
    if credentials.get("password") is None:
        return None
    for key in ("username", get_user_model().USERNAME_FIELD, "email", "login"):
        if isinstance(name := credentials.get(key), str):
            return name if is_storable(name) else None
    return None


def is_storable(name: Any) -> bool:
    """Whether a person could have this name. PostgreSQL's driver raises for a NUL or a lone surrogate."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in str(name)


def _settled(reservation: Reservation, user: Any, name: str) -> Any:
    try:
        reservation = admit(reservation, user=user)
    except InvalidCredentials:
        user = None
    if user is None:
        settle_failure(reservation, user_id=key_of_person(name))
    else:
        settle_success(reservation, user=user)
    return user


def _reserved(request: Any, name: str) -> Reservation:
    http = _http(request)
    device = None if http is None else device_of_try(http, name)
    reservation: Reservation = _apart(partial(reserve, door=DOOR.id, name=name, client=_client(http), device=device))
    return reservation


def _count_afterwards(request: Any, credentials: Mapping[str, Any]) -> None:
    name = name_among(credentials)
    if name is not None:
        _count(_client(_http(request)), name)


def _count(client: Client, name: str) -> None:
    def count() -> None:
        with suppress(Throttled):  # there is nothing to refuse any more
            settle_failure(reserve(door=DOOR.id, name=name, client=client), user_id=key_of_person(name))

    _apart(count)


def _apart(call: Callable[[], Any]) -> Any:
    try:
        return apart(call, using=database.alias())
    except DATABASE_DOWN as error:
        # The view is not authkit's, and its own errors are a 500. This one is authkit's statement.
        raise DatabaseUnavailable("a try can't be counted") from error


def _is_gone(reservation: Reservation) -> bool:
    rows = database.standings(reservation.charges)
    kept = [charge for charge in reservation.charges if charge.key in rows]
    return not kept or any(rows[charge.key].last_charge != reservation.number for charge in kept)


def _http(request: Any) -> Any:
    http = getattr(request, "_request", request)
    return http if hasattr(http, "META") else None


def _client(http: Any) -> Client:
    return Client() if http is None else client_from(http.META, trusted_proxies=conf.current().trusted_proxies)


def _tried(request: Any) -> ForeignTry | None:
    return getattr(_http(request), _ATTRIBUTE, None)


def _note(request: Any, tried: ForeignTry) -> None:
    http = _http(request)
    if http is None:
        _failed_alone.set(not tried.is_open)
        return
    using = database.alias()
    # Elsewhere `apart` has counted it on a connection of its own.
    tried.lost_with_transaction = connections[using].vendor == "sqlite" and is_inside(using=using)
    setattr(http, _ATTRIBUTE, tried)


def _forget(request: Any) -> None:
    _failed_alone.set(False)
    http = _http(request)
    if getattr(http, _ATTRIBUTE, None) is not None:
        setattr(http, _ATTRIBUTE, None)
