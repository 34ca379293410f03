"""Credentials that may do less than their person, at views that take them and at views that don't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import path
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from authkit.exceptions import GrantNotAccepted
from authkit.tokens import TokenHasScope, verify_access
from authkit.tokens.formats import VerifiedAccess, accepted, authkit_jwt, register
from authkit.tokens.limited import GRANT, KEY, Limits
from authkit.tokens.pairs import TokenPair
from authkit.tokens.services import averify_access
from tests.urls import urlpatterns as suite

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class View(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})

    post = get


urlpatterns = [*suite, path("view/", View.as_view())]


class Limited:
    """The format `limited_<an access token of ours>`, with the limits that a test sets."""

    limits: Limits

    def detect(self, token: str) -> bool:
        return token.startswith("limited_")

    def verify(self, token: str, *, kinds: Any) -> VerifiedAccess:
        return replace(authkit_jwt.verify(token.removeprefix("limited_"), kinds=kinds), limits=self.limits)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, pair: TokenPair) -> Callable[..., Any]:
    """Calls a view that has these attributes, by a credential that has these limits."""
    monkeypatch.setattr("authkit.tokens.formats.accept_list._accepted", list(accepted()))
    register(added := Limited())  # type: ignore[arg-type]  # only `verify` is asked here

    def called(limits: Limits, method: str = "get", url: str = "/view/", **attributes: Any) -> Any:
        added.limits = limits
        for name, value in attributes.items():
            monkeypatch.setattr(View, name, value, raising=False)
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer limited_{pair.access}")
        return getattr(client, method)(url)

    return called


NOTES = frozenset({"notes:read"})


@pytest.mark.parametrize("named", [{}, {"required_scopes": None}, {"required_scopes": []}, {"required_scopes": ""}])
def test_a_view_that_names_no_scope_takes_neither(call: Any, named: dict[str, Any]) -> None:
    """django-oauth-toolkit's views may have an empty list, by which each of its tokens comes in."""
    for credential in (KEY, GRANT):
        answer = call(Limits(credential, NOTES), accepts_grants=True, **named)
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_not_accepted")
    assert call(Limits(KEY, NOTES, unscoped_views=True), **named).status_code == 200


def test_a_grant_needs_a_view_that_opts_in_and_a_key_does_not(call: Any, user: Any) -> None:
    answer = call(Limits(GRANT, NOTES), required_scopes=["notes:read"])
    assert (answer.status_code, answer.json()["code"]) == (403, "grant_not_accepted")
    assert call(Limits(KEY, NOTES)).json() == {"user": str(user.pk)}
    assert call(Limits(GRANT, NOTES), accepts_grants=True).json() == {"user": str(user.pk)}
    assert call(Limits(KEY, NOTES), accepts_keys=False).json()["code"] == "grant_not_accepted"


@pytest.mark.parametrize("credential", [KEY, GRANT])
@pytest.mark.parametrize(
    ("required", "method", "status"),
    [
        (["notes:read"], "get", 200),
        (["notes"], "get", 403),
        (["notes:read", "notes:write"], "get", 403),
        ({"GET": ["notes:read"], "POST": ["notes:write"]}, "post", 403),
        ({"GET": ["notes:read"]}, "head", 200),
        ({"GET": ["notes:read"]}, "post", 403),
        ({"GET": []}, "get", 200),
        ({}, "get", 403),
    ],
)
def test_scopes_are_compared_whole_and_by_method(
    call: Any, credential: str, required: Any, method: str, status: int
) -> None:
    answer = call(Limits(credential, NOTES), method, required_scopes=required, accepts_grants=True)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "insufficient_scope"
        assert 'error="insufficient_scope"' in answer["WWW-Authenticate"], "RFC 6750 section 3"


def test_a_challenge_names_the_scopes_that_would_do(call: Any) -> None:
    told = call(Limits(KEY, NOTES), required_scopes=["notes:write", "a"])["WWW-Authenticate"]
    assert told.startswith('Bearer realm="api", error="insufficient_scope", ')
    assert told.endswith(', scope="a notes:write"')
    for odd in ('a"b', "a\r\nSet-Cookie:", "é"):
        answer = call(Limits(KEY, NOTES), required_scopes=[odd])
        assert answer.status_code == 403
        assert "scope=" not in answer["WWW-Authenticate"]


def test_rights_of_the_person_give_the_credential_no_more(call: Any, user: Any) -> None:
    type(user).objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    answer = call(
        Limits(KEY, frozenset()), required_scopes=["notes:read"], permission_classes=[TokenHasScope | IsAdminUser]
    )
    assert answer.json()["code"] == "insufficient_scope"
    assert answer.json()["scope"] == "notes:read"


def test_own_endpoints_take_neither_whatever_the_scopes(call: Any) -> None:
    every = frozenset({"me", "logins", "*", "openid"})
    for credential in (KEY, GRANT):
        for url in ("/auth/api/me/", "/auth/api/logins/"):
            answer = call(Limits(credential, every, unscoped_views=True), url=url, permission_classes=[IsAuthenticated])
            assert (answer.status_code, answer.json()["code"]) == (403, "grant_not_accepted")


def test_a_caller_without_a_view_takes_neither(call: Any, pair: TokenPair) -> None:
    call(Limits(KEY, NOTES))
    for verify in (verify_access, async_to_sync(averify_access)):
        with pytest.raises(GrantNotAccepted):
            verify(token=f"limited_{pair.access}")


def test_a_limited_credential_in_the_access_cookie_is_no_cookie(call: Any, pair: TokenPair, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"TRANSPORTS": ["body", "cookie"]}}
    call(Limits(KEY, NOTES), required_scopes=["notes:read"])
    client = APIClient()
    client.cookies["authkit-access"] = f"limited_{pair.access}"
    assert client.get("/view/").json() == {"user": "None"}


def test_a_credential_of_a_third_party_is_not_valid_where_a_token_is_verified(call: Any, pair: TokenPair) -> None:
    call(Limits(GRANT, NOTES))
    answer = APIClient().post("/auth/api/token/verify/", {"token": f"limited_{pair.access}"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
