"""The password endpoints (docs/http.md, "Accounts")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.bodies import SaidSerializer, said
from authkit.accounts.password_rules import PasswordRefused
from authkit.accounts.passwords.changing import change_password
from authkit.accounts.passwords.renewing import renewed_answer
from authkit.accounts.passwords.resetting import request_reset, reset_by_code, reset_password
from authkit.accounts.passwords.serializers import (
    PasswordChangedSerializer,
    PasswordChangeSerializer,
    ResetConfirmSerializer,
    ResetRequestSerializer,
)
from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.answers import EmptySerializer, answer
from authkit.core.api import ApiView
from authkit.core.credential_fields import validated
from authkit.core.operations import operation
from authkit.logins.current import ShowsLogin, current_login
from authkit.logins.reasons import EndReason
from authkit.logins.services import count_spared
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import require_recent

SENT = "If there is such an account, a mail is on its way to its address."


@contextmanager
def as_field_errors() -> Iterator[None]:
    """Turns a refused password into a field error: `{field: [sentences]}`."""
    try:
        yield
    except PasswordRefused as refused:
        raise ValidationError({refused.field: refused.sentences}) from refused


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PasswordChangeView(ShowsLogin, SignedInView):
    """`POST account/password/change/`: another password, or the first one."""

    open_to_restricted = True
    default_throttle_scope = "authkit-password"

    @operation(
        "password_change",
        "Accounts",
        "Change my password",
        description="Every other login of the caller ends. This one goes on: a session with a new id, a token pair "
        "with its successor, which is the answer. A person without a password sets the first one after a recent "
        "sign-in, without `current_password`.",
        body=PasswordChangeSerializer,
        answers={200: PasswordChangedSerializer},
        refuses={
            401: UNAUTHENTICATED,
            403: ("csrf_failed", "claims_refused", "insufficient_user_authentication"),
            429: ("locked",),
        },
    )
    def post(self, request: Request) -> Response:
        body = PasswordChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        person: Any = request.user
        current_password = body.validated_data.get("current_password")
        if not person.has_usable_password():
            require_recent(request)
            current_password = None
        elif current_password is None:
            raise ValidationError({"current_password": [body.fields["current_password"].error_messages["required"]]})
        login = current_login(request)
        with as_field_errors():
            changed = change_password(
                user_id=person.pk,
                keep=None if login is None else login.pk,
                current_password=current_password,
                new_password=body.validated_data["new_password"],
                client=client_of(request._request),
            )
        renewed = renewed_answer(request, user=changed.user)
        renewed.data["keys"] = count_spared(user_id=person.pk, reason=EndReason.PASSWORD_CHANGED)
        return renewed


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ResetRequestView(ApiView):
    """`POST account/password/reset/`: asks for the mail."""

    default_throttle_scope = "authkit-password"

    @operation(
        "password_reset",
        "Accounts",
        "Ask for a mail that resets a password",
        description="The answer is the same for every address, known or not.",
        body=ResetRequestSerializer,
        answers={202: SaidSerializer},
        refuses={404: ("not_found",)},
    )
    def post(self, request: Request) -> Response:
        address = validated(ResetRequestSerializer, request.data)["email"]
        request_reset(address=address, client=client_of(request._request))
        return said(SENT)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ResetConfirmView(ApiView):
    """`POST account/password/reset/confirm/`: a new password by the key of the mail."""

    default_throttle_scope = "authkit-password"

    @operation(
        "password_reset_confirm",
        "Accounts",
        "Reset a password by the key, or the code, of a mail",
        description="Once. Every login of the person ends, and no new one begins. A new password that is refused "
        "leaves the key as good as it was.",
        body=ResetConfirmSerializer,
        answers={200: EmptySerializer},
        refuses={400: ("invalid_grant",)},
    )
    def post(self, request: Request) -> Response:
        given, client = validated(ResetConfirmSerializer, request.data), client_of(request._request)
        with as_field_errors():
            if given["code"]:
                reset_by_code(
                    address=given["email"], code=given["code"], new_password=given["new_password"], client=client
                )
            else:
                reset_password(key=given["key"], new_password=given["new_password"], client=client)
        return answer(EmptySerializer, {})
