"""The pages for passwords: change, first one, "Forgot password?", and the page behind the mail's link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from authkit.accounts.password_rules import PasswordRefused
from authkit.accounts.passwords.changing import change_password
from authkit.accounts.passwords.forms import AddressForm, ChangeForm, FirstPasswordForm, ResetCodeForm, ResetForm
from authkit.accounts.passwords.renewing import renew_session
from authkit.accounts.passwords.resetting import (
    request_reset,
    require_reset_possible,
    reset_by_code,
    reset_password,
)
from authkit.accounts.settings import is_by_code
from authkit.core.redirects import safe_next
from authkit.exceptions import LoginEnded, NotFound, Throttled
from authkit.logins.current import current_login
from authkit.pages.keys import KeyPage
from authkit.pages.states import StatePage
from authkit.pages.views import SignedInPage
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import interruption


class ChangePage(SignedInPage, StatePage):
    """Changes the password, or sets the first one. A person whose login is restricted meets this page alone."""

    template = "authkit/password_change.html"
    open_to_restricted = True

    def context(self, request: HttpRequest) -> dict[str, Any]:
        person: Any = request.user
        login = current_login(request)
        return {
            "user": person,
            "first": not person.has_usable_password(),
            "restricted": login is not None and login.restricted,
            "next": safe_next(request, default="authkit:account-security"),
        }

    def get(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        if not person.has_usable_password() and (answer := interruption(request)) is not None:
            return answer
        return self.show(request, "form", form=self._form(person))

    def post(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        first = not person.has_usable_password()
        if first and (answer := interruption(request)) is not None:
            return answer
        form, login = self._form(person, request.POST), current_login(request)
        if not form.is_valid():
            return self.show(request, "form", form=form, status=400)
        try:
            changed = change_password(
                user_id=person.pk,
                keep=None if login is None else login.pk,
                current_password=None if first else form.cleaned_data["current_password"],
                new_password=form.cleaned_data["new_password"],
                client=client_of(request),
            )
        except PasswordRefused as refused:
            _refuse(form, refused)
            return self.show(request, "form", form=form, status=refused.status)
        except Throttled as refused:
            return self.refuse(request, "form", form, refused)
        except LoginEnded:
            return HttpResponseRedirect(reverse("authkit:login"))
        renew_session(request, user=changed.user)
        messages.success(request, gettext("Your password is changed. You are signed out everywhere else."))
        return HttpResponseRedirect(safe_next(request, default="authkit:account-security"))

    def _form(self, person: Any, data: Any = None) -> Form:
        return (ChangeForm if person.has_usable_password() else FirstPasswordForm)(data)


@method_decorator(login_not_required, name="dispatch")
class ResetRequestPage(StatePage):
    """ "Forgot password?": asks for an address and queues the mail."""

    template = "authkit/password_reset.html"
    open_to_restricted = True

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            require_reset_possible()
        except NotFound:
            return self.show(request, "off", status=404)
        return self.show(request, "form", form=AddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddressForm(request.POST)
        if not form.is_valid():
            return self.show(request, "form", form=form, status=400)
        try:
            request_reset(address=form.cleaned_data["email"], client=client_of(request))
        except NotFound:
            return self.show(request, "off", status=404)
        except Throttled as refused:
            return self.refuse(request, "form", form, refused)
        return self.show(request, "sent", by_code=is_by_code())


class ResetConfirmPage(KeyPage):
    """Behind the mail's link: a new password by the key. It signs no person in."""

    template = "authkit/password_reset_confirm.html"
    open_to_restricted = True

    def new_form(self, data: Any = None) -> Any:
        return ResetCodeForm(data) if is_by_code() else ResetForm(data)

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        given, client = form.cleaned_data, client_of(request)
        try:
            if "code" in given:
                reset_by_code(
                    address=given["email"], code=given["code"], new_password=given["new_password"], client=client
                )
            else:
                reset_password(key=given["key"], new_password=given["new_password"], client=client)
        except PasswordRefused as refused:
            _refuse(form, refused)
            return self.show(request, "ask", form=form, status=refused.status)
        return self.show(request, "done")


def _refuse(form: Form, refused: PasswordRefused) -> None:
    field = refused.field if refused.field in form.fields else None
    for sentence in refused.sentences:
        form.add_error(field, sentence)
