"""The doors for programs: authorize, exchange, and a native SDK's ID token (docs/http.md, "Social")."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response
from social_django.models import DjangoStorage

from authkit import conf
from authkit.core.answers import refused
from authkit.core.api import ApiView, refusal
from authkit.core.clients import client_from
from authkit.core.csrf import require_csrf_proof
from authkit.core.operations import Parameter, operation
from authkit.core.refusals import headers_of
from authkit.exceptions import NotFound, SocialLoginFailed, TransportNotAllowed
from authkit.social.doors import EXCHANGE, NATIVE
from authkit.social.failures import SENTENCES, STATUSES, failure_of
from authkit.social.flow import round_trip
from authkit.social.flow.authorization import declined, requested
from authkit.social.flow.codes import exchange_code
from authkit.social.flow.guesses import guessable
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.flow.views import SocialPage
from authkit.social.serializers import ExchangeSerializer, NativeTokenSerializer
from authkit.social.settings import SocialSettings
from authkit.tokens.answering import (
    SIGN_IN,
    TRANSPORTS,
    replaced_logins,
    token_answer,
    transport_for,
)
from authkit.tokens.authentication import TokenAuthentication
from authkit.tokens.codec import Claims
from authkit.tokens.serializers import TokenAnswerSerializer
from authkit.tokens.services import issue_tokens, note_last_login
from authkit.tokens.transports import allowed_transports, bound_transport


class AuthorizePage(SocialPage):
    """`GET social/authorize/<provider>/`: 302 to the provider, and in the end to the program's redirect URI.

    By GET, as OAuth wants it: another site that makes a browser come here can only have a code sent to a registered
    program, which knows neither that request's state nor its verifier.
    """

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = requested(request.GET)
        try:
            self.require_public_host()
            url = round_trip.begin(
                strategy=self.strategy, provider=self.provider.id, callback=self.callback, notes=asked.as_notes()
            )
        except SocialLoginFailed as error:
            self.log(error)
            return declined(request, asked, error)
        response = HttpResponseRedirect(url)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


class SocialApiView(ApiView):
    """A JSON view whose refusals of a provider's answer say why: `social_failed` with a `reason`."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return social_refusal


def social_refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF exception handler: the statuses and sentences of the pages, as JSON."""
    if not isinstance(error, SocialLoginFailed):
        return refusal(error, context)
    failure = failure_of(error)
    status = STATUSES.get(failure, 400)
    payload = {**error.as_payload(), "detail": str(SENTENCES[failure]), "reason": failure.value}
    return refused(payload, status=status, headers=headers_of(status))


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ExchangeView(ApiView):
    """`POST social/exchange/`: a token pair for a code, once."""

    @operation(
        "social_exchange",
        "Social",
        "Exchange an authorization code for tokens",
        description=f"Once, within 60 s. {TRANSPORTS} The code of a step-up (`reauth=1`) needs the login's access "
        "token as well, and brings the login's next pair in the transport of that token.",
        body=ExchangeSerializer,
        answers={200: TokenAnswerSerializer},
        refuses={
            400: ("transport_not_allowed", "invalid_grant"),
            401: ("token_not_valid",),
            403: SIGN_IN,
            429: ("locked",),
        },
        csrf="cookies",
        access_token=True,
    )
    def post(self, request: Request) -> Response:
        body = ExchangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        transport = transport_for(request, given.get("transport"))
        client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
        with guessable(door=EXCHANGE.id, client=client):
            pair = exchange_code(
                code=given["code"],
                verifier=given["code_verifier"],
                redirect_uri=given["redirect_uri"],
                client=client,
                transport=transport,
                replaces=replaced_logins(request._request, transport),
                request=request._request,
                wants_device=given["device"],
                caller=partial(_caller, request),
            )
        # Only a step-up hands out the pair of a login that was there before: that is no sign-in. After the commit,
        # which the code's row waits for: the person's row must not come last in a transaction.
        if not pair.login.generation:
            note_last_login(pair.user)
        return token_answer(request, pair)


def _caller(request: Request) -> Claims | None:
    found = TokenAuthentication().authenticate(request)
    if found is None:
        return None
    _user, claims = found
    transport = bound_transport(claims)
    if transport not in allowed_transports():
        raise TransportNotAllowed
    if transport.sets_cookies:
        require_csrf_proof(request._request)
    return claims


@method_decorator(sensitive_post_parameters(), name="dispatch")
class NativeTokenView(SocialApiView):
    """`POST social/token/<provider>/`: a token pair for an ID token that a native SDK got from the provider."""

    @operation(
        "social_token",
        "Social",
        "Exchange a provider's ID token for tokens",
        description=f"For native SDKs. {TRANSPORTS}",
        body=NativeTokenSerializer,
        answers={200: TokenAnswerSerializer},
        refuses={
            400: ("transport_not_allowed", "social_failed"),
            403: (*SIGN_IN, "social_failed"),
            404: ("not_found",),
            429: ("locked",),
            503: ("social_failed",),
        },
        parameters=(Parameter("provider", "A provider's id."),),
        csrf="cookies",
    )
    def post(self, request: Request, provider: str) -> Response:
        if provider not in conf.section(SocialSettings).providers:
            raise NotFound("no such provider")
        body = NativeTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        transport = transport_for(request, given.get("transport"))
        client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
        with guessable(door=NATIVE.id, client=client):
            came = round_trip.accept_id_token(
                strategy=AuthKitStrategy(DjangoStorage, request._request),
                provider=provider,
                id_token=given["id_token"],
                nonce=given["nonce"],
            )
        replaces = replaced_logins(request._request, transport)
        pair = round_trip.open_login(
            came=came,
            door=lambda user, method: issue_tokens(
                user=user,
                method=method,
                client=client,
                transport=transport,
                replaces=replaces,
                door=NATIVE.id,
                request=request._request,
                wants_device=given["device"],
                notes_last_login=True,
            ),
        )
        return token_answer(request, pair)
