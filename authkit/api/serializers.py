"""Bodies and answers of the doors for every kind of login."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from authkit.core.answers import AnswerSerializer
from authkit.signin.serializers import LoginSerializer


class LogoutAllSerializer(serializers.Serializer[Any]):
    keep_current = serializers.BooleanField(required=False, default=False, help_text="Leave this login alone.")


class EndedSerializer(AnswerSerializer):
    ended = serializers.IntegerField(source="count", help_text="How many logins were ended.")


class LoginPageSerializer(AnswerSerializer):
    """A page of logins, as DRF's PageNumberPagination answers it. One serializer renders all rows of `results`."""

    count = serializers.IntegerField(help_text="How many there are on all pages.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LoginSerializer(many=True)
