"""`oauth/authorize`, where clients send people, and the page on which a person agrees.

A client's parameters are judged and kept at `oauth/authorize`, and the person goes on to the page by a handle alone:
through the sign-in page, if need be. So they stand in no form, no `next` and no log of a later request.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt

from authkit.codes.client_redirects import ClientRedirect
from authkit.core.refusals import sentence_of, with_headers
from authkit.exceptions import InvalidGrant, Throttled
from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.oauth import authorization, engine, requests
from authkit.oauth.authorization import ConsentGone, Question, Return
from authkit.oauth.browser_cookie import MOST_OPEN, browser_of, keep_browser, new_browser, requests_of
from authkit.oauth.refusals import OAuthRefused, ReturnedToClient
from authkit.oauth.requests import AuthorizationRequest
from authkit.oauth.resources import sentences
from authkit.pages.views import HINT, OpenPage, SignedInPage
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import page_for, step_ups_of

HANDLE = "request"


@method_decorator([login_not_required, xframe_options_deny], name="dispatch")
class AuthorizePage(OpenPage):
    """Where a client sends a person, by a link or by a form (OpenID Connect Core 1.0 section 3.1.2.1).

    It asks for no CSRF proof, because other sites send people here by design: nothing is decided here. A refusal goes
    back at once, also where no person is signed in: a client is registered by an administrator, so its redirect URI is
    one that people may be sent to (RFC 9700 section 4.11.2).

    A person who has sent too many requests, or whose network has, gets a page that says so, with 429. It doesn't go
    back to the client as `temporarily_unavailable` (RFC 6749 section 4.1.2.1): many clients begin anew on an error, and
    then the browser goes round in a circle. A request that may show no page is answered so.
    """

    http_method_names = ["get", "post"]
    open_to_restricted = True
    """The consent page is not: it sends the person to choose a new password, with the handle alone in `next`."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return csrf_exempt(super().as_view(**initkwargs))

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._hold(request, dict(request.GET.lists()))

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._hold(request, dict(request.POST.lists()))

    def _hold(self, request: HttpRequest, parameters: dict[str, list[str]]) -> HttpResponse:
        try:
            asked = engine.authorization_request(parameters)
        except ReturnedToClient as error:
            return _sent(authorization.returned_refusal(error))
        except OAuthRefused:
            return _refused(request)
        user_id = request.user.pk if request.user.is_authenticated else None
        # A form of another site brings no session cookie ("Lax"). The page that the browser is sent to by GET has it.
        is_posted = user_id is None and request.method == "POST"
        if "none" in asked.prompt and not is_posted and (bar := _bar(request)):
            return _sent(_refusal(asked, bar))  # without a row
        browser, others = browser_of(request) or new_browser(), requests_of(request)
        kept = others[-(MOST_OPEN - 1) :]
        try:
            handle = requests.hold(
                asked,
                browser=browser,
                user_id=user_id,
                caller=client_of(request),
                replaces=others[: len(others) - len(kept)],
            )
        except Throttled as error:
            if is_posted:
                # The network is full, which concerns no person who is signed in. The browser comes back by GET.
                return _again_by_get(request, parameters)
            if "none" in asked.prompt:
                return _sent(_refusal(asked, _BUSY))
            return _throttled(request, error)
        response = HttpResponseRedirect(f"{reverse('authkit:oauth-consent')}?{urlencode({HANDLE: handle})}", status=303)
        response.headers["Referrer-Policy"] = "no-referrer"
        keep_browser(request, response, browser, (*kept, requests.key_of(handle)))
        return response


