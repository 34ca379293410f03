"""Bodies and answers of the token endpoints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from authkit.core.answers import AnswerSerializer, rendered
from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.signin.serializers import CredentialsSerializer, PersonField
from authkit.tokens.pairs import TokenPair
from authkit.tokens.transports import Transport


class TransportField(serializers.CharField):
    """A transport's name; whether it is allowed here is asked by `transports.choose_transport`."""


class WantsDeviceField(serializers.BooleanField):
    """Whether a program that keeps its tokens by itself wants to be a known device. A browser gets a cookie unasked."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Answer a `device`, for the header X-Authkit-Device.")
        super().__init__(required=False, default=False, **kwargs)


class DeviceField(serializers.CharField):
    """The value of a known device; left out for a program that did not ask for it."""

    def get_attribute(self, instance: TokenPair) -> str:
        if instance.device is None:
            raise serializers.SkipField
        return instance.device


class ObtainSerializer(CredentialsSerializer):
    """Identifier and password, for a token pair."""

    transport = TransportField(required=False)
    device = WantsDeviceField()


class RefreshSerializer(BodySerializer):
    """A refresh token."""

    refresh = HiddenField()


class TokenSerializer(BodySerializer):
    """A token."""

    token = HiddenField()


class TokenTypeField(serializers.CharField):
    """`token_type` of RFC 6749 section 5.1."""

    def get_attribute(self, instance: TokenPair) -> str:
        return "Bearer"


class TokenAnswerSerializer(AnswerSerializer):
    """A token answer, by the pair's transport (RFC 6749 section 5.1, under the names that simplejwt clients know).

    The fields of TOKENS.ANSWER_FIELDS are in all of them, and replace none of these fields.
    """

    expires_in = serializers.IntegerField(help_text="Seconds that the access token is still good for.")

    def to_representation(self, instance: TokenPair) -> dict[str, Any]:
        chosen = TRANSPORT_SERIALIZERS[instance.transport]
        shown = super().to_representation(instance) if isinstance(self, chosen) else rendered(chosen, instance)
        return {**shown, **instance.answer_fields}


class CookieTokensSerializer(TokenAnswerSerializer):
    """Transport `cookie`: both tokens are in cookies, and no script sees one."""

    user = PersonField()


class HybridTokensSerializer(TokenAnswerSerializer):
    """Transport `hybrid`: the refresh token is in a cookie."""

    access = serializers.CharField(help_text="For the header `Authorization: Bearer …`.")
    token_type = TokenTypeField(help_text='Always "Bearer".')


class BodyTokensSerializer(HybridTokensSerializer):
    """Transport `body`: for programs that can keep a secret."""

    refresh = serializers.CharField(help_text="For one refresh, whose answer brings the next one.")
    device = DeviceField(required=False, help_text="Where it was asked for: for the header X-Authkit-Device.")


TRANSPORT_SERIALIZERS: dict[Transport, type[TokenAnswerSerializer]] = {
    Transport.BODY: BodyTokensSerializer,
    Transport.HYBRID: HybridTokensSerializer,
    Transport.COOKIE: CookieTokensSerializer,
}


class KeySerializer(AnswerSerializer):
    """A public key (RFC 7517, section 4). Which of the last members are there depends on `kty`."""

    kty = serializers.CharField()
    use = serializers.CharField()
    alg = serializers.CharField()
    kid = serializers.CharField()
    n = serializers.CharField(required=False)
    e = serializers.CharField(required=False)
    crv = serializers.CharField(required=False)
    x = serializers.CharField(required=False)
    y = serializers.CharField(required=False)


class KeySetSerializer(AnswerSerializer):
    """A JWK Set (RFC 7517 section 5)."""

    keys = KeySerializer(many=True)
