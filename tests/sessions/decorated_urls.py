"""One view more, beside the tests that need it."""

from __future__ import annotations

from django.urls import path

from tests.sessions.test_middleware import decorated

urlpatterns = [path("decorated/", decorated)]
