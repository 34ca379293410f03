"""Deletion of one's own account, for programs (docs/http.md, "Accounts")."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.bodies import MailedKeySerializer
from authkit.accounts.deletion import cancel_deletion, delete_account
from authkit.api.views import UNAUTHENTICATED, SignedInView, clear_cookies
from authkit.core.answers import EmptySerializer, answer
from authkit.core.api import ApiView
from authkit.core.credential_fields import BodySerializer, validated
from authkit.core.operations import operation
from authkit.logins.current import current_login
from authkit.signin.step_up import RequireRecent


class ConfirmSerializer(BodySerializer):
    """The caller's user name, typed by the person."""

    confirm = serializers.CharField(max_length=254, trim_whitespace=False)

    def validate_confirm(self, typed: str) -> str:
        if typed != self.context["user"].get_username():
            raise serializers.ValidationError(_("This is not your user name."))
        return typed


class DeleteView(SignedInView):
    """`POST account/delete/`: deletes the caller's account."""

    permission_classes = (IsAuthenticated, RequireRecent)

    @operation(
        "account_delete",
        "Accounts",
        "Delete my account",
        description="The account is inactive at once, and every login of it ends. Its row is deleted after "
        "`ACCOUNTS.DELETE_AFTER`; until then the key in the mail takes the deletion back.",
        body=ConfirmSerializer,
        answers={204: None},
        refuses={
            401: UNAUTHENTICATED,
            403: ("csrf_failed", "insufficient_user_authentication"),
            404: ("not_found",),
            409: ("last_superuser",),
        },
    )
    def post(self, request: Request) -> Response:
        body = ConfirmSerializer(data=request.data, context={"user": request.user})
        body.is_valid(raise_exception=True)
        current = current_login(request)
        delete_account(user_id=request.user.pk)
        clear_cookies(request, current)
        return Response(status=204)


class CancelDeletionView(ApiView):
    """`POST account/delete/cancel/`: takes a deletion back. The key is the credential."""

    authentication_classes: Any = ()

    @operation(
        "account_delete_cancel",
        "Accounts",
        "Take the deletion of an account back",
        description="By the key of the mail. It signs no person in.",
        body=MailedKeySerializer,
        answers={200: EmptySerializer},
        refuses={400: ("invalid_grant",)},
    )
    def post(self, request: Request) -> Response:
        cancel_deletion(**validated(MailedKeySerializer, request.data))
        return answer(EmptySerializer, {})
