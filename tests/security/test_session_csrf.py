"""No unsafe request by cookie, and none that sets one, without Django's CSRF proof (ASVS 3.5.1 to 3.5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient

from authkit.logins.models import Login

pytestmark = pytest.mark.django_db

UNSAFE = [("post", "session/logout/"), ("post", "logout/"), ("post", "logout/all/"), ("delete", "logins/{login}/")]


def refused(answer: Any) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "csrf_failed"


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_forged_request_with_the_victims_cookie(user: Any, api: APIClient, method: str, path: str) -> None:
    api.force_login(user)
    url = f"/auth/api/{path.format(login=Login.objects.get().pk)}"
    assert refused(getattr(api, method)(url))
    assert refused(getattr(api, method)(url, headers={"x-csrftoken": "a" * 32}))
    api.get("/auth/api/session/")
    assert refused(getattr(api, method)(url, headers={"x-csrftoken": "a" * 32}))
    assert Login.objects.live().count() == 1


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_right_token_from_a_foreign_origin(user: Any, api: APIClient, method: str, path: str) -> None:
    api.force_login(user)
    headers = {"x-csrftoken": api.get("/auth/api/session/").json()["csrf_token"], "origin": "https://evil.example"}
    assert refused(getattr(api, method)(f"/auth/api/{path.format(login=Login.objects.get().pk)}", headers=headers))
    assert Login.objects.live().count() == 1


def test_login_forged_in_an_anonymous_browser(user: Any, api: APIClient, credentials: Any) -> None:
    answer = api.post("/auth/api/session/login/", credentials(user), format="json")
    assert refused(answer)
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert not Login.objects.exists()


def test_login_forged_with_an_authorization_header(user: Any, api: APIClient, credentials: Any) -> None:
    headers = {"authorization": "Bearer x"}
    assert refused(api.post("/auth/api/session/login/", credentials(user), format="json", headers=headers))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_form_that_needs_no_preflight_is_no_json(
    user: Any, api: APIClient, credentials: Any, content_type: str
) -> None:
    token = api.get("/auth/api/session/").json()["csrf_token"]
    body = '{"keep_current": false, "csrfmiddlewaretoken": "' + token + '"}'
    api.force_login(user)
    for path in ("session/login/", "logout/all/", "session/logout/"):
        answer = api.generic("POST", f"/auth/api/{path}", body, content_type=content_type)
        assert answer.status_code == 415
    assert Login.objects.live().count() == 1


@pytest.mark.parametrize("path", ["session/logout/", "logout/", "logout/all/", "session/login/"])
def test_link_or_image_signs_nobody_out(user: Any, api: APIClient, path: str) -> None:
    api.force_login(user)
    assert api.get(f"/auth/api/{path}").status_code in {403, 405}
    assert Login.objects.live().count() == 1


def test_proof_may_live_in_the_session(user: Any, api: APIClient, credentials: Any) -> None:
    with override_settings(CSRF_USE_SESSIONS=True):
        token = api.get("/auth/api/session/").json()["csrf_token"]
        assert refused(api.post("/auth/api/session/login/", credentials(user), format="json"))
        headers = {"x-csrftoken": token}
        assert (
            api.post("/auth/api/session/login/", credentials(user), format="json", headers=headers).status_code == 200
        )
