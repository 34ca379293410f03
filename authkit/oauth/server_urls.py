"""The absolute URLs of the provider's endpoints, made of PUBLIC_URL and never of a request's Host header."""

from __future__ import annotations

from django.urls import reverse

from authkit.oauth.resources import issuer


def url_of(name: str) -> str:
    """The URL of an endpoint of authkit's, by its name without the namespace."""
    return f"{issuer()}{reverse(f'authkit:{name}')}"


def audiences() -> tuple[str, str]:
    """What a client may name this server in an assertion that it signs: the issuer (RFC 7523 section 3), or the URL of
    the token endpoint (OpenID Connect Core 1.0 section 9)."""
    return issuer(), url_of("oauth-token")