@method_decorator([login_not_required, xframe_options_deny], name="dispatch")
class ConsentPage(SignedInPage):
    """Which app asks for what, and where it returns to. The form holds the handle and the person's decision alone."""

    http_method_names = ["get", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A form that came by itself, or too late: there is a page to say so, and none to come back to.
        if request.method == "POST" and not request.user.is_authenticated:
            return _refused(request)
        answer = super().dispatch(request, *args, **kwargs)
        return answer if request.user.is_authenticated else self._on_the_way(request, answer)

    def _on_the_way(self, request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
        """The way to the sign-in page, with the name that the client expects. A request that may show no page is
        answered here."""
        handle, browser = request.GET.get(HANDLE, ""), browser_of(request) or ""
        try:
            asked = requests.find(handle=handle, browser=browser).asked
            if "none" in asked.prompt:
                return _sent(_declined(handle, browser, "login_required"))
        except InvalidGrant:
            return _refused(request)
        if asked.login_hint and answer.has_header("Location"):
            answer["Location"] = f"{answer['Location']}&{urlencode({HINT: asked.login_hint})}"
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        handle, browser = request.GET.get(HANDLE, ""), browser_of(request) or ""
        login, user = _own_login(request), _person(request)
        if login is None:
            return _refused(request)
        try:
            question = authorization.question(
                handle=handle, browser=browser, user=user, login=login, caller=client_of(request)
            )
            if "none" in question.asked.prompt and (error := _reason_to_ask(question)):
                return _sent(_declined(handle, browser, error))
            if not question.is_fresh:
                if not step_ups_of(user=user, login=login):
                    return _sent(_declined(handle, browser, "login_required"))
                return _to_step_up(request)
            if question.is_silent and (back := _agreed(question, handle, browser, user, login)) is not None:
                return _sent(back)
        except InvalidGrant:
            return _refused(request)
        except Throttled as error:
            return self._busy(request, error)
        return self._ask(request, question, handle)

    def _busy(self, request: HttpRequest, error: Throttled) -> HttpResponse:
        handle, browser = request.GET.get(HANDLE, ""), browser_of(request) or ""
        try:
            if "none" in requests.find(handle=handle, browser=browser).asked.prompt:
                return _sent(_declined(handle, browser, _BUSY))
        except InvalidGrant:
            return _refused(request)
        return _throttled(request, error)

    def post(self, request: HttpRequest) -> HttpResponse:
        handle, browser = request.POST.get(HANDLE, ""), browser_of(request) or ""
        login = _own_login(request)
        if login is None:
            return _refused(request)
        try:
            if request.POST.get("decision") == "allow":
                return _sent(authorization.agree(handle=handle, browser=browser, user=_person(request), login=login))
            return _sent(authorization.decline(handle=handle, browser=browser))
        except InvalidGrant:
            return _refused(request)

    def _ask(self, request: HttpRequest, question: Question, handle: str) -> HttpResponse:
        known = sentences(question.asked.resources)
        context = {
            "user": request.user,
            "client": question.client,
            "handle": handle,
            "asks": [known[scope] for scope in question.asked.scope if scope in known],
            "returns_to": _place(question.asked.redirect_uri),
            "here": request.get_full_path(),
        }
        return render(request, "authkit/oauth_consent.html", context)


_BUSY = "temporarily_unavailable"

_MESSAGES = {
    _BUSY: "There were too many requests. Try again later.",
    "login_required": "The person has to sign in, or to sign in anew.",
    "interaction_required": "The person has to choose a new password.",
    "account_selection_required": "Another person is signed in than the one that the app expects.",
    "consent_required": "The person has to be asked, and prompt is none.",
}


def _bar(request: HttpRequest) -> str:
    """The error for a request that may show no page, where this browser's login gives no app anything."""
    login = _own_login(request) if request.user.is_authenticated else None
    if login is None:
        return "login_required"
    return "interaction_required" if login.restricted else ""


def _reason_to_ask(question: Question) -> str:
    """The error for a request that may show no page, and needs one (OpenID Connect Core 1.0 section 3.1.2.6).

    The agreement comes before the name in `login_hint`: a client that the person has not let in could try one name
    after the other, and would learn from the error whose browser this is.
    """
    if not question.is_fresh or (question.asked.subject_hint and not question.is_expected):
        return "login_required"
    if not question.is_agreed:
        return "consent_required"
    return "" if question.is_expected else "account_selection_required"


def _agreed(question: Question, handle: str, browser: str, user: AbstractBaseUser, login: Login) -> Return | None:
    """The answer to a request of which the person need not be asked; None if they have to be asked after all."""
    try:
        return authorization.agree(handle=handle, browser=browser, user=user, login=login, is_silent=True)
    except ConsentGone:
        return _declined(handle, browser, "consent_required") if "none" in question.asked.prompt else None


def _refusal(asked: AuthorizationRequest, error: str) -> Return:
    """The answer to a request that is not kept."""
    return authorization.returned_refusal(authorization.refused(asked, error, _MESSAGES[error]))


def _declined(handle: str, browser: str, error: str) -> Return:
    return authorization.decline(handle=handle, browser=browser, error=error, message=_MESSAGES[error])


def _to_step_up(request: HttpRequest) -> HttpResponse:
    page = page_for(request)
    if page is None:
        return _refused(request)  # no pages are mounted, so there is none to confirm on
    return HttpResponseRedirect(page)


def _person(request: HttpRequest) -> AbstractBaseUser:
    return cast("AbstractBaseUser", request.user)  # `SignedInPage` lets no other request through


def _own_login(request: HttpRequest) -> Login | None:
    """The person's own session; None for a session that an administrator opened in their place, and where a middleware
    has put another person into the administrator's: neither gives away what outlives it."""
    login = current_login(request)
    is_own = login is not None and login.parent_id is None and login.user_id == request.user.pk
    return login if is_own else None


def _place(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return parts.netloc or f"{parts.scheme}:"


def _sent(back: Return) -> HttpResponse:
    response = ClientRedirect(back.redirect_uri, back.parameters)
    response.status_code = 303  # never 307, by which a browser would post the form once more (RFC 9700 section 4.12)
    response.headers["Cache-Control"] = "no-store"
    return response


def _again_by_get(request: HttpRequest, parameters: dict[str, list[str]]) -> HttpResponse:
    # Not by HttpResponseRedirect, which takes no address of more than 2,048 characters; this one is our own.
    query = urlencode(parameters, doseq=True)
    return HttpResponse(status=303, headers={"Location": f"{request.path}?{query}", "Referrer-Policy": "no-referrer"})


def _refused(request: HttpRequest) -> HttpResponse:
    return render(request, "authkit/oauth_refused.html", status=400)


def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    # The network is not charged for a person who signs in first, whatever the others there do. That page asks them to.
    sign_in = "" if request.user.is_authenticated else reverse("authkit:account")
    context = {"sentence": sentence_of(error), "sign_in": sign_in}
    return with_headers(render(request, "authkit/oauth_throttled.html", context, status=error.status), error)
