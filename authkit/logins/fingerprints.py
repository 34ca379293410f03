"""The fingerprint of a person's password that a login holds: another password has another fingerprint.

Django's fingerprint is keyed with SECRET_KEY. A process with another key than the one that wrote it, in the middle of a
rolling change, sees a fingerprint that doesn't match and can't know why. So each login also holds a digest of the
password column that needs no key, and the name of the key.

The digest tells a reader of the table nothing. The column is a salted, slow hash: without its salt no password can be
tried against the digest, and a reader who has the column has no use for a digest of it. (A hasher without a salt is no
protection with or without this.) The key's name is an HMAC with the key, as the fingerprint beside it is.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils.crypto import constant_time_compare, salted_hmac

_KEY_NAME_SALT = "authkit.logins.fingerprints.key_name"


def session_auth_hash(user: AbstractBaseUser) -> str:
    """Django's own fingerprint of the values that must not change during a login: the password and a project's own."""
    return user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""


def auth_hash_holds(*, user: AbstractBaseUser, auth_hash: str) -> bool:
    """Whether the password is still the one with which the login began, under this SECRET_KEY or a fallback."""
    return constant_time_compare(auth_hash, session_auth_hash(user)) or any(
        constant_time_compare(auth_hash, fallback) for fallback in _fallback_hashes(user)
    )


def good_auth_hashes(user: AbstractBaseUser) -> set[str]:
    """All hashes for which `auth_hash_holds` is true, to look logins up by."""
    return {session_auth_hash(user), *_fallback_hashes(user)}


def password_digest(user: AbstractBaseUser) -> str:
    """The text beside `session_auth_hash(user)`: the name of SECRET_KEY, and a SHA-256 of the password column."""
    return f"{_key_name(settings.SECRET_KEY)}:{_digest(user)}"


def is_certainly_another(*, user: AbstractBaseUser, digest: str) -> bool:
    """Whether an `auth_hash` that doesn't hold proves that the password has changed since, or another value that a
    project's `get_session_auth_hash()` covers. If not, perhaps only SECRET_KEY has changed.

    Args:
        user: the person as they are now.
        digest: `password_digest` of the login whose `auth_hash` doesn't hold; empty for a login that is older than this
            column: the answer is yes then.
    """
    key_name, _, held = digest.partition(":")
    known = any(constant_time_compare(key_name, _key_name(key)) for key in _judging_keys(user))
    return known or not constant_time_compare(held, _digest(user))


def _digest(user: AbstractBaseUser) -> str:
    return hashlib.sha256(str(getattr(user, "password", "")).encode()).hexdigest()


@lru_cache(maxsize=16)
def _key_name(secret: str | bytes) -> str:
    return salted_hmac(_KEY_NAME_SALT, "", secret=secret, algorithm="sha256").hexdigest()[:16]


def _judging_keys(user: AbstractBaseUser) -> list[str | bytes]:
    # A model that replaces get_session_auth_hash() alone has Django's fallback hashes, which cover other fields: under
    # a fallback nothing matches there, whether something has changed or not.
    replaced = {
        name
        for name in ("get_session_auth_hash", "get_session_auth_fallback_hash")
        if getattr(type(user), name, None) is not getattr(AbstractBaseUser, name)
    }
    if replaced == {"get_session_auth_hash"}:
        return [settings.SECRET_KEY]
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _fallback_hashes(user: AbstractBaseUser) -> list[str]:
    return list(user.get_session_auth_fallback_hash()) if hasattr(user, "get_session_auth_fallback_hash") else []
