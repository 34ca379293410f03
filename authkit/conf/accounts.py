"""The section ACCOUNTS."""

from __future__ import annotations

from dataclasses import dataclass

from authkit.conf.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The data about a person in answers."""

    user_serializer: str = setting("authkit.signin.serializers.UserSerializer")
    """The dotted path of the DRF serializer behind every `user` in an answer. The default has `id`, `username` and
    `email`."""
