"""URLs with Django's own page for a change of the password."""

from __future__ import annotations

from django.contrib.auth.views import PasswordChangeView
from django.urls import path

from tests.sessions.urls import urlpatterns as others

urlpatterns = [path("password/", PasswordChangeView.as_view(success_url="/who/")), *others]
