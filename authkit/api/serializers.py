"""Request bodies of the doors for every kind of login."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class LogoutAllSerializer(serializers.Serializer[Any]):
    keep_current = serializers.BooleanField(required=False, default=False)
