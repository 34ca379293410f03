"""Bodies and answers of keys."""

from __future__ import annotations

from typing import Any

from rest_framework import ISO_8601, serializers

from authkit.apikeys.models import MAX_NAME_LENGTH
from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import NOT_A_LIST, BodySerializer, HiddenField

MOST_SCOPES, MOST_NETWORKS = 100, 50
MOST_SECONDS = 3660 * 86_400
MAX_URL_LENGTH = 2048


class _Texts(serializers.ListField):
    def __init__(self, *, most: int, help_text: str, required: bool = True, allow_empty: bool = True) -> None:
        super().__init__(
            child=serializers.CharField(max_length=255),
            max_length=most,
            required=required,
            allow_empty=allow_empty,
            help_text=help_text,
            error_messages=NOT_A_LIST,
        )

    def run_child_validation(self, data: Any) -> list[Any]:
        """The values. The first wrong one is the field's error; DRF's own answer has a dict of places there."""
        return [self.child.run_validation(item) for item in data]


class MakeKeySerializer(BodySerializer):
    """A new key."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, help_text="For people.")
    scopes: Any = _Texts(most=MOST_SCOPES, help_text="Names of scopes.")
    expires_in = serializers.IntegerField(
        min_value=60, max_value=MOST_SECONDS, help_text="Seconds; at most API_KEYS.MAX_AGE."
    )
    networks: Any = _Texts(
        most=MOST_NETWORKS, required=False, help_text="Networks in CIDR notation, outside of which it is refused."
    )


class ChangeKeySerializer(BodySerializer):
    """The parts of a key that are to be other ones."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False)
    scopes: Any = _Texts(most=MOST_SCOPES, required=False, help_text="The scopes that it keeps.")
    networks: Any = _Texts(most=MOST_NETWORKS, required=False, help_text="Networks; an empty list for all.")
    expires_at = serializers.DateTimeField(required=False, help_text="An earlier end.")


class RotateKeySerializer(BodySerializer):
    """How long the old key goes on."""

    overlap = serializers.IntegerField(min_value=0, max_value=30 * 86_400, help_text="Seconds; at most 30 days.")


class NamesField(serializers.ListField):
    child = serializers.CharField()


class ApiKeySerializer(AnswerSerializer):
    """A key as its owner sees it."""

    id = serializers.UUIDField(source="login_id")
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The beginning of the key's text.")
    scopes = NamesField(source="scope_names")
    networks = NamesField(source="network_texts", help_text="Empty for all.")
    created_at = serializers.DateTimeField(source="login.created_at", format=ISO_8601)
    expires_at = serializers.DateTimeField(source="login.expires_at", format=ISO_8601)
    last_used_at = serializers.DateTimeField(format=ISO_8601, allow_null=True, help_text="To the minute.")
    last_ip = serializers.IPAddressField(allow_null=True)
    successor = serializers.UUIDField(source="successor_id", allow_null=True)


class MadeApiKeySerializer(AnswerSerializer):
    """A new key, with its text. No later answer has that."""

    key = serializers.CharField(source="text", help_text="The key's text, once.")
    id = serializers.UUIDField(source="key.login_id")
    name = serializers.CharField(source="key.name")
    prefix = serializers.CharField(source="key.prefix")
    scopes = NamesField(source="key.scope_names")
    networks = NamesField(source="key.network_texts")
    created_at = serializers.DateTimeField(source="key.login.created_at", format=ISO_8601)
    expires_at = serializers.DateTimeField(source="key.login.expires_at", format=ISO_8601)


class RemarkField(serializers.CharField):
    """A remark of a scanner beside the token. It is cleaned and cut, and never refused: the publisher of a key chooses
    the address at which it is found, and an odd one must not keep the keys of the whole report alive."""

    def __init__(self, *, most: int) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True)
        self._most = most

    def run_validation(self, data: Any = "") -> str:
        return "".join(filter(str.isprintable, data if isinstance(data, str) else ""))[: self._most]


class FindingSerializer(BodySerializer):
    """A finding of a secret scanner."""

    token = HiddenField(max_length=512)
    type = RemarkField(most=255)
    url = RemarkField(most=MAX_URL_LENGTH)
    source: Any = RemarkField(most=255)  # hides DRF's attribute of this name


class JudgedSerializer(AnswerSerializer):
    """What became of a finding."""

    token_hash = serializers.CharField(help_text="SHA-256 of its text, in base64.")
    token_type = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # as above
        help_text='"true_positive" for a key of this site.'
    )
