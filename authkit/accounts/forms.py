"""Forms of this feature's pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from authkit.core.hidden import Hidden
from authkit.pages.forms import HiddenCharField

MAX_KEY_LENGTH = 128
"""Characters of a key that are looked at; ours have 43."""
MAX_LINK_LENGTH = 2048


class KeyField(HiddenCharField):
    """The key of a mail's link. A person without JavaScript pastes the key, or the whole link, into the field."""

    def __init__(self, **kwargs: Any) -> None:
        # The script `authkit/key.js` looks for `data-authkit-key`. After a refusal of another field the page hands the
        # key back, because the address has it no more by then.
        attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "data-authkit-key": ""}
        super().__init__(
            label=_("Link from the mail"),
            help_text=_("Copy the whole link from the mail, and paste it here."),
            max_length=MAX_LINK_LENGTH,
            widget=forms.TextInput(attrs=attrs),
            **kwargs,
        )

    def to_python(self, value: Any) -> Hidden:
        pasted = super().to_python(value)
        _page, mark, fragment = pasted.partition("#")
        return Hidden(parse_qs(fragment).get("key", [""])[0]) if mark else pasted

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MAX_KEY_LENGTH:
            raise ValidationError(_("This is not a link from a mail of ours."), code="invalid")


class KeyForm(forms.Form):
    """The key alone. A page that asks for more adds its fields in a subclass."""

    key = KeyField()
