"""Bodies and answers of the password endpoints."""

from __future__ import annotations

from rest_framework import serializers

from authkit.accounts.bodies import KeyOrAddressedCodeSerializer, PasswordField
from authkit.core.credential_fields import BodySerializer
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.serializers import ReauthAnswerSerializer


class PasswordChangeSerializer(BodySerializer):
    """The current password, left out by a person who has none, and the new one."""

    current_password = PasswordField(required=False)
    new_password = PasswordField()


class PasswordChangedSerializer(ReauthAnswerSerializer):
    """How fresh the login is, or a token answer; and how many API keys stay."""

    keys = serializers.IntegerField(help_text="How many API keys of the caller stay.")


class ResetRequestSerializer(BodySerializer):
    """The address of an account."""

    email = serializers.CharField(max_length=MAX_ADDRESS_LENGTH)


class ResetConfirmSerializer(KeyOrAddressedCodeSerializer):
    """The key of the mail, or its code with the address, and the new password."""

    new_password = PasswordField()
