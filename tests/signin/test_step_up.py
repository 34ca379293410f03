"""Views that ask for a recent sign-in: by decorator, mixin and DRF permission, for sessions and tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, override_settings
from django.test import Client as Browser
from django.urls import path
from django.utils import timezone
from django.views import View
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.signin.step_up import RecentLoginMixin, RequireRecent, recent_login, require_recent
from authkit.tokens.services import issue_tokens, refresh_tokens
from tests.urls import urlpatterns as suite

pytestmark = pytest.mark.urls(__name__)

CODE = "insufficient_user_authentication"


class Guarded(APIView):
    permission_classes: Any = (RequireRecent,)
    max_login_age: Any = timedelta(minutes=5)

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


@recent_login
def decorated(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


@recent_login(max_age=timedelta(days=2))
async def patient(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


class Mixed(RecentLoginMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")

    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")


class MixedAsync(RecentLoginMixin, View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")


def asking(request: HttpRequest) -> HttpResponse:
    require_recent(request)
    return HttpResponse("done")


urlpatterns = [
    *suite,
    path("guarded/", Guarded.as_view()),
    path("decorated/", decorated),
    path("patient/", patient),
    path("mixed/", Mixed.as_view()),
    path("mixed-async/", MixedAsync.as_view()),
    path("asking/", asking),
]


@pytest.fixture
def access(user: Any) -> str:
    """An access token of alice's."""
    return issue_tokens(user=user, method="password", client=Client()).access


