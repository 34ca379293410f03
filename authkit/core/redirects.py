"""The addresses to which a person may be sent next."""

from __future__ import annotations

from unicodedata import category

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def safe_next(request: HttpRequest, *, default: str | None = None) -> str:
    """The `next` parameter if it leads to this very host, else the default (ASVS 3.7.2).

    Args:
        request: `next` is read from POST, then GET.
        default: where to go otherwise; LOGIN_REDIRECT_URL if None.
    """
    target = request.POST.get("next") or request.GET.get("next") or ""
    if is_safe_target(request, target):
        return target
    return resolve_url(default or settings.LOGIN_REDIRECT_URL)


def is_safe_target(request: HttpRequest, target: str) -> bool:
    """Whether a redirect to `target` stays on the host that was asked, and on TLS where the request came by TLS.

    A target with a control character in it is refused: browsers drop tabs and line ends from an address, Python's
    parser drops them in other places than Django's check looks at, and `//<tab>/evil.example` passes for a path.
    """
    if any(category(character) == "Cc" for character in target):
        return False
    return bool(target) and url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
