"""The caller, their logins, sign-out here or everywhere: the same for a session and for a token (docs/http.md)."""

from __future__ import annotations

from typing import Any, NoReturn, cast
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api.serializers import DeviceSerializer, EndedSerializer, LoginPageSerializer, LogoutAllSerializer
from authkit.core.answers import answer
from authkit.core.api import ApiView
from authkit.core.csrf import require_csrf_proof
from authkit.core.operations import Parameter, operation
from authkit.core.response_notes import response_notes
from authkit.exceptions import CsrfFailed, GrantNotAccepted, NotFound, TokenNotValid
from authkit.logins.current import ShowsLogin, current_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import count_spared, end_login, end_logins_of, live_logins_of
from authkit.sessions.authentication import SessionAuthentication
from authkit.sessions.services import sign_out
from authkit.sessions.state import ended_login
from authkit.sessions.views import sign_out_of_session
from authkit.signin.device_values import sent_digest
from authkit.signin.devices import devices_of, forget_device
from authkit.signin.serializers import CurrentSerializer
from authkit.tokens.authentication import (
    TokenAuthentication,
    brings_credential_header,
    judging_bearer,
    read_bearer,
)
from authkit.tokens.codec import Claims
from authkit.tokens.cookies import discard_access_cookie, discard_cookies, read_access_cookie
from authkit.tokens.forgeries import charge_forgery
from authkit.tokens.revoking import carries_live_login, identify_token, revoke_token
from authkit.tokens.services import verify_access
from authkit.tokens.transports import Transport, bound_transport, cookie_transports

EVERY_CREDENTIAL = (TokenAuthentication, SessionAuthentication)
UNAUTHENTICATED = ("not_authenticated", "token_not_valid")


class SignedInView(ApiView):
    """For a person who is signed in, by whatever carries their login. Others get 401, with the reason if we know it."""

    authentication_classes = EVERY_CREDENTIAL
    permission_classes: Any = (IsAuthenticated,)

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        ended = response_notes(request).refused or ended_login(request)
        if ended is not None:
            raise ended
        super().permission_denied(request, message=message, code=code)


class MeView(ShowsLogin, SignedInView):
    """`GET me/`: the caller and the login by which they are here."""

    open_to_restricted = True

    @operation("me", "Logins", "Who am I", answers={200: CurrentSerializer}, refuses={401: UNAUTHENTICATED})
    def get(self, request: Request) -> Response:
        user, login = cast("AbstractBaseUser", request.user), current_login(request)
        return answer(CurrentSerializer, {"user": user, "login": login}, context={"current": login})


class LogoutView(ApiView):
    """`POST logout/`: ends the login that the request came with. Idempotent: one that is over already is as good."""

    open_to_restricted = True
    authentication_classes = (SessionAuthentication,)

    @operation(
        "logout",
        "Logins",
        "Sign out, whatever the request came with",
        description="The login ends on the server, and its cookies are cleared. 204 also for one that is over already.",
        answers={204: None},
        refuses={401: ("token_not_valid",), 403: ("csrf_failed",), 429: ("locked",)},
        access_token=True,
    )
    def post(self, request: Request) -> Response:
        with judging_bearer(request):
            token = read_bearer(request)
            claims = None if token is None else _named_by(token, request)
        if token is None and brings_credential_header(request):
            # A 204 would say that its login is over. The cookies beside it don't count, as in every other call.
            raise GrantNotAccepted("a credential that ends no login here")
        if token is not None and claims is not None:
            revoke_token(token=token, reason=EndReason.LOGOUT)
            discard_cookies(request._request, bound_transport(claims))
        else:
            # Both credentials that a browser may carry: after a logout, no person is signed in there.
            _end_cookie_login(request._request)
            sign_out_of_session(request._request)
        return Response(status=204)


def _named_by(token: str, request: Request) -> Claims:
    # Not by TokenAuthentication: a token that ran out a minute ago still names the login that must end.
    try:
        return identify_token(token=token)
    except TokenNotValid as refused:
        try:
            verify_access(token=token)  # raises GrantNotAccepted for an API key, or a third party's token, that is good
        except TokenNotValid as unknown:
            charge_forgery(unknown, request)
        raise refused


def _end_cookie_login(request: HttpRequest) -> None:
    cookie = read_access_cookie(request)
    if cookie is not None and carries_live_login(token=cookie):
        require_csrf_proof(request)
        revoke_token(token=cookie, reason=EndReason.LOGOUT)
    elif not _is_proven(request):
        # It may be a form on another site's page, which can't send our cookies along: the answer must not take away
        # what the request didn't show.
        if cookie is not None:
            discard_access_cookie(request)
        return
    if cookie_transports():
        # Without an access cookie too: it may have run out, and the refresh cookie, which is never sent here, must
        # not sign the person in again.
        discard_cookies(request, Transport.COOKIE)


