"""What an answer says of a person and of a login (API.md: `User`, `Login`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils.module_loading import import_string
from rest_framework import serializers

from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.logins.models import Login
from authkit.signin.credentials import MAX_PASSWORD_LENGTH


class CredentialsSerializer(BodySerializer):
    """Identifier and password. The identifier's field is called like the user model's USERNAME_FIELD."""

    password = HiddenField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {get_user_model().USERNAME_FIELD: serializers.CharField(max_length=254), **super().get_fields()}

    def credentials(self) -> dict[str, str]:
        """The validated pair, under the argument names of `verify_password`."""
        return self.credentials_in(self.validated_data)

    @staticmethod
    def credentials_in(data: Mapping[str, Any]) -> dict[str, str]:
        """The same of these values, for a serializer that verifies them in its own `validate()`."""
        return {"username": data[get_user_model().USERNAME_FIELD], "password": data["password"]}


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
    """A login as its owner sees it; `context["current"]` is the one that carries the request.

    `impersonated_by` is there only for a login that another person opened: their name, or null if they are deleted.
    """

    last_seen_at = serializers.DateTimeField(source="shown_last_seen_at", read_only=True)
    expires_at = serializers.DateTimeField(source="shown_expires_at", read_only=True)
    current = serializers.SerializerMethodField()

    class Meta:
        model = Login
        fields = (
            "id", "kind", "method", "device", "ip", "created_at", "last_seen_at", "expires_at", "current",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Login) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.parent_id is not None:
            shown["impersonated_by"] = None if instance.actor is None else instance.actor.get_username()
        return shown

    def get_current(self, login: Login) -> bool:
        current = self.context.get("current")
        return current is not None and current.pk == login.pk


def user_payload(user: AbstractBaseUser, *, serializer: str) -> dict[str, Any]:
    """One person, by the serializer at this dotted path."""
    return cast("dict[str, Any]", import_string(serializer)(user).data)


def login_payload(login: Login, *, current: Login | None) -> dict[str, Any]:
    """One login, marked if it is the current one."""
    [payload] = login_payloads([login], current=current)
    return payload


def login_payloads(logins: Iterable[Login], *, current: Login | None) -> list[dict[str, Any]]:
    """Several logins in the order given, the current one marked.

    One serializer for all of them: building one takes ten times as long as rendering a row.
    """
    serializer = LoginSerializer(context={"current": current})
    return [serializer.to_representation(login) for login in logins]
