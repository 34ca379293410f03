"""`POST social/backchannel-logout/<provider>/`: a provider says that a person has signed out there."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from social_django.models import DjangoStorage

from authkit.core.outages import OUTAGES, outage_of
from authkit.core.refusals import headers_of
from authkit.exceptions import NotFound, SocialLoginFailed, Unavailable
from authkit.social.failures import Failure
from authkit.social.flow import round_trip
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.providers import registry

logger = logging.getLogger("authkit")


# Exempt from CSRF: no cookie of this request counts for anything, the signature of the token does. Not atomic: an
# end that is answered with 200 has to be committed, whatever the project does around its views.
@method_decorator([never_cache, csrf_exempt, login_not_required, transaction.non_atomic_requests], name="dispatch")
class BackChannelLogout(View):
    """200 once the logins are ended, 400 for a token that is not good, 503 if the provider should send it again
    (OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *, provider: str) -> HttpResponseBase:
        try:
            registry.get(provider)
            taken = round_trip.end_by_provider(
                strategy=AuthKitStrategy(DjangoStorage), provider=provider, token=_logout_token(request)
            )
        except NotFound:
            return _answer(404, "invalid_request")
        except SocialLoginFailed as error:
            logger.warning("logout by %r refused: %s (%s)", provider, error.reason, error.detail)
            if error.reason == Failure.UNREACHABLE:
                return _again()
            return _answer(400, "invalid_request")
        except OUTAGES as error:
            outage_of(error)
            return _again()
        logger.info("logout by %r has ended %d logins", provider, taken.count)
        return HttpResponse(status=200)


def _logout_token(request: HttpRequest) -> str:
    # Django parses multipart bodies into the same dict; section 2.5 wants the form encoding alone.
    found: list[Any] = []
    if request.content_type == "application/x-www-form-urlencoded":
        found = request.POST.getlist("logout_token")
    if len(found) != 1 or not found[0]:
        raise SocialLoginFailed("not exactly one logout_token in a form", reason=Failure.UNVERIFIED)
    return str(found[0])


def _answer(status: int, error: str) -> JsonResponse:
    return JsonResponse({"error": error}, status=status, headers=headers_of(status))


def _again() -> JsonResponse:
    return _answer(Unavailable.status, "temporarily_unavailable")
