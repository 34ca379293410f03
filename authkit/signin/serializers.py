"""The serializers of a person and of a login in answers (docs/http.md: `User`, `Login`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils.module_loading import import_string
from rest_framework import ISO_8601, serializers

from authkit import conf
from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.logins.models import Login
from authkit.signin.challenges.base import MAX_RESPONSE_LENGTH
from authkit.signin.credentials import MAX_PASSWORD_LENGTH


class CredentialsSerializer(BodySerializer):
    """Identifier and password. The identifier's field is called like the user model's USERNAME_FIELD."""

    password = HiddenField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)
    challenge_response = HiddenField(
        required=False,
        max_length=MAX_RESPONSE_LENGTH,
        write_only=True,
        help_text="The response to the `challenge` of a refusal.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {get_user_model().USERNAME_FIELD: serializers.CharField(max_length=254), **super().get_fields()}

    def credentials(self) -> dict[str, str]:
        """What was validated, under the argument names of `verify_password`."""
        return self.credentials_in(self.validated_data)

    @staticmethod
    def credentials_in(data: Mapping[str, Any]) -> dict[str, str]:
        """The same of these values, for a serializer that verifies them in its own `validate()`."""
        return {
            "username": data[get_user_model().USERNAME_FIELD],
            "password": data["password"],
            "challenge_response": data.get("challenge_response", ""),
        }


class UserSerializer(serializers.BaseSerializer[AbstractBaseUser]):
    """`{"id", "username", "email"}` for any user model; a project may name its own in LOGIN.USER_SERIALIZER."""

    def to_representation(self, instance: AbstractBaseUser) -> dict[str, Any]:
        key = instance.pk
        return {
            "id": key if isinstance(key, int) else str(key),
            "username": instance.get_username(),
            "email": getattr(instance, instance.get_email_field_name(), "") or "",
        }


class PersonField(serializers.Field[Any, Any, Any, Any]):
    """A person, by the project's LOGIN.USER_SERIALIZER; read at use."""

    def to_representation(self, value: AbstractBaseUser) -> Any:
        return person_serializer()(value).data


def person_serializer() -> type[serializers.BaseSerializer[Any]]:
    """LOGIN.USER_SERIALIZER's class."""
    return cast("type[serializers.BaseSerializer[Any]]", import_string(conf.current().login.user_serializer))


class LoginKindField(serializers.CharField):
    """`Login.kind`."""


class ImpersonatorField(serializers.CharField):
    """The name of the person who opened the login for another one; null if they are deleted. Other logins lack it."""

    def get_attribute(self, instance: Login) -> str | None:
        if instance.parent_id is None:
            raise serializers.SkipField
        return None if instance.actor is None else instance.actor.get_username()


class LoginSerializer(AnswerSerializer):
    """A login as its owner sees it.

    `context["current"]` is the one that carries the request. A plain serializer, because a ModelSerializer asks the
    model for its fields each time that one is made. A time's form is part of the contract, so the project's
    DATETIME_FORMAT does not count here.
    """

    id = serializers.UUIDField()
    kind = LoginKindField()
    method = serializers.CharField(help_text='"password", or the id of a provider or of a project\'s own door.')
    device = serializers.CharField(help_text='Such as "Firefox on Linux".')
    ip = serializers.IPAddressField(allow_null=True)
    created_at = serializers.DateTimeField(format=ISO_8601)
    last_seen_at = serializers.DateTimeField(source="shown_last_seen_at", format=ISO_8601)
    expires_at = serializers.DateTimeField(source="shown_expires_at", format=ISO_8601)
    current = serializers.SerializerMethodField(help_text="Whether the request came by this login.")
    impersonated_by = ImpersonatorField(required=False, allow_null=True)

    def get_current(self, login: Login) -> bool:
        current = self.context.get("current")
        return current is not None and current.pk == login.pk


class SignedInSerializer(AnswerSerializer):
    """A person and their login.

    `context["current"]` is the login that carries the request.
    """

    user = PersonField()
    login = LoginSerializer()


class CurrentSerializer(SignedInSerializer):
    """The caller and their login, if the credential names one."""

    login = LoginSerializer(allow_null=True)


class ReauthSerializer(BodySerializer):
    """How the person shows once more who they are."""

    password = HiddenField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)


class FreshnessSerializer(AnswerSerializer):
    """How long ago the person showed who they are, and how they can do so once more."""

    fresh = serializers.BooleanField(help_text="Whether that is at most LOGIN.REAUTH_AGE ago.")
    age = serializers.IntegerField(
        allow_null=True, help_text="Seconds; null for a credential that no login of authkit's carries."
    )
    methods = serializers.ListField(
        child=serializers.CharField(), help_text='Such as "password" and "provider:google".'
    )


class ReauthAnswerSerializer(FreshnessSerializer):
    """The same by session, or a token answer in the transport of the access token."""
