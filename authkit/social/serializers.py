"""Bodies and answers of the doors for programs. Nothing is trimmed: another text is another code."""

from __future__ import annotations

from datetime import UTC

from rest_framework import ISO_8601, serializers

from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.tokens.serializers import TransportField, WantsDeviceField

MAX_ID_TOKEN_LENGTH = 16 * 1024
MIN_NONCE_LENGTH, MAX_NONCE_LENGTH = 16, 512


class ExchangeSerializer(BodySerializer):
    """A code, and what proves that the request for it was this program's."""

    code = HiddenField(trim_whitespace=False)
    code_verifier = HiddenField(trim_whitespace=False)
    redirect_uri = serializers.CharField(trim_whitespace=False)
    transport = TransportField(required=False)
    device = WantsDeviceField()


class NativeTokenSerializer(BodySerializer):
    """What a provider's SDK has given to the program."""

    id_token = HiddenField(trim_whitespace=False, max_length=MAX_ID_TOKEN_LENGTH)
    nonce = serializers.CharField(trim_whitespace=False, min_length=MIN_NONCE_LENGTH, max_length=MAX_NONCE_LENGTH)
    transport = TransportField(required=False)
    device = WantsDeviceField()


class ProviderSerializer(AnswerSerializer):
    """A provider that people may sign in through."""

    id = serializers.CharField()
    name = serializers.CharField(help_text="What a button says.")
    login_url = serializers.CharField(help_text="The path that the button's form posts to, with a CSRF token.")


class ConnectionSerializer(AnswerSerializer):
    """A connected account as its owner sees it."""

    id = serializers.IntegerField()
    provider = serializers.CharField(help_text="The provider's id; perhaps of one that is not configured any more.")
    name = serializers.CharField(help_text="The provider's name.")
    label = serializers.CharField(  # type: ignore[assignment]  # a field of this name, and no label
        help_text="What the account is called there; may be empty."
    )
    created_at = serializers.DateTimeField(format=ISO_8601, default_timezone=UTC)
    can_disconnect = serializers.BooleanField(help_text="Whether there is another way to sign in.")
