"""The pages. Each parses, calls a service and renders; what may happen is decided in the services.

Every page is `no-store`, asks for Django's CSRF proof whatever the project's middleware says, and needs neither
JavaScript (but that of a challenge, if one is set) nor inline style. So it holds under a policy of
`Content-Security-Policy: default-src 'none'` with `style-src`, `img-src` and `form-action` opened for 'self'. Browsers
also check `form-action` on the redirects that follow a form, so a project that sends such a policy adds the origins of
its providers there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from authkit import conf, features
from authkit.core.outages import OUTAGES, outage_of
from authkit.core.redirects import is_safe_target, safe_next
from authkit.core.refusals import headers_of, page_of, sentence_of
from authkit.exceptions import (
    AuthKitError,
    ChallengeRequired,
    InvalidCredentials,
    NotFound,
    SignInPending,
    Throttled,
    TooManyLogins,
    Unavailable,
)
from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of, live_logins_of
from authkit.mail import links
from authkit.mail.mails import address_of
from authkit.pages.doors import PAGE
from authkit.pages.forms import LoginForm
from authkit.pages.messages import open_messages
from authkit.sessions.receivers import client_of
from authkit.sessions.services import sign_in, sign_out
from authkit.signin import unlocking
from authkit.signin.challenges.asking import Offer, offer_for, offer_of, response_in
from authkit.signin.credentials import verify_password
from authkit.signin.device_values import device_of_try, sent_digest
from authkit.signin.devices import devices_of, forget_device
from authkit.signin.methods import PASSWORD, methods

LOGINS_PER_PAGE = 25


# All parameters: a list that a subclass gives would be replaced by this one, which comes to the request later.
@method_decorator([never_cache, csrf_protect, sensitive_post_parameters()], name="dispatch")
class Page(View):
    """The base of all pages. An error report of one hides every field of its form."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Outside ATOMIC_REQUESTS: a service's commit is what makes its answer true, and must not wait for the page to
        # be rendered. Not on dispatch(), because a subclass with its own would lose the mark.
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        own = open_messages(request)
        try:
            response = super().dispatch(request, *args, **kwargs)
        except OUTAGES as error:
            return page_of(outage_of(error))
        if own is not None:
            own.update(response)
        return response


