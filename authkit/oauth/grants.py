"""Grants: each is a login that a client's tokens point at, and dies with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.http import HttpRequest

from authkit import conf
from authkit.core.clients import Client
from authkit.events import announce
from authkit.logins.crowds import end_these_logins
from authkit.logins.models import Login, LoginQuerySet
from authkit.logins.reasons import EndReason
from authkit.logins.services import Lifetime
from authkit.oauth.doors import CODE
from authkit.oauth.events import GrantGiven
from authkit.oauth.models import Grant, OAuthClient
from authkit.oauth.resources import OFFLINE_ACCESS
from authkit.oauth.settings import OAuthSettings
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in
from authkit.tokens.limited import GRANT

"""Keys per statement: databases limit the parameters of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What a person agreed to, and how they had signed in."""

    client: OAuthClient
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    session_id: UUID
    """The login in which they agreed."""
    method: str
    """How they had signed in there; `authenticated_at` is when, `amr` by which evidence."""
    amr: tuple[str, ...]
    authenticated_at: datetime
    agreed_at: datetime
    """A cutoff of their logins since then cuts off the grant too."""

    @property
    def is_lasting(self) -> bool:
        """Whether there is a refresh token."""
        return OFFLINE_ACCESS in self.scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A grant and its login."""

    grant: Grant
    login: Login


def open_grant(*, user: AbstractBaseUser, agreed: Agreed, caller: Client, request: HttpRequest | None) -> Opened:
    """Opens the login of a grant. In a transaction of the caller's, with the code that it is opened for.

    Args:
        user: the person who agreed.
        agreed: to what.
        caller: from where the client came with the code.
        request: of the token endpoint, for the guards.

    Raises:
        RefusedByProject, SignInPending: as `authkit.signin.flow.sign_in`.
    """
    attempt = Attempt(
        user=user,
        method=agreed.method,
        door=CODE.id,
        client=caller,
        amr=agreed.amr,
        began_at=agreed.agreed_at,
    )
    opened = sign_in(attempt, _GrantCarrier(agreed), request=request)
    return Opened(grant=opened.result, login=opened.login)


class _GrantCarrier(BaseCarrier):
    kind = GRANT

    def __init__(self, agreed: Agreed) -> None:
        self._agreed = agreed

    def lifetime(self) -> Lifetime:
        return lifetime_of(lasting=self._agreed.is_lasting)

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """A grant is as old as the sign-in in which the person agreed, for whatever asks for a recent one."""
        login.authenticated_at = self._agreed.authenticated_at

    def open(self, login: Login) -> Grant:
        """Writes the grant beside its login."""
        agreed = self._agreed
        grant = Grant.objects.create(
            login_id=login.pk,
            user_id=login.user_id,
            client=agreed.client,
            scope=" ".join(agreed.scope),
            resources=list(agreed.resources),
            session_id=agreed.session_id,
            consented_at=agreed.agreed_at,
        )
        given = GrantGiven(login_id=login.pk, user_id=login.user_id, app=agreed.client.name, scope=grant.scope)
        announce(given, sender=Grant, using=router.db_for_write(Grant))
        return grant


def lifetime_of(*, lasting: bool) -> Lifetime:
    """How long the login of a grant lives: with a refresh token, or as long as its one access token."""
    settings = conf.section(OAuthSettings)
    if lasting:
        return Lifetime(idle=settings.refresh_idle, absolute=settings.refresh_absolute)
    return Lifetime(idle=settings.access_lifetime, absolute=settings.access_lifetime)


def names_of(login_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of the apps that these logins carry; one statement."""
    return dict(Grant.objects.filter(pk__in=login_ids).values_list("login_id", "client__name"))


def end_grants_of_client(*, client: OAuthClient) -> int:
    """Ends all grants of a client that was switched off.

    Returns:
        How many were ended.
    """
    login_ids = list(_live_logins_of_client(client).order_by().values_list("pk", flat=True))
    batches = end_these_logins(login_ids=login_ids, reason=EndReason.CLIENT_DISABLED)
    return sum(len(batch.login_ids) for batch in batches)


def count_live_grants(*, client: OAuthClient) -> int:
    """How many grants of this client are live now, by their rows and the cutoffs."""
    return _live_logins_of_client(client).count()


def _live_logins_of_client(client: OAuthClient) -> LoginQuerySet:
    return Login.objects.live().filter(pk__in=Grant.objects.filter(client=client).values("pk"))
