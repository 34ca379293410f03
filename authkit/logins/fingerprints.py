"""What a login holds of its person's password: another password, another fingerprint."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.utils.crypto import constant_time_compare


def session_auth_hash(user: AbstractBaseUser) -> str:
    """Django's own fingerprint of what must not change during a login: the password, and what a project adds to it."""
    return user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""


def auth_hash_holds(*, user: AbstractBaseUser, auth_hash: str) -> bool:
    """Whether the password is still the one with which the login began, under this SECRET_KEY or a fallback."""
    return constant_time_compare(auth_hash, session_auth_hash(user)) or any(
        constant_time_compare(auth_hash, fallback) for fallback in _fallback_hashes(user)
    )


def good_auth_hashes(user: AbstractBaseUser) -> set[str]:
    """All by which `auth_hash_holds` is true, to look logins up by."""
    return {session_auth_hash(user), *_fallback_hashes(user)}


def _fallback_hashes(user: AbstractBaseUser) -> list[str]:
    return list(user.get_session_auth_fallback_hash()) if hasattr(user, "get_session_auth_fallback_hash") else []
