"""The pages on which a person changes their address, agrees to that, and takes it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authkit.accounts.address_change import can_change, confirm_change, request_change, require_storable
from authkit.accounts.address_undo import undo_change
from authkit.accounts.forms import AddressField, CodeForm
from authkit.accounts.pages import RecentStatePage
from authkit.accounts.refusals import SameAddress
from authkit.accounts.registration.verifying import can_request
from authkit.accounts.settings import is_by_code
from authkit.exceptions import InvalidGrant, NotFound, Throttled
from authkit.logins.current import current_login
from authkit.mail.mails import address_of
from authkit.pages.keys import KeyPage
from authkit.sessions.receivers import client_of
from authkit.signin.addresses import is_verified


class NewAddressForm(forms.Form):
    """The new address."""

    email = AddressField(label=_("New e-mail address"))

    def clean_email(self) -> str:
        address: str = self.cleaned_data["email"]
        require_storable(address)
        return address


class ChangeAddressPage(RecentStatePage):
    """Asks for another address, after a recent sign-in."""

    template = "authkit/email_change.html"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        person: Any = request.user
        verified = is_verified(person)
        return {
            "present": address_of(person),
            "verified": verified,
            "can_resend": not verified and can_request(person),
            "by_code": is_by_code(),
        }

    def show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(request, state if can_change() else "off", status=status, **context)

    def get(self, request: HttpRequest) -> HttpResponse:
        if "code" in request.GET and is_by_code():
            return self.show(request, "code", form=CodeForm())
        return self.show(request, "form", form=NewAddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if "code" in request.POST and is_by_code():
            return self._confirm(request)
        form, login = NewAddressForm(request.POST), current_login(request)
        if not form.is_valid():
            return self.show(request, "form", form=form, status=400)
        if login is None:
            raise Http404
        address = form.cleaned_data["email"]
        try:
            request_change(user_id=request.user.pk, login_id=login.pk, address=address, client=client_of(request))
        except NotFound as error:
            raise Http404 from error
        except SameAddress as refused:
            return self.refuse(request, "form", form, refused, field="email")
        except Throttled as refused:
            return self.refuse(request, "form", form, refused)
        return self.show(request, "sent", address=address, form=CodeForm() if is_by_code() else None)

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self.show(request, "code", form=form, status=400)
        try:
            confirmed = confirm_change(code=form.cleaned_data["code"], user_id=request.user.pk)
        except InvalidGrant:
            form.add_error("code", gettext("This is not the code, or it is too old. After 5 tries you need a new one."))
            return self.show(request, "code", form=form, status=400)
        return render(request, ConfirmAddressPage.template, {"state": "done", "changed": confirmed.changed})


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
