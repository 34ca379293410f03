"""A session, a token pair, later a key or a grant carries a login. Each is a `Carrier`.

A browser holds more than one thing at a time: where a session begins, the token cookies beside it must not go on for
the person before. Sessions and tokens don't know each other, so credentials beside a session register here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser

from authkit.logins.models import Login
from authkit.logins.services import Lifetime

Carried_co = TypeVar("Carried_co", covariant=True)
"""The result of a carrier: the pair for a client, the login of a session."""


Along = Callable[[], None] | None
"""A call in the transaction that writes the login (`Attempt.along`), if there is one."""


class Carrier(Protocol[Carried_co]):
    """Carries one login. The flow calls the methods in this order."""

    @property
    def kind(self) -> str:
        """The value of `Login.kind`."""

    @property
    def in_browser(self) -> bool:
        """Whether a browser keeps the credential, in a cookie. It then becomes a known device of the person's."""

    def lifetime(self) -> Lifetime:
        """How long the login may live."""

    def opening(self) -> AbstractContextManager[object]:
        """Surrounds the INSERT and `open`: the transaction, for a carrier that writes something together with the row.
        Guards are asked before: a hook of the project's must not wait, or read, inside it."""

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """Finds out what the carrier needs, before anything is written; an error leaves nothing behind."""

    def along(self, then: Along) -> Along:
        """Calls, last in the transaction that writes the row, what the carrier writes there, and goes on with `then`.
        Its locks are held until that transaction is committed."""

    def open(self, login: Login) -> Carried_co:
        """Makes the credential that carries the login, whose row is committed, unless the caller has a transaction."""


class BaseCarrier:
    """The base of most carriers, which have neither a transaction of their own nor a preparation."""

    kind: ClassVar[str]

    @property
    def in_browser(self) -> bool:
        """Not, unless the carrier says so."""
        return False

    def opening(self) -> AbstractContextManager[object]:
        return nullcontext()

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """Needs nothing."""

    def along(self, then: Along) -> Along:
        """Writes nothing there."""
        return then


Displace = Callable[[Any], Collection[UUID]]
"""Called with the request at which a session begins, before that. Returns the ids of live logins that the browser
carries by another credential, and has that credential cleared with the answer."""

_displaced: list[Displace] = []


def register_displaced(displace: Displace) -> None:
    """Has this asked at each sign-in that ends in a session; for `AppConfig.ready()`. Safe to call twice."""
    if displace not in _displaced:
        _displaced.append(displace)


def displaced_by_session(request: Any) -> tuple[UUID, ...]:
    """The logins that the browser carries beside its session. They end with the sign-in, and don't count among the
    person's logins meanwhile; their credentials are cleared with the answer.

    Args:
        request: the HttpRequest, or whatever a test client gives to Django's `login()`.

    Raises:
        DatabaseUnavailable: the database can't be asked whether they are live.
    """
    return tuple({login_id for displace in _displaced for login_id in displace(request)})
