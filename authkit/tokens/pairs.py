"""A token pair: signed from a login's row, with what the project adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from authkit import conf
from authkit.logins.models import Login
from authkit.logins.reasons import TokenKind
from authkit.logins.services import Lifetime
from authkit.tokens.answer_fields import added_fields
from authkit.tokens.claims import added_claims
from authkit.tokens.codec import sign
from authkit.tokens.keys import Ring, current
from authkit.tokens.transports import Transport

Rule = Callable[[AbstractBaseUser], None]
"""Says whether this person may have tokens, by raising where they may not."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A client's tokens. `expires_in` is the rest of the access token's life in seconds (RFC 6749 section 5.1)."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    user: AbstractBaseUser
    login: Login
    transport: Transport = Transport.BODY
    """How it is to be delivered; the refresh token comes back in no other way."""
    answer_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The fields that the project adds to the answer (`authkit.tokens.answer_fields`)."""

    device: str | None = field(default=None, repr=False)
    """The value of the known device, for a program that asked to become one."""

    @property
    def refresh_expires_in(self) -> int:
        """The rest of the refresh token's life in seconds."""
        return max(0, int((self.login.expires_at - timezone.now()).total_seconds()))


@dataclass(slots=True)
class Additions:
    """The project's additions to the access token and to the answer, found out before the login's row is written.

    An instance is what `open_login` and `rotate` call `prepare`.

    Args:
        settings: the section TOKENS as it stands for this request.
        rule: asked about the person first.

    Raises:
        KeysUnavailable: no token can be signed, so no row should be written either.
    """

    settings: conf.TokenSettings
    rule: Rule | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    ring: Ring | None = None

    @property
    def look_at_login(self) -> bool:
        """Whether they come from code of the project's, or from columns that nothing else needs."""
        return bool(self.settings.claims or self.settings.authentication_claims or self.settings.answer_fields)

    def __call__(self, user: AbstractBaseUser, login: Login) -> None:
        settings = self.settings
        self.ring = current()
        if self.rule is not None:
            self.rule(user)
        self.fields = added_fields(user=user, login=login, hook=settings.answer_fields)
        if settings.claims or settings.authentication_claims:
            self.claims = added_claims(
                user=user,
                login=login,
                hook=settings.claims,
                authentication=settings.authentication_claims,
                acr_values=settings.acr_values,
            )


def lifetime_of(settings: conf.TokenSettings) -> Lifetime:
    """The lifetime of a login that comes with a pair."""
    return Lifetime(idle=settings.refresh_idle, absolute=settings.refresh_absolute)


def sign_pair(*, user: AbstractBaseUser, login: Login, transport: Transport, additions: Additions) -> TokenPair:
    """The pair of this login as its row stands: the same row gives the same tokens again.

    Args:
        user: the person.
        login: their login, opened or moved on already.
        transport: how the client gets the pair.
        additions: after `open_login` or `rotate` has called it.
    """
    # authkit's own claims come from the row, none from the clock: the same row gives the same pair again. The project's
    # are asked for anew. In a retry within the grace they may differ from those of the lost answer, under the same jti,
    # iat and exp. Of the two tokens the newer one is right, and a refusal by that jti or the login's end refuses both.
    # Keeping the claims would take a write for each refresh, and give rights that are older than the request.
    settings, ring = additions.settings, additions.ring
    assert ring is not None  # noqa: S101  # `additions` was called before the row was written
    issued_at, ends_at = int(login.rotated_at.timestamp()), int(login.expires_at.timestamp())
    access_ends_at = min(issued_at + int(settings.access_lifetime.total_seconds()), ends_at)

    def token(kind: TokenKind, expires_at: int, extra: Mapping[str, Any]) -> str:
        return sign(
            key=ring.signing[kind],
            kind=kind,
            login_id=login.pk,
            subject=str(user.pk),
            generation=login.generation,
            issued_at=issued_at,
            expires_at=expires_at,
            issuer=settings.issuer,
            audience=settings.audience,
            extra=extra,
            transport=None if transport is Transport.BODY else transport.value,
        )

    return TokenPair(
        access=token(TokenKind.ACCESS, access_ends_at, additions.claims),
        refresh=token(TokenKind.REFRESH, ends_at, {}),
        expires_in=max(0, access_ends_at - issued_at - int((timezone.now() - login.rotated_at).total_seconds())),
        user=user,
        login=login,
        transport=transport,
        answer_fields=additions.fields,
    )
