"""The page that begins a step-up through a provider; the callback is the one of every sign-in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from authkit.core.redirects import safe_next
from authkit.logins.current import current_login
from authkit.signin.step_up import can_step_up
from authkit.social.failures import Failure, refuse
from authkit.social.flow.views import BeginPage
from authkit.social.purposes import AGAIN, REAUTH_LOGIN


class BeginReauthPage(BeginPage):
    """`POST social/reauth/<provider>/?next=`: 302 to the provider, which is told to ask for the sign-in anew.

    Ends in the same login, freshly authenticated; visitors are asked to sign in first.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponseRedirect(self._page("reauth"))  # which leads them to the sign-in page
        return super().post(request)

    def next_url(self, request: HttpRequest) -> str:
        return safe_next(request, default="authkit:account")

    def notes(self, request: HttpRequest) -> dict[str, str]:
        login = current_login(request)
        if login is None or not can_step_up(login):
            raise refuse(Failure.OTHER_LOGIN, "no login of the person's own carries this request")
        return {REAUTH_LOGIN: str(login.pk), **({AGAIN: "1"} if AGAIN in request.POST else {})}
