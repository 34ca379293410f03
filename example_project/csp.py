"""A strict Content-Security-Policy on every page, so that the example proves authkit's pages hold under one.

Django 6 has a middleware for this (`SECURE_CSP`); the example also runs on Django 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from authkit.accounts.registration.pages import InvitedPage
from authkit.oauth import consent_origins
from authkit.pages.keys import KeyPage
from authkit.signin.challenges import challenge_sources
from authkit.social.flow.origins import sign_in_origins

ADMIN = {"script-src": "'self'", "connect-src": "'self'", "img-src": "'self' data:"}
"""The admin needs its own scripts, which fetch, and one inline image."""

APP = {
    "script-src": "'self'",
    "connect-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""The single-page app: its own modules, no string that becomes markup or code, calls to this site alone."""


KEY_PAGE = {"script-src": "'self'"}
"""A page behind a mail's link: the script that reads the key from the link's fragment."""


class ContentSecurityPolicyMiddleware:
    """No script unless the view, the sign-in page's challenge or a mail's link needs one; styles and images from here;
    forms to here, to the providers, and on the way to a consent to the app that asks for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        more: Mapping[str, str] = {}
        if request.path.startswith(reverse("admin:index")):
            more = ADMIN
        elif request.path == reverse("authkit:login"):
            more = challenge_sources()
        elif _takes_a_key(request):
            more = KEY_PAGE
        back = consent_origins(request) if response.status_code < 500 else []
        response.headers.setdefault("Content-Security-Policy", policy(more, forms=back))
        return response


def _takes_a_key(request: HttpRequest) -> bool:
    view = getattr(request.resolver_match, "func", None)
    return issubclass(getattr(view, "view_class", object), (KeyPage, InvitedPage))


def policy(more: Mapping[str, str], *, forms: Iterable[str] = ()) -> str:
    """The header's value.

    Args:
        more: directives that are laid over it.
        forms: further addresses to which the page's forms may lead.
    """
    directives = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": " ".join(["'self'", *sign_in_origins(), *forms]),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    directives |= more
    return "; ".join(f"{name} {value}" for name, value in directives.items())
