"""URLs of the suite: authkit as a project mounts it, the admin, and one view that tells who is asking."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class ProbeView(APIView):
    """Answers the caller's primary key, by whatever REST_FRAMEWORK's default authentication accepts."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        """Answer 200 ``{"pk": str}``, or 401."""
        return Response({"pk": str(request.user.pk)})

    def post(self, request: Request) -> Response:
        """Answer what GET does: an unsafe method, for the tests of CSRF."""
        return self.get(request)


urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("", include("authkit.oauth.urls.well_known")),
    path("api/token/", include("authkit.tokens.simplejwt.urls")),
    path("admin/", admin.site.urls),
    path("probe/", ProbeView.as_view(), name="probe"),
]
