"""End the login behind a token, of any age. A caller who has the text may ask for that, signed in or not."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.utils import timezone

from authkit.core.hidden import hide
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.reasons import EndReason
from authkit.logins.verdict import check_login
from authkit.tokens.codec import Claims
from authkit.tokens.formats import BOTH, REFRESH, format_of


def revoke_token(*, token: str, reason: EndReason = EndReason.REVOKED) -> bool:
    """Ends the login of an access or refresh token of this site, of any age.

    A token of another format, which may name no login, is put on the blacklist.

    Args:
        token: as it was sent.
        reason: why.

    Returns:
        Whether this call ended something; False if the login was over already.

    Raises:
        TokenNotValid: the signature is not ours, so nothing is known of it (RFC 7009 answers that with 200 as well).
    """
    token = hide(token)
    return format_of(token).revoke(token, reason=reason)


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
    """The claims of an access or refresh token of ours, of any age, whether its login stands or not. No SQL.

    Raises:
        TokenNotValid: the signature is not ours.
    """
    token = hide(token)
    return format_of(token).identify(token, kinds=BOTH)


def revoke_refresh(*, token: str, reason: EndReason = EndReason.LOGOUT) -> None:
    """Ends the login of a refresh token, and refuses one that was over already, as simplejwt's blacklist view does.

    Raises:
        TokenNotValid: it is no refresh token of ours, its time is over (its login is ended all the same), or there was
            nothing left to end.
    """
    token = hide(token)
    chosen = format_of(token)
    claims = chosen.identify(token, kinds=REFRESH)
    ended = chosen.revoke(token, reason=reason)
    if claims.expires_at <= timezone.now().timestamp():
        raise TokenNotValid("its time is over", reason="expired")
    if not ended:
        raise TokenNotValid("its login was over already", reason="login_ended")


arevoke_token = sync_to_async(revoke_token)
"""The asynchronous twins, in Django's own thread."""
arevoke_refresh = sync_to_async(revoke_refresh)
