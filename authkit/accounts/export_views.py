"""My data, for programs (docs/http.md, "Accounts")."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from rest_framework import ISO_8601, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.accounts.export import export_account
from authkit.api.serializers import DeviceSerializer
from authkit.api.views import UNAUTHENTICATED, SignedInView
from authkit.core.answers import AnswerSerializer, answer
from authkit.core.operations import operation
from authkit.signin.serializers import LoginSerializer, PersonField
from authkit.signin.step_up import RequireRecent


class ExportedLoginSerializer(LoginSerializer):
    """A login, which may be over."""

    ended_at = serializers.DateTimeField(format=ISO_8601, allow_null=True)
    end_reason = serializers.CharField(help_text="Empty for a login that was not ended.")


class ExportSerializer(AnswerSerializer):
    """All that is kept of a person."""

    exported_at = serializers.DateTimeField(format=ISO_8601)
    user = PersonField()
    profile = serializers.DictField(help_text="Further fields of the user model: names and dates.")
    logins = ExportedLoginSerializer(many=True, help_text="The newest 10,000.")
    devices = DeviceSerializer(many=True, help_text="The newest 10,000 known devices.")
    features = serializers.DictField(help_text="What each feature keeps, by its name: `audit`, `social`, …")


class ExportView(SignedInView):
    """`GET account/export/`: the caller's own data."""

    permission_classes = (IsAuthenticated, RequireRecent)

    @operation(
        "account_export",
        "Accounts",
        "My data",
        description="What the site's sign-in keeps of the caller. The project and its apps may add to it.",
        answers={200: ExportSerializer},
        refuses={401: UNAUTHENTICATED, 403: ("insufficient_user_authentication",)},
    )
    def get(self, request: Request) -> Response:
        exported = export_account(user=cast("AbstractBaseUser", request.user))
        return answer(ExportSerializer, exported, context={"current": None})
