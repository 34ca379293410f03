"""Whether an attacker could guess a secret: SECRET_KEY and the symmetric keys of tokens alike. Needs no Django."""

from __future__ import annotations

MIN_KEY_BYTES = 32
"""RFC 7518 section 3.2: a key for HS256 has at least the size of the hash."""

MIN_DIFFERENT_CHARACTERS = 8
"""Fewer can't come from a generator: 32 random hexadecimal digits have 8 or more all but once in ten million."""

_WORDS = ("secret", "changeme", "change-me", "change_me", "password", "your-", "example", "placeholder", "insecure-key")

_PUBLISHED = frozenset(
    {
        b"a-string-secret-at-least-256-bits-long",
        b"a-valid-string-secret-that-is-at-least-384-bits-long",
        b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        b"abcdefghijklmnopqrstuvwxyz0123456789",
        b"0123456789abcdef0123456789abcdef",
        b"0123456789abcdefghijklmnopqrstuv",
        b"thisisaverylongsecretkeyforjwttokens",
        b"404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
    }
)
"""Secrets of at least 32 bytes that tutorials and online tools print, and that lists of known JWT secrets hold."""


def guessable(secret: bytes) -> bool:
    """Whether a secret is too poor, or too well known, to sign with. Its length is another question."""
    rest = secret.lower()
    if rest in _PUBLISHED:
        return True
    # One telling word in a long random key is a prefix; without such words, a poor key has little left.
    for word in _WORDS:
        rest = rest.replace(word.encode(), b"")
    return len(set(rest)) < MIN_DIFFERENT_CHARACTERS or len(rest) < MIN_KEY_BYTES // 2
