"""Fields and forms that several pages of this feature have."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from authkit.core.typed_codes import MAX_CODE_LENGTH
from authkit.pages.forms import HiddenCharField
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.credentials import MAX_PASSWORD_LENGTH

_rules = lazy(password_validators_help_text_html, str)  # the settings are read when the page is shown


class AddressField(forms.EmailField):
    """An e-mail address."""

    def __init__(self, *, label: Any = None, **kwargs: Any) -> None:
        attrs = {"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__(
            label=label or _("E-mail address"),
            max_length=MAX_ADDRESS_LENGTH,
            widget=forms.EmailInput(attrs=attrs),
            **kwargs,
        )


class AnyAddressField(AddressField):
    """An address of which nothing but the length is checked: whatever is typed, the answer is the same."""

    default_validators: ClassVar[list[Any]] = []  # type: ignore[misc]  # of the instance, in django-stubs


class CodeForm(forms.Form):
    """A code that is typed from a mail."""

    code = HiddenCharField(
        label=_("Code from the mail"),
        max_length=MAX_CODE_LENGTH,
        # As in HTML, section 4.10.18.7. Browsers and phones offer a code from a mail for it.
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
    )


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
