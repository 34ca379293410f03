"""Request bodies of the token endpoints."""

from __future__ import annotations

from rest_framework import serializers

from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.signin.serializers import CredentialsSerializer


class ObtainSerializer(CredentialsSerializer):
    transport = serializers.CharField(required=False)


class RefreshSerializer(BodySerializer):
    refresh = HiddenField()


class TokenSerializer(BodySerializer):
    token = HiddenField()
