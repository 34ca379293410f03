"""Bodies and answers of the session endpoints."""

from __future__ import annotations

from rest_framework import serializers

from authkit.core.answers import AnswerSerializer
from authkit.signin.serializers import CredentialsSerializer, LoginSerializer, PersonField


class SessionLoginSerializer(CredentialsSerializer):
    """Identifier and password, for a session."""

    remember = serializers.BooleanField(required=False, default=False, help_text="A session that lasts longer.")


class SessionSerializer(AnswerSerializer):
    """The person who is signed in, if any.

    `context["current"]` is the login that carries the request.
    """

    authenticated = serializers.BooleanField()
    user = PersonField(allow_null=True)
    login = LoginSerializer(allow_null=True)
    csrf_token = serializers.CharField(help_text="For the header X-CSRFToken of unsafe requests.")
