"""End the login behind a token, of any age. Whoever has its text may ask for that, and need not be signed in."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.utils import timezone

from authkit import conf
from authkit.core.hidden import hide
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login
from authkit.tokens import adoption, legacy
from authkit.tokens.codec import Claims, read
from authkit.tokens.keys import TokenUse


def revoke_token(*, token: str, reason: EndReason = EndReason.REVOKED) -> bool:
    """Ends the login of an access or refresh token of ours, of any age: its text may be all that the caller has.

    Puts nothing on the blacklist. Each token of ours is asked for its login, so a row would refuse nothing more; and
    whoever holds a token may ask for this, so it must not be a table that they can fill.

    Returns:
        Whether a login was ended; False if it was over already.

    Raises:
        TokenNotValid: the signature is not ours, so nothing is known of it (RFC 7009 answers that with 200 as well).
    """
    token = hide(token)
    if legacy.presented(token, until=conf.current().tokens.simplejwt_until):
        return adoption.revoke(token=token, reason=reason)
    return end_login(login_id=identify_token(token=token).login_id, reason=reason).ended


def carries_live_login(*, token: str) -> bool:
    """Whether an access or refresh token of ours, of any age, names a login that is still there to be ended.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    token = hide(token)
    try:
        claims = identify_token(token=token)
        check_login(login_id=claims.login_id, user_id=claims.subject)
    except (TokenNotValid, LoginEnded):
        return False
    return True


def identify_token(*, token: str) -> Claims:
    """What an access or refresh token of ours says, of any age, whether its login stands or not. No SQL.

    Raises:
        TokenNotValid: the signature is not ours.
    """
    token, settings = hide(token), conf.current().tokens
    if legacy.presented(token, until=settings.simplejwt_until):
        return legacy.claims_of(legacy.read(token, kinds=legacy.EVERY_KIND, expired_too=True))
    return read(token, uses=tuple(TokenUse), issuer=settings.issuer, audience=settings.audience, expired_too=True)


def revoke_refresh(*, token: str, reason: EndReason = EndReason.LOGOUT) -> None:
    """Ends the login of a refresh token, and refuses what was over already: what simplejwt's blacklist view does.

    Raises:
        TokenNotValid: it is no refresh token of ours, its time is over (its login is ended all the same), or there was
            nothing left to end.
    """
    token, settings = hide(token), conf.current().tokens
    if legacy.presented(token, until=settings.simplejwt_until):
        legacy.read(token, kinds=(TokenKind.REFRESH,))
        if not adoption.revoke(token=token, reason=reason):
            raise TokenNotValid("it was over already", reason="login_ended")
        return
    uses = (TokenUse.REFRESH,)
    claims = read(token, uses=uses, issuer=settings.issuer, audience=settings.audience, expired_too=True)
    ended = end_login(login_id=claims.login_id, reason=reason).ended
    if claims.expires_at <= timezone.now().timestamp():
        raise TokenNotValid("its time is over", reason="expired")
    if not ended:
        raise TokenNotValid("its login was over already", reason="login_ended")


arevoke_token = sync_to_async(revoke_token)
"""The asynchronous twins, in Django's own thread."""
arevoke_refresh = sync_to_async(revoke_refresh)
