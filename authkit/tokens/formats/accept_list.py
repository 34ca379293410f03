"""The accept-list itself."""

from __future__ import annotations

from authkit.exceptions import TokenNotValid
from authkit.tokens.formats import authkit_jwt
from authkit.tokens.formats.base import Format
from authkit.tokens.jws import MAX_TOKEN_LENGTH

_accepted: list[Format] = [authkit_jwt]


def register(added: Format) -> None:
    """Accepts tokens of one more format, asked after those that are there; for `AppConfig.ready()`. Safe to call twice.

    Args:
        added: a module or object with the five functions.
    """
    if added not in _accepted:
        _accepted.append(added)


def accepted() -> tuple[Format, ...]:
    """All formats, in the order in which they are asked."""
    return tuple(_accepted)


def format_of(token: str) -> Format:
    """The first format that says that this token is its own.

    Raises:
        TokenNotValid: none does, or the token is longer than any format's may be: none is asked then.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenNotValid("too long")
    for one in _accepted:
        if one.detect(token):
            return one
    raise TokenNotValid("of no format that is accepted")
