"""The text of an API key: `ak_<id>_<secret>_<checksum>`, each part in base62.

The checksum is the CRC-32 of all that stands before it. It proves nothing: it tells text that was mistyped, cut off or
made up from text that may be a key, without the database, and lets a secret scanner be sure of what it has found.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field
from zlib import crc32

from authkit.core.hidden import Hidden

SCHEME = "ak_"
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 12, 43, 6
"""43 digits of base62 hold 256 bits, 12 tell two keys apart, and 6 hold a CRC-32."""

PREFIX_LENGTH = len(SCHEME) + ID_LENGTH

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY = re.compile(rf"ak_[0-9A-Za-z]{{{ID_LENGTH}}}_[0-9A-Za-z]{{{SECRET_LENGTH}}}_[0-9A-Za-z]{{{CHECKSUM_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is being made: its text is shown once, and stored nowhere."""

    text: Hidden = field(repr=False)
    prefix: str
    """The scheme and the id, by which people recognise it."""
    digest: str = field(repr=False)


def new_key() -> NewKey:
    """A key of 256 random bits."""
    prefix = SCHEME + _random(ID_LENGTH)
    body = f"{prefix}_{_random(SECRET_LENGTH)}"
    text = Hidden(f"{body}_{_checksum(body)}")
    return NewKey(text=text, prefix=prefix, digest=digest_of(text))


def is_well_formed(text: str) -> bool:
    """Whether the text has the form of a key and the right checksum."""
    return _KEY.fullmatch(text) is not None and _checksum(text[: -CHECKSUM_LENGTH - 1]) == text[-CHECKSUM_LENGTH:]


def digest_of(text: str) -> str:
    """What is stored of a key (ASVS 11.5.1): a plain SHA-256, as 256 random bits can't be guessed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
