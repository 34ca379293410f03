"""A view whose user turns out to be signed out while it runs, in the modes that read nobody beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.logins.current import current_login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.redis import key_names, link
from authkit.revocation import hints
from authkit.tokens.authentication import TokenAuthentication
from authkit.tokens.cookies import ACCESS_COOKIE
from authkit.tokens.services import averify_access, issue_tokens
from tests.outage import database_down
from tests.revocation.hinted import Tokens, block
from tests.services.redis import own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


class Late(APIView):
    """Ends the login between the check and the first look at the user."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        login = current_login(request)
        assert login is not None
        if "down" in request.query_params:
            with database_down():
                return Response({"email": request.user.email})
        if "end" in request.query_params:
            end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        return Response({"email": request.user.email, "method": login.method})


urlpatterns = [path("late/", Late.as_view())]


@pytest.fixture(params=["redis", "push"])
def access(request: pytest.FixtureRequest, settings: Any, user: Any) -> Iterator[str]:
    with own() as server:
        # Both by the fixture: what is put over it, and taken away before it, comes back.
        settings.ROOT_URLCONF = __name__
        settings.AUTHKIT = block(request.param, server.url)
        pair = issue_tokens(user=user, method="password", client=Client())
        Tokens(pair.login).believed()
        key = key_names.revoked("authkit")
        link.call(b"ZREM", key, hints.FLOOR, key=key)  # as if all this had been a while ago
        from authkit.revocation import push

        push.forget()
        yield pair.access


def get(access: str, query: str = "") -> Any:
    return APIClient().get(f"/late/{query}", HTTP_AUTHORIZATION=f"Bearer {access}")


def test_user_and_login_are_read_when_they_are_asked_for(access: str, user: Any) -> None:
    assert get(access).json() == {"email": user.email, "method": "password"}


def test_login_that_ended_meanwhile_is_the_401_of_a_refused_token(access: str) -> None:
    answer = get(access, "?end")
    assert answer.status_code == 401
    assert (answer.json()["code"], answer.json()["reason"], answer.json()["why"]) == (
        "token_not_valid",
        "login_ended",
        "logout",
    )
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Cache-Control"] == "no-store"


def test_cookie_of_a_login_that_ended_meanwhile_is_cleared(access: str) -> None:
    client = APIClient()
    client.cookies[ACCESS_COOKIE] = access
    answer = client.get("/late/?end")
    assert answer.status_code == 401
    assert answer.cookies[ACCESS_COOKIE]["max-age"] == 0


def test_database_that_is_gone_meanwhile_is_503(access: str) -> None:
    answer = get(access, "?down")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_asynchronous_twin(access: str, user: Any) -> None:
    assert async_to_sync(averify_access)(token=access).user.pk == user.pk
    end_login(login_id=async_to_sync(averify_access)(token=access).claims.login_id, reason=EndReason.LOGOUT)
    with pytest.raises(TokenNotValid) as refused:
        async_to_sync(averify_access)(token=access)
    assert (refused.value.reason, refused.value.why) == ("login_ended", "logout")
