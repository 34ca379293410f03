"""The format of a third party's access token, for views that take one (`authkit.tokens.formats`).

The doors of this site's own clients refuse such tokens: none of them refreshes, verifies or revokes one. A client does
that at `oauth/token`, `oauth/introspect` and `oauth/revoke`, where it shows who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NoReturn

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.reasons import EndReason
from authkit.oauth import access_tokens
from authkit.oauth.grant_check import check_grant
from authkit.oauth.resources import default_resource
from authkit.revocation.access import DATABASE, check_access, checker
from authkit.tokens.codec import Claims
from authkit.tokens.formats.base import ACCESS, Kinds, VerifiedAccess, token_refused
from authkit.tokens.limited import GRANT, Limits
from authkit.tokens.pairs import Rule, TokenPair
from authkit.tokens.transports import Transport


class GrantTokens:
    """`authkit.tokens.formats.base.Format` for the tokens of third parties."""

    def detect(self, token: str) -> bool:
        return access_tokens.is_for_client(token)

    def verify(self, token: str, *, kinds: Kinds) -> VerifiedAccess:
        """An access token, by REVOCATION.CHECK; its scopes and audiences are the limits. With `database`, the one
        statement asks for the client's switch as well."""
        if kinds != ACCESS:
            _refuse()
        claims, found = access_tokens.read_access(token)
        try:
            if checker() is DATABASE:
                principal = check_grant(login_id=claims.login_id, user_id=claims.subject)
            else:
                principal = check_access(login_id=claims.login_id, user_id=claims.subject, issued_at=claims.issued_at)
        except LoginEnded as ended:
            raise token_refused(ended) from ended
        limits = Limits(GRANT, found.scopes, audiences=found.audiences, home=default_resource())
        return VerifiedAccess(principal=principal, claims=claims, limits=limits)

    def refresh(
        self, token: str, *, transports: Collection[Transport], client: Callable[[], Client], rule: Rule | None
    ) -> TokenPair:
        _refuse()

    def identify(self, token: str, *, kinds: Kinds) -> Claims:
        _refuse()

    def revoke(self, token: str, *, reason: EndReason) -> bool:
        _refuse()


def _refuse() -> NoReturn:
    raise TokenNotValid("a third party's token, at a door of this site's own clients")


TOKEN_FORMATS = (GrantTokens(),)
