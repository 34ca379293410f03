"""The pages on which a person changes their address, agrees to that, and takes it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authkit.accounts.address_change import can_change, confirm_change, request_change, require_storable
from authkit.accounts.address_undo import undo_change
from authkit.accounts.pages import KeyPage, RecentPage
from authkit.accounts.refusals import SameAddress
from authkit.accounts.registration.forms import CodeForm
from authkit.accounts.registration.pages import is_by_code
from authkit.core.refusals import headers_of, sentence_of
from authkit.exceptions import InvalidGrant, NotFound, Throttled
from authkit.logins.current import current_login
from authkit.sessions.receivers import client_of
from authkit.signin.addresses import MAX_ADDRESS_LENGTH, is_verified


class NewAddressForm(forms.Form):
    """The new address."""

    email = forms.EmailField(
        label=_("New e-mail address"),
        max_length=MAX_ADDRESS_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_email(self) -> str:
        address: str = self.cleaned_data["email"]
        require_storable(address)
        return address


class ChangeAddressPage(RecentPage):
    """Asks for another address, after a recent sign-in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if "code" in request.GET and is_by_code():
            return self._show(request, "code", form=CodeForm())
        return self._show(request, "form", form=NewAddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if "code" in request.POST and is_by_code():
            return self._confirm(request)
        form, login = NewAddressForm(request.POST), current_login(request)
        if not form.is_valid():
            return self._show(request, "form", form=form, status=400)
        if login is None:
            raise Http404
        address = form.cleaned_data["email"]
        try:
            request_change(user_id=request.user.pk, login_id=login.pk, address=address, client=client_of(request))
        except NotFound as error:
            raise Http404 from error
        except SameAddress as refused:
            form.add_error("email", gettext(refused.message))
            return self._show(request, "form", form=form, status=400)
        except Throttled as refused:
            form.add_error(None, sentence_of(refused))
            answer = self._show(request, "form", form=form, status=refused.status)
            for name, value in headers_of(refused.status, refused.retry_after).items():
                answer.headers[name] = value
            return answer
        return self._show(request, "sent", address=address, form=CodeForm() if is_by_code() else None)

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._show(request, "code", form=form, status=400)
        try:
            confirmed = confirm_change(code=form.cleaned_data["code"], user_id=request.user.pk)
        except InvalidGrant:
            form.add_error("code", gettext("This is not the code, or it is too old. After 5 tries you need a new one."))
            return self._show(request, "code", form=form, status=400)
        return render(request, ConfirmAddressPage.template, {"state": "done", "changed": confirmed.changed})

    def _show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        person: Any = request.user
        present = str(getattr(person, get_user_model().get_email_field_name(), "") or "")
        context = {
            "state": state if can_change() else "off",
            "present": present,
            "verified": is_verified(person),
            "by_code": is_by_code(),
            **context,
        }
        return render(request, "authkit/email_change.html", context, status=status)


class ConfirmAddressPage(KeyPage):
    """Behind the link of a mail about a change: agrees to it."""

    template = "authkit/email_confirm.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        current_login(request)  # known by this, it is spared where the change ends the person's other logins
        confirmed = confirm_change(key=form.cleaned_data["key"])
        return self.show(request, "done", changed=confirmed.changed)


class UndoAddressPage(KeyPage):
    """Behind the link of the mail to the former address: takes the change back."""

    template = "authkit/email_undo.html"

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        undone = undo_change(key=form.cleaned_data["key"], client=client_of(request))
        return self.show(request, "done", restored=undone.restored)
