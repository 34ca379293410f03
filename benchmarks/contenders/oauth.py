"""django-oauth-toolkit: an access token that is a row, looked up with its person and its client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benchmarks.base import Contender


class Toolkit(Contender):
    """At a view that asks for a scope, by its permission class, as ours does."""

    auth = "oauth2_provider.contrib.rest_framework.OAuth2Authentication"
    apps = ("oauth2_provider",)
    package = "oauth2_provider"
    settings = {"OAUTH2_PROVIDER": {"SCOPES": {"bench": "The benchmark"}}}

    @property
    def view(self) -> dict[str, Any]:
        from oauth2_provider.contrib.rest_framework import TokenHasScope
        from rest_framework.permissions import IsAuthenticated

        return {"permission_classes": [IsAuthenticated, TokenHasScope], "required_scopes": ["bench"]}

    def credential(self, user: Any) -> dict[str, str]:
        from django.utils import timezone
        from oauth2_provider.models import AccessToken, Application
        from oauthlib.common import generate_token

        application = Application.objects.create(
            name="bench", client_type="public", authorization_grant_type="authorization-code", user=user
        )
        row = AccessToken.objects.create(
            user=user,
            application=application,
            token=generate_token(),
            expires=timezone.now() + timedelta(hours=6),
            scope="bench",
        )
        return {"HTTP_AUTHORIZATION": f"Bearer {row.token}"}


CONTENDERS = [Toolkit(name="oauth-toolkit", title="django-oauth-toolkit, `OAuth2Authentication` and `TokenHasScope`")]
