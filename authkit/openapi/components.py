"""Our serializers as components, under names that a project's own serializers don't have."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import IntegerField
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension

from authkit.logins.models import Login
from authkit.signin.serializers import FreshnessSerializer, ReauthAnswerSerializer, person_serializer
from authkit.tokens.serializers import TRANSPORT_SERIALIZERS, TokenAnswerSerializer
from authkit.tokens.transports import allowed_transports

_PREFIX = "AuthKit"


class _Ours(OpenApiSerializerExtension):
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str | None:
        cls = type(self.target)
        # A project's subclass is named as its other serializers are.
        return _PREFIX + cls.__name__.removesuffix("Serializer") if _is_ours(cls) else None

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if _is_ours(type(self.target)):
            # The first paragraph is for the reader of an API, the rest for the reader of the code.
            schema["description"] = cleandoc(type(self.target).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        return schema


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("authkit.")


class Answers(_Ours):
    target_class = "authkit.core.answers.AnswerSerializer"


class Bodies(_Ours):
    target_class = "authkit.core.credential_fields.BodySerializer"


class Empty(_Ours):
    target_class = "authkit.core.answers.EmptySerializer"
    match_subclasses = False
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        # drf-spectacular leaves a component without properties out, unless it says that there are none.
        return {"type": "object", "additionalProperties": False, "description": "Nothing to say."}


class TokenAnswer(_Ours):
    """A token answer: by one of the transports that this project allows."""

    target_class = "authkit.tokens.serializers.TokenAnswerSerializer"
    match_subclasses = False
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        chosen = [TRANSPORT_SERIALIZERS[transport] for transport in allowed_transports()]
        # "any" and not "one": what TOKENS.ANSWER_FIELDS adds makes more than one of them fit.
        return {"anyOf": [auto_schema.resolve_serializer(serializer, direction).ref for serializer in chosen]}


class ReauthAnswer(_Ours):
    """The answer to a step-up: by session, or a token answer."""

    target_class = "authkit.signin.serializers.ReauthAnswerSerializer"
    match_subclasses = False
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        forms = (FreshnessSerializer, TokenAnswerSerializer)
        return {"anyOf": [auto_schema.resolve_serializer(serializer, direction).ref for serializer in forms]}


class PasswordChanged(_Ours):
    """The answer to a new password: the same, and how many API keys stay."""

    target_class = "authkit.accounts.passwords.serializers.PasswordChangedSerializer"
    match_subclasses = False
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        forms = auto_schema.resolve_serializer(ReauthAnswerSerializer, direction).ref
        keys = {"type": "integer", "description": "How many API keys of the caller stay."}
        return {"allOf": [forms, {"type": "object", "properties": {"keys": keys}, "required": ["keys"]}]}


class Person(_Ours):
    """`UserSerializer`, which declares no fields; a project's subclass may answer more."""

    target_class = "authkit.signin.serializers.UserSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        key: Any = get_user_model()._meta.pk
        while key.remote_field is not None:
            key = key.target_field
        properties = {
            "id": {"type": "integer" if isinstance(key, IntegerField) else "string"},
            "username": {"type": "string"},
            "email": {"type": "string", "description": "Empty where there is none."},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}


class PersonByTheProject(OpenApiSerializerFieldExtension):
    """A person, by LOGIN.USER_SERIALIZER."""

    target_class = "authkit.signin.serializers.PersonField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        component = auto_schema.resolve_serializer(person_serializer(), direction)
        return component.ref if component else {"type": "object"}


class _Choice(OpenApiSerializerFieldExtension):
    # A component of its own: drf-spectacular gives choices that stand beside other fields a name by the field's, and
    # warns where a project has a field of that name with other choices.
    def get_name(self) -> str:
        return _PREFIX + type(self).__name__


class LoginKind(_Choice):
    target_class = "authkit.signin.serializers.LoginKindField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        choices: Any = Login._meta.get_field("kind")
        return {"type": "string", "enum": [value for value, _label in choices.flatchoices]}


class Transport(_Choice):
    target_class = "authkit.tokens.serializers.TransportField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        names = [transport.value for transport in allowed_transports()]
        return {"type": "string", "enum": names, "description": f"How the tokens travel; `{names[0]}` unless given."}
