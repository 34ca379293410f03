"""Bodies and answers of the doors for every kind of login."""

from __future__ import annotations

from rest_framework import serializers

from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer
from authkit.signin.serializers import LoginSerializer


class LogoutAllSerializer(BodySerializer):
    """Which logins to end: all, or all but this one."""

    keep_current = serializers.BooleanField(required=False, default=False, help_text="Leave this login alone.")


class EndedSerializer(AnswerSerializer):
    """How many logins were ended."""

    ended = serializers.IntegerField(source="count")


class LoginPageSerializer(AnswerSerializer):
    """A page of logins.

    In the shape of DRF's PageNumberPagination. One serializer renders all rows of `results`.
    """

    count = serializers.IntegerField(help_text="How many there are on all pages.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LoginSerializer(many=True)
