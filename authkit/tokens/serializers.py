"""Request bodies of the token endpoints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from authkit.logins.serializers import CredentialsSerializer


class ObtainSerializer(CredentialsSerializer):
    transport = serializers.CharField(required=False)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField()


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
