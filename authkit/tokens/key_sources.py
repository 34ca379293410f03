"""Reads the ring: the keys that TOKENS.KEYS names, and those derived from SECRET_KEY. Keeps nothing; see `keys`."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.secret_keys import fit_fallbacks, in_bytes, named_secrets
from authkit.core.strength import MIN_KEY_BYTES
from authkit.logins.reasons import TokenKind
from authkit.tokens.keyring import Key, Ring, assemble, parse

Stamp = tuple[int, int, int]
"""The values that tell a file from its replacement: its time, size and inode."""


def source_of(tokens: conf.TokenSettings) -> str:
    """TOKENS.KEYS as text or path. A callable is asked, and may raise anything."""
    source = tokens.keys.reveal()
    return source if isinstance(source, str) else os.fspath(source)


def is_json(source: str) -> bool:
    """Whether the source is a JWK Set itself, and no path."""
    return source.lstrip().startswith("{")


def stamp_of(source: str) -> Stamp | None:
    """The stamp of the file; None if it can't be had, or the source is no path."""
    if not source or is_json(source):
        return None
    try:
        found = os.stat(source)  # noqa: PTH116  # on each check of a token: a Path costs more than the call
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@sensitive_variables()
def text_of(source: str) -> str:
    """The JWK Set behind a source; empty if there is no source."""
    return source if not source or is_json(source) else Path(source).read_text()


def unreadable(error: Exception) -> conf.Problem:
    """The problem that the source can't be had."""
    # Without the path: a text that was meant as a key, and is no JSON, looks like a path.
    return conf.Problem(
        "unreadable",
        "TOKENS.KEYS",
        f"can't be read ({type(error).__name__}).",
        "A text that begins with { is a JWK Set, any other one the path of a file that this process may read.",
    )


@sensitive_variables()
def read(tokens: conf.TokenSettings, source: str) -> tuple[Ring, list[conf.Problem]]:
    """The ring as far as it is fit for use, and everything that is wrong.

    Raises:
        ImproperlyConfigured: keys are to be derived from SECRET_KEY, and it is empty.
    """
    keys: list[Key] = []
    problems: list[conf.Problem] = []
    try:
        text = text_of(source)
    except Exception as error:  # noqa: BLE001  # of a file in another encoding, or of a path that can't be one
        problems.append(unreadable(error))
    else:
        if source:  # an empty file is no JWK Set: a write half done, not a wish to have no ring
            keys, problems = parse(text, foreign=dict(named_secrets()))
    if tokens.derived_keys:
        keys += _derived_keys()
    ring, unsigned = assemble(keys)
    if tokens.derived_keys and not any(key.derived for key in keys):
        short = f"SECRET_KEY has less than {MIN_KEY_BYTES} bytes, so no key is derived from it. "
        unsigned = [replace(problem, hint=short + problem.hint) for problem in unsigned]
    return ring, problems or unsigned


@sensitive_variables()
def _derived_keys() -> list[Key]:
    # No key from a short secret: an attacker who guesses it could sign too. E030 says which one is short.
    secrets = [key for key in (settings.SECRET_KEY, *fit_fallbacks()) if len(in_bytes(key)) >= MIN_KEY_BYTES]
    return [_derived(secret, use) for use in TokenKind for secret in secrets]


@lru_cache(maxsize=16)
def _derived(secret: str, use: TokenKind) -> Key:
    # A salt per use: neither key tells anything about the other one, nor about SECRET_KEY.
    derived = salted_hmac(f"authkit.tokens.{use}", "key", secret=secret, algorithm="sha256").digest()
    kid = urlsafe_b64encode(hashlib.sha256(b"authkit.tokens.kid" + derived).digest()[:9]).decode()
    return Key(kid=kid, algorithm="HS256", use=use, secret=derived, verifier=derived, derived=True)
