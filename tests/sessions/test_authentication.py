"""SessionAuthentication under a project's own DRF views and DRF's own exception handler (`/probe/`)."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient, APIRequestFactory

from authkit.sessions.authentication import SessionAuthentication
from tests.urls import ProbeView

pytestmark = pytest.mark.django_db


def test_session_is_taken(user: Any, api: APIClient) -> None:
    api.force_login(user)
    assert api.get("/probe/").json() == {"pk": str(user.pk)}


def test_anonymous_is_401_with_a_challenge(api: APIClient) -> None:
    answer = api.get("/probe/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("header", ["Basic YTpi", "Token abc", "Bearer garbage", "", "nonsense"])
def test_authorization_header_alone_decides(user: Any, api: APIClient, header: str) -> None:
    api.force_login(user)
    assert api.get("/probe/", headers={"authorization": header}).status_code == 401


def test_unsafe_method_needs_csrf_proof(user: Any, api: APIClient) -> None:
    api.force_login(user)
    answer = api.post("/probe/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "csrf_failed"
    token = api.get("/auth/api/session/").json()["csrf_token"]
    assert api.post("/probe/", headers={"x-csrftoken": token}).status_code == 200


def test_forced_user_of_drfs_test_client_is_taken(user: Any) -> None:
    client = APIClient()
    client.force_authenticate(user=user)
    assert client.post("/probe/").status_code == 200
    assert client.get("/auth/api/me/").json()["login"] is None


def test_session_authentication_alone_answers_401_too(api: APIClient) -> None:
    answer = ProbeView.as_view(authentication_classes=[SessionAuthentication])(APIRequestFactory().get("/"))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
