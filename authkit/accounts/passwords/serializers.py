"""Bodies and answers of the password endpoints."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from authkit.accounts.registration.serializers import KeyOrCodeSerializer
from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.credentials import MAX_PASSWORD_LENGTH


class PasswordField(HiddenField):
    """A password, as typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True, **kwargs)


class PasswordChangeSerializer(BodySerializer):
    """The current password, left out by a person who has none, and the new one."""

    current_password = PasswordField(required=False)
    new_password = PasswordField()


class ResetRequestSerializer(BodySerializer):
    """The address of an account."""

    email = serializers.CharField(max_length=MAX_ADDRESS_LENGTH)


class ResetConfirmSerializer(KeyOrCodeSerializer):
    """The key of the mail, or its code with the address, and the new password."""

    email = serializers.CharField(required=False, max_length=MAX_ADDRESS_LENGTH)
    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["code"] and "email" not in attrs:
            raise serializers.ValidationError({"email": _("Send the address with the code.")}, code="required")
        return attrs


class SaidSerializer(AnswerSerializer):
    """A sentence."""

    detail = serializers.CharField(help_text="A sentence that may be shown to people; not stable.")
