"""A refusal is one class: its status, its body and its page follow from it, whichever door raises it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.test import RequestFactory
from django.test.client import Client
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit import exceptions
from authkit.core.api import ApiView
from authkit.core.outages import outage_of
from authkit.core.refusals import RefusedRequest
from authkit.exceptions import AuthKitError, DatabaseUnavailable, KeysUnavailable, Unavailable
from authkit.pages.views import Page

FIXED: dict[str, int] = {
    "no_active_account": 401, "token_not_valid": 401, "not_authenticated": 401, "too_many_logins": 403,
    "sign_in_refused": 403, "claims_refused": 403, "csrf_failed": 403, "transport_not_allowed": 400,
    "invalid_grant": 400, "not_found": 404, "social_failed": 400, "last_login_method": 409, "unavailable": 503,
}  # fmt: skip
"""The contract; a new code needs no line here."""


def tree(of: type[AuthKitError] = AuthKitError) -> Iterator[type[AuthKitError]]:
    for cls in of.__subclasses__():
        if cls.__module__.startswith("authkit."):
            yield cls
            yield from tree(cls)


class MoonRefused(AuthKitError):
    """A throw-away refusal, as a feature would have it."""

    code = "moon_refused"
    status = 409
    message = "The moon is not right."
    template = "authkit/too_many_logins.html"


class Raising(ApiView):
    error: Exception = MoonRefused()

    def get(self, request: Request) -> Response:
        raise self.error


class RaisingPage(Page):
    error: Exception = MoonRefused()

    def get(self, request: HttpRequest) -> HttpResponse:
        raise self.error


class RaisingAuthentication(BaseAuthentication):
    error: AuthKitError = MoonRefused()

    def authenticate(self, request: Request) -> None:
        raise RefusedRequest(self.error)


class ForeignApi(APIView):
    permission_classes = (AllowAny,)
    authentication_classes = (RaisingAuthentication,)

    def get(self, request: Request) -> Response:
        raise AssertionError("not reached")


def foreign(request: HttpRequest) -> HttpResponse:
    raise RaisingAuthentication.error


urlpatterns = [path("foreign/", foreign), path("api/", ForeignApi.as_view())]


def test_every_refusal_says_its_status_itself() -> None:
    classes = list(tree())
    assert len(classes) >= len(FIXED)
    for cls in classes:
        assert "status" in vars(cls) or cls.__mro__[1] is not AuthKitError, cls
        assert "code" in vars(cls) or cls.__mro__[1] is not AuthKitError, cls
        assert FIXED.get(cls.code, cls.status) == cls.status, cls
    assert set(FIXED) <= {cls.code for cls in classes}


def test_every_page_of_a_refusal_exists() -> None:
    pages = {cls.template for cls in tree() if cls.template}
    assert len(pages) > 1
    for page in pages:
        get_template(page)


def test_refusals_are_listed_in_the_docstring() -> None:
    for cls in tree():
        if cls.__module__ == exceptions.__name__:
            assert cls.__name__ in (exceptions.__doc__ or ""), cls


def test_keys_and_database_are_siblings() -> None:
    """A caller that handles an outage of the database must not take one of the keys for it."""
    assert not issubclass(KeysUnavailable, DatabaseUnavailable)
    assert issubclass(KeysUnavailable, Unavailable)
    assert issubclass(DatabaseUnavailable, Unavailable)


def test_a_new_refusal_is_one_class_to_a_json_view() -> None:
    answer = Raising.as_view(error=MoonRefused(reason="full"))(RequestFactory().get("/"))
    assert (answer.status_code, answer.data) == (
        409, {"code": "moon_refused", "detail": "The moon is not right.", "reason": "full"},
    )  # fmt: skip


@pytest.mark.urls(__name__)
def test_a_new_refusal_is_one_class_to_views_of_other_packages(client: Client) -> None:
    page = client.get("/foreign/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["Cache-Control"]) == (409, "no-store")
    assert next(template.name for template in page.templates) == MoonRefused.template
    for url in ("/foreign/", "/api/"):
        answer = client.get(url, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (409, "moon_refused")


@pytest.mark.urls(__name__)
def test_a_refusal_without_a_page_stays_the_views_own_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RaisingAuthentication, "error", exceptions.NotFound())
    with pytest.raises(exceptions.NotFound):
        client.get("/foreign/")


@pytest.mark.parametrize("outage", [DatabaseUnavailable("x"), KeysUnavailable("x"), Unavailable("x")])
@pytest.mark.urls(__name__)
def test_every_outage_is_the_same_503_at_every_door(
    client: Client, monkeypatch: pytest.MonkeyPatch, outage: Unavailable
) -> None:
    monkeypatch.setattr(RaisingAuthentication, "error", outage)
    sentence = "The service can't check this right now. Try again shortly."
    answers: list[Any] = [
        Raising.as_view(error=outage)(RequestFactory().get("/")),
        client.get("/api/", headers={"accept": "application/json"}),
        client.get("/foreign/", headers={"accept": "application/json"}),
        client.get("/foreign/"),
        RaisingPage.as_view(error=outage)(RequestFactory().get("/")),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert [dict(answer.data) for answer in answers[:2]] == [{"code": "unavailable", "detail": sentence}] * 2
    assert answers[2].json() == {"code": "unavailable", "detail": sentence}
    assert answers[3].content.decode() == sentence


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("gone"), "the database can't be asked: "),
        (DatabaseUnavailable("the login can't be read"), "the database can't be asked: "),
        (KeysUnavailable("no file"), "the keys of the tokens can't be read: "),
        (Unavailable("a throttle can't count"), "something that the answer depends on is out of reach: "),
    ],
)
def test_the_log_says_what_is_out_of_reach(caplog: pytest.LogCaptureFixture, error: Exception, said: str) -> None:
    outage = outage_of(error)
    assert isinstance(outage, Unavailable)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "authkit"]
    assert line.startswith(said)
    assert str(error) in line
