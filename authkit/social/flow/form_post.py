"""Callbacks that come as a form (OAuth 2.0 Form Post Response Mode), from providers that know no other way.

The form is posted by the provider's page, so the browser sends it without our cookies (SameSite=Lax), and the
transaction is in one of them. It is sent on to the same address by GET, which carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from social_core.exceptions import AuthConfigurationError

from authkit.social.flow.strategy import backend_class
from authkit.social.providers import presets

MAX_LENGTH = 2000
"""Characters of a parameter; we take no longer one."""
_PARAMETERS = ("code", "state", "iss", "error")

Page = Callable[..., HttpResponseBase]


def by_get(page: Page) -> Page:
    """Answers a POST to the page by a 303 with the parameters of the provider's answer; 405 where it sends no forms.

    Exempt from CSRF, which can't be proved here: a POST has no effect, and the GET is held to its transaction.
    """

    @csrf_exempt
    @wraps(page)
    def view(request: HttpRequest, *args: Any, provider: str, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return page(request, *args, provider=provider, **kwargs)
        if not _answers_by_form(provider):
            return HttpResponseNotAllowed(["GET"])
        answer = [
            (name, value) for name in _PARAMETERS for value in request.POST.getlist(name) if len(value) <= MAX_LENGTH
        ]
        response = HttpResponseRedirect(f"{request.path}?{urlencode(answer)}")
        response.status_code = 303
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return view


def _answers_by_form(provider: str) -> bool:
    entry = presets.find(provider)
    try:
        return entry is not None and backend_class(provider, entry.backend).form_post
    except AuthConfigurationError:
        return False
