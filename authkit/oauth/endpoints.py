"""The base of the endpoints that clients call: forms in, JSON out, refusals in OAuth's own words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from authkit import conf
from authkit.core.api import ApiView, refusal
from authkit.core.clients import client_from
from authkit.core.outages import OUTAGES, outage_of
from authkit.core.parsers import FormParser
from authkit.exceptions import AuthKitError, InvalidGrant, LoginEnded, SignInPending, SignInRefused, TokenNotValid
from authkit.oauth.calls import Call
from authkit.oauth.parameters import REPEATABLE
from authkit.oauth.refusals import OAuthRefused, refusal_of


class OAuthFormParser(FormParser):
    """A form in which `resource` may come more than once (RFC 8707 section 2)."""

    repeatable = REPEATABLE


class OAuthEndpoint(ApiView):
    """An endpoint of a client's. No cookie of a browser's counts here, and no access token of this site's own."""

    parser_classes = (OAuthFormParser,)
    # Clients read the metadata of RFC 8414, and what they send is OAuth's. No OpenAPI document describes it.
    schema = None

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return oauth_refusal

    def call_of(self, request: Request) -> Call:
        """The call that this request makes.

        Raises:
            ParseError: its body is no form, or has a parameter twice.
        """
        form: Any = request.data
        return Call(
            form=form if isinstance(form, Mapping) else {},
            authorization=request.META.get("HTTP_AUTHORIZATION"),
            caller=client_from(request.META, trusted_proxies=conf.current().trusted_proxies),
            request=request._request,
        )


_OF_THE_PERSON = (InvalidGrant, LoginEnded, TokenNotValid, SignInPending, SignInRefused)
"""The code or refresh token is worth nothing, or its person may not come in: one answer for all (RFC 6749 section
5.2)."""


def oauth_refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF exception handler of these endpoints. None means: not ours, let it raise."""
    if isinstance(error, OUTAGES):
        error = outage_of(error)
    if isinstance(error, drf.APIException) and not isinstance(error, drf.Throttled):
        message = "The method is not allowed here." if error.status_code == 405 else "The body is no form."
        return _answer(OAuthRefused("invalid_request", message), context, status=error.status_code)
    if isinstance(error, _OF_THE_PERSON):
        error = OAuthRefused("invalid_grant", "The code or token is not valid, or not any more.")
    if isinstance(error, AuthKitError):
        return _answer(error, context, status=error.status)
    return refusal(error, context)


def _answer(error: AuthKitError, context: dict[str, Any], *, status: int) -> Response:
    set_rollback()
    made = refusal_of(error, context["request"]._request)
    headers = {name: value for name, value in made.items() if name != "Content-Type"}
    return Response(json.loads(made.content), status=status, headers=headers)
