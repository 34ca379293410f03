"""What clients call beside the token endpoint: `oauth/revoke`, `oauth/introspect`, `oauth/userinfo`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.hidden import Hidden
from authkit.exceptions import GrantNotAccepted, TokenNotValid
from authkit.oauth.calls import Call
from authkit.oauth.client_auth import authenticated_client, credentials_in
from authkit.oauth.cross_origin import CrossOrigin
from authkit.oauth.endpoints import OAuthEndpoint
from authkit.oauth.models import AuthMethod, OAuthClient
from authkit.oauth.refusals import BearerRefused, ClientRefused, RequestRefused
from authkit.oauth.reported_tokens import introspect, revoke
from authkit.oauth.resources import OPENID
from authkit.oauth.server_urls import audiences
from authkit.oauth.userinfo import userinfo
from authkit.tokens.forgeries import charge_forgery
from authkit.tokens.formats.base import VerifiedAccess
from authkit.tokens.limited import GRANT
from authkit.tokens.services import verify_access


class RevokeView(CrossOrigin, OAuthEndpoint):
    """`POST oauth/revoke` (RFC 7009): 200, whether the token was known or not."""

    def post(self, request: Request) -> Response:
        call = self.call_of(request)
        revoke(client=_client_of(call), token=_token(call))
        return Response(status=200)


class IntrospectView(OAuthEndpoint):
    """`POST oauth/introspect` (RFC 7662), for clients that can prove who they are. No page of another origin calls it:
    a script in a browser can't keep a secret."""

    def post(self, request: Request) -> Response:
        call = self.call_of(request)
        client = _client_of(call)
        if client.auth_method == AuthMethod.NONE:
            # RFC 7662 section 2.1: the caller has to prove itself, and a client id is no proof.
            raise ClientRefused("a public client asks about tokens")
        return Response(introspect(client=client, token=_token(call)))


class UserInfoView(CrossOrigin, OAuthEndpoint):
    """`GET` or `POST oauth/userinfo` (OpenID Connect Core 1.0 section 5.3)."""

    def get(self, request: Request) -> Response:
        return _answer(request, _bearer(request))

    def post(self, request: Request) -> Response:
        # RFC 6750 section 2.2 allows the token in a form, and section 2 only one way at a time.
        in_form = self.call_of(request).get("access_token")
        if in_form is None:
            return _answer(request, _bearer(request))
        if "HTTP_AUTHORIZATION" in request.META:
            raise RequestRefused("The request has its token twice.")
        return _answer(request, Hidden(in_form))


def _client_of(call: Call) -> OAuthClient:
    form = {name: value for name, value in call.form.items() if isinstance(value, str)}
    credentials = credentials_in(form=form, authorization=call.authorization)
    return authenticated_client(credentials, audiences=audiences(), caller=call.caller)


def _token(call: Call) -> str:
    token = call.get("token")
    if token is None:
        raise RequestRefused("The form has no token.")
    return token


def _answer(request: Request, token: str) -> Response:
    verified = _verified(request, token)
    limits = verified.limits
    if limits is None or OPENID not in limits.scopes:
        raise BearerRefused("insufficient_scope", "The token does not have the scope openid.", status=403)
    return Response(userinfo(user=verified.user, scopes=limits.scopes))


def _verified(request: Request, token: str) -> VerifiedAccess:
    try:
        verified = verify_access(token=token, limited_too=True)
        if verified.limits is None or verified.limits.credential != GRANT:
            raise GrantNotAccepted("not the token of a client")
    except (TokenNotValid, GrantNotAccepted) as error:
        if isinstance(error, TokenNotValid):
            charge_forgery(error, request)
        raise BearerRefused("invalid_token", "The token is not valid, or not any more.") from error
    return verified


def _bearer(request: Request) -> Hidden:
    header = Hidden(request.META.get("HTTP_AUTHORIZATION", ""))
    parts = header.split()
    if len(parts) != 2 or parts[0].lower() != "bearer":
        # RFC 6750 section 3.1: a request that brings nothing is told no error.
        raise BearerRefused("invalid_token" if header else "", "The request has no access token.")
    return Hidden(parts[1])
