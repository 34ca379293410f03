"""What an answer says of a person and of a login (API.md: `User`, `Login`)."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from django.utils.module_loading import import_string
from rest_framework import serializers

from authkit.logins.models import Login


class UserSerializer(serializers.BaseSerializer[AbstractBaseUser]):
    """`{"id", "username", "email"}` for any user model; a project may name its own in ACCOUNTS.USER_SERIALIZER."""

    def to_representation(self, instance: AbstractBaseUser) -> dict[str, Any]:
        key = instance.pk
        return {
            "id": key if isinstance(key, int) else str(key),
            "username": instance.get_username(),
            "email": getattr(instance, instance.get_email_field_name(), "") or "",
        }


class LoginSerializer(serializers.ModelSerializer[Login]):
    """A login as its owner sees it; `context["current"]` is the one that carries the request."""

    current = serializers.SerializerMethodField()

    class Meta:
        model = Login
        fields = (
            "id", "kind", "method", "device", "ip", "created_at", "last_seen_at", "expires_at", "current",
        )  # fmt: skip
        read_only_fields = fields

    def get_current(self, login: Login) -> bool:
        current = self.context.get("current")
        return current is not None and current.pk == login.pk


def user_payload(user: AbstractBaseUser, *, serializer: str) -> dict[str, Any]:
    """One person, by the serializer at this dotted path."""
    return cast("dict[str, Any]", import_string(serializer)(user).data)


def login_payload(login: Login, *, current: Login | None) -> dict[str, Any]:
    """One login, marked if it is the current one."""
    return cast("dict[str, Any]", LoginSerializer(login, context={"current": current}).data)
