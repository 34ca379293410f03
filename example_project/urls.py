"""URLs of the example."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from example_project.notes.views import App, Home, NoteViewSet

router = SimpleRouter()
router.register("notes", NoteViewSet, basename="note")

urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("app/", App.as_view(), name="app"),
    path("auth/", include("authkit.urls")),
    path("", include("authkit.oauth.urls.well_known")),
    path("api/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("notes/icon.svg"))),  # for the admin, which names none
]
