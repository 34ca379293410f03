"""Answers about the apps that a person lets in."""

from __future__ import annotations

from rest_framework import ISO_8601, serializers

from authkit.core.answers import AnswerSerializer


class GrantedScopeSerializer(AnswerSerializer):
    """One thing that an app may do."""

    name = serializers.CharField()
    sentence = serializers.CharField(help_text="As the consent page says it.")


class AppLoginSerializer(AnswerSerializer):
    """One place where an app is in use."""

    id = serializers.UUIDField(help_text="Of its login: `DELETE logins/<id>/` ends this one alone.")
    device = serializers.CharField()
    ip = serializers.IPAddressField(allow_null=True)
    created_at = serializers.DateTimeField(format=ISO_8601)
    last_seen_at = serializers.DateTimeField(format=ISO_8601, help_text="In steps of 5 minutes.")


class GrantedAppSerializer(AnswerSerializer):
    """An app with access to the account."""

    id = serializers.CharField(source="client_id", help_text="The app's client id.")
    name = serializers.CharField()
    logo = serializers.CharField(help_text="A path or a URL; may be empty.")
    scopes = GrantedScopeSerializer(many=True)
    since = serializers.DateTimeField(format=ISO_8601)
    last_seen_at = serializers.DateTimeField(
        format=ISO_8601, allow_null=True, help_text="Null for an app that is not in use, and may come back unasked."
    )
    logins = AppLoginSerializer(many=True)
