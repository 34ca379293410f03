"""Why a sign-in through a provider did not come to its end: one reason each, one HTTP status, one sentence.

social-core's exceptions end here. Their texts hold what the provider said, so they go to the log and never to the page.
"""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from social_core.exceptions import SocialAuthBaseException

from authkit.exceptions import SocialLoginFailed


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
    ACCOUNT_EXISTS = "account_exists"
    EMAIL_NEEDED = "email_needed"
    INACTIVE = "inactive"
    SIGNED_IN = "signed_in"
    INVALID_REQUEST = "invalid_request"
    """A program asked for a code in a way that can't be answered with a redirect."""
    NO_ID_TOKENS = "no_id_tokens"


STATUSES: dict[Failure, int] = {
    Failure.UNREACHABLE: 503,
    Failure.NOT_ALLOWED: 403,
    Failure.SIGNUP_CLOSED: 403,
    Failure.ACCOUNT_EXISTS: 403,
    Failure.EMAIL_NEEDED: 403,
    Failure.INACTIVE: 403,
}
"""HTTP statuses; 400 for every other reason."""

SENTENCES = {
    Failure.CANCELLED: _("You stopped signing in, so nothing was changed."),
    Failure.NOT_OURS: _(
        "This sign-in was begun in another browser, was finished already, or took too long. Please start again."
    ),
    Failure.UNVERIFIED: _("The answer of the provider could not be verified, so nobody was signed in."),
    Failure.REFUSED: _("The provider refused to sign you in."),
    Failure.UNREACHABLE: _("The provider can't be reached right now. Please try again shortly."),
    Failure.MISCONFIGURED: _("This way to sign in is not set up correctly. Please tell those who run this site."),
    Failure.WRONG_HOST: _("Please open this site by its public address, and sign in there."),
    Failure.NOT_ALLOWED: _("Your account at the provider may not sign in here."),
    Failure.SIGNUP_CLOSED: _("Nobody here is known by this account, and new accounts are not opened at the moment."),
    Failure.ACCOUNT_EXISTS: _(
        "There is an account with your e-mail address already. Please sign in to it the way you did before."
    ),
    Failure.EMAIL_NEEDED: _("An account needs an e-mail address that the provider has verified, and it sent none."),
    Failure.INACTIVE: _("This account is not active."),
    Failure.SIGNED_IN: _("You are signed in here as somebody else. Please sign out first."),
    Failure.INVALID_REQUEST: _("The app that sent you here did not ask correctly. Please tell those who made it."),
    Failure.NO_ID_TOKENS: _("This provider has no ID tokens. Please use another way to sign in with it."),
}

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
    if error.stage == "callback" and failure in {Failure.UNREACHABLE, Failure.MISCONFIGURED}:
        # Said by the query string of the callback, which the browser wrote: that makes no 503 of ours.
        failure = Failure.REFUSED
    detail = f"{error.code} at {error.stage}, claim {error.claim!r}, provider code {error.provider_code!r}"
    return SocialLoginFailed(detail, reason=failure)


def refuse(failure: Failure, detail: str = "") -> SocialLoginFailed:
    """The exception for a reason; `detail` is for the log and holds no credential."""
    return SocialLoginFailed(detail or failure.value, reason=failure)
