"""The sentences that tell a person why they are signed out."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from authkit.logins.reasons import EndReason

SENTENCES = {
    EndReason.LOGOUT: _("This browser was signed out from another one."),
    EndReason.LOGOUT_ALL: _("You signed out everywhere, so here too."),
    EndReason.REVOKED: _("The app has ended its sign-in."),
    EndReason.FORCED: _("The people who run this site have signed you out."),
    EndReason.PASSWORD_CHANGED: _("The password of your account was changed, and that signed you out."),
    EndReason.DEACTIVATED: _("The account is not active any more. Ask the people who run this site."),
    EndReason.DELETED: _("This sign-in, or its account, is deleted."),
    EndReason.REUSED: _("The sign-in of an app was used in two places, so it was ended to be safe."),
    EndReason.REPLACED: _("You signed in again, and that ended the sign-in from before."),
    EndReason.EVICTED: _("You signed in elsewhere, and only a few devices can be signed in at once."),
    EndReason.EMAIL_CHANGED: _("The e-mail address of your account was changed, and that signed you out."),
    EndReason.UNLINKED: _("The way by which you had signed in was taken from your account."),
    EndReason.PROVIDER_LOGOUT: _("You signed out at the provider through which you had signed in."),
    EndReason.ORIGIN_ENDED: _("The sign-in that this one came from has ended."),
    EndReason.NOT_ME: _(
        "A link in a mail to you said that a sign-in was not yours, and that ended all of them. Change your password."
    ),
    EndReason.LEAKED: _("It was found where other people can read it, so it was ended to be safe."),
    EndReason.CLIENT_DISABLED: _("The people who run this site have switched the app off."),
    EndReason.EXPIRED: _("You had been signed in for long, or away for long. Sign in again."),
}
"""For the person, one for each reason."""
