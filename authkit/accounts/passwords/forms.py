"""Forms of the password pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from authkit.accounts.forms import KeyForm
from authkit.accounts.registration.forms import CodeForm
from authkit.pages.forms import HiddenCharField
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.credentials import MAX_PASSWORD_LENGTH

_rules = lazy(password_validators_help_text_html, str)  # the settings are read when the page is shown


class PasswordField(HiddenCharField):
    """A password, as typed; no page sends one back.

    Args:
        autocomplete: the token that password managers go by: "current-password" or "new-password".
    """

    def __init__(self, *, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(max_length=MAX_PASSWORD_LENGTH, strip=False, widget=widget, **kwargs)


class NewPasswordField(PasswordField):
    """The new password."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocomplete="new-password", label=_("New password"), help_text=_rules(), **kwargs)


class ChangeForm(forms.Form):
    """The current password and the new one."""

    current_password = PasswordField(autocomplete="current-password", label=_("Current password"))
    new_password = NewPasswordField()


class FirstPasswordForm(forms.Form):
    """The first password of a person who has none."""

    new_password = NewPasswordField()


class AddressForm(forms.Form):
    """The address of an account. Whatever is typed, the answer is the same, so nothing but its length is checked."""

    email = forms.CharField(
        label=_("E-mail address"),
        max_length=MAX_ADDRESS_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )


class ResetCodeForm(CodeForm):
    """The address, the code of the mail and the new password."""

    email = AddressForm.base_fields["email"]
    new_password = NewPasswordField()
    field_order = ("email", "code", "new_password")


class ResetForm(KeyForm):
    """The key of the mail and the new password."""

    new_password = NewPasswordField()
