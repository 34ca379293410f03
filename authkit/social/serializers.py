"""Request bodies of the doors for programs. Nothing is trimmed: another text is another code."""

from __future__ import annotations

from rest_framework import serializers

from authkit.core.credential_fields import BodySerializer, HiddenField

MAX_ID_TOKEN_LENGTH = 16 * 1024
MIN_NONCE_LENGTH, MAX_NONCE_LENGTH = 16, 512


class ExchangeSerializer(BodySerializer):
    code = HiddenField(trim_whitespace=False)
    code_verifier = HiddenField(trim_whitespace=False)
    redirect_uri = serializers.CharField(trim_whitespace=False)
    transport = serializers.CharField(required=False)


class NativeTokenSerializer(BodySerializer):
    id_token = HiddenField(trim_whitespace=False, max_length=MAX_ID_TOKEN_LENGTH)
    nonce = serializers.CharField(trim_whitespace=False, min_length=MIN_NONCE_LENGTH, max_length=MAX_NONCE_LENGTH)
    transport = serializers.CharField(required=False)
