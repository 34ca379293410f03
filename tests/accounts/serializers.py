"""What a project may name in ACCOUNTS.REGISTER_SERIALIZER."""

from __future__ import annotations

from rest_framework import serializers

from authkit.accounts.registration.serializers import RegisterSerializer


class WithName(RegisterSerializer):
    """Asks for a first name as well."""

    first_name = serializers.CharField(max_length=150)
