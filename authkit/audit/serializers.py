"""The answer of `GET events/`."""

from __future__ import annotations

from rest_framework import serializers

from authkit.core.answers import AnswerSerializer


class EventSerializer(AnswerSerializer):
    """One event."""

    id = serializers.UUIDField()
    name = serializers.CharField(help_text="Such as `login.succeeded`; stable.")
    at = serializers.DateTimeField()
    device = serializers.CharField(help_text="Empty if unknown, and where another person did it.")
    ip = serializers.IPAddressField(
        allow_null=True, help_text="Null for a failed attempt, and where another person did it."
    )
    method = serializers.CharField(help_text="How the person signed in; empty for other events.")
    login = serializers.UUIDField(allow_null=True, source="login_id", help_text="`id` of the login, which may be over.")
    outcome = serializers.ChoiceField(choices=("success", "failure"))
    reason = serializers.CharField(help_text="Empty if there is none.")
    count = serializers.IntegerField(help_text="How many equal failures of that minute it stands for.")


class EventPageSerializer(AnswerSerializer):
    """A page of events."""

    next = serializers.URLField(allow_null=True)
    results = EventSerializer(many=True)
