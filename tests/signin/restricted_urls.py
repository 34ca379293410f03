"""A project's views as it writes them by itself: some of Django's, some of DRF's, one for every visitor."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import include, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.urls import ProbeView


@login_required
def account(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the project's")


def greeting(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"hello {request.user}")


def for_visitors(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for every visitor")


async def slow(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"hello {await request.auser()}")


class ByDjango(APIView):
    """By DRF's own session authentication, which knows nothing of authkit."""

    authentication_classes = (SessionAuthentication,)

    def get(self, request: Any) -> Response:
        return Response({"name": str(request.user)})


class Late(SimpleTemplateResponse):
    """Asks for the user when it is rendered."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("unused")
        self._asked = request

    @property
    def rendered_content(self) -> str:
        return f"hello {self._asked.user}"


def late(request: HttpRequest) -> HttpResponse:
    return Late(request)


urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("admin/", admin.site.urls),
    path("probe/", ProbeView.as_view()),
    path("account/", account),
    path("greeting/", greeting),
    path("visitors/", for_visitors),
    path("slow/", slow),
    path("late/", late),
    path("by-django/", ByDjango.as_view()),
]


class AsksEarly:
    """A middleware that wants to know the user before the view is found."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        str(request.user)
        return self.get_response(request)


class AsksLate(AsksEarly):
    """And one that wants to know once the view has answered."""

    def __call__(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        str(request.user)
        return response
