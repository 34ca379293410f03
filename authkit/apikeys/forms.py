"""The forms of the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from authkit import conf
from authkit.apikeys.making import known_scopes
from authkit.apikeys.models import MAX_NAME_LENGTH, MAX_NETWORKS_LENGTH
from authkit.apikeys.settings import ApiKeySettings

DAYS = (7, 30, 90, 180, 365)
OVERLAPS = ((0, gettext_lazy("It ends now")), (3600, gettext_lazy("For an hour")), (86400, gettext_lazy("For a day")),
            (604800, gettext_lazy("For 7 days")), (2592000, gettext_lazy("For 30 days")))  # fmt: skip


class MakeKeyForm(forms.Form):
    """A new key. The scopes are one check box each, because an empty list would be a group without a name."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=MAX_NAME_LENGTH,
        help_text=gettext_lazy("The program that will use it, such as “Nightly export”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(label=gettext_lazy("Good for"), coerce=int)
    networks = forms.CharField(
        label=gettext_lazy("Networks"),
        required=False,
        max_length=MAX_NETWORKS_LENGTH,
        help_text=gettext_lazy("Such as 192.0.2.0/24, with blanks between them. Left empty: all."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = conf.section(ApiKeySettings).max_age.days
        fitting = [days for days in DAYS if days <= longest] or [1]
        self.fields["days"].choices = [(days, _("%(days)d days") % {"days": days}) for days in fitting]  # type: ignore[attr-defined]
        self._scopes = {f"scope-{index}": name for index, name in enumerate(known_scopes())}
        for field, name in self._scopes.items():
            label = _("Scope %(name)s: %(about)s") % {"name": name, "about": known_scopes()[name]}
            self.fields[field] = forms.BooleanField(label=label, required=False)

    def scopes(self) -> list[str]:
        """The names that were chosen."""
        return [name for field, name in self._scopes.items() if self.cleaned_data[field]]

    def network_texts(self) -> list[str]:
        """As typed."""
        return str(self.cleaned_data["networks"]).split()

    def lifetime(self) -> timedelta:
        """How long it is to be good."""
        return min(timedelta(days=self.cleaned_data["days"]), conf.section(ApiKeySettings).max_age)

    def refuse(self, field: str, sentence: str) -> None:
        """Shows why a service has refused it, at the field if there is one."""
        self.add_error(field if field in self.fields else None, sentence)


class RotateKeyForm(forms.Form):
    """How long the old key goes on."""

    overlap = forms.TypedChoiceField(
        label=gettext_lazy("How long the old key goes on"), coerce=int, choices=OVERLAPS, initial=86400
    )
