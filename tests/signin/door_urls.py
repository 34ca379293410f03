"""Doors of other code: Django's admin, DRF's BasicAuthentication and `obtain_auth_token`, and views that call Django's
`authenticate()` by themselves."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import aauthenticate, authenticate, get_user_model
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from tests.urls import urlpatterns as suite


class BasicView(APIView):
    """For programs with a password."""

    authentication_classes = (BasicAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"pk": str(request.user.pk)})

    def post(self, request: Request) -> Response:
        raise serializers.ValidationError("an error of the view's own")


class FivePerDay(SimpleRateThrottle):
    """A throttle of the project's."""

    rate = "5/day"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle-of-{view.__class__.__name__}"


class ObtainToken(APIView):
    """As DRF's `obtain_auth_token`, whose tokens need an app of their own: the same serializer, which calls
    `authenticate()` and opens no session."""

    def post(self, request: Request) -> Response:
        from rest_framework.authtoken.serializers import AuthTokenSerializer

        body = AuthTokenSerializer(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        return Response({"token": "of its own"})


class ThrottledObtainToken(ObtainToken):
    throttle_classes = (FivePerDay,)


def _credentials(request: HttpRequest) -> dict[str, str]:
    sent = json.loads(request.body) if request.content_type == "application/json" else request.POST
    return {get_user_model().USERNAME_FIELD: sent["name"], "password": sent["password"]}


@csrf_exempt
def own(request: HttpRequest) -> HttpResponse:
    """A view that asks for the password again, and opens nothing."""
    return JsonResponse({"right": authenticate(request, **_credentials(request)) is not None})


@csrf_exempt
def without_request(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"right": authenticate(**_credentials(request)) is not None})


@csrf_exempt
async def own_async(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"right": await aauthenticate(request, **_credentials(request)) is not None})


urlpatterns = [
    *suite,
    path("basic/", BasicView.as_view()),
    path("obtain/", ObtainToken.as_view()),
    path("throttled/", ThrottledObtainToken.as_view()),
    path("own/", own),
    path("without-request/", without_request),
    path("own-async/", own_async),
    path("accounts/login/", LoginView.as_view(template_name="authkit/logged_out.html", next_page="/auth/account/")),
]