@pytest.fixture
def in_session(user: Any) -> Browser:
    """A browser in which alice is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def age(**units: float) -> None:
    """Makes all logins older than they are."""
    past = timezone.now() - timedelta(**units)
    Login.objects.update(created_at=past, authenticated_at=past)


def bearer(access: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Bearer {access}"}


def test_the_sign_in_has_to_be_recent_whatever_carries_the_login(api: Any, access: str, in_session: Browser) -> None:
    assert api.get("/guarded/", **bearer(access)).status_code == in_session.get("/guarded/").status_code == 200
    age(minutes=6)
    for answer in (api.get("/guarded/", **bearer(access)), in_session.get("/guarded/")):
        assert (answer.status_code, answer.json()) == (
            403,
            {
                "code": CODE,
                "detail": "This needs a recent sign-in. Show once more who you are.",
                "max_age": 300,
                "methods": ["password"],
            },
        )


def test_the_refusal_names_the_acr_values_of_the_ways_that_have_one(api: Any, access: str, settings: Any) -> None:
    """RFC 9470 section 3: one text, with blanks between the values."""
    age(minutes=6)
    for values, said in (({"password": "urn:ours:1", "google": "urn:ours:2"}, "urn:ours:1"), ({"google": "x"}, None)):
        settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"ACR_VALUES": values}}
        refused = api.get("/guarded/", **bearer(access)).json()
        assert (refused["methods"], refused.get("acr_values")) == (["password"], said)


def test_the_age_is_that_of_the_settings_where_the_view_says_none(
    api: Any, access: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guarded, "max_login_age", None)
    age(minutes=9)
    assert api.get("/guarded/", **bearer(access)).status_code == 200
    age(minutes=11)
    assert api.get("/guarded/", **bearer(access)).json()["max_age"] == 600
    with override_settings(AUTHKIT={"LOGIN": {"REAUTH_AGE": timedelta(minutes=12)}}):
        assert api.get("/guarded/", **bearer(access)).status_code == 200
    monkeypatch.setattr(Guarded, "max_login_age", 300)
    with pytest.raises(ImproperlyConfigured):
        api.get("/guarded/", **bearer(access))


def test_a_refresh_makes_no_login_younger(api: Any, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    age(minutes=6)
    pair = refresh_tokens(refresh=pair.refresh)
    assert api.get("/guarded/", **bearer(pair.access)).status_code == 403
    Login.objects.update(authenticated_at=timezone.now())
    assert api.get("/guarded/", **bearer(pair.access)).status_code == 200


def test_a_visitor_is_401_and_a_person_without_a_login_of_ours_is_refused(api: Any, user: Any) -> None:
    assert api.get("/guarded/").status_code == 401
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get("/guarded/")
    assert (answer.status_code, answer.json()["methods"]) == (403, [])


def test_the_permission_goes_together_with_others(
    api: Any, access: str, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guarded, "permission_classes", (IsAuthenticated & RequireRecent,))
    assert api.get("/guarded/", **bearer(access)).status_code == 200
    monkeypatch.setattr(Guarded, "permission_classes", (RequireRecent | IsAdminUser,))
    age(minutes=6)
    assert api.get("/guarded/", **bearer(access)).status_code == 403
    user.is_staff = True
    user.save()
    assert api.get("/guarded/", **bearer(access)).status_code == 200


def test_a_young_login_costs_no_statement_and_an_old_one_one(
    api: Any, access: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert api.get("/guarded/", **bearer(access)).status_code == 200
    age(minutes=6)
    Login.objects.update(authenticated_at=timezone.now())
    with django_assert_num_queries(2):
        assert api.get("/guarded/", **bearer(access)).status_code == 200


@pytest.mark.parametrize("url", ["/decorated/", "/mixed/"])
def test_a_page_sends_its_person_to_the_step_up_and_gets_them_back(in_session: Browser, url: str) -> None:
    assert in_session.get(url).content == b"done"
    age(minutes=11)
    answer = in_session.get(f"{url}?a=1&b=2")
    assert (answer.status_code, answer["Cache-Control"]) == (302, "no-store")
    page = urlsplit(answer["Location"])
    assert (page.path, parse_qs(page.query)) == ("/auth/reauth/", {"next": [f"{url}?a=1&b=2"]})


def test_a_visitor_of_such_a_page_is_asked_to_sign_in(client: Browser, db: None) -> None:
    answer = client.get("/mixed/?a=1")
    assert (answer.status_code, parse_qs(urlsplit(answer["Location"]).query)) == (302, {"next": ["/mixed/?a=1"]})


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/form/?x=1", "http://testserver/form/?x=1"),
        ("https://evil.example/form/", "/mixed/"),
        ("//evil.example/", "/mixed/"),
        ("", "/mixed/"),
    ],
)
def test_an_interrupted_form_leads_back_to_this_site_and_carries_nothing_that_was_typed(
    in_session: Browser, referer: str, back: str
) -> None:
    age(minutes=11)
    answer = in_session.post("/mixed/", {"secret": "typed"}, headers={"referer": referer})
    page = urlsplit(answer["Location"])
    assert (page.path, parse_qs(page.query)) == ("/auth/reauth/", {"next": [back], "again": ["1"]})
    assert "typed" not in str(dict(in_session.session))


def test_a_program_gets_json_from_each_of_them(in_session: Browser) -> None:
    age(minutes=11)
    for url in ("/decorated/", "/mixed/", "/asking/"):
        answer = in_session.get(url, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"], answer.json()["max_age"]) == (403, CODE, 600)


def test_a_view_that_asks_by_itself_answers_a_page_with_the_way(in_session: Browser) -> None:
    age(minutes=11)
    answer = in_session.get("/asking/?a=1", headers={"accept": "text/html"})
    assert answer.status_code == 403
    assert 'href="/auth/reauth/?next=%2Fasking%2F%3Fa%3D1&amp;again=1"' in answer.content.decode()


def test_an_asynchronous_view_is_asked_too(user: Any) -> None:
    client = AsyncClient()
    client.force_login(user)
    get = async_to_sync(client.get)
    assert get("/patient/").content == get("/mixed-async/").content == b"done"
    age(days=3)
    for url in ("/patient/", "/mixed-async/"):
        assert get(url, headers={"accept": "application/json"}).status_code == 403


def test_what_a_person_can_show_follows_from_the_person(
    in_session: Browser, user: Any, make_user: Callable[..., Any]
) -> None:
    age(minutes=11)
    with override_settings(AUTHKIT={"LOGIN": {"PASSWORD_DOORS": False}}):
        assert in_session.get("/guarded/").json()["methods"] == []
    provided = make_user("bob", password=None)
    client = Browser()
    client.force_login(provided)
    Login.objects.filter(user_id=provided.pk).update(method="google")
    age(minutes=11)
    assert client.get("/guarded/").json()["methods"] == []
