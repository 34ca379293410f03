"""The pages behind links in mails. Each asks first and acts on POST: mail programs and scanners open links too."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from authkit import conf
from authkit.core.clients import client_from
from authkit.core.hidden import Hidden
from authkit.core.one_time_codes import is_good
from authkit.core.refusals import headers_of, sentence_of
from authkit.exceptions import InvalidGrant, NotFound, Throttled
from authkit.mail import links, not_me
from authkit.pages.forms import NameForm
from authkit.pages.views import Page
from authkit.signin import unlocking

MAX_CODE = 128
"""Characters of a code that are looked at; ours have 43."""


@method_decorator(login_not_required, name="dispatch")
class MailedLinkPage(Page):
    """The base of these pages. They need no sign-in: the code in the link is the credential."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        # The address holds the code, so no request from the page, such as that for the style sheet, may carry it. Not
        # "no-referrer": a browser then sends `Origin: null` with the form, which Django's CSRF check refuses.
        response.headers["Referrer-Policy"] = "strict-origin"
        return response


class NotMePage(MailedLinkPage):
    """ "This was not me": ends all logins of the person that the mail went to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        code = code_of(request.GET.get("code", ""))
        if not is_good(code=code, purpose=not_me.PURPOSE):
            return self._spent(request)
        return render(request, "authkit/not_me.html", {"state": "ask", "code": code})

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            not_me.disown(code=code_of(request.POST.get("code", "")))
        except InvalidGrant:
            return self._spent(request)
        return render(request, "authkit/not_me.html", {"state": "done"})

    def _spent(self, request: HttpRequest) -> HttpResponse:
        return render(request, "authkit/not_me.html", {"state": "spent"}, status=400)


class UnlockPage(MailedLinkPage):
    """Asks for a name and queues the mail; behind the mail's link, unlocks. It does not sign in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if "code" not in request.GET:
            if not links.can_link(unlocking.PAGE):
                return self._show(request, "off", status=404)
            return self._show(request, "form", form=_name_form())
        code = code_of(request.GET["code"])
        if not is_good(code=code, purpose=unlocking.PURPOSE):
            return self._show(request, "spent", status=400)
        return self._show(request, "ask", code=code)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "code" in request.POST:
            return self._unlock(request)
        form = _name_form(request.POST)
        if not form.is_valid():
            return self._refuse(request, form, gettext("Enter your name."), status=400)
        settings = conf.current()
        try:
            unlocking.request_unlock(
                name=form.cleaned_data["username"],
                client=client_from(request.META, trusted_proxies=settings.trusted_proxies),
                identifiers=settings.login.identifiers,
            )
        except NotFound:
            return self._show(request, "off", status=404)
        except Throttled as refused:
            answer = self._refuse(request, form, sentence_of(refused), status=refused.status)
            for name, value in headers_of(refused.status, refused.retry_after).items():
                answer.headers[name] = value
            return answer
        return self._show(request, "sent")

    def _unlock(self, request: HttpRequest) -> HttpResponse:
        try:
            unlocking.unlock(code=code_of(request.POST["code"]))
        except InvalidGrant:
            return self._show(request, "spent", status=400)
        return self._show(request, "done")

    def _refuse(self, request: HttpRequest, form: NameForm, sentence: str, *, status: int) -> HttpResponse:
        form.focus("username")
        form.describe("authkit-error")
        return self._show(request, "form", form=form, error=sentence, status=status)

    def _show(self, request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        return render(request, "authkit/unlock.html", {"state": state, **context}, status=status)


def _name_form(data: Any = None) -> NameForm:
    return NameForm(data, identifiers=conf.current().login.identifiers)


def code_of(text: str) -> Hidden:
    """The code that a link or a form brought; what is longer than any code is no code."""
    return Hidden(text if len(text) <= MAX_CODE else "")
