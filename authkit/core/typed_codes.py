"""Codes that a person types from a mail: short, so few tries count (ASVS 6.5.5; RFC 8628 section 6.1).

One row for each purpose and subject, such as an address: a new code takes the place of the one before. What is stored
of the code is an HMAC by SECRET_KEY, because a plain digest of so few characters could be turned back.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import Hidden
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no word comes out, and no digits, which are taken for letters. 8 of them are 34 bits."""
LENGTH = 8
MAX_CODE_LENGTH = 32
"""Characters of a typed code that are looked at; with its hyphen one has 9."""
TRIES = 5
"""How often a code can be presented, right or wrong."""

_SALT = "authkit.core.typed_codes"


@sensitive_variables()
def issue(
    *,
    purpose: str,
    subject: str,
    lifetime: timedelta,
    about: str = "",
    user_id: Any = None,
    payload: Mapping[str, Any] | None = None,
) -> str:
    """Makes a code, such as "WDJB-MJHT", in place of the last one for this purpose and subject.

    Args:
        purpose: the use for which it is good.
        subject: what its bearer names beside it: one text for all spellings of an address, or a person's key.
        lifetime: from now on.
        about: the address that is to be proven, as it is written.
        user_id: the owner's key.
        payload: the data that its purpose needs at the use, as JSON can hold it.
    """
    code, now = Hidden("".join(secrets.choice(ALPHABET) for _ in range(LENGTH))), timezone.now()
    fields = {
        "purpose": purpose,
        "user_id": user_id,
        "subject": about,
        "binding": _hmac(purpose, subject, code),
        "payload": dict(payload or {}),
        "attempts": 0,
        "created_at": now,
        "expires_at": now + lifetime,
        "used_at": None,
    }
    OneTimeCode.objects.update_or_create(digest=_hmac(purpose, subject), defaults=fields)
    return Hidden(f"{code[:4]}-{code[4:]}")


@sensitive_variables()
def present(*, code: str, purpose: str, subject: str) -> OneTimeCode:
    """Spends one try, and compares. Must be committed before the code is used, or wrong tries would not count: call it
    outside of the transaction of the code's effect.

    Args:
        code: as it was typed; case, blanks and the hyphen don't matter.
        purpose: the use for which it is presented.
        subject: as it was issued for.

    Returns:
        The row, for `consume`.

    Raises:
        InvalidGrant: there is no such code, it is too old, used, was tried too often, or it is another one.
    """
    typed = Hidden("".join(character for character in code.upper() if character in ALPHABET))
    key = {"pk": _hmac(purpose, subject), "purpose": purpose}
    open_rows = OneTimeCode.objects.filter(**key, used_at=None, expires_at__gt=timezone.now(), attempts__lt=TRIES)
    spent = open_rows.update(attempts=F("attempts") + 1)
    row = OneTimeCode.objects.filter(**key).first()
    if not spent or row is None or not constant_time_compare(row.binding, _hmac(purpose, subject, typed)):
        raise InvalidGrant("no such code, or not any more")
    return row


def give_back(row: OneTimeCode) -> None:
    """Takes the try back that `present` has spent, for a right code whose effect was refused for another cause."""
    same = OneTimeCode.objects.filter(pk=row.pk, binding=row.binding, used_at=None, attempts__gt=0)
    same.update(attempts=F("attempts") - 1)


def consume(row: OneTimeCode) -> None:
    """Uses a code up by one conditional UPDATE, within the transaction of its effect.

    Raises:
        InvalidGrant: another request was first, or another code has taken its place.
    """
    same = OneTimeCode.objects.filter(pk=row.pk, purpose=row.purpose, binding=row.binding, used_at=None)
    if not same.update(used_at=timezone.now()):
        raise InvalidGrant("the code is used")


def _hmac(*parts: str) -> str:
    """Of parts that can't run into one another: none but the last, which has letters alone, can hold a NUL."""
    value = "\0".join(part.replace("\0", "\ufffd") for part in parts).encode("utf-8", "surrogatepass")
    return salted_hmac(_SALT, value, algorithm="sha256").hexdigest()
