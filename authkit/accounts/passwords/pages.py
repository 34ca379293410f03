"""The pages for passwords: change, first one, "Forgot password?", and the page behind the mail's link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from authkit.accounts.pages import KeyPage
from authkit.accounts.password_rules import PasswordRefused
from authkit.accounts.passwords.changing import change_password
from authkit.accounts.passwords.forms import AddressForm, ChangeForm, FirstPasswordForm, ResetCodeForm, ResetForm
from authkit.accounts.passwords.renewing import renew_session
from authkit.accounts.passwords.resetting import (
    is_by_code,
    request_reset,
    require_reset_possible,
    reset_by_code,
    reset_password,
)
from authkit.core.redirects import safe_next
from authkit.core.refusals import headers_of, sentence_of
from authkit.exceptions import LoginEnded, NotFound, Throttled
from authkit.logins.current import current_login
from authkit.pages.views import Page, SignedInPage
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import interruption


class ChangePage(SignedInPage):
    """Changes the password, or sets the first one. A person whose login is restricted meets this page alone."""

    open_to_restricted = True

    def get(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        if not person.has_usable_password() and (answer := interruption(request)) is not None:
            return answer
        return self._show(request, self._form(person))

    def post(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        first = not person.has_usable_password()
        if first and (answer := interruption(request)) is not None:
            return answer
        form, login = self._form(person, request.POST), current_login(request)
        if not form.is_valid():
            return self._show(request, form, status=400)
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
            return self._show(request, form, status=refused.status)
        except Throttled as refused:
            return self._hold_up(request, form, refused)
        except LoginEnded:
            return HttpResponseRedirect(reverse("authkit:login"))
        renew_session(request, user=changed.user)
        messages.success(request, gettext("Your password is changed. You are signed out everywhere else."))
        return HttpResponseRedirect(safe_next(request, default="authkit:account-security"))

    def _form(self, person: Any, data: Any = None) -> Form:
        return (ChangeForm if person.has_usable_password() else FirstPasswordForm)(data)

    def _hold_up(self, request: HttpRequest, form: Form, refused: Throttled) -> HttpResponse:
        form.add_error(None, sentence_of(refused))
        answer = self._show(request, form, status=refused.status)
        for name, value in headers_of(refused.status, refused.retry_after).items():
            answer.headers[name] = value
        return answer

    def _show(self, request: HttpRequest, form: Form, *, status: int = 200) -> HttpResponse:
        login = current_login(request)
        context = {
            "user": request.user,
            "form": form,
            "first": isinstance(form, FirstPasswordForm),
            "restricted": login is not None and login.restricted,
            "next": safe_next(request, default="authkit:account-security"),
        }
        return render(request, "authkit/password_change.html", context, status=status)


@method_decorator(login_not_required, name="dispatch")
class ResetRequestPage(Page):
    """ "Forgot password?": asks for an address and queues the mail."""

    open_to_restricted = True

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            require_reset_possible()
        except NotFound:
            return self._show(request, "off", status=404)
        return self._show(request, "form", form=AddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddressForm(request.POST)
        if not form.is_valid():
            return self._show(request, "form", form=form, status=400)
        try:
            request_reset(address=form.cleaned_data["email"], client=client_of(request))
        except NotFound:
            return self._show(request, "off", status=404)
        except Throttled as refused:
            form.add_error(None, sentence_of(refused))
            answer = self._show(request, "form", form=form, status=refused.status)
            for name, value in headers_of(refused.status, refused.retry_after).items():
                answer.headers[name] = value
            return answer
        return self._show(request, "sent", by_code=is_by_code())

    def _show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        return render(request, "authkit/password_reset.html", {"state": state, **context}, status=status)


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
        except Throttled as refused:
            form.add_error(None, sentence_of(refused))
            return self.show(request, "ask", form=form, status=refused.status)
        return self.show(request, "done")


def _refuse(form: Form, refused: PasswordRefused) -> None:
    field = refused.field if refused.field in form.fields else None
    for sentence in refused.sentences:
        form.add_error(field, sentence)
