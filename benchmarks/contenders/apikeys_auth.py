"""The authentication class that djangorestframework-api-key leaves to the project."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_api_key.models import APIKey
from rest_framework_api_key.permissions import KeyParser


class KeyAuthentication(BaseAuthentication):
    """Looks the key up by the product's own manager, and reads the person that its row names."""

    def authenticate(self, request: Any) -> Any:
        key = KeyParser().get(getattr(request, "_request", request))
        if not key:
            return None
        try:
            row = APIKey.objects.get_from_key(key)
        except APIKey.DoesNotExist as error:
            raise AuthenticationFailed from error
        if row.has_expired:
            raise AuthenticationFailed
        return get_user_model()._default_manager.get(pk=row.name), row

    def authenticate_header(self, request: Any) -> str:
        return "Api-Key"
