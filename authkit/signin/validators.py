"""Validators for AUTH_PASSWORD_VALIDATORS."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import Hidden
from authkit.signin.breaches import digest_of, look_up


class BreachedPassword:
    """Refuses a password that is known from a breach (ASVS 6.2.12, NIST 800-63B-4 section 3.1.1.2).

        AUTH_PASSWORD_VALIDATORS = [{"NAME": "authkit.signin.validators.BreachedPassword"}, ...]

    LOGIN.BREACHED_FILE and LOGIN.BREACHED_RANGES say where it looks. Where neither can be asked, Django's list of
    20,000 common passwords decides: a change of the password never fails because a file or a server is missing.
    """

    def __init__(self) -> None:
        self._common = CommonPasswordValidator()

    @sensitive_variables("password")
    def validate(self, password: str, user: Any = None) -> None:
        """
        Args:
            password: the new one, as typed.
            user: does not matter here.

        Raises:
            ValidationError: it is known; `code` is "password_breached", or "password_too_common" by Django's list.
        """
        password = Hidden(password)
        found = look_up(digest_of(password))
        if found is None:
            self._common.validate(password, user)
        elif found:
            raise ValidationError(
                _("This password is known from a data breach, so attackers try it. Choose another one."),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        """The sentence beside the field."""
        return _("Your password can't be one that is known from a data breach.")
