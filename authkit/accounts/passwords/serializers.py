"""Bodies and answers of the password endpoints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from authkit.accounts.forms import MAX_KEY_LENGTH
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


class ResetConfirmSerializer(BodySerializer):
    """The key of the mail, and the new password."""

    key = HiddenField(max_length=MAX_KEY_LENGTH, write_only=True)
    new_password = PasswordField()


class SaidSerializer(AnswerSerializer):
    """A sentence."""

    detail = serializers.CharField(help_text="A sentence that may be shown to people; not stable.")
