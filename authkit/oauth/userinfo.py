"""What a client learns of the person, by the scopes that the person agreed to (OpenID Connect Core 1.0 section 5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit.signin.addresses import is_verified

CLAIMS = (
    *("sub", "name", "given_name", "family_name", "preferred_username", "email", "email_verified"),
    *("iss", "aud", "azp", "exp", "iat", "sid", "auth_time", "amr", "acr", "nonce", "at_hash"),
)
"""All that clients may learn, here or from the ID token: `claims_supported` of the metadata."""


def userinfo(*, user: AbstractBaseUser, scopes: Collection[str]) -> dict[str, Any]:
    """The claims of a person. One that the person doesn't have is left out (section 5.3.2).

    Args:
        user: the person.
        scopes: of the access token.
    """
    claims: dict[str, Any] = {"sub": str(user.pk)}
    if "profile" in scopes:
        claims |= _profile(user)
    if "email" in scopes and (address := str(getattr(user, user.get_email_field_name(), "") or "")):
        claims |= {"email": address, "email_verified": is_verified(user)}
    return claims


def _profile(user: Any) -> dict[str, str]:
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    found = {
        "name": full_name,
        "given_name": getattr(user, "first_name", ""),
        "family_name": getattr(user, "last_name", ""),
        "preferred_username": user.get_username(),
    }
    return {name: str(value) for name, value in found.items() if value}
