"""Bodies and answers of the doors for every kind of login."""

from __future__ import annotations

from rest_framework import ISO_8601, serializers

from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer
from authkit.signin.devices import KnownDevice
from authkit.signin.serializers import LoginSerializer


class LogoutAllSerializer(BodySerializer):
    """Which logins to end: all, or all but this one."""

    keep_current = serializers.BooleanField(required=False, default=False, help_text="Leave this login alone.")


class EndedSerializer(AnswerSerializer):
    """How many logins were ended."""

    ended = serializers.IntegerField(source="count")
    keys = serializers.IntegerField(help_text="How many API keys of the caller stay.")


class LoginPageSerializer(AnswerSerializer):
    """A page of logins.

    In the shape of DRF's PageNumberPagination. One serializer renders all rows of `results`.
    """

    count = serializers.IntegerField(help_text="How many there are on all pages.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LoginSerializer(many=True)


class DeviceSerializer(AnswerSerializer):
    """A known device, as its owner sees it.

    `context["current"]` is the digest of the value that came with the request.
    """

    id = serializers.UUIDField()
    label = serializers.CharField(  # type: ignore[assignment]  # a field of this name, and no label
        help_text='Such as "Firefox on Linux".'
    )
    ip = serializers.IPAddressField(allow_null=True, help_text="The address of the last sign-in.")
    created_at = serializers.DateTimeField(format=ISO_8601)
    last_seen_at = serializers.DateTimeField(format=ISO_8601, help_text="When the caller last signed in from it.")
    trusted_until = serializers.DateTimeField(format=ISO_8601, allow_null=True)
    current = serializers.SerializerMethodField(help_text="Whether the request came from it.")

    def get_current(self, device: KnownDevice) -> bool:
        return device.digest == self.context.get("current")
