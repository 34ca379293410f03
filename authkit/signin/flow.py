"""The one way to a login: guards are asked, a row is written, a carrier carries it.

Nothing else opens one. import-linter lets no other module import `authkit.logins.opening`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, router, transaction
from django.http import HttpRequest

from authkit.core.outages import DATABASE_DOWN
from authkit.core.request_scope import scope_at_work
from authkit.exceptions import InvalidCredentials
from authkit.logins.models import Login
from authkit.logins.opening import discard, open_login
from authkit.signin.attempts import Attempt
from authkit.signin.breaches import look_up_later
from authkit.signin.carriers import Carrier
from authkit.signin.device_values import device_of
from authkit.signin.doors import require_door
from authkit.signin.guards import pass_guards
from authkit.signin.methods import method_of
from authkit.signin.new_devices import notice_of
from authkit.signin.restricted import restriction_of

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Opened(Generic[Result]):
    """A sign-in that came to its end: the login, and its carrier's result."""

    login: Login
    result: Result
    device: str | None = field(default=None, repr=False)
    """The value of the known device, for a program. A browser gets it in a cookie."""


def sign_in(attempt: Attempt, carrier: Carrier[Result], *, request: HttpRequest | None) -> Opened[Result]:
    """Opens a login for a person whose credential the door has verified.

    Args:
        attempt: the person, how they came, and by which door.
        carrier: what carries the login.
        request: given to the guards, and asked for its known device; None where the door has none.

    Raises:
        SignInPending: a guard wants a further step first; there is no login.
        TooManyLogins: LOGIN.MAX_LOGINS is reached, and LOGIN.AT_LIMIT is "refuse".
        SignInRefused: LOGIN.MAY_SIGN_IN refuses the person.
        AuthKitError: another guard, or the carrier's preparation, refuses. Nothing was opened.
        InvalidCredentials: the person was deleted meanwhile.
        IntegrityError: there is a login with the attempt's `login_id` already.
        ImproperlyConfigured: the attempt's door is not registered.
    """
    require_door(attempt.door)
    if not attempt.amr and attempt.origin is None:
        attempt = replace(attempt, amr=method_of(attempt.method).amr)
    pass_guards(attempt, request)
    _note_person(attempt)
    device = device_of(attempt, request, in_browser=carrier.in_browser)
    prepare, along = carrier.prepare, carrier.along(attempt.along)
    if device is not None:
        prepare, along = partial(device.prepare, prepare), partial(device.remember, along)
    if (notice := notice_of(attempt, device)) is not None:
        prepare, along = partial(notice.prepare, prepare), partial(notice.tell, along)
    if (restriction := restriction_of(attempt)) is not None:
        prepare, along = partial(restriction.prepare, prepare), partial(restriction.impose, along)
    with carrier.opening():
        with _is_there(attempt.user):
            login = open_login(
                user=attempt.user,
                kind=carrier.kind,
                method=attempt.method,
                lifetime=carrier.lifetime(),
                client=attempt.client,
                amr=attempt.amr,
                remembered=attempt.remembered,
                login_id=attempt.login_id,
                began_at=attempt.began_at,
                prepare=prepare,
                replaces=attempt.replaces,
                origin=attempt.origin,
                first=attempt.first,
                along=along,
                door=attempt.door,
            )
        result = _carried(carrier, login)
        look_up_later(attempt.user, login)
    return Opened(login=login, result=result, device=None if device is None else device.hand_on())


@contextmanager
def _is_there(user: AbstractBaseUser) -> Iterator[None]:
    """Answers as for an unknown name where the person was deleted after their credential was verified."""
    try:
        yield
    except DatabaseError as error:
        # A foreign key that leads nowhere, or a save that found no row. The rest of `DatabaseError` is an outage, or an
        # error of ours, and a transaction of the caller's can't be asked any more.
        in_caller = transaction.get_connection(router.db_for_write(Login)).in_atomic_block
        if isinstance(error, DATABASE_DOWN) or in_caller or _exists(user):
            raise
        raise InvalidCredentials("the person was deleted meanwhile") from error


def _exists(user: AbstractBaseUser) -> bool:
    people: Any = get_user_model()._base_manager
    found: bool = people.using(router.db_for_write(Login)).filter(pk=user.pk).exists()
    return found


def _note_person(attempt: Attempt) -> None:
    # From here on the request is this person's: an earlier login that ends with the sign-in ends by them.
    scope = scope_at_work.get()
    if scope is not None and attempt.origin is None:
        scope.signing_in = attempt.user.pk


def _carried(carrier: Carrier[Result], login: Login) -> Result:
    try:
        return carrier.open(login)
    except Exception:
        discard(login)
        raise
