"""Encryption at rest for what has to be read again (ASVS 11.3.2, 14.2.1): AES-256-GCM under keys from SECRET_KEY."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from authkit.core.secret_keys import fit_fallbacks

VERSION = "1"
_SALT = "authkit.core.encryption"
_NONCE_BYTES = 12


@sensitive_variables()
def seal(value: dict[str, Any], *, context: str) -> str:
    """Encrypts a JSON object.

    Args:
        value: the data that a reader of the database must not see.
        context: where it belongs; elsewhere it can't be opened.

    Returns:
        Text that says its version first.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(_key(settings.SECRET_KEY)).encrypt(nonce, json.dumps(value).encode(), _bound(context))
    return f"{VERSION}:{b64encode(nonce + sealed).decode()}"


@sensitive_variables()
def unseal(text: str, *, context: str) -> dict[str, Any] | None:
    """The object sealed under SECRET_KEY or a fallback; None for any other text or context, or if changed."""
    version, _colon, body = text.partition(":")
    if version != VERSION:
        return None
    try:
        raw = b64decode(body, validate=True)
    except ValueError:
        return None
    for secret in (settings.SECRET_KEY, *fit_fallbacks()):
        try:
            opened = AESGCM(_key(secret)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(context))
        except (InvalidTag, ValueError):
            continue
        value: dict[str, Any] = json.loads(opened)
        return value
    return None


def _bound(context: str) -> bytes:
    return f"{VERSION}:{context}".encode()


def _key(secret: str | bytes) -> bytes:
    return salted_hmac(_SALT, VERSION, secret=secret, algorithm="sha256").digest()
