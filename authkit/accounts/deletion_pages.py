"""The pages on which a person deletes their account, and takes that back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authkit import conf
from authkit.accounts.deletion import cancel_deletion, delete_account
from authkit.accounts.pages import RecentStatePage
from authkit.accounts.refusals import LastSuperuser
from authkit.accounts.settings import AccountsSettings
from authkit.exceptions import NotFound
from authkit.pages.forms import MAX_IDENTIFIER_LENGTH
from authkit.pages.keys import KeyPage
from authkit.sessions.services import sign_out


class ConfirmForm(forms.Form):
    """The person types their user name, so that no slip of the hand deletes an account."""

    confirm = forms.CharField(
        max_length=MAX_IDENTIFIER_LENGTH,
        strip=False,
        # Not "username": a browser would fill it in, and the person would confirm nothing.
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = name
        self.fields["confirm"].label = gettext("Type %(name)s to confirm") % {"name": name}

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed != self._name:
            raise ValidationError(_("This is not your user name."))
        return typed


class DeletePage(RecentStatePage):
    """Deletes my account, after a recent sign-in and my name, typed."""

    template = "authkit/delete.html"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {"delay": _delay()}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, "form", form=ConfirmForm(name=request.user.get_username()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConfirmForm(request.POST, name=request.user.get_username())
        if not form.is_valid():
            return self.show(request, "form", form=form, status=400)
        address = str(getattr(request.user, request.user.get_email_field_name(), "") or "")  # type: ignore[union-attr]
        try:
            deleted = delete_account(user_id=request.user.pk)
        except LastSuperuser as refused:
            return self.refuse(request, "form", form, refused)
        except NotFound as error:
            raise Http404 from error
        sign_out(request=request)  # the logins are over by now; this takes the session and its cookie away too
        context = {"purge_at": deleted.purge_at, "delay": _delay(), "address": address}
        return render(request, "authkit/deleted.html", context)


class CancelDeletionPage(KeyPage):
    """Behind the link of the mail about a deletion: takes it back."""

    template = "authkit/delete_cancel.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        cancel_deletion(key=form.cleaned_data["key"])
        return self.show(request, "done")


def _delay() -> int:
    """In days, rounded up; 0 where there is no way back."""
    delay = conf.section(AccountsSettings).delete_after
    return -(-int(delay.total_seconds()) // 86_400)
