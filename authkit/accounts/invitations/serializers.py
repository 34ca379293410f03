"""Bodies and answers of invitations."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from rest_framework import ISO_8601, serializers

from authkit.accounts.bodies import AddressField
from authkit.core.answers import AnswerSerializer
from authkit.core.credential_fields import NOT_A_LIST, BodySerializer

MAX_GROUPS = 50


class InviteSerializer(BodySerializer):
    """An address, and names of groups."""

    email = AddressField()
    groups: Any = serializers.ListField(
        child=serializers.CharField(max_length=150),
        required=False,
        max_length=MAX_GROUPS,
        help_text="Names of groups.",
        error_messages=NOT_A_LIST,
    )

    def validate_groups(self, value: list[str]) -> list[Group]:
        """The groups. One that doesn't exist is named."""
        found = {group.name: group for group in Group.objects.filter(name__in=value)}
        if unknown := [name for name in value if name not in found]:
            raise serializers.ValidationError(_("There is no group “%(name)s”.") % {"name": unknown[0]})
        return [found[name] for name in dict.fromkeys(value)]


class GroupNamesField(serializers.ListField):
    """Names of groups."""

    child = serializers.CharField()

    def to_representation(self, value: Any) -> list[str]:
        return sorted(group.name for group in value.all())


class InvitationSerializer(AnswerSerializer):
    """An invitation as the person who sent it sees it. Its key is in the mail alone."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    groups = GroupNamesField()
    created_at = serializers.DateTimeField(format=ISO_8601)
    expires_at = serializers.DateTimeField(format=ISO_8601)
    accepted_at = serializers.DateTimeField(format=ISO_8601, allow_null=True)


class InvitationPageSerializer(AnswerSerializer):
    """A page of invitations."""

    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = InvitationSerializer(many=True)
