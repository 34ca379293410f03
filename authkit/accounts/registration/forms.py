"""The forms of registration. Their rules are those of the serializers, which a page asks as well."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from authkit.accounts.forms import AddressField, CodeForm
from authkit.accounts.registration.people import asks_for_username
from authkit.accounts.registration.serializers import (
    MAX_NEXT_LENGTH,
    RegisterSerializer,
    checked_username,
)  # fmt: skip
from authkit.pages.forms import HiddenCharField
from authkit.pages.keys import KeyField, KeyForm
from authkit.signin.addresses import MAX_ADDRESS_LENGTH

_WIDGETS: tuple[tuple[type[Any], type[forms.Field], dict[str, Any]], ...] = (
    (serializers.BooleanField, forms.BooleanField, {}),
    (serializers.DateField, forms.CharField, {"widget": forms.DateInput(attrs={"type": "date"})}),
    (serializers.IntegerField, forms.CharField, {"widget": forms.NumberInput()}),
    (serializers.EmailField, forms.CharField, {"widget": forms.EmailInput()}),
    (serializers.URLField, forms.CharField, {"widget": forms.URLInput()}),
)


class RegisterForm(forms.Form):
    """A field for each of the serializer's. The serializer judges them, so none is judged here, and each error of the
    serializer is shown once.

    Args:
        serializer: of REGISTER_SERIALIZER, unbound.
        is_invited: whether the form asks for the link of an invitation.
    """

    def __init__(self, data: Any = None, *, serializer: RegisterSerializer, is_invited: bool, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        for name, field in serializer.fields.items():
            if name not in {"next", "invitation"}:
                self.fields[name] = _field(name, field)
        self.fields["next"] = forms.CharField(required=False, max_length=MAX_NEXT_LENGTH, widget=forms.HiddenInput)
        if is_invited:
            self.fields["invitation"] = KeyField(required=True)

    def field_named(self, name: str) -> str:
        """This field, or the first one where the form has none of that name."""
        return name if name in self.fields else next(iter(self.fields))

    def take_errors(self, serializer: RegisterSerializer) -> None:
        """Shows what the serializer has found."""
        for name, messages in serializer.errors.items():
            self.add_error(name if name in self.fields else None, [str(message) for message in messages])


def _field(name: str, field: Any) -> forms.Field:
    label = field.label
    if name == "password":
        return HiddenCharField(
            label=_("Password"),
            required=False,
            strip=False,
            help_text=" ".join(password_validators_help_texts()),
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        )
    attrs: dict[str, Any] = {}
    if name == "email":
        label, attrs = _("E-mail address"), {"autocomplete": "email"}
    elif name == get_user_model().USERNAME_FIELD:
        verbose = get_user_model()._meta.get_field(name).verbose_name  # type: ignore[union-attr]  # never a relation
        label, attrs = capfirst(str(verbose)), {"autocomplete": "username"}
        attrs |= {"autocapitalize": "none", "spellcheck": "false"}
    if isinstance(field, serializers.ChoiceField):
        offered = forms.Select(choices=list(field.choices.items()))
        return forms.CharField(label=label, required=False, help_text=field.help_text or "", widget=offered)
    for kind, of_form, given in _WIDGETS:
        if isinstance(field, kind):
            made = of_form(label=label, required=False, help_text=field.help_text or "", **given)
            break
    else:
        made = forms.CharField(label=label, required=False, help_text=field.help_text or "")
    made.widget.attrs.update(attrs)
    return made


class _ConfirmMixin(forms.Form):
    """A user name as well, once the first one was found taken: the field is there if the form brings it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "username" in self.data:
            self.ask_for_username()

    def ask_for_username(self) -> None:
        """Adds the field. The page shows it, and what is typed there counts from then on."""
        attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["username"] = forms.CharField(
            label=_("Another user name"),
            required=True,
            max_length=MAX_ADDRESS_LENGTH,
            widget=forms.TextInput(attrs=attrs),
        )

    def clean_username(self) -> str:
        try:
            return checked_username(self.cleaned_data["username"]) if asks_for_username() else ""
        except serializers.ValidationError as error:
            raise forms.ValidationError([str(message) for message in error.detail]) from error

    def proof(self) -> dict[str, str]:
        """What was typed, under the argument names of `confirm`."""
        given = self.cleaned_data
        return {name: given.get(name, "") for name in ("key", "code", "email", "username")}


class ConfirmKeyForm(_ConfirmMixin, KeyForm):
    """The link of the mail."""


class ConfirmCodeForm(_ConfirmMixin, CodeForm):
    """The address, and the code of the mail."""

    email = AddressField()
    field_order = ("email", "code", "username")
