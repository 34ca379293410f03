"""`/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.api import ApiView
from authkit.oauth.cross_origin import CrossOrigin
from authkit.oauth.metadata import provider_metadata, server_metadata

MAX_AGE_SECONDS = 300
"""How long clients may keep a document."""


class _Document(CrossOrigin, ApiView):
    schema = None  # as `OAuthEndpoint`
    # Other sites fetch it, all from one address perhaps, and none of them can begin without it.
    throttle_classes: Any = ()

    def get(self, request: Request) -> Response:
        return Response(self.document(), headers={"Cache-Control": f"public, max-age={MAX_AGE_SECONDS}"})

    def document(self) -> dict[str, Any]:
        """The document."""
        raise NotImplementedError


class ServerMetadataView(_Document):
    """For OAuth clients (RFC 8414)."""

    def document(self) -> dict[str, Any]:
        return server_metadata()


class ProviderMetadataView(_Document):
    """For OpenID Connect clients (Discovery 1.0 section 4)."""

    def document(self) -> dict[str, Any]:
        return provider_metadata()
