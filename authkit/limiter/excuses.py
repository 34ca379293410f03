"""One try without a challenge, for a person who can't solve one: their browser has no JavaScript.

An unlocking, by the person's own mail or by the staff, says that the person is there. So the next try with the name
needs no challenge, also while stuffing is suspected. It is charged like any other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import router, transaction
from django.utils import timezone

from authkit import conf
from authkit.core.one_time_codes import OneTimeCode, grant, use
from authkit.limiter.names import name_key

PURPOSE = "challenge-excuse"
LIFETIME = timedelta(minutes=30)


def excuse(*, names: Collection[str]) -> None:
    """Excuses the next try with each of these names. Does nothing where no challenge is set."""
    if conf.current().limiter.challenge:
        for name in names:
            grant(code=name_key(name), purpose=PURPOSE, lifetime=LIFETIME)


def use_excuse(*, name: str) -> bool:
    """Whether this try is excused; once, by one conditional UPDATE."""
    with transaction.atomic(using=router.db_for_write(OneTimeCode)):
        used = use(code=name_key(name), purpose=PURPOSE)
    return used.is_first and used.row is not None and used.row.expires_at > timezone.now()
