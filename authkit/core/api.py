"""The base of every JSON view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.transaction import non_atomic_requests
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView, set_rollback

from authkit import exceptions
from authkit.core.answers import refused
from authkit.core.bodies import give_length
from authkit.core.outages import DATABASE_DOWN, OUTAGES, outage_of
from authkit.core.parsers import StrictJSONParser
from authkit.core.refusals import RETRY_AFTER_SECONDS, headers_of, payload_of
from authkit.core.response_notes import challenge_of


class _AlwaysJSON(BaseContentNegotiation):
    """JSON out, whatever the Accept header says: a program that forgot the header should see the refusal's code."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next((p for p in parsers if p.media_type == _media_type(request.content_type)), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


class ApiView(APIView):
    """JSON in, JSON out, `no-store`, refusals as `{"code", "detail"}` (docs/http.md, "Rules that hold everywhere").

    Of the project's REST_FRAMEWORK defaults only the throttles count: these endpoints must not change their contract,
    or lose their protection, because a project changed a default for its own views. The doors that want a credential
    get their `authentication_classes` where they are mounted, in `authkit.urls`.
    """

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)
    parser_classes: Any = (StrictJSONParser,)
    renderer_classes: Any = (JSONRenderer,)
    throttle_classes: Any = None
    """None: the project's DEFAULT_THROTTLE_CLASSES, read at use. A subclass may name others."""
    throttle_scope: str | None = None
    """For DRF's ScopedRateThrottle. None: `default_throttle_scope`, where the project has a rate for it."""
    default_throttle_scope = "authkit"
    versioning_class: Any = None
    content_negotiation_class: Any = _AlwaysJSON
    accepts_keys = False
    """Neither an API key nor a third party's token opens an endpoint of authkit's (`authkit.tokens.limited`)."""
    accepts_grants = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Outside ATOMIC_REQUESTS, wherever a project mounts it. The services own their transactions: a revocation is
        # committed before its 2xx, a used credential stays used although the answer is a refusal, the loser of a race
        # sees the winner's commit, and a BEGIN or COMMIT that fails is met by `refusal`, not by Django's 500.
        return non_atomic_requests(super().as_view(**initkwargs))

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return refusal

    def get_throttles(self) -> list[Any]:
        # DRF's throttle refuses to work with a scope that has no rate, so ours is for projects that gave it one.
        if self.throttle_scope is None and self.default_throttle_scope in (api_settings.DEFAULT_THROTTLE_RATES or {}):
            self.throttle_scope = self.default_throttle_scope
        chosen: Any = api_settings.DEFAULT_THROTTLE_CLASSES if self.throttle_classes is None else self.throttle_classes
        return [throttle() for throttle in chosen]

    def check_throttles(self, request: Request) -> None:
        """As DRF's. A throttle that can't count answers 503, as in any other outage, and lets no request through."""
        try:
            super().check_throttles(request)
        except (drf.APIException, ImproperlyConfigured, *DATABASE_DOWN):
            raise
        except Exception as error:  # they count in a cache of the project's choice, which may raise anything
            raise exceptions.Unavailable("a throttle can't count") from error

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        give_length(request._request)
        # Before anything else: Django's CSRF check reads a form to find its token, and the rest would then pass for an
        # empty body.
        understood = {parser.media_type for parser in self.parser_classes}
        if (
            request.META.get("CONTENT_LENGTH") not in {None, "", "0"}
            and _media_type(request.content_type) not in understood
        ):
            raise drf.UnsupportedMediaType(request.content_type)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        finalized.headers.setdefault("Cache-Control", "no-store")
        return finalized


def refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF exception handler of authkit's own endpoints. None means: not ours, let it raise."""
    if isinstance(error, exceptions.SignInPending):
        error = _begun(error, context)
    if isinstance(error, OUTAGES):
        error = outage_of(error)
    if isinstance(error, exceptions.AuthKitError):
        status, data = error.status, payload_of(error)
    elif isinstance(error, drf.ValidationError):
        status, data = 400, error.detail  # type: ignore[assignment]  # {field: [messages]}, DRF's own shape
    elif isinstance(error, Http404 | drf.NotFound):
        status, data = 404, exceptions.NotFound().as_payload()
    elif isinstance(error, PermissionDenied | drf.PermissionDenied):
        status, data = 403, {"code": "permission_denied", "detail": "You are not allowed to do this."}
    elif isinstance(error, drf.Throttled):
        return _throttled(error)
    elif isinstance(error, drf.APIException):
        status, data = error.status_code, _api_exception_payload(error)
    else:
        return None
    set_rollback()
    if isinstance(error, drf.ValidationError):
        return Response(data, status=status)
    return refused(data, status=status, headers=_headers(status, data, context))


def _begun(pending: exceptions.SignInPending, context: dict[str, Any]) -> Exception:
    """Begins the step here and not where a guard found it, because the sign-in's transaction is undone by now."""
    try:
        pending.begin(context["request"]._request)
    except (exceptions.AuthKitError, *OUTAGES) as error:
        return error
    return pending


def _throttled(error: drf.Throttled) -> Response:
    seconds = getattr(error, "wait", None)
    wait = RETRY_AFTER_SECONDS if seconds is None else max(1, ceil(seconds))
    data: Any = {"code": "throttled", "detail": f"Too many requests. Try again in {wait} s.", "retry_after": wait}
    if isinstance(error.detail, dict):  # of `authenticate()`, already in our shape
        data = error.detail
    set_rollback()
    return refused(data, status=error.status_code, headers={"Retry-After": str(wait)})


def _api_exception_payload(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error.detail, dict):  # raised by an authentication class, already in our shape
        return {str(key): value if isinstance(value, int | list) else str(value) for key, value in error.detail.items()}
    return {"code": str(error.get_codes()), "detail": str(error.detail)}


def _headers(status: int, data: Mapping[str, Any], context: dict[str, Any]) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": challenge_of(context["request"])}
    return headers_of(status, data.get("retry_after"))
