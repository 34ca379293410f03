"""Keys for programs of their owners (docs/http.md, "API keys")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.apikeys.keys import change_key, keys_of, revoke_key
from authkit.apikeys.making import KeyRefused, make_key
from authkit.apikeys.rotating import rotate_key
from authkit.apikeys.serializers import (
    ApiKeySerializer,
    ChangeKeySerializer,
    MadeApiKeySerializer,
    MakeKeySerializer,
    RotateKeySerializer,
)
from authkit.core.answers import answer, rendered
from authkit.core.operations import Parameter, operation
from authkit.exceptions import NotFound
from authkit.logins.current import current_login
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import require_recent

_KEY = (Parameter("key_id", "`id` of a key.", "uuid"),)
_CHANGING = ("csrf_failed", "insufficient_user_authentication")


@contextmanager
def as_field_errors() -> Iterator[None]:
    """Turns a refusal into a field error: `{field: [sentence]}`."""
    try:
        yield
    except KeyRefused as refused:
        raise ValidationError({refused.field: [refused.message]}) from refused


class KeysView(SignedInView):
    """`GET`, `POST keys/`: the caller's own keys, and one more."""

    @operation(
        "keys",
        "API keys",
        "My API keys, newest first",
        description="The live keys of the caller, without their text.",
        answers={200: ApiKeySerializer},
        many=True,
        refuses={401: UNAUTHENTICATED},
    )
    def get(self, request: Request) -> Response:
        return Response(ApiKeySerializer(keys_of(user_id=request.user.pk), many=True).data)

    @operation(
        "key_make",
        "API keys",
        "Make an API key",
        description="After a recent sign-in. `key` is the key itself, and no later answer has it.",
        body=MakeKeySerializer,
        answers={201: MadeApiKeySerializer},
        refuses={401: UNAUTHENTICATED, 403: (*_CHANGING, "sign_in_refused")},
    )
    def post(self, request: Request) -> Response:
        require_recent(request)
        body = MakeKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given, login = body.validated_data, current_login(request)
        with as_field_errors():
            made = make_key(
                user=_person(request),
                name=given["name"],
                scopes=given["scopes"],
                expires_in=timedelta(seconds=given["expires_in"]),
                networks=given.get("networks", ()),
                client=client_of(request._request),
                maker=None if login is None else login.pk,
            )
        return Response(rendered(MadeApiKeySerializer, made), status=201)


class KeyView(SignedInView):
    """`PATCH`, `DELETE keys/<id>/`: narrows, or ends, one of the caller's keys."""

    permission_classes: Any = (IsAuthenticated,)

    @operation(
        "key_change",
        "API keys",
        "Narrow one of my API keys",
        description="After a recent sign-in. It gets no scope that it lacks, and no later end.",
        body=ChangeKeySerializer,
        answers={200: ApiKeySerializer},
        refuses={401: UNAUTHENTICATED, 403: _CHANGING, 404: ("not_found",)},
        parameters=_KEY,
    )
    def patch(self, request: Request, key_id: str) -> Response:
        require_recent(request)
        body = ChangeKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with as_field_errors():
            key = change_key(user_id=request.user.pk, login_id=_parsed(key_id), **body.validated_data)
        return answer(ApiKeySerializer, key)

    @operation(
        "key_revoke",
        "API keys",
        "Revoke one of my API keys",
        description="It ends at once. Another person's key is a 404, as one that does not exist.",
        answers={204: None},
        refuses={401: UNAUTHENTICATED, 403: ("csrf_failed",), 404: ("not_found",)},
        parameters=_KEY,
    )
    def delete(self, request: Request, key_id: str) -> Response:
        revoke_key(login_id=_parsed(key_id), user_id=request.user.pk)
        return Response(status=204)


class KeyRotationView(SignedInView):
    """`POST keys/<id>/rotate/`: a successor for one of the caller's keys."""

    @operation(
        "key_rotate",
        "API keys",
        "Rotate one of my API keys",
        description="After a recent sign-in. `key` is the successor. The old key goes on for `overlap` seconds.",
        body=RotateKeySerializer,
        answers={201: MadeApiKeySerializer},
        refuses={401: UNAUTHENTICATED, 403: (*_CHANGING, "sign_in_refused"), 404: ("not_found",)},
        parameters=_KEY,
    )
    def post(self, request: Request, key_id: str) -> Response:
        require_recent(request)
        body = RotateKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with as_field_errors():
            made = rotate_key(
                user=_person(request),
                login_id=_parsed(key_id),
                overlap=timedelta(seconds=body.validated_data["overlap"]),
                client=client_of(request._request),
            )
        return Response(rendered(MadeApiKeySerializer, made), status=201)


def _person(request: Request) -> Any:
    return request.user


def _parsed(row_id: str) -> UUID:
    try:
        return UUID(row_id)
    except ValueError:
        raise NotFound("not the id of a row") from None
