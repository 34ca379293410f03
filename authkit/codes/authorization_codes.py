"""Authorization codes: issued for a person and a program, and used once with PKCE's verifier (RFC 6749 section 4.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit.codes.pkce import is_proven
from authkit.core import one_time_codes
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.logins.cutoffs import beginning
from authkit.logins.fingerprints import auth_hash_holds, session_auth_hash

LIFETIME = timedelta(seconds=60)
PURPOSE = "authorization"
FOR_CLIENTS = "authorization-client"
"""The purpose of codes for the clients of third parties. The doors of one purpose know no code of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The grant behind a code: its person, its subject, and since when."""

    digest: str
    user: AbstractBaseUser
    subject: str
    details: Mapping[str, Any]
    """As they were given to `issue_code`."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The first use of a code has its row; a second use has the login that the first one opened, if any."""

    row: OneTimeCode | None
    replayed_login: UUID | None
    is_known: bool

    @property
    def refusal(self) -> InvalidGrant:
        """Why a use without a row is refused."""
        return InvalidGrant("the code was used before" if self.is_known else "no such code")


@sensitive_variables()
def issue_code(
    *,
    user: AbstractBaseUser,
    subject: str,
    redirect_uri: str,
    challenge: str,
    details: Mapping[str, Any],
    purpose: str = PURPOSE,
) -> str:
    """Makes a code that is good for `LIFETIME`.

    Args:
        user: whose tokens it is good for.
        subject: what it is about: a provider's id, or a client's.
        redirect_uri: where it is sent to.
        challenge: PKCE's `code_challenge`.
        details: what JSON can hold; they are in the `Grant`.
        purpose: `PURPOSE`, or `FOR_CLIENTS`.

    Returns:
        256 random bits, of which only the digest is kept.
    """
    return one_time_codes.issue(
        purpose=purpose,
        lifetime=LIFETIME,
        user_id=user.pk,
        subject=subject,
        binding=challenge,
        # As `Login.auth_hash`: a password that was changed since makes the code worthless.
        payload={"auth_hash": session_auth_hash(user), "redirect_uri": redirect_uri, "details": dict(details)},
        # By the clock that cutoffs go by: a code from before a sign-out of all people has to fall under it.
        created_at=beginning(user_id=user.pk, at=timezone.now()),
    )


@sensitive_variables()
def use_code(*, code: str, purpose: str = PURPOSE, subject: str | None = None) -> Use:
    """Consumes a code, whatever comes of it. In a transaction of the caller's; see `one_time_codes.use`.

    Args:
        code: as it was sent.
        purpose: as it was issued.
        subject: if given, the one that it was issued with. Another client's code is an unknown one, and stays good.
    """
    used = one_time_codes.use(code=code, purpose=purpose, subject=subject)
    if used.row is None:
        return Use(row=None, replayed_login=None, is_known=False)
    if used.is_first:
        return Use(row=used.row, replayed_login=None, is_known=True)
    return Use(row=None, replayed_login=used.row.login_id, is_known=True)


@sensitive_variables()
def verified_grant(row: OneTimeCode, *, verifier: str, redirect_uri: str) -> Grant:
    """The grant of a code that was used for the first time.

    Args:
        row: of `use_code`.
        verifier: PKCE's `code_verifier`.
        redirect_uri: the one that the code was sent to, exactly.

    Raises:
        InvalidGrant: it is too old, of another program, or its person may not come in any more.
    """
    if row.expires_at <= timezone.now():
        raise InvalidGrant("the code is too old")
    if redirect_uri != row.payload["redirect_uri"]:
        raise InvalidGrant("the code was sent to another redirect URI")
    if not is_proven(verifier=verifier, challenge=row.binding):
        raise InvalidGrant("the verifier is not the challenge's")
    person: Any = row.user_id
    user = get_user_model()._default_manager.filter(pk=person).first()
    if user is None or not user.is_active or not auth_hash_holds(user=user, auth_hash=row.payload["auth_hash"]):
        raise InvalidGrant("the person was deactivated, or has another password")
    return Grant(
        digest=row.pk,
        user=user,
        subject=row.subject,
        details=row.payload["details"],
        created_at=row.created_at,
    )


def burn_codes_of(*, user_ids: Collection[Any], client_id: str | None = None) -> None:
    """Makes these people's codes that were not used yet worthless; one statement.

    Args:
        user_ids: primary keys.
        client_id: if given, the codes for this client alone.
    """
    codes = OneTimeCode.objects.filter(purpose__in=(PURPOSE, FOR_CLIENTS), user_id__in=user_ids, used_at=None)
    if client_id is not None:
        codes = codes.filter(purpose=FOR_CLIENTS, subject=client_id)
    codes.update(used_at=timezone.now())
