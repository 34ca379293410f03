"""A login that outlives a new password gets a new credential: a session another id, a token pair its successor
(ASVS 7.2.4). What a thief may have copied before is worth nothing then."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.api.reauth import freshness
from authkit.core.answers import answer
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins.current import current_login
from authkit.logins.fingerprints import session_auth_hash
from authkit.logins.models import Login
from authkit.logins.rotation import rotate
from authkit.logins.statement import ROTATED, WHOLE
from authkit.sessions.carriers import carry_by_session, renew_id
from authkit.sessions.receivers import client_of
from authkit.signin.serializers import FreshnessSerializer
from authkit.tokens.answering import token_answer
from authkit.tokens.codec import Claims
from authkit.tokens.formats.base import token_refused
from authkit.tokens.pairs import Additions, TokenPair, lifetime_of, sign_pair
from authkit.tokens.transports import bound_transport


def renewed_answer(request: Request, *, user: AbstractBaseUser) -> Response:
    """A token answer for a request by token, in its transport; for one by session how fresh it is, as a step-up says.

    Args:
        request: authenticated, by a login that stands.
        user: its person, as they are now.
    """
    if isinstance(request.auth, Claims):
        return token_answer(request, renew_pair(claims=request.auth, client=client_of(request._request)))
    renew_session(request._request, user=user)
    return answer(FreshnessSerializer, freshness(user, current_login(request)))


def renew_session(request: HttpRequest, *, user: AbstractBaseUser) -> None:
    """Gives the request's session a new id and the hash of the present password, and the browser a new CSRF token."""
    login = current_login(request)
    if login is None:
        return
    auth_hash = session_auth_hash(user)
    login.auth_hash, login.restricted = auth_hash, False  # as the row is by now
    renew_id(request.session)
    request.session[HASH_SESSION_KEY] = auth_hash
    carry_by_session(request, user=user, login=login)
    rotate_token(request)


def renew_pair(*, claims: Claims, client: Client) -> TokenPair:
    """The successor of the pair to which an access token belongs, by one rotation.

    Args:
        claims: of an access token that was verified.
        client: from where.

    Raises:
        TokenNotValid: the login is over by now.
        ClaimsRefused: the project's CLAIMS failed; the refresh token of before stays good.
    """
    settings = conf.current().tokens
    additions = Additions(settings)
    generation: Any = Login.objects.filter(pk=claims.login_id).values_list("generation", flat=True).first()
    try:
        rotated = rotate(
            login_id=claims.login_id,
            user_id=claims.subject,
            generation=generation,
            lifetime=lifetime_of(settings),
            grace=settings.grace,
            client=client,
            prepare=additions,
            columns=WHOLE if additions.look_at_login else ROTATED,
        )
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return sign_pair(user=rotated.user, login=rotated.login, transport=bound_transport(claims), additions=additions)
