"""The rules for a new password: the project's validators, and a least length (ASVS 6.2.1, NIST 800-63B-4 3.1.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.password_validation import MinimumLengthValidator, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.settings import AccountsSettings
from authkit.exceptions import AuthKitError


class PasswordRefused(AuthKitError):
    """The new password breaks a rule, or the current one is not right. Nothing was changed, and no key was spent.

    Args:
        field: of the body: "new_password" or "current_password".
        sentences: for the person, one for each rule.
    """

    code = "password_refused"
    status = 400
    message = "Choose another password."

    def __init__(self, field: str, sentences: Sequence[Any]) -> None:
        super().__init__(f"{field} is refused")
        self.field = field
        self.sentences = [str(sentence) for sentence in sentences]


SAME = _("This is your current password. Choose another one.")
WRONG = _("This is not your current password.")


@sensitive_variables("password")
def require_good_password(password: str, *, user: Any = None) -> None:
    """Holds a new password to AUTH_PASSWORD_VALIDATORS, and to ACCOUNTS.PASSWORD_MIN.

    Args:
        password: as typed.
        user: the person, for validators that compare it with a name or an address. They need not be saved.

    Raises:
        PasswordRefused: it breaks one rule or more; each says its sentence.
    """
    sentences: list[Any] = []
    least = MinimumLengthValidator(conf.section(AccountsSettings).password_min)
    for rule in (least.validate, validate_password):
        try:
            rule(password, user)
        except ValidationError as error:
            sentences += error.messages
    if sentences:
        raise PasswordRefused("new_password", list(dict.fromkeys(sentences)))
