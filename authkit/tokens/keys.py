"""The keys in force: the ring that TOKENS.KEYS names, and keys derived from SECRET_KEY.

One key per use, so that a refresh token can never pass for an access token even if all else failed. The ring is read
at use and kept for as long as what it was read from stays the same: the text, or the file's time, size and inode.
"""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.tokens.ring import Key, Ring, TokenUse, assemble, document, parse

__all__ = ["Key", "Ring", "TokenUse", "configured", "current", "inspect", "signing_key", "verifying_key"]


def signing_key(use: TokenUse) -> Key:
    """The key that signs tokens of this use: the first of the ring, else the one derived from SECRET_KEY.

    Raises:
        ImproperlyConfigured: something is wrong with the ring.
    """
    return current().signing[use]


def verifying_key(use: TokenUse, kid: str) -> Key | None:
    """The key of this use that a token's `kid` names; None if it is in no ring of ours.

    Raises:
        ImproperlyConfigured: something is wrong with the ring.
    """
    return current().verifying.get((use, kid))


def current() -> Ring:
    """The ring as it is now.

    Raises:
        ImproperlyConfigured: the keys can't be read, or one of them is not fit for use. Rather no token at all than one
            that anybody can sign; `manage.py check` says the same at start-up.
    """
    tokens = conf.current().tokens
    state: _State | None
    try:
        state = _state(tokens)
    except Exception:  # noqa: BLE001  # a callable may raise anything; `_read` says what
        state = None
    kept = _kept
    if kept is not None and state is not None and kept[0] == state:
        return kept[1]
    ring, problems = _read(tokens)
    if problems:
        raise ImproperlyConfigured("; ".join(f"AUTHKIT {p.path}: {p.message} {p.hint}" for p in problems))
    _keep((state, ring))
    return ring


def inspect() -> tuple[Ring, list[conf.Problem]]:
    """The ring as far as it is fit for use, and everything that is wrong. Never raises."""
    return _read(conf.inspect()[0].tokens)


@sensitive_variables()
def configured() -> list[dict[str, Any]]:
    """The private JWKs of TOKENS.KEYS as they were written, for a command that prints a new ring.

    Raises:
        ImproperlyConfigured: they can't be read, or one of them is not fit for use.
    """
    current()
    text = _text(conf.current().tokens.keys.reveal())
    return (document(text) or []) if text else []


def key_file() -> Path | None:
    """The file that the ring is read from, if it is one."""
    source = _source(conf.inspect()[0].tokens)
    return Path(source) if source and not _is_json(source) else None


_kept: tuple[_State | None, Ring] | None = None


def _keep(read: tuple[_State | None, Ring]) -> None:
    # Replaced as a whole, so threads see the old ring or the new one. Taken before the file is read, the state is at
    # worst older than the ring, which is then read once more.
    global _kept  # noqa: PLW0603
    _kept = read


class _State(tuple[Any, ...]):
    """What the ring was made from, to see whether it still is the same. It holds keys, so no error page may show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "_State(***)"


def _state(tokens: conf.TokenSettings) -> _State:
    source = _source(tokens)
    stamp = None if not source or _is_json(source) else _stamp(source)
    return _State((source, stamp, tokens.derived_keys, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def _source(tokens: conf.TokenSettings) -> str:
    source = tokens.keys.reveal()
    return source if isinstance(source, str) else os.fspath(source)


def _is_json(source: str) -> bool:
    return source.lstrip().startswith("{")


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # on each check of a token: a Path costs more than the call
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@sensitive_variables()
def _text(source: str) -> str:
    return source if not source or _is_json(source) else Path(source).read_text()


@sensitive_variables()
def _read(tokens: conf.TokenSettings) -> tuple[Ring, list[conf.Problem]]:
    keys: list[Key] = []
    problems: list[conf.Problem] = []
    try:
        text = _text(_source(tokens))
    except Exception as error:  # noqa: BLE001  # a callable may raise anything
        # Not the path: what was meant as a key, and is no JSON, looks like a path.
        problems.append(
            conf.Problem(
                "unreadable",
                "TOKENS.KEYS",
                f"can't be read ({type(error).__name__}).",
                "A text that begins with { is a JWK Set, any other one the path of a file that this process may read.",
            )
        )
    else:
        if text:
            keys, problems = parse(text)
    if tokens.derived_keys:
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        keys += [_derived(secret, use) for use in TokenUse for secret in secrets]
    ring, unsigned = assemble(keys)
    return ring, problems or unsigned


@lru_cache(maxsize=16)
def _derived(secret: str, use: TokenUse) -> Key:
    # A salt per use: neither key tells anything about the other one, nor about SECRET_KEY.
    derived = salted_hmac(f"authkit.tokens.{use}", "key", secret=secret, algorithm="sha256").digest()
    kid = urlsafe_b64encode(hashlib.sha256(b"authkit.tokens.kid" + derived).digest()[:9]).decode()
    return Key(kid=kid, algorithm="HS256", use=use, secret=derived, verifier=derived, derived=True)
