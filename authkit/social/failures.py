"""Why a sign-in through a provider did not come to its end: one reason each, one HTTP status, one sentence.

social-core's exceptions end here. Their texts hold what the provider said, so they go to the log and never to the page.
"""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from jwt import PyJWTError
from requests import RequestException
from social_core.exceptions import SocialAuthBaseException

from authkit.exceptions import SignInRefused, SocialLoginFailed, TooManyLogins

UNREADABLE = (
    PyJWTError, RequestException, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""Exceptions of fifty back ends over answers that other people's servers write: a number with 400 digits is an
`OverflowError`, a list in a list in a list a `RecursionError`. None of them is a reason for a 5xx of ours."""


class Failure(StrEnum):
    """`SocialLoginFailed.reason` of everything that this room refuses."""

    CANCELLED = "cancelled"
    NOT_OURS = "not_ours"
    """The answer belongs to no sign-in that this browser has begun: no state, a wrong, old or used one."""
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"
    WRONG_HOST = "wrong_host"
    NOT_ALLOWED = "not_allowed"
    SIGNUP_CLOSED = "signup_closed"
    SIGNUP_REFUSED = "signup_refused"
    ACCOUNT_EXISTS = "account_exists"
    EMAIL_NEEDED = "email_needed"
    INACTIVE = "inactive"
    SIGNED_IN = "signed_in"
    LINKED_ELSEWHERE = "linked_elsewhere"
    OTHER_LOGIN = "other_login"
    """Linking was begun by a login that is over, or is not the one that came back."""
    INVALID_REQUEST = "invalid_request"
    """A program asked for a code in a way that can't be answered with a redirect."""
    NO_ID_TOKENS = "no_id_tokens"
    NO_AUTH_TIME = "no_auth_time"
    """A step-up at a provider that does not say when the person signed in there."""
    NOT_FRESH = "not_fresh"
    NOT_CONNECTED = "not_connected"
    """A step-up by an account that is not connected to the person."""
    TOO_MANY_LOGINS = TooManyLogins.code
    SIGN_IN_REFUSED = SignInRefused.code
    """By LOGIN.MAY_SIGN_IN or another guard, whose own sentence the page shows."""


STATUSES: dict[Failure, int] = {
    Failure.UNREACHABLE: 503,
    Failure.NOT_ALLOWED: 403,
    Failure.SIGNUP_CLOSED: 403,
    Failure.SIGNUP_REFUSED: 403,
    Failure.ACCOUNT_EXISTS: 403,
    Failure.EMAIL_NEEDED: 403,
    Failure.INACTIVE: 403,
    Failure.LINKED_ELSEWHERE: 409,
    Failure.NO_AUTH_TIME: 403,
    Failure.NOT_FRESH: 403,
    Failure.NOT_CONNECTED: 403,
    Failure.TOO_MANY_LOGINS: 403,
    Failure.SIGN_IN_REFUSED: 403,
}
"""HTTP statuses; 400 for every other reason."""

SENTENCES = {
    Failure.CANCELLED: _("You stopped signing in, so nothing was changed."),
    Failure.NOT_OURS: _(
        "This sign-in was begun in another browser, was finished already, or took too long. Please start again."
    ),
    Failure.UNVERIFIED: _("The answer of the provider could not be verified, so you were not signed in."),
    Failure.REFUSED: _("The provider refused to sign you in."),
    Failure.UNREACHABLE: _("The provider can't be reached right now. Please try again shortly."),
    Failure.MISCONFIGURED: _("This way to sign in is not set up correctly. Please tell the people who run this site."),
    Failure.WRONG_HOST: _("Please open this site by its public address, and sign in there."),
    Failure.NOT_ALLOWED: _("Your account at the provider may not sign in here."),
    Failure.SIGNUP_CLOSED: _(
        "This account at the provider is not connected to an account here, and new accounts are not opened at the "
        "moment. If you have an account here, sign in to it the way you did before and connect this one on the page "
        "that follows."
    ),
    Failure.SIGNUP_REFUSED: _(
        "New accounts are only for some people here, and this account at the provider is not one of theirs. If you "
        "have an account here, sign in to it the way you did before and connect this one on the page that follows."
    ),
    Failure.ACCOUNT_EXISTS: _(
        "There is an account with your e-mail address here already. To show that it is yours, sign in to it the way "
        "you did before. On the page that follows you can connect this one, and from then on sign in with either."
    ),
    Failure.EMAIL_NEEDED: _(
        "An account needs an e-mail address that the provider has verified, and it sent none. Please verify your "
        "address there, let it be passed on to this site, and try again."
    ),
    Failure.INACTIVE: _("This account is not active."),
    Failure.SIGNED_IN: _(
        "You are signed in here already, and not by this account. To use both, connect it on the page of your "
        "connected accounts. To sign in as another person, sign out first."
    ),
    Failure.LINKED_ELSEWHERE: _(
        "This account at the provider is connected to another account here, so it was not connected. If both are "
        "yours, sign in with it and disconnect it there first."
    ),
    Failure.OTHER_LOGIN: _(
        "You have signed out, or in again, since you began to connect this account, so nothing was connected. Please "
        "sign in and start again."
    ),
    Failure.INVALID_REQUEST: _(
        "The app that sent you here made a wrong request. Please tell the people who made the app."
    ),
    Failure.NO_ID_TOKENS: _("This provider has no ID tokens. Please use another way to sign in with it."),
    Failure.SIGN_IN_REFUSED: _("Signing in this way is not possible here."),
    Failure.NO_AUTH_TIME: _(
        "This provider does not say when you signed in there, so it can't confirm that it is you. Please use another "
        "way. If you have no other, sign out and in again, and then set a password or connect another account."
    ),
    Failure.NOT_FRESH: _(
        "The provider did not ask you to sign in again, so it has not confirmed that it is you. Please sign out there, "
        "and try again."
    ),
    Failure.NOT_CONNECTED: _(
        "This account at the provider is not connected to your account here, so it can't confirm that it is you. "
        "Please try again with the one that is."
    ),
    Failure.TOO_MANY_LOGINS: _("You are signed in on too many devices. Sign out on one of them first."),
}

_CANCELLED_BY_PERSON = frozenset({"user_cancelled_authorize", "user_cancelled_login"})
"""The `error` that Apple and LinkedIn send where RFC 6749 section 4.1.2.1 has access_denied: the person went back."""

_BY_CODE = {
    "authorization_declined": Failure.CANCELLED,
    "session_context_missing": Failure.NOT_OURS,
    "state_mismatch": Failure.NOT_OURS,
    "missing_parameter": Failure.NOT_OURS,
    "authorization_code_rejected": Failure.NOT_OURS,
    "connection_failed": Failure.UNREACHABLE,
    "timeout": Failure.UNREACHABLE,
    "tls_error": Failure.UNREACHABLE,
    "rate_limited": Failure.UNREACHABLE,
    "unavailable": Failure.UNREACHABLE,
    "missing_setting": Failure.MISCONFIGURED,
    "invalid_setting": Failure.MISCONFIGURED,
    "unsupported_feature": Failure.MISCONFIGURED,
    "backend_missing": Failure.MISCONFIGURED,
    "authentication_disallowed": Failure.NOT_ALLOWED,
    "membership_required": Failure.NOT_ALLOWED,
}


def translated(error: SocialAuthBaseException) -> SocialLoginFailed:
    """social-core's exception as ours; the detail names its code, stage and claim, and nothing that a person sent."""
    failure = _BY_CODE.get(error.code, Failure.UNVERIFIED)
    if error.stage == "callback" and error.provider_code in _CANCELLED_BY_PERSON:
        failure = Failure.CANCELLED
    if error.stage == "callback" and failure in {Failure.UNREACHABLE, Failure.MISCONFIGURED}:
        # Said by the query string of the callback, which the browser wrote: that makes no 503 of ours.
        failure = Failure.REFUSED
    detail = f"{error.code} at {error.stage}, claim {error.claim!r}, provider code {error.provider_code!r}"
    return SocialLoginFailed(detail, reason=failure)


def failure_of(error: SocialLoginFailed) -> Failure:
    """The reason of a refusal; a project's own step may have given one that we don't know, or none."""
    return Failure(error.reason) if error.reason in set(Failure) else Failure.NOT_ALLOWED


def refuse(failure: Failure, detail: str = "") -> SocialLoginFailed:
    """The exception for a reason; `detail` is for the log and holds no credential."""
    return SocialLoginFailed(detail or failure.value, reason=failure)