# Open under Django's LoginRequiredMiddleware; SignedInPage asks by itself.
@method_decorator(login_not_required, name="dispatch")
class LoginPage(Page):
    """Sign in by password, or through a provider. A person who is signed in already is sent on.

    With LOGIN.PASSWORD_DOORS off there is no form, but a way to the project's own page, where LOGIN_URL names one.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request))
        login = conf.current().login
        if not login.password_doors:
            return self._show(request, None)
        form = LoginForm(identifiers=login.identifiers)
        form.focus("username")
        return self._show(request, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        if not conf.current().login.password_doors:
            return self._show(request, None, error=gettext("Passwords are not taken here."), status=403)
        identifiers = conf.current().login.identifiers
        form = LoginForm(request.POST, identifiers=identifiers)
        if not form.is_valid():
            return self._refuse(request, form)
        try:
            verified = verify_password(
                request=request,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                identifiers=identifiers,
                door=PAGE.id,
                challenge_response=response_in(request.POST),
            )
        except InvalidCredentials:
            return self._refuse(request, form)
        except ChallengeRequired as refused:
            return self._ask_more(request, form, refused)
        except Throttled as refused:
            return self._hold_up(request, form, refused)
        try:
            sign_in(
                request=request,
                user=verified.user,
                method=PASSWORD.id,
                remember=form.cleaned_data["remember"],
                door=PAGE.id,
                reservation=verified.reservation,
            )
        except TooManyLogins:
            sentence = gettext("You are signed in on too many devices. Sign out on one of them first.")
            return self._show(request, form, error=sentence, status=403)
        except SignInPending as pending:
            pending.begin(request)
            return HttpResponseRedirect(pending.page)
        except InvalidCredentials:
            return self._refuse(request, form)
        except Unavailable:
            raise
        except AuthKitError as refused:
            return self._show(request, form, error=refused.message, status=403)
        return HttpResponseRedirect(safe_next(request))

    def _refuse(self, request: HttpRequest, form: LoginForm) -> HttpResponse:
        # The same words whatever was wrong, an empty field and a deactivated account included (ASVS 6.3.8).
        form.refuse("authkit-error")
        form.focus("password")
        # The challenge of the next try comes along, so that the browser solves it while the person types.
        name = form.cleaned_data.get("username", "")
        device = device_of_try(request, name)
        offer = offer_for(request=request, name=name, client=client_of(request), device=device)
        sentence = gettext("That did not match an account. Check both and try again.")
        return self._show(request, form, error=sentence, offer=offer)

    def _ask_more(self, request: HttpRequest, form: LoginForm, refused: ChallengeRequired) -> HttpResponse:
        # The password was not looked at, and no page sends one back.
        form.focus("password")
        sentence = gettext("One more check is needed here. Type the password once more.")
        return self._show(request, form, error=sentence, status=refused.status, offer=offer_of(refused))

    def _hold_up(self, request: HttpRequest, form: LoginForm, refused: Throttled) -> HttpResponse:
        # The same words for names that no person has.
        form.refuse("authkit-error")
        unlock = reverse("authkit:unlock") if links.can_link(unlocking.PAGE) else ""
        answer = self._show(request, form, error=sentence_of(refused), status=refused.status, unlock=unlock)
        for name, value in headers_of(refused.status, refused.retry_after).items():
            answer[name] = value
        return answer

    def _show(
        self,
        request: HttpRequest,
        form: LoginForm | None,
        error: str = "",
        status: int = 200,
        unlock: str = "",
        offer: Offer | None = None,
    ) -> HttpResponse:
        target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
        target = target if is_safe_target(request, target) else ""
        elsewhere = "" if form is not None else _sign_in_page()
        context = {
            "form": form,
            "error": error,
            "unlock": unlock,
            "offer": offer,
            "providers": features.sign_in_buttons(),
            "next": target,
            "elsewhere": redirect_to_login(target, elsewhere).url if target and elsewhere else elsewhere,
        }
        return render(request, "authkit/login.html", context, status=status)


@method_decorator(login_not_required, name="dispatch")
class LogoutPage(Page):
    """GET asks, POST signs out: a link or an image on another site must not sign a person out (ASVS 3.5.1)."""

    open_to_restricted = True

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return render(request, "authkit/logout.html", {"user": request.user})
        return render(request, "authkit/logged_out.html")

    def post(self, request: HttpRequest) -> HttpResponse:
        sign_out(request=request)
        return HttpResponseRedirect(_after_logout(request))


class SignedInPage(Page):
    """A page for people who are signed in; others are asked to, and come back."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            back = request.get_full_path() if request.method == "GET" else reverse("authkit:account")
            return redirect_to_login(back, _sign_in_page() or reverse("authkit:login"))
        return super().dispatch(request, *args, **kwargs)


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
            "logins": live_logins_of(user=person).count(),
        }
        return render(request, "authkit/account.html", context)


class LoginsPage(SignedInPage):
    """My logins, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        mine = live_logins_of(user=request.user)  # type: ignore[arg-type]  # no anonymous user comes this far
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
            return HttpResponseRedirect(_after_logout(request))
        try:
            end_login(login_id=login_id, reason=EndReason.LOGOUT, user_id=request.user.pk)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, gettext("It is signed out."))
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
        return HttpResponseRedirect(_after_logout(request))


def _method_of(login: Login) -> str:
    """In words: "Password", or the provider's name."""
    known = methods()
    return str(known[login.method].label) if login.method in known else login.method


def _sign_in_page() -> str:
    """The project's own page for signing in; empty where that is ours, or where ours has the form."""
    page = "" if conf.current().login.password_doors else resolve_url(settings.LOGIN_URL)
    return "" if page == reverse("authkit:login") else page


def _after_logout(request: HttpRequest) -> str:
    return safe_next(request, default=str(settings.LOGOUT_REDIRECT_URL or "authkit:logout"))
