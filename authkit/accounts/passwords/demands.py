"""Passwords that have to be replaced: an administrator asks for it, or a breach has made one known.

Until then the person's logins are restricted (`authkit.signin.restricted`). The next new password lifts it, however it
comes to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone

from authkit import conf
from authkit.accounts.events import PasswordDemanded
from authkit.accounts.models import PasswordDemand
from authkit.accounts.settings import AccountsSettings
from authkit.events import announce, register_recorder
from authkit.exceptions import NotFound
from authkit.logins.events import PasswordKnownBreached
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.signin.restricted import restrict

ADMIN, BREACHED = "admin", "breached"


@dataclass(frozen=True, slots=True)
class Demanded:
    """How many live logins ended."""

    count: int


def connect() -> None:
    """Registers the recorder. Safe to call twice."""
    register_recorder(demand_after_breach, names=(PasswordKnownBreached.name,), when=_breached_have_to_change)


def is_demanded(user_id: Any) -> bool:
    """Whether this person has to choose a new password; one statement. Asked at each sign-in."""
    return PasswordDemand.objects.filter(pk=user_id).exists()


def demand_password(*, user: AbstractBaseUser, by_id: Any = None) -> Demanded:
    """Has a person choose a new password at their next sign-in, and signs them out everywhere now: a login that another
    person opened by the old password must not wait for that.

    Args:
        user: the person.
        by_id: the key of who demands it.

    Raises:
        NotFound: the person has no password here that could be replaced.
    """
    if not user.has_usable_password():
        raise NotFound("there is no password")
    using = router.db_for_write(Login)
    with transaction.atomic(using=using):
        # The demand before the cutoff: a sign-in reads them in the other order (`authkit.signin.restricted`).
        _note(user.pk, reason=ADMIN, by_id=by_id)
        ended = end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        announce(PasswordDemanded(user_id=user.pk, reason=ADMIN, by_id=by_id), sender=Login, using=using)
    return Demanded(count=ended.count)


def demand_after_breach(event: Any) -> None:
    """Restricts the login that was opened by a password from a breach, and those of later sign-ins. Other logins go on:
    nothing is known of the password by which they were opened."""
    using = router.db_for_write(Login)
    _note(event.user_id, reason=BREACHED, by_id=None)
    restrict(login_id=event.login_id)
    demanded = PasswordDemanded(user_id=event.user_id, reason=BREACHED, login_id=event.login_id)
    announce(demanded, sender=Login, using=using)


def forget_demand(*, user_id: Any) -> None:
    """For the transaction that writes a new password."""
    PasswordDemand.objects.filter(pk=user_id).delete()


def _note(user_id: Any, *, reason: str, by_id: Any) -> None:
    defaults = {"reason": reason, "demanded_at": timezone.now(), "demanded_by_id": by_id}
    PasswordDemand.objects.update_or_create(user_id=user_id, defaults=defaults)


def _breached_have_to_change() -> bool:
    return conf.section(AccountsSettings).must_change_breached
