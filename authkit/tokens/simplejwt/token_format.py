"""simplejwt's tokens as a format of authkit's accept-list, open until `TOKENS["SIMPLEJWT_UNTIL"]`.

A refresh gives a pair of authkit's own, so the old format drains: it is never issued. The functions are those of
`authkit.tokens.formats.Format`, where arguments and refusals are described.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from authkit import conf
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.tokens.codec import Claims
from authkit.tokens.formats.base import Kinds, VerifiedAccess, token_refused
from authkit.tokens.pairs import Additions, Rule, TokenPair, lifetime_of, sign_pair
from authkit.tokens.simplejwt import adoption, judging, reading, refusing
from authkit.tokens.transports import Transport


def detect(token: str) -> bool:
    """Whether the window is open, and the header is the one that simplejwt writes."""
    return reading.presented(token, until=conf.current().tokens.simplejwt_until)


def verify(token: str, *, kinds: Kinds) -> VerifiedAccess:
    """One SQL statement for either kind: no mode of REVOCATION.CHECK knows these tokens."""
    try:
        accepted = judging.check(token=token, kinds=kinds)
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    claims = reading.claims_of(accepted.token, subject=str(accepted.user.pk))
    login = accepted.login
    principal = Principal(user=accepted.user, login=login, restricted=login.restricted)
    return VerifiedAccess(principal=principal, claims=claims)


def refresh(
    token: str, *, transports: Collection[Transport], client: Callable[[], Client], rule: Rule | None
) -> TokenPair:
    """Turns the token into a login, once (`adoption`)."""
    if Transport.BODY not in transports:
        raise TokenNotValid("simplejwt's tokens come in a body alone")
    settings = conf.current().tokens
    additions = Additions(settings, rule)
    try:
        adopted = adoption.adopt(
            token=token, lifetime=lifetime_of(settings), grace=settings.grace, client=client, prepare=additions
        )
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return sign_pair(user=adopted.user, login=adopted.login, transport=Transport.BODY, additions=additions)


def identify(token: str, *, kinds: Kinds) -> Claims:
    """By the signature alone; the login is the one that a refresh token becomes."""
    return reading.claims_of(reading.read(token, kinds=kinds, expired_too=True))


def revoke(token: str, *, reason: EndReason) -> bool:
    """Refuses the token, and ends the login that it may have become."""
    return refusing.revoke(token=token, reason=reason)
