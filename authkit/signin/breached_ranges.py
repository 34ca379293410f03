"""Asks a server whether a password is known from a breach, by k-anonymity: it learns 5 of the SHA-1's 40 digits.

The interface is that of Have I Been Pwned (`GET range/<5 digits>`), which mirrors offer too. The answer has the other
35 digits of several hundred passwords, and is padded, so that its length says nothing about the range either. This is
a GET of our own and no library: the request then has a deadline by the wall clock, and the caller needs to keep the
SHA-1 alone and never the password.
"""

from __future__ import annotations

import time

from authkit.core.breaker import Breaker
from authkit.core.outgoing import NoAnswer, ask

SECONDS = 1.0
"""From the beginning of a request to its end."""
_PREFIX_DIGITS = 5


class RangesUnavailable(Exception):
    """The server gave no usable answer. The text holds nothing of the password."""


_breaker = Breaker()


def contains(*, url: str, digest: bytes) -> bool:
    """Whether the server knows a password.

    A server that gives no answer is left alone for some seconds, so that it holds up one request and not all of them.

    Args:
        url: of the ranges, such as `https://api.pwnedpasswords.com/range/`.
        digest: the password's SHA-1, 20 bytes.

    Raises:
        RangesUnavailable: it can't be said.
    """
    if not _breaker.lets_through():
        raise RangesUnavailable("the server gave no answer a moment ago")
    began = time.monotonic()
    digits = digest.hex().upper()
    try:
        answer = ask(
            f"{url.rstrip('/')}/{digits[:_PREFIX_DIGITS]}",
            seconds=SECONDS,
            headers={"Add-Padding": "true", "User-Agent": "django-authkit"},
        )
        if answer.status != 200:
            raise NoAnswer(f"status {answer.status}")
        found = _search(answer.body.decode("ascii"), digits[_PREFIX_DIGITS:])
    except (NoAnswer, ValueError) as error:
        _breaker.failed()
        took = time.monotonic() - began
        raise RangesUnavailable(f"no answer after {took:.1f} s: {error}") from error
    _breaker.succeeded()
    return found


def _search(text: str, suffix: str) -> bool:
    """
    Raises:
        ValueError: the text is no range.
    """
    seen = 0
    for line in text.splitlines():
        rest, colon, count = line.partition(":")
        if len(rest) != len(suffix) or not colon:
            raise ValueError("not a range")
        if rest.upper() == suffix:
            seen = int(count.replace(",", ""))
    return seen > 0


def forget() -> None:
    """Asks the server again, for tests and for an operator's shell."""
    _breaker.succeeded()
