"""Bodies and answers that several endpoints of this feature have."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.answers import AnswerSerializer, rendered
from authkit.core.credential_fields import BodySerializer, HiddenField, validated
from authkit.core.hidden import Hidden
from authkit.core.mailboxes import canonical, domain_of
from authkit.core.one_time_codes import MAX_KEY_LENGTH
from authkit.core.typed_codes import MAX_CODE_LENGTH
from authkit.signin.addresses import MAX_ADDRESS_LENGTH
from authkit.signin.credentials import MAX_PASSWORD_LENGTH


class PasswordField(HiddenField):
    """A password, as typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True, **kwargs)


class AddressField(serializers.EmailField):
    """An address. Its value has the domain as DNS asks for it: look-alike spellings of a domain are one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_ADDRESS_LENGTH, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        address = super().run_validation(data)
        if not domain_of(address):
            raise serializers.ValidationError(_("Enter a valid email address."), code="invalid")
        return canonical(address)


class MailedKeySerializer(BodySerializer):
    """The key of a mail's link."""

    key = HiddenField(max_length=MAX_KEY_LENGTH, trim_whitespace=False)


class KeyOrCodeSerializer(BodySerializer):
    """`{"key"}`, or a typed code."""

    key = HiddenField(required=False, max_length=MAX_KEY_LENGTH, help_text="Of the mail's link, behind `#key=`.")
    code = HiddenField(required=False, max_length=MAX_CODE_LENGTH, help_text="As typed from the mail.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("key" in attrs) == ("code" in attrs):
            raise serializers.ValidationError({"key": _("Send a key or a code.")}, code="required")
        return {"key": Hidden(), "code": Hidden(), **attrs}


class KeyOrAddressedCodeSerializer(KeyOrCodeSerializer):
    """`{"key"}`, or a typed code with the address that it was mailed to."""

    email = serializers.CharField(required=False, max_length=MAX_ADDRESS_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["code"] and "email" not in attrs:
            raise serializers.ValidationError({"email": _("Send the address with the code.")}, code="required")
        return attrs


class SaidSerializer(AnswerSerializer):
    """A sentence."""

    detail = serializers.CharField(help_text="A sentence that may be shown to people; not stable.")


def said(sentence: str) -> Response:
    """202: a mail may be on its way. The sentence is the same whatever there is about the address."""
    return Response(rendered(SaidSerializer, {"detail": sentence}), status=202)


def proof_of(request: Request) -> dict[str, Any]:
    """The key or the code of a body, and the caller, under the argument names of the services that take them.

    Raises:
        NotAuthenticated: a code is that of the caller, who has to be signed in.
    """
    proof = validated(KeyOrCodeSerializer, request.data)
    if proof["code"] and not request.user.is_authenticated:
        raise NotAuthenticated
    return {**proof, "user_id": request.user.pk}
