"""docs/what-changes.md, held to the code."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.http import HttpRequest
from django.test import Client
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

import authkit.checks
from authkit import wiring
from authkit.checks.wiring import check_rest_framework, check_session_engine
from authkit.core.clients import Client as Device
from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.tokens.services import issue_tokens, verify_access
from authkit.wiring import AUTHENTICATION_CLASSES
from tests.conftest import PASSWORD
from tests.dropin.legacy_tokens import OPEN, simplejwt_token
from tests.urls import ProbeView

pytestmark = pytest.mark.django_db

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "what-changes.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def drf(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the project's view take these classes: DRF reads its defaults when a view's class is made."""

    def use(chosen: dict[str, Any]) -> None:
        settings.REST_FRAMEWORK = chosen
        monkeypatch.setattr(ProbeView, "authentication_classes", api_settings.DEFAULT_AUTHENTICATION_CLASSES)

    return use


def block_of(title: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(BLOCKS[title], namespace)
    return dict(namespace["REST_FRAMEWORK"])


def said_by(check: Any) -> list[str]:
    return [message.id.removeprefix("authkit.") for message in check()]


def test_anonymous_requests_are_403_by_drf_and_401_with_authkit(drf: Any) -> None:
    drf({})
    assert APIClient().get("/probe/").status_code == 403
    namespace: dict[str, Any] = {}
    authkit.configure(namespace)
    drf(namespace["REST_FRAMEWORK"])
    answer = APIClient().get("/probe/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert 'WWW-Authenticate: Bearer realm="api"' in PAGE


def test_class_of_the_page_keeps_403_and_is_no_mistake(
    user: Any, drf: Any, monkeypatch: pytest.MonkeyPatch, credentials: Any
) -> None:
    package, module = ModuleType("mysite"), ModuleType("mysite.authentication")
    exec(BLOCKS["mysite/authentication.py"], module.__dict__)
    monkeypatch.setitem(sys.modules, "mysite", package)
    monkeypatch.setitem(sys.modules, "mysite.authentication", module)
    drf(block_of("settings: 403 for anonymous requests"))
    client = APIClient()
    assert client.get("/probe/").status_code == 403
    assert client.get("/auth/api/me/").status_code == 401
    assert said_by(check_rest_framework) == []
    client.force_login(user)
    assert client.get("/probe/").status_code == 200
    refused = client.get("/probe/", headers={"Authorization": "Bearer nonsense"})
    assert (refused.status_code, "invalid_token" in refused["WWW-Authenticate"]) == (401, True)


def test_basic_authentication_goes_and_can_be_kept(user: Any, drf: Any) -> None:
    pair = base64.b64encode(f"{user.get_username()}:{PASSWORD}".encode()).decode()
    header = {"Authorization": f"Basic {pair}"}
    drf({})
    assert APIClient().get("/probe/", headers=header).status_code == 200
    drf({"DEFAULT_AUTHENTICATION_CLASSES": list(AUTHENTICATION_CLASSES)})
    assert APIClient().get("/probe/", headers=header).status_code == 401
    drf(block_of("settings: Basic authentication"))
    assert APIClient().get("/probe/", headers=header).status_code == 200
    assert said_by(check_rest_framework) == ["W023"]


def test_inactive_people_are_out_whatever_back_end_lets_them_in(user: Any, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    client = Client()
    client.force_login(user)
    assert client.get("/auth/api/me/").status_code == 200
    type(user).objects.update(is_active=False)
    assert client.get("/auth/api/me/").status_code == 401
    body = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    assert Client().post("/auth/api/token/", body, content_type="application/json").status_code == 401


@pytest.mark.parametrize(("engine", "stays"), [("django.contrib.sessions.backends.db", True), (None, False)])
def test_taking_authkit_out_signs_people_out_but_where_the_engine_was_djangos(
    engine: str | None, stays: bool, user: Any, settings: Any
) -> None:
    if engine:
        settings.SESSION_ENGINE = engine
        assert said_by(check_session_engine) == ["W020"]
        assert engine in PAGE
    client = Client()
    client.force_login(user)
    assert Login.objects.count() == 1
    request = HttpRequest()
    request.session = DjangoStore(client.cookies["sessionid"].value)  # what is there without authkit
    assert (get_user(request) == user) is stays


def test_what_configure_leaves_alone_is_what_the_page_says() -> None:
    own = {
        "AUTHENTICATION_BACKENDS": ["a.Backend"],
        "PASSWORD_HASHERS": ["a.Hasher"],
        "LOGIN_URL": "/in/",
        "REST_FRAMEWORK": {"DEFAULT_PERMISSION_CLASSES": ["a.B"], "DEFAULT_THROTTLE_CLASSES": ["a.C"]},
    }
    namespace: dict[str, Any] = {**own}
    wiring.configure(namespace)
    assert namespace["REST_FRAMEWORK"].items() >= own["REST_FRAMEWORK"].items()  # type: ignore[attr-defined]
    for name in own.keys() - {"REST_FRAMEWORK"}:
        assert namespace[name] == own[name]
        assert f"`{name}`" in PAGE


def test_throttles_of_the_page_are_known_to_the_doors() -> None:
    from authkit.core.api import ApiView
    from authkit.sessions.views import SessionLoginView
    from authkit.tokens.views import ObtainView

    scopes = {view.default_throttle_scope for view in (ApiView, SessionLoginView, ObtainView)}
    assert block_of("settings: throttles")["DEFAULT_THROTTLE_RATES"].keys() == scopes


def test_ids_of_the_page_exist() -> None:
    assert set(re.findall(r"\b[WE]\d{3}\b", PAGE)) <= set(re.findall(r"\b[EW]\d{3}\b", authkit.checks.__doc__ or ""))


def test_class_of_the_page_takes_the_tokens_that_simplejwts_own_views_issue(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace: dict[str, Any] = {}
    exec(BLOCKS["mysite/simplejwt_tokens.py"], namespace)
    ours = [import_string(name) for name in AUTHENTICATION_CLASSES]
    monkeypatch.setattr(ProbeView, "authentication_classes", [namespace["SimplejwtTokens"], *ours])

    def statuses() -> list[int]:
        return [
            APIClient().get("/probe/", headers={"Authorization": f"Bearer {token}"}).status_code
            for token in (theirs, pair.access, "nonsense")
        ]

    theirs = simplejwt_token(user)
    pair = issue_tokens(user=user, method="password", client=Device())
    assert statuses() == [200, 200, 401]
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert statuses() == [200, 401, 401]


def test_with_a_window_a_view_of_simplejwts_that_stayed_locks_people_out_after_a_new_password(
    user: Any, settings: Any
) -> None:
    settings.AUTHKIT = OPEN
    assert verify_access(token=simplejwt_token(user)).user == user
    user.set_password("an entirely different one")
    user.save()
    with pytest.raises(TokenNotValid):
        verify_access(token=simplejwt_token(user, age=0))
