"""Bodies and answers of registration."""

from __future__ import annotations

import json
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework import serializers

from authkit import conf
from authkit.accounts.bodies import AddressField, KeyOrAddressedCodeSerializer, PasswordField
from authkit.accounts.password_rules import PasswordRefused, require_good_password
from authkit.accounts.registration.people import (
    asks_for_username,
    normalised_username,
    username_is_taken,
    username_problem,
)  # fmt: skip
from authkit.accounts.registration.wishes import Wish
from authkit.accounts.settings import AccountsSettings
from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import BodySerializer, HiddenField
from authkit.core.one_time_codes import MAX_KEY_LENGTH
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.serializers import PersonField

MAX_NEXT_LENGTH = 2000
OWN_FIELDS = frozenset({"email", "password", "next", "invitation"})


def checked_username(name: str) -> str:
    """The name as the model stores it.

    Raises:
        ValidationError: it can't be a name here, or it is taken and ACCOUNTS.USERNAMES_ARE_PUBLIC.
    """
    name = normalised_username(name)
    if problem := username_problem(name):
        raise serializers.ValidationError(problem)
    if conf.section(AccountsSettings).usernames_are_public and username_is_taken(name):
        raise serializers.ValidationError(_("This user name is taken. Choose another one."), code="unique")
    return name


class UsernameField(serializers.CharField):
    """A user name; the field of the body is called like the user model's USERNAME_FIELD."""

    def to_internal_value(self, data: Any) -> str:
        return checked_username(super().to_internal_value(data))


class RegisterSerializer(BodySerializer):
    """Name, address and password of a new person. A project's REGISTER_SERIALIZER adds fields of the user model to it.

    The values of such fields wait for the proof of the address as JSON. Dates, times, decimals and UUIDs do so as text.
    """

    email = AddressField()
    password = PasswordField()
    next = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_NEXT_LENGTH, help_text="A path of this site, for the page."
    )
    invitation = HiddenField(
        required=False, max_length=MAX_KEY_LENGTH, write_only=True, help_text="The key of an invitation's link."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        name = get_user_model().USERNAME_FIELD
        mine = {name: UsernameField(max_length=MAX_ADDRESS_LENGTH)} if asks_for_username() else {}
        return {**mine, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Holds the password to the rules, which compare it with the name and the address."""
        try:
            require_good_password(attrs["password"], user=self._unsaved(attrs))
        except PasswordRefused as error:
            raise serializers.ValidationError({"password": error.sentences}) from error
        return attrs

    def wish(self) -> Wish:
        """What was validated, without the password."""
        users, data = get_user_model(), self.validated_data
        more = {key: value for key, value in data.items() if key not in OWN_FIELDS | {users.USERNAME_FIELD}}
        return Wish(
            email=data["email"],
            password="",
            username=data[users.USERNAME_FIELD] if asks_for_username() else "",
            fields=json.loads(json.dumps(more, cls=DjangoJSONEncoder)),
            next=data.get("next", ""),
        )

    def _unsaved(self, attrs: dict[str, Any]) -> Any:
        users: Any = get_user_model()
        known = {users.get_email_field_name(): attrs["email"]}
        known |= {key: value for key, value in attrs.items() if key not in OWN_FIELDS and _is_text_of(users, key)}
        return users(**known)


def _is_text_of(users: Any, name: str) -> bool:
    try:
        return users._meta.get_field(name).get_internal_type() in {"CharField", "EmailField", "TextField"}
    except FieldDoesNotExist:
        return False


def register_serializer() -> type[RegisterSerializer]:
    """ACCOUNTS.REGISTER_SERIALIZER's class."""
    return cast("type[RegisterSerializer]", import_string(conf.section(AccountsSettings).register_serializer))


class RegisterConfirmSerializer(KeyOrAddressedCodeSerializer):
    """`{"key"}` or `{"email", "code"}`; with a user name after 409 `username_taken`."""

    email = serializers.EmailField(required=False, max_length=MAX_ADDRESS_LENGTH)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        name = get_user_model().USERNAME_FIELD
        mine = {name: UsernameField(required=False, max_length=MAX_ADDRESS_LENGTH)} if asks_for_username() else {}
        return {**super().get_fields(), **mine}

    def proof(self) -> dict[str, str]:
        """What was validated, under the argument names of `confirm`."""
        data = self.validated_data
        name = data.get(get_user_model().USERNAME_FIELD, "") if asks_for_username() else ""
        return {"key": data["key"], "code": data["code"], "email": data.get("email", ""), "username": name}


class RegisteredSerializer(AnswerSerializer):
    """The new person, who is not signed in yet."""

    user = PersonField()
