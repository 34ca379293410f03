"""The ring of token keys. What is wrong with it also stops each use of it, with ImproperlyConfigured."""

from __future__ import annotations

import stat
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from authkit import conf
from authkit.tokens import keyring, keys

_IDS = {
    "unreadable": "authkit.E033",
    "malformed": "authkit.E034",
    "weak": "authkit.E035",
    "twice": "authkit.E036",
    "unsigned": "authkit.E037",
}


def check_ring(**_: Any) -> list[CheckMessage]:
    """E033 to E037 (ASVS 11.2.3, RFC 8725 section 3.5)."""
    try:
        _ring, problems = keys.inspect()
    except ImproperlyConfigured:  # SECRET_KEY is empty: Django's own error says so
        return []
    return [
        Error(f"AUTHKIT {problem.path}: {problem.message}", hint=problem.hint, id=_IDS[problem.kind])
        for problem in problems
    ]


def check_key_file(**_: Any) -> list[CheckMessage]:
    """W038."""
    try:
        path = keys.key_file()
        readable = path is not None and bool(path.stat().st_mode & stat.S_IROTH)
    except Exception:  # noqa: BLE001  # E033 says what is wrong; a callable may raise anything
        return []
    if not readable:
        return []
    return [
        Warning(
            f"Every user of this machine can read {path}, and sign tokens with its keys.",
            hint=f"chmod o-rwx {path}",
            id="authkit.W038",
        )
    ]


def check_derived(**_: Any) -> list[CheckMessage]:
    """W039 (deploy)."""
    try:
        keyring, _problems = keys.inspect()
    except ImproperlyConfigured:
        return []
    uses = [use.value for use, key in keyring.signing.items() if key.derived]
    if not uses:
        return []
    return [
        Warning(
            f"{' and '.join(uses)} tokens are signed by a key derived from SECRET_KEY: an attacker who "
            "learns it can forge tokens, and a new SECRET_KEY without SECRET_KEY_FALLBACKS makes all tokens invalid.",
            hint="Give TOKENS.KEYS what `manage.py authkit_keys generate` prints; live tokens stay good.",
            id="authkit.W039",
        )
    ]


def check_issuer(**_: Any) -> list[CheckMessage]:
    """W037 (deploy; RFC 8725 section 3.8)."""
    try:
        known, _problems = keys.inspect()
    except ImproperlyConfigured:
        return []
    issuer = conf.inspect()[0].tokens.issuer
    if issuer != conf.TokenSettings().issuer or not keyring.published(known)["keys"]:
        return []
    return [
        Warning(
            f"Other services can verify access tokens, and TOKENS.ISSUER is the default, {issuer!r}: a service that "
            "knows the keys of two sites can't tell their tokens apart.",
            hint='Let TOKENS.ISSUER be the origin of this site, as "https://www.example.com", and tell the services '
            "that verify. Live tokens are refused from then on, so people have to sign in again.",
            id="authkit.W037",
        )
    ]


CHECKS = (check_ring, check_key_file)
DEPLOY_CHECKS = (check_derived, check_issuer)
