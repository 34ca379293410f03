"""A sign-in before there is a login: the attempt, and one more step that it may need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from authkit.core.clients import Client
from authkit.logins.models import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A person whose credential was verified, and how they came. Guards judge it; a carrier then carries the login."""

    user: AbstractBaseUser
    """The person, as the door has read them."""
    method: str
    """How they proved who they are: the id of a `Method`, or a name that a project gave its own way in."""
    door: str
    """The id of the `Door` by which they came."""
    client: Client
    """Address and device."""
    amr: tuple[str, ...] = ()
    """Which kinds of evidence were seen (RFC 8176); the method's own where a door says nothing."""
    remembered: bool = False
    """Whether the person asked to stay signed in."""
    began_at: datetime | None = None
    """When the sign-in happened, if that was before now; see `authkit.logins.opening.open_login`."""
    replaces: tuple[UUID, ...] = ()
    """Ids of logins that end once the new one is there."""
    origin: Login | None = None
    """The login of another person from which this one is derived: no credential of `user`'s was seen then."""
    login_id: UUID | None = None
    """The id that the login is to have, where the same thing must not open two."""
    first: Callable[[], None] | None = None
    """Called first in the transaction that writes the login: for a write to the person's own row."""
    along: Callable[[], None] | None = None
    """Called in the transaction that writes the login, such as `authkit.limiter.verifying.settling` gives it."""
    wants_device: bool = False
    """Whether a program asked to become a known device. A browser becomes one unasked."""


def _nothing(request: HttpRequest) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One more step between a verified credential and a login. A guard returns it; there is no login yet.

    A door for programs answers 403 with `code`, `detail` and what `begin` returns; a page calls `begin` and redirects
    to `page`. Once the step is done, its own door calls `authkit.signin.flow.sign_in` with a new attempt.
    """

    code: str
    """For programs, such as "second_factor_required"."""
    detail: str
    """One sentence, for people who see no page of the step."""
    page: str
    """The path of the step's page."""
    begin: Callable[[HttpRequest], Mapping[str, Any]] = _nothing
    """Called once with the door's request, after the sign-in's transaction was undone and its session was emptied: so
    its writes, such as a one-time code, stay. Returns the fields that a program is told beside `code` and `detail`.
    """