def _is_proven(request: HttpRequest) -> bool:
    try:
        require_csrf_proof(request)
    except CsrfFailed:
        return False
    return True


class LogoutAllView(SignedInView):
    """`POST logout/all/`: ends all of the caller's logins, or all but the current one."""

    @operation(
        "logout_all",
        "Logins",
        "Sign out everywhere",
        body=LogoutAllSerializer,
        body_required=False,
        answers={200: EndedSerializer},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",)},
    )
    def post(self, request: Request) -> Response:
        body = LogoutAllSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        current = current_login(request)
        keep = current.pk if current is not None and body.validated_data["keep_current"] else None
        ended = end_logins_of(user_id=request.user.pk, reason=EndReason.LOGOUT_ALL, keep=keep)
        if keep is None:
            clear_cookies(request, current)
        keys = count_spared(user_id=request.user.pk, reason=EndReason.LOGOUT_ALL)
        return answer(EndedSerializer, {"count": ended.count, "keys": keys})


class LoginPages(PageNumberPagination):
    page_size = 20


class LoginsView(SignedInView):
    """`GET logins/`: the caller's live logins, newest first."""

    @operation(
        "logins",
        "Logins",
        "My logins, newest first",
        description="The live sessions and token pairs of the caller.",
        answers={200: LoginPageSerializer},
        refuses={401: UNAUTHENTICATED, 404: ("not_found",)},
        parameters=(Parameter("page", "From 1; a page that does not exist is a 404.", "integer", "query"),),
    )
    def get(self, request: Request) -> Response:
        user, current, pages = cast("AbstractBaseUser", request.user), current_login(request), LoginPages()
        mine = live_logins_of(user=user).signed_in().select_related("actor")
        logins = pages.paginate_queryset(mine, request, view=self)
        page: Any = pages.page
        given = {
            "count": page.paginator.count,
            "next": pages.get_next_link(),
            "previous": pages.get_previous_link(),
            "results": logins,
        }
        return answer(LoginPageSerializer, given, context={"current": current})


class LoginView(SignedInView):
    """`DELETE logins/<id>/`: ends one of the caller's logins."""

    @operation(
        "login_end",
        "Logins",
        "End one of my logins",
        description="Another person's login is a 404, as one that does not exist.",
        answers={204: None},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",), 404: ("not_found",)},
        parameters=(Parameter("login_id", "`id` of a login.", "uuid"),),
    )
    def delete(self, request: Request, login_id: str) -> Response:
        ended = end_login(login_id=_parsed(login_id), reason=EndReason.LOGOUT, user_id=request.user.pk)
        current = current_login(request)
        if current is not None and current.pk == ended.login_id:
            clear_cookies(request, current)
        return Response(status=204)


class DevicesView(SignedInView):
    """`GET devices/`: the caller's known devices."""

    @operation(
        "devices",
        "Logins",
        "My known devices, the last used first",
        description="The browsers and programs from which the caller has signed in. Only the last used 100 are listed.",
        answers={200: DeviceSerializer},
        many=True,
        refuses={401: UNAUTHENTICATED},
    )
    def get(self, request: Request) -> Response:
        context = {"current": sent_digest(request)}
        return Response(DeviceSerializer(devices_of(user=request.user), many=True, context=context).data)


class DeviceView(SignedInView):
    """`DELETE devices/<id>/`: has one of the caller's devices be unknown again."""

    @operation(
        "device_forget",
        "Logins",
        "Forget one of my devices",
        description="Its logins go on. Another person's device is a 404, as one that does not exist.",
        answers={204: None},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",), 404: ("not_found",)},
        parameters=(Parameter("device_id", "`id` of a device.", "uuid"),),
    )
    def delete(self, request: Request, device_id: str) -> Response:
        forget_device(device_id=_parsed(device_id), user_id=request.user.pk)
        return Response(status=204)


def clear_cookies(request: Request, current: Login | None) -> None:
    """Takes the credential's cookies away with this answer, after the caller's own login was ended.

    Args:
        request: the DRF request.
        current: the login that carries it.
    """
    # The login is over, so the next request would clear them as well: this way they go with this answer.
    # The request's own credential says which cookies those are; the login's row would have to be read again for that.
    if isinstance(request.auth, Claims):
        discard_cookies(request._request, bound_transport(request.auth))
    elif current is not None:
        sign_out(request=request._request)


def _parsed(row_id: Any) -> UUID:
    try:
        return UUID(row_id)
    except ValueError:
        raise NotFound("not the id of a row") from None
