"""Forms of the password pages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from authkit.accounts.forms import AnyAddressField, CodeForm, NewPasswordField, PasswordField
from authkit.pages.keys import KeyForm


class ChangeForm(forms.Form):
    """The current password and the new one."""

    current_password = PasswordField(autocomplete="current-password", label=_("Current password"))
    new_password = NewPasswordField()


class FirstPasswordForm(forms.Form):
    """The first password of a person who has none."""

    new_password = NewPasswordField()


class AddressForm(forms.Form):
    """The address of an account."""

    email = AnyAddressField()


class ResetCodeForm(CodeForm):
    """The address, the code of the mail and the new password."""

    email = AnyAddressField()
    new_password = NewPasswordField()
    field_order = ("email", "code", "new_password")


class ResetForm(KeyForm):
    """The key of the mail and the new password."""

    new_password = NewPasswordField()
