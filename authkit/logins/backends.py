"""The authentication backend that sessions opened by authkit name."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend


class LoginBackend(BaseBackend):
    """Verifies nobody and grants nothing: it is named by sessions whose person another party vouched for.

    Django keeps a backend's path in each session and asks that backend for the person. One constant entry in
    AUTHENTICATION_BACKENDS serves every social provider, so none of them has to be listed there.
    """

    def get_user(self, user_id: Any) -> Any:
        user = get_user_model()._default_manager.filter(pk=user_id).first()
        return user if user is not None and user.is_active else None
