"""The pages of the account area that are the core's: the overview, where a person is signed in, security."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from authkit.exceptions import NotFound
from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of, live_logins_of
from authkit.mail.mails import address_of
from authkit.pages.views import SignedInPage, after_logout
from authkit.sessions.services import sign_out
from authkit.signin.device_values import sent_digest
from authkit.signin.devices import devices_of, forget_device
from authkit.signin.methods import methods

LOGINS_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class ShownLogin:
    """One line of the page of logins."""

    login: Login
    method: str
    current: bool


class AccountPage(SignedInPage):
    """The overview of the account area."""

    def get(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        context = {
            "user": person,
            "email": address_of(person),
            "logins": live_logins_of(user=person).signed_in().count(),
        }
        return render(request, "authkit/account.html", context)


class LoginsPage(SignedInPage):
    """My logins, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        mine = live_logins_of(user=request.user).signed_in()  # type: ignore[arg-type]  # no anonymous user comes this far
        page = Paginator(mine.select_related("actor"), LOGINS_PER_PAGE).get_page(request.GET.get("page"))
        current = current_login(request)
        shown = [
            ShownLogin(
                login=login,
                method=_method_of(login),
                current=current is not None and login.pk == current.pk,
            )
            for login in page
        ]
        context = {"user": request.user, "logins": shown, "page": page, "current": current}
        return render(request, "authkit/logins.html", context)


class SecurityPage(SignedInPage):
    """What keeps other people out of my account: the settings that features add, and my known devices."""

    def get(self, request: HttpRequest) -> HttpResponse:
        current = current_login(request)
        context = {
            "user": request.user,
            "current": current,
            "method": _method_of(current) if current is not None else "",
            "devices": devices_of(user=request.user),
            "here": sent_digest(request),
        }
        return render(request, "authkit/security.html", context)


class EndLogin(SignedInPage):
    """Ends one of my logins; another person's gets the answer of one that doesn't exist (404)."""

    def post(self, request: HttpRequest, login_id: UUID) -> HttpResponse:
        current = current_login(request)
        if current is not None and current.pk == login_id:
            sign_out(request=request)
            return HttpResponseRedirect(after_logout(request))
        try:
            end_login(login_id=login_id, reason=EndReason.LOGOUT, user_id=request.user.pk)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, gettext("That browser or app is signed out."))
        return HttpResponseRedirect(reverse("authkit:account-logins"))


class ForgetDevice(SignedInPage):
    """Has one of my devices be unknown again."""

    def post(self, request: HttpRequest, device_id: UUID) -> HttpResponse:
        try:
            forget_device(device_id=device_id, user_id=request.user.pk)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, gettext("The device is forgotten."))
        return HttpResponseRedirect(reverse("authkit:account-security"))


class EndAllLogins(SignedInPage):
    """Ends all my logins, or all but the one that asks (`keep_current`); ASVS 7.5.2."""

    def post(self, request: HttpRequest) -> HttpResponse:
        current = current_login(request)
        keep = current.pk if current is not None and request.POST.get("keep_current") else None
        end_logins_of(user_id=request.user.pk, reason=EndReason.LOGOUT_ALL, keep=keep)
        if keep is not None:
            messages.success(request, gettext("You are signed out everywhere else."))
            return HttpResponseRedirect(reverse("authkit:account-logins"))
        sign_out(request=request)  # the rows are over by now; this takes the session and its cookie away too
        return HttpResponseRedirect(after_logout(request))


def _method_of(login: Login) -> str:
    """In words: "Password", or the provider's name."""
    known = methods()
    return str(known[login.method].label) if login.method in known else login.method
