"""The pages. Each parses, calls a service and renders; what may happen is decided in the services.

Every page is `no-store`, asks for Django's CSRF proof whatever the project's middleware says, and needs neither
JavaScript (but that of a challenge, if one is set) nor inline style. So it holds under a policy of
`Content-Security-Policy: default-src 'none'` with `style-src`, `img-src` and `form-action` opened for 'self'. Browsers
also check `form-action` on the redirects that follow a form, so a project that sends such a policy adds the origins of
its providers there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
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
from authkit.core.refusals import page_of, sentence_of, with_headers
from authkit.exceptions import (
    AuthKitError,
    ChallengeRequired,
    InvalidCredentials,
    SignInPending,
    Throttled,
    TooManyLogins,
    Unavailable,
)
from authkit.logins.reasons import EndReason
from authkit.mail import links
from authkit.pages.doors import PAGE
from authkit.pages.ended import SENTENCES
from authkit.pages.forms import LoginForm
from authkit.pages.messages import open_messages
from authkit.sessions.ended_notes import told, why_ended
from authkit.sessions.receivers import client_of
from authkit.sessions.services import sign_in, sign_out
from authkit.signin import unlocking
from authkit.signin.challenges.asking import Offer, offer_for, offer_of, response_in
from authkit.signin.credentials import verify_password
from authkit.signin.device_values import device_of_try
from authkit.signin.methods import PASSWORD

LOGINS_PER_PAGE = 25

HINT = "login_hint"
"""The name that the sign-in page is to have filled in: of OpenID Connect, where an app expects this person."""


# All parameters: a list that a subclass gives would be replaced by this one, which comes to the request later.
@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class OpenPage(View):
    """The base of all pages. An error report of one hides every field of its form. By itself it asks for no CSRF proof:
    for an address to which other sites send people."""

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


@method_decorator([never_cache, csrf_protect, sensitive_post_parameters()], name="dispatch")
class Page(OpenPage):
    """The base of the pages that asks for Django's CSRF proof."""


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
        hint = request.GET.get(HINT, "")
        form = LoginForm(identifiers=login.identifiers, initial={"username": hint})
        form.focus("password" if hint else "username")
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
        response = HttpResponseRedirect(safe_next(request))
        told(request, response)
        return response

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
        unlock = reverse("authkit:unlock") if links.can_link(unlocking.CONFIRM_PAGE) else ""
        answer = self._show(request, form, error=sentence_of(refused), status=refused.status, unlock=unlock)
        return with_headers(answer, refused)

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
        why = None if error else why_ended(request)
        if why and form is not None:
            form.describe("authkit-ended")
        context = {
            "form": form,
            "error": error,
            "ended": SENTENCES[why] if why else "",
            "unlock": unlock,
            "offer": offer,
            "providers": features.sign_in_buttons(),
            "next": target,
            "elsewhere": redirect_to_login(target, elsewhere).url if target and elsewhere else elsewhere,
        }
        response = render(request, "authkit/login.html", context, status=status)
        if why:
            told(request, response)
        return response


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
        return HttpResponseRedirect(after_logout(request))


@method_decorator(login_not_required, name="dispatch")
class EndedPage(Page):
    """Why this browser, or an app, is signed out. An app opens it with the `why` of its 401 in the query.

    A person who is signed in is sent to their account: a link on another site must not tell them that they were not.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return HttpResponseRedirect(reverse("authkit:account"))
        given = request.GET.get("why", "")
        why = why_ended(request) or (EndReason(given) if given in EndReason.values else None)
        response = render(request, "authkit/ended.html", {"sentence": SENTENCES[why] if why else "", "why": why or ""})
        told(request, response)
        return response


@method_decorator(never_cache, name="dispatch")  # the way to the sign-in page depends on the cookie too
class SignedInPage(Page):
    """A page for people who are signed in; others are asked to, and come back."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        return super().dispatch(request, *args, **kwargs)


def _to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """To the page that LOGIN_URL names, as Django's `login_required` does. To ours, if it has the form, in a project
    that leaves LOGIN_URL at Django's default: few projects have a page at that path."""
    is_ours = conf.current().login.password_doors and not settings.is_overridden("LOGIN_URL")
    page = reverse("authkit:login") if is_ours else resolve_url(settings.LOGIN_URL)
    back = request.get_full_path() if request.method == "GET" else reverse("authkit:account")
    # A page of another origin has to be told where to return to in full.
    here, there = urlsplit(request.build_absolute_uri(back)), urlsplit(page)
    if (there.scheme or here.scheme, there.netloc or here.netloc) != (here.scheme, here.netloc):
        back = here.geturl()
    return redirect_to_login(back, page)


def _sign_in_page() -> str:
    """The project's own page for signing in; empty where that is ours, or where ours has the form."""
    page = "" if conf.current().login.password_doors else resolve_url(settings.LOGIN_URL)
    return "" if page == reverse("authkit:login") else page


def after_logout(request: HttpRequest) -> str:
    return safe_next(request, default=str(settings.LOGOUT_REDIRECT_URL or "authkit:logout"))
