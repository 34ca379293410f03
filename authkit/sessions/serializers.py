"""Request bodies of the session endpoints."""

from __future__ import annotations

from rest_framework import serializers

from authkit.signin.serializers import CredentialsSerializer


class SessionLoginSerializer(CredentialsSerializer):
    remember = serializers.BooleanField(required=False, default=False)
