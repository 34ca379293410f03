"""The form of the login page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authkit.core.hidden import Hidden
from authkit.signin.credentials import MAX_PASSWORD_LENGTH

MAX_IDENTIFIER_LENGTH = 254
"""Characters: the longest address that mail can be sent to (RFC 5321 section 4.5.3.1.3); usernames are shorter."""


class HiddenCharField(forms.CharField):
    """A credential."""

    def to_python(self, value: Any) -> Hidden:
        return Hidden(super().to_python(value))


class NameForm(forms.Form):
    """A person's name alone.

    Args:
        identifiers: those of "username" and "email" that count; they decide the label.
    """

    # The autocomplete tokens are what password managers go by (HTML, section 4.10.18.7).
    username = forms.CharField(
        max_length=MAX_IDENTIFIER_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, identifiers: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _label(identifiers)
        if _is_address(identifiers):
            self.fields["username"].widget.input_type = "email"

    def focus(self, name: str) -> None:
        """Puts the cursor into this field when the page opens."""
        self.fields[name].widget.attrs["autofocus"] = True

    def describe(self, html_id: str) -> None:
        """Ties the sentence with this HTML id to the name, so that a screen reader reads it there."""
        self.fields["username"].widget.attrs["aria-describedby"] = html_id


class LoginForm(NameForm):
    """Identifier, password, "keep me signed in". Without messages of its own: the page has one for all failures."""

    password = HiddenCharField(
        label=_("Password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    remember = forms.BooleanField(label=_("Keep me signed in"), required=False)

    def refuse(self, error_id: str) -> None:
        """Ties both fields to the sentence with this HTML id, so that a screen reader reads it with them."""
        for name in ("username", "password"):
            self.fields[name].widget.attrs.update({"aria-invalid": "true", "aria-describedby": error_id})


def _is_address(identifiers: Sequence[str]) -> bool:
    """Whether the name that counts is an e-mail address and nothing else."""
    users = get_user_model()
    return "username" not in identifiers or users.get_email_field_name() == users.USERNAME_FIELD


def _label(identifiers: Sequence[str]) -> str:
    users = get_user_model()
    if "username" not in identifiers:
        return gettext("E-mail address")
    field = users.USERNAME_FIELD
    name = capfirst(str(users._meta.get_field(field).verbose_name))  # type: ignore[union-attr]  # never a relation
    if "email" not in identifiers or field == users.get_email_field_name():
        return name
    return gettext("%(username)s or e-mail address") % {"username": name}
