"""Where a browser goes when a person has agreed: what a site's Content-Security-Policy has to allow on some pages."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.urls import reverse

from authkit.core.outages import OUTAGES
from authkit.exceptions import InvalidGrant
from authkit.oauth import end_session, requests
from authkit.oauth.authorize_pages import HANDLE
from authkit.oauth.browser_cookie import browser_of
from authkit.oauth.refusals import RequestRefused


def consent_origins(request: HttpRequest) -> list[str]:
    """The address to which the form of this page may lead, for the directive `form-action` (CSP level 3 section 6.4.1).

    Some browsers apply `form-action` to the redirects of a form's answer too. The consent page is a form whose answer
    redirects to the app. So is each page on the way there, such as the sign-in page, if the person need not be asked.
    The page on which an app asks a person to sign out leads back to the app in the same way.

    Args:
        request: of any page, once its view has answered: a form counts if the view has read it.

    Returns:
        Nothing for a page that leads to no app. Else the origin of the app's redirect URI, which is registered, or its
        scheme if that is an app's own. The request of another browser has none.
    """
    try:
        target = _target_of(request)
    except (InvalidGrant, RequestRefused, SuspiciousOperation, *OUTAGES):  # too many fields in the query, for instance
        return []
    if not target:
        return []
    parts = urlsplit(target)
    return [f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"]


def _target_of(request: HttpRequest) -> str:
    if request.path == reverse("authkit:oauth-logout"):
        return end_session.opened(request.GET.get(end_session.SEALED, "")).redirect_uri
    handle = _handle_in(request)
    return requests.find(handle=handle, browser=browser_of(request) or "").asked.redirect_uri if handle else ""


def _handle_in(request: HttpRequest) -> str:
    consent = reverse("authkit:oauth-consent")
    if request.path == consent:
        return request.GET.get(HANDLE, "")
    # A form that the view has left unread stays so: reading it now could replace the view's answer by a refusal.
    form = getattr(request, "_post", None) or {}
    target = form.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    return parse_qs(parts.query).get(HANDLE, [""])[0] if parts.path == consent else ""
