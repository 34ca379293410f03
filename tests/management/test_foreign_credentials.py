"""The views that authkit can't hold to a login, as the doctor finds them."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from rest_framework.authentication import BaseAuthentication, BasicAuthentication, SessionAuthentication
from rest_framework.decorators import action, api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter, SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from authkit.management.foreign_credentials import passing_by
from authkit.tokens.authentication import TokenAuthentication
from tests.management.test_doctor import report, section

BASIC = "rest_framework.authentication.BasicAuthentication"
OWN = f"{__name__}.OwnKeys"


class OwnKeys(BaseAuthentication):
    """A project's own."""


class OurOwn(TokenAuthentication):
    """Derived from authkit's."""


class Held(APIView):
    authentication_classes = [OurOwn, SessionAuthentication]


class Public(APIView):
    authentication_classes = []


class Foreign(APIView):
    authentication_classes = [TokenAuthentication, OwnKeys]


class Chooses(APIView):
    def get_authenticators(self) -> list[BaseAuthentication]:
        return [OwnKeys()]


class Things(ViewSet):
    def list(self, request: Request) -> Response:
        return Response()

    @action(detail=False, authentication_classes=[OwnKeys])
    def special(self, request: Request) -> Response:
        return Response()


class Notes(ViewSet):
    authentication_classes = [BasicAuthentication]

    def list(self, request: Request) -> Response:
        return Response()

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response()


@api_view()
@authentication_classes([BasicAuthentication])
def by_function(request: Request) -> Response:
    return Response()


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def decorated(view: Any) -> Any:
    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


router = SimpleRouter()
router.register("things", Things, basename="thing")

urlpatterns: list[Any] = [
    path("auth/", include("authkit.urls")),
    path("held/", Held.as_view()),
    path("public/", Public.as_view()),
    path("plain/", plain),
    path("foreign/", decorated(Foreign.as_view())),
    path("mounted/", Held.as_view(authentication_classes=[BasicAuthentication])),
    path("chooses/", Chooses.as_view()),
    path("nested/<int:pk>/", include(([re_path("^function$", by_function), *router.urls], "nested"))),
]


@override_settings(ROOT_URLCONF=__name__)
def test_views_are_found_wherever_they_are_mounted_and_however_they_are_written() -> None:
    assert passing_by() == {
        OWN: ["/foreign/", "/nested/<int:pk>/things/special/"],
        BASIC: ["/mounted/", "/nested/<int:pk>/function"],
        f"{__name__}.Chooses.get_authenticators": ["/chooses/"],
    }


def test_paths_of_routers_read_as_paths_and_not_as_regular_expressions() -> None:
    notes = DefaultRouter()
    notes.register("notes", Notes, basename="note")
    with override_settings(ROOT_URLCONF=(path("api/", include(notes.urls)),)):
        assert passing_by()[BASIC] == [
            "/api/notes/",
            "/api/notes.<format>/",
            "/api/notes/<pk>/",
            "/api/notes/<pk>.<format>/",
        ]
    with override_settings(ROOT_URLCONF=(path("", Notes.as_view({"get": "list"})),)):
        assert passing_by() == {BASIC: ["/"]}


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_doctor_names_them_and_finds_no_fault_in_it() -> None:
    printed, ended = report()
    said = section(printed, "API views")
    assert f"note: {OWN}: what it accepts outlives a forced logout (/foreign/, /nested/" in said
    assert ended is None


@pytest.mark.django_db
def test_doctor_has_nothing_to_say_of_a_project_whose_views_are_held() -> None:
    assert section(report()[0], "API views") == "none accepts a credential that outlives a forced logout"


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="no.such.urls")
def test_urls_that_can_not_be_imported_are_a_fault() -> None:
    printed, ended = report()
    assert "fault: can't be looked at" in section(printed, "API views")
    assert ended is not None


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_many_routes_are_counted() -> None:
    urlpatterns.extend(path(f"more/{number}/", Foreign.as_view()) for number in range(5))
    try:
        with override_settings(ROOT_URLCONF=__name__):
            assert "/more/2/ and 2 more" in section(report()[0], "API views")
    finally:
        del urlpatterns[-5:]
