"""The pages behind links in mails. Each asks first and acts on POST: mail programs and scanners open links too."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from authkit.core.hidden import Hidden
from authkit.exceptions import InvalidGrant
from authkit.mail import not_me
from authkit.pages.views import Page

MAX_CODE = 128
"""Characters of a code that are looked at; ours have 43."""


@method_decorator([login_not_required, sensitive_post_parameters("code")], name="dispatch")
class MailedLinkPage(Page):
    """The base of these pages. They need no sign-in: the code in the link is the credential."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        # The address holds the code, so no request from the page, such as that for the style sheet, may carry it. Not
        # "no-referrer": a browser then sends `Origin: null` with the form, which Django's CSRF check refuses.
        response.headers["Referrer-Policy"] = "strict-origin"
        return response


class NotMePage(MailedLinkPage):
    """ "This was not me": ends all logins of the person to whom the mail went."""

    def get(self, request: HttpRequest) -> HttpResponse:
        code = code_of(request.GET.get("code", ""))
        if not not_me.is_good(code=code):
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


def code_of(text: str) -> Hidden:
    """The code that a link or a form brought; what is longer than any code is no code."""
    return Hidden(text if len(text) <= MAX_CODE else "")
