"""The page that begins to link an account; the callback is the one of every sign-in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from authkit.logins.current import current_login
from authkit.signin.step_up import interruption
from authkit.social.failures import Failure, refuse
from authkit.social.flow.views import BeginPage
from authkit.social.links.linking import LINKING_LOGIN


class BeginLinkPage(BeginPage):
    """`POST social/link/<provider>/`: 302 to the provider, bound to the login that asks.

    Ends on the page of connected accounts; visitors are asked to sign in first, and people to
    show once more who they are, where their sign-in is too long ago.
    """

    @property
    def linking(self) -> bool:
        return True

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponseRedirect(self._page("account-connections"))  # which leads them to the sign-in page
        waits = interruption(request, back=self._page("account-connections"))
        return super().post(request) if waits is None else waits

    def notes(self, request: HttpRequest) -> dict[str, str]:
        login = current_login(request)
        if login is None:
            raise refuse(Failure.OTHER_LOGIN, "no login carries this request")
        return {LINKING_LOGIN: str(login.pk)}
