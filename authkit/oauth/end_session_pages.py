"""`oauth/end-session`, where clients send people to sign out, and the page that asks them.

The person is always asked: a link or an image on another site must not sign a person out (ASVS 3.5.1), and the ID token
that a client sends with it stood in a URL. Clients are told of the end by back channel (`logout_notices`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt

from authkit.codes.client_redirects import ClientRedirect
from authkit.oauth.end_session import SEALED, Farewell, asked_for, opened, sealed
from authkit.oauth.refusals import RequestRefused
from authkit.pages.views import OpenPage, Page
from authkit.sessions.services import sign_out


@method_decorator([login_not_required, xframe_options_deny], name="dispatch")
class EndSessionPage(OpenPage):
    """Where a client sends a person, by a link or by a form of its own. Nothing is ended here: a form of another site
    comes without the session's cookie, and the page to which it leads has it."""

    http_method_names = ["get", "post"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return csrf_exempt(super().as_view(**initkwargs))

    def get(self, request: HttpRequest) -> HttpResponse:
        return _asked(request, request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        return _asked(request, request.POST)


@method_decorator([login_not_required, xframe_options_deny], name="dispatch")
class ConfirmLogoutPage(Page):
    """Asks, and signs out. A person who is signed out already goes on at once."""

    http_method_names = ["get", "post"]
    open_to_restricted = True

    def get(self, request: HttpRequest) -> HttpResponse:
        given = request.GET.get(SEALED, "")
        try:
            farewell = opened(given)
        except RequestRefused:
            return _refused(request)
        if not request.user.is_authenticated:
            return _way_on(farewell)
        context = {"user": request.user, "client": farewell.client, "sealed": given}
        return render(request, "authkit/oauth_logout.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            farewell = opened(request.POST.get(SEALED, ""))
        except RequestRefused:
            # The person has pressed the button, perhaps an hour after the page was made. What is wrong concerns the way
            # back alone.
            farewell = Farewell(client=None)
        sign_out(request=request)
        return _way_on(farewell)


def _asked(request: HttpRequest, query: QueryDict) -> HttpResponse:
    try:
        farewell = asked_for(_once(query))
    except RequestRefused:
        return _refused(request)
    page = f"{reverse('authkit:oauth-logout')}?{urlencode({SEALED: sealed(farewell)})}"
    response = HttpResponseRedirect(page)
    response.status_code = 303  # the page is asked for by GET, whatever brought the person here
    response.headers["Referrer-Policy"] = "no-referrer"  # the URL here holds an ID token
    return response


def _once(query: QueryDict) -> Mapping[str, str]:
    if any(len(values) > 1 for _name, values in query.lists()):
        raise RequestRefused("A parameter came more than once.")
    return {name: value for name, value in query.items() if isinstance(value, str) and value}


def _way_on(farewell: Farewell) -> HttpResponse:
    if not farewell.redirect_uri:
        return HttpResponseRedirect(reverse("authkit:logout"))  # which says that this browser is signed out
    response = ClientRedirect(farewell.redirect_uri, farewell.parameters)
    response.status_code = 303
    return response


def _refused(request: HttpRequest) -> HttpResponse:
    return render(request, "authkit/oauth_refused.html", status=400)
