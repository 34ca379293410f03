"""URLs with the two packages for impersonation that projects use, as their documentation mounts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model, login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from loginas.views import user_logout
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.signin.step_up import RequireRecent
from tests.sessions.urls import urlpatterns as others


def become(request: HttpRequest, name: str) -> HttpResponse:
    """A view of the project's own, for administrators, and for those who are one in truth."""
    users = get_user_model()
    assert request.user.is_authenticated
    person = users._default_manager.get_by_natural_key(name)  # type: ignore[attr-defined]
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("become")


def back_unasked(request: HttpRequest, name: str) -> HttpResponse:
    """A way back that doesn't look at who is here."""
    person = get_user_model()._default_manager.get_by_natural_key(name)  # type: ignore[attr-defined]
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("back")


class Recent(APIView):
    permission_classes: tuple[type[BasePermission], ...] = (RequireRecent,)

    max_login_age = timedelta(hours=1)

    def get(self, request: Request) -> Response:
        return Response({})


class ShowsAnother:
    """Gives the request another person and leaves the session as it is, as django-impersonate's middleware does."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        if request.user.is_authenticated and (shown := request.headers.get("X-Shown")):
            request.user = get_user_model()._default_manager.get(pk=shown)
        return self.get_response(request)


urlpatterns = [
    path("hijack/", include("hijack.urls")),
    path("admin/", include("loginas.urls")),
    path("loginas-out/", user_logout),
    path("become/<name>/", become),
    path("back-unasked/<name>/", back_unasked),
    path("recent/", Recent.as_view()),
    path("django-login/", LoginView.as_view()),
    *others,
]
