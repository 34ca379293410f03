"""Kinds of logins and of tokens, and why they end."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class LoginKind(TextChoices):
    """The kind of credential that carries a login."""

    SESSION = "session", _("session")
    TOKEN = "token", _("token")


class TokenKind(TextChoices):
    """The use of a token, as its claim `token_type` and the member `token_use` of a key say it."""

    ACCESS = "access", _("access token")
    REFRESH = "refresh", _("refresh token")


class EndReason(TextChoices):
    """Why a login is over; part of the API as `why` (docs/http.md, "Refusals")."""

    LOGOUT = "logout", _("signed out")
    LOGOUT_ALL = "logout_all", _("signed out everywhere")
    REVOKED = "revoked", _("token revoked")
    FORCED = "forced", _("forced out")
    PASSWORD_CHANGED = "password_changed", _("password changed")
    DEACTIVATED = "deactivated", _("account deactivated")
    DELETED = "deleted", _("account deleted")
    REUSED = "reused", _("refresh token used twice")
    REPLACED = "replaced", _("signed in again")
    EVICTED = "evicted", _("signed in elsewhere")
    EMAIL_CHANGED = "email_changed", _("e-mail address changed")
    UNLINKED = "unlinked", _("way in removed")
    PROVIDER_LOGOUT = "provider_logout", _("signed out at the provider")
    ORIGIN_ENDED = "origin_ended", _("the login that it came from ended")
    NOT_ME = "not_me", _("the owner said that it was another person")
    LEAKED = "leaked", _("found in public")
    CLIENT_DISABLED = "client_disabled", _("app switched off")
    EXPIRED = "expired", _("expired")
