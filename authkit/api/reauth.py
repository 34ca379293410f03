"""Step-up for programs: how fresh the caller's login is, and showing once more who they are (docs/step-up.md)."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.answers import answer
from authkit.core.clients import client_from
from authkit.core.csrf import require_csrf_proof
from authkit.core.operations import operation
from authkit.exceptions import InsufficientAuthentication, InvalidCredentials, TransportNotAllowed
from authkit.logins.current import ShowsLogin, current_login
from authkit.logins.models import Login
from authkit.logins.reauthentication import Shown
from authkit.sessions.services import reauthenticate
from authkit.signin.serializers import FreshnessSerializer, ReauthAnswerSerializer, ReauthSerializer
from authkit.signin.step_up import age_of, ids_of, is_recent, shown_by_password, step_ups_of
from authkit.tokens.answering import token_answer
from authkit.tokens.codec import Claims
from authkit.tokens.services import reauthenticated_tokens
from authkit.tokens.transports import allowed_transports, bound_transport


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ReauthView(ShowsLogin, SignedInView):
    """`reauth/`: the step-up of the caller's own login, whatever carries it. It never opens a new one."""

    default_throttle_scope = "authkit-password"

    @operation(
        "reauth_state",
        "Step-up",
        "How long ago I showed who I am",
        answers={200: FreshnessSerializer},
        refuses={401: UNAUTHENTICATED},
    )
    def get(self, request: Request) -> Response:
        user = cast("AbstractBaseUser", request.user)
        return answer(FreshnessSerializer, freshness(user, current_login(request)))

    @operation(
        "reauth",
        "Step-up",
        "Show once more who I am",
        description="By session, the session gets a new id. By token, the answer is the login's next pair, in the "
        "transport of the access token. A wrong password is a 400 with the field.",
        body=ReauthSerializer,
        answers={200: ReauthAnswerSerializer},
        refuses={
            400: ("transport_not_allowed",),
            401: UNAUTHENTICATED,
            403: ("csrf_failed", "claims_refused", "insufficient_user_authentication"),
            429: ("locked",),
        },
    )
    def post(self, request: Request) -> Response:
        body = ReauthSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user, login = cast("AbstractBaseUser", request.user), current_login(request)
        claims = request.auth if isinstance(request.auth, Claims) else None
        if claims is not None:
            _require_open(request, claims)
        if login is None:
            raise InsufficientAuthentication(max_age=_seconds(), methods=())
        try:
            with shown_by_password(
                request=request._request, user=user, login=login, password=body.validated_data["password"]
            ) as shown:
                return self._confirmed(request, login, claims, shown)
        except InvalidCredentials as error:
            # No 401: clients answer that with a refresh and send the wrong password once more.
            raise ValidationError({"password": ["This is not your password."]}) from error

    def _confirmed(self, request: Request, login: Login, claims: Claims | None, shown: Shown) -> Response:
        if claims is None:
            reauthenticate(request=request, shown=shown)
            return answer(FreshnessSerializer, freshness(cast("AbstractBaseUser", request.user), login))
        pair = reauthenticated_tokens(
            login_id=login.pk,
            user_id=request.user.pk,
            transport=bound_transport(claims),
            client=client_from(request.META, trusted_proxies=conf.current().trusted_proxies),
            shown=shown,
        )
        return token_answer(request, pair)


def freshness(user: AbstractBaseUser, login: Login | None) -> dict[str, Any]:
    """The fields of `FreshnessSerializer`."""
    return {
        "fresh": is_recent(login, user=user),
        "age": None if login is None else int(age_of(login).total_seconds()),
        "methods": ids_of(step_ups_of(user=user, login=login)),
    }


def _require_open(request: Request, claims: Claims) -> None:
    transport = bound_transport(claims)
    if transport not in allowed_transports():
        raise TransportNotAllowed
    if transport.sets_cookies:
        require_csrf_proof(request._request)  # as each call whose answer sets them


def _seconds() -> int:
    return int(conf.current().login.reauth_age.total_seconds())
