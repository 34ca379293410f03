"""The kind of login that carries a third party's tokens."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from authkit.logins.endings import Kind
from authkit.logins.reasons import EndReason
from authkit.tokens.limited import GRANT

KINDS = (
    Kind(
        GRANT,
        _("app"),
        ended_by=(
            *(EndReason.LOGOUT_ALL, EndReason.PASSWORD_CHANGED, EndReason.EMAIL_CHANGED, EndReason.NOT_ME),
            EndReason.CLIENT_DISABLED,
        ),
        has_own_list=True,
        steps_up_at_client=True,
    ),
)
"""A grant outlives the session in which the person agreed, and ends with everything that says that the account was in
other hands, or that the app may do no more."""
