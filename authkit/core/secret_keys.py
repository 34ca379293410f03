"""Django's SECRET_KEY and its fallbacks, as far as anything may be believed that was made with them."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from authkit.core.strength import MIN_KEY_BYTES


def in_bytes(key: str | bytes) -> bytes:
    """The key as Django's signing takes it."""
    return key if isinstance(key, bytes) else str(key).encode()


def fit_fallbacks() -> list[str | bytes]:
    """The entries of SECRET_KEY_FALLBACKS that are long enough to be secrets.

    An environment variable that is not set leaves an empty entry, which is a key that everybody has. Django signs with
    none of the fallbacks and verifies with all of them. The check E030 reports the others.
    """
    return [key for key in settings.SECRET_KEY_FALLBACKS if len(in_bytes(key)) >= MIN_KEY_BYTES]


def secrets_as_set() -> tuple[str | bytes, ...]:
    """SECRET_KEY, "" if it is empty, and every fallback, fit or not."""
    try:
        return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    except ImproperlyConfigured:  # it is empty, and Django's own error says so
        return ("", *settings.SECRET_KEY_FALLBACKS)


def named_secrets() -> Iterator[tuple[str, bytes]]:
    """The same in bytes, each with the name of its setting; an empty SECRET_KEY is left out."""
    for number, secret in enumerate(secrets_as_set()):
        if number or secret:
            yield f"SECRET_KEY_FALLBACKS[{number - 1}]" if number else "SECRET_KEY", in_bytes(secret)
