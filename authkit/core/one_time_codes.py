"""One table for every code that is good once: each kind is a purpose, and one statement consumes a code of any kind."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import Hidden
from authkit.core.managers import PrimaryManager
from authkit.exceptions import InvalidGrant

_BYTES = 32

MAX_KEY_LENGTH = 128
"""Characters of a key that are looked at; ours have 43."""


class OneTimeCode(models.Model):
    """A code that a person or a program can use once.

    The key is the SHA-256 of the code. The code itself is stored nowhere (ASVS 11.5.1). The row outlives its use, so
    that a second use can be recognised. `login_id` is no foreign key: pruning deletes logins without looking here.
    """

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    purpose = models.CharField(_("purpose"), max_length=32)
    """The use for which the code is good. A code of another purpose is an unknown one."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("user")
    )
    """The owner; null where the person has no account yet."""
    subject = models.CharField(max_length=255, blank=True)
    """The provider by which the person came, or an address that is to be proven."""
    binding = models.CharField(max_length=128, blank=True, editable=False)
    """The value for which its bearer has to bring a proof, such as PKCE's `code_challenge`."""
    payload = models.JSONField(default=dict, editable=False)
    """The data that its purpose needs at the use. Never a secret in clear."""
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    """How often it was presented."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    login_id = models.UUIDField(null=True)
    """The login that was opened for it, which a second use ends."""

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("one-time code")
        verbose_name_plural = _("one-time codes")

    def __str__(self) -> str:
        return f"{self.purpose} {self.created_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class Use:
    """The result of `use`: the code's row, if there is one, and whether this was the first use of it."""

    row: OneTimeCode | None
    is_first: bool


@sensitive_variables()
def issue(
    *,
    purpose: str,
    lifetime: timedelta,
    user_id: Any = None,
    subject: str = "",
    binding: str = "",
    payload: Mapping[str, Any] | None = None,
    created_at: datetime | None = None,
) -> str:
    """Makes a code.

    Args:
        purpose: the use for which it is good.
        lifetime: from now on.
        user_id: the owner's key.
        subject: the provider or the address that it is about.
        binding: the value for which its bearer has to bring a proof.
        payload: the data that its purpose needs at the use, as JSON can hold it.
        created_at: the moment that cutoffs are compared with; now, if None.

    Returns:
        256 random bits, of which only the digest is kept.
    """
    code, now = Hidden(secrets.token_urlsafe(_BYTES)), timezone.now()
    OneTimeCode.objects.create(
        digest=digest_of(code),
        purpose=purpose,
        user_id=user_id,
        subject=subject,
        binding=binding,
        payload=dict(payload or {}),
        created_at=created_at or now,
        expires_at=now + lifetime,
    )
    return code


def grant(*, code: str, purpose: str, lifetime: timedelta) -> None:
    """Makes this very code good once, also where it was used before. For a code that only this site can name: one that
    is derived by a secret key, and that no client ever sends.

    Args:
        code: it.
        purpose: the use for which it is good.
        lifetime: from now on.
    """
    now = timezone.now()
    fields = {"purpose": purpose, "created_at": now, "expires_at": now + lifetime, "used_at": None}
    OneTimeCode.objects.update_or_create(digest=digest_of(code), defaults=fields)


@sensitive_variables()
def use(*, code: str, purpose: str, subject: str | None = None) -> Use:
    """Consumes a code by one conditional UPDATE, whose row count says whether this use is the first.

    Must run in a transaction of the caller's together with the effect of the code: a parallel use waits for the row
    until that transaction ends, and then finds it used, and sees the writes of the first use.

    Args:
        code: as it was sent.
        purpose: the use for which it is presented.
        subject: if given, the code has to be about this. A code about something else is an unknown one, and stays good.
    """
    key = {"pk": digest_of(code), "purpose": purpose} | ({} if subject is None else {"subject": subject})
    won = OneTimeCode.objects.filter(**key, used_at=None).update(
        used_at=timezone.now(), attempts=models.F("attempts") + 1
    )
    return Use(row=OneTimeCode.objects.filter(**key).first(), is_first=bool(won))


def is_good(*, code: str, purpose: str) -> bool:
    """Whether a code can be used still. Uses nothing up: mail programs and scanners open links by themselves."""
    return OneTimeCode.objects.filter(
        pk=digest_of(code), purpose=purpose, used_at=None, expires_at__gt=timezone.now()
    ).exists()


@sensitive_variables()
def redeem(*, code: str, purpose: str) -> OneTimeCode:
    """Consumes a code that is good, and no other. Must run in a transaction of the caller's, as `use`.

    Raises:
        InvalidGrant: the code is unknown, used, or too old. The caller's transaction has to be undone then.
    """
    used = use(code=code, purpose=purpose)
    if used.row is None or not used.is_first or used.row.expires_at <= timezone.now():
        raise InvalidGrant("no such code, or not any more")
    return used.row


@sensitive_variables()
def spend(*, code: str, purpose: str, lifetime: timedelta) -> bool:
    """Consumes a code that is good by a signature, so that it was not stored when it was made; one INSERT.

    Args:
        code: one text for all spellings of it.
        purpose: the use for which it is presented.
        lifetime: from now until it is too old by its signature, at least.

    Returns:
        Whether this use is the first.
    """
    now = timezone.now()
    row = OneTimeCode(
        digest=digest_of(f"{purpose} {code}"),
        purpose=purpose,
        attempts=1,
        created_at=now,
        expires_at=now + lifetime,
        used_at=now,
    )
    try:
        with transaction.atomic(using=router.db_for_write(OneTimeCode)):
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def name_login(*, digest: str, login_id: UUID) -> None:
    """Notes the login that a code has opened."""
    OneTimeCode.objects.filter(pk=digest).update(login_id=login_id)


def prunable_codes(*, keep: timedelta) -> models.QuerySet[OneTimeCode]:
    """Codes that ran out at least `keep` ago. Until then a second use of one can be recognised."""
    return OneTimeCode._base_manager.filter(expires_at__lt=timezone.now() - keep)


def digest_of(code: str) -> str:
    """The key of a code's row. A plain digest of 256 random bits can't be turned back."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
