"""The functions of a token format, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason, TokenKind
from authkit.tokens.codec import Claims
from authkit.tokens.limited import Limits
from authkit.tokens.pairs import Rule, TokenPair
from authkit.tokens.transports import Transport

Kinds = tuple[TokenKind, ...]

ACCESS: Kinds = (TokenKind.ACCESS,)
REFRESH: Kinds = (TokenKind.REFRESH,)
BOTH: Kinds = tuple(TokenKind)


@dataclass(frozen=True, slots=True)
class VerifiedAccess:
    """A token that is good right now, with its person and login."""

    principal: Principal
    claims: Claims
    limits: Limits | None = None
    """What it may do, where that is less than its person may (`authkit.tokens.limited`)."""

    @property
    def user(self) -> AbstractBaseUser:
        """The person; unread in the modes `redis` and `push` (see `authkit.revocation.deferred`)."""
        return self.principal.user

    @property
    def login(self) -> Login:
        """Their login, made when it is asked for, from the values that were read."""
        return self.principal.login


class Format(Protocol):
    """A module or object that knows one kind of token. Each function but `detect` raises TokenNotValid for a token that
    it doesn't accept, with a `reason` only where the signature proved that the token was issued here."""

    def detect(self, token: str) -> bool:
        """Whether to read this token here, by how it looks. Asks no database, and believes nothing: it only chooses
        which format decides. Raises nothing, whatever the text."""

    def verify(self, token: str, *, kinds: Kinds) -> VerifiedAccess:
        """Whether the token is good right now.

        Args:
            token: as it was sent; `detect` has said yes.
            kinds: which kinds will do. ACCESS alone is a request's bearer check, by REVOCATION.CHECK; the other two
                ask the database, and rotate nothing.

        Raises:
            TokenNotValid: with `reason` "expired", "login_ended" (and `why`) or "reused" where the signature was ours.
            DatabaseUnavailable: the database can't be asked.
        """

    def refresh(
        self, token: str, *, transports: Collection[Transport], client: Callable[[], Client], rule: Rule | None
    ) -> TokenPair:
        """The successor of a refresh token: a pair of authkit's own, whatever the format. See `refresh_tokens`.

        Args:
            token: as it was sent; `detect` has said yes.
            transports: in which it may have been issued.
            client: asked from where.
            rule: called with the person before anything moves on.

        Raises:
            TokenNotValid: as `verify`.
            ClaimsRefused, DatabaseUnavailable: the token stays good.
        """

    def identify(self, token: str, *, kinds: Kinds) -> Claims:
        """The claims of a token of any age, whether its login stands or not. Asks no database.

        Args:
            token: as it was sent; `detect` has said yes.
            kinds: which kinds will do.

        Raises:
            TokenNotValid: the signature is not ours.
        """

    def revoke(self, token: str, *, reason: EndReason) -> bool:
        """Ends the login of a token of any age and either kind, or the token where it names none.

        Returns:
            Whether there was anything to end.

        Raises:
            TokenNotValid: the signature is not ours, so nothing is known of it.
        """


def token_refused(ended: LoginEnded) -> TokenNotValid:
    """The end of a login as a refusal of the token that names it."""
    return TokenNotValid(ended.detail, reason=ended.reason, why=ended.why, final=ended.final)
