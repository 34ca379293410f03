"""End the logins of many people, or many logins, in batches: the statements of a batch don't grow with its size.

Each batch is a transaction of its own and is committed before the next one begins. So a failure leaves whole batches
behind, and the caller, which gets each batch's result as soon as it is committed, can say what was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import Count
from django.utils import timezone

from authkit.events import announce
from authkit.logins import events
from authkit.logins.cutoffs import cut_off_people
from authkit.logins.limits import line_up_with_crowds, line_up_with_sign_ins_of
from authkit.logins.listeners import tell
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

BATCH = 500
"""People or logins in one transaction. `hints.tell` names no more than this one by one: beyond that, every token of
everybody has to be asked for. And with so few a sign-in waits for a batch some tenths of a second at most."""


@dataclass(frozen=True, slots=True)
class PeopleEnded:
    """The result of one batch: how many live logins of each person were ended. People who don't exist are left out."""

    counts: Mapping[Any, int]


@dataclass(frozen=True, slots=True)
class TheseEnded:
    """The result of one batch: the logins that were live and are ended now."""

    login_ids: frozenset[UUID]
    tried: int
    """How many were in the batch, those that were over already among them."""


def end_logins_of_people(*, user_ids: Iterable[Any], reason: EndReason) -> Iterator[PeopleEnded]:
    """Ends all logins of each of these people, as `services.end_logins_of` does of one; ASVS 7.4.5.

    Args:
        user_ids: primary keys, as the user model has them.
        reason: why.

    Returns:
        An iterator that ends one batch at each step, and none before the first. `signals.logins_ended` is sent for each
        person once their batch is committed.

    Raises:
        DatabaseUnavailable, DatabaseError: at the step that failed. The batches before it are committed.
    """
    for batch in _batches(dict.fromkeys(user_ids)):
        yield _end_people(batch, reason)


def end_these_logins(*, login_ids: Iterable[UUID], reason: EndReason) -> Iterator[TheseEnded]:
    """Ends each of these logins, as `services.end_login` does with one.

    Args:
        login_ids: the rows' ids.
        reason: why.

    Returns:
        An iterator that ends one batch at each step. `signals.login_ended` is sent for each login that was not over.

    Raises:
        DatabaseUnavailable, DatabaseError: at the step that failed. The batches before it are committed.
    """
    for batch in _batches(dict.fromkeys(login_ids)):
        yield _end_these(batch, reason)


def _end_people(user_ids: list[Any], reason: EndReason) -> PeopleEnded:
    now = timezone.now()
    people: Any = get_user_model()._base_manager.using(router.db_for_write(Login)).order_by()
    with transaction.atomic():
        line_up_with_crowds(user_ids=user_ids)
        tell(user_ids=user_ids)
        theirs = Login.objects.filter(user_id__in=user_ids).ended_by(reason)
        theirs.live(now).update_told(ended_at=now, end_reason=reason)
        # The rows that the UPDATE wrote, and no others, by this transaction's time to the microsecond. A count before
        # it would include logins that a parallel ending takes away in between.
        ended = theirs.filter(ended_at=now, end_reason=reason).order_by()
        counted = dict(ended.values_list("user_id").annotate(Count("pk")))
        # Read after the UPDATE: on SQLite a transaction that begins by reading may be refused its first write.
        counts = {pk: counted.get(pk, 0) for pk in people.filter(pk__in=user_ids).values_list("pk", flat=True)}
        if counts:
            cut_off_people(user_ids=counts.keys(), reason=reason)
        _announce_people(counts, reason)
    return PeopleEnded(counts=counts)


def _end_these(login_ids: list[UUID], reason: EndReason) -> TheseEnded:
    now = timezone.now()
    with transaction.atomic():
        line_up_with_sign_ins_of(login_ids=login_ids)
        # Tells also of logins that are over already, for the reason in `services.end_login`.
        tell(login_ids=login_ids)
        these = Login.objects.filter(pk__in=login_ids)
        these.filter(ended_at=None).update_told(ended_at=now, end_reason=reason)
        owners = dict(these.filter(ended_at=now, end_reason=reason).order_by().values_list("pk", "user_id"))
        _announce_logins(owners, reason)
    return TheseEnded(login_ids=frozenset(owners), tried=len(login_ids))


def _announce_people(counts: Mapping[Any, int], reason: EndReason) -> None:
    using = router.db_for_write(Login)
    announce(events.CrowdEnded(user_ids=counts.keys(), reason=reason), sender=Login, using=using)
    for user_id, count in counts.items():
        ended = events.LoginsEnded(user_id=user_id, count=count, reason=reason, crowd=True)
        announce(ended, sender=Login, using=using)


def _announce_logins(owners: Mapping[UUID, Any], reason: EndReason) -> None:
    using = router.db_for_write(Login)
    for login_id, user_id in owners.items():
        ended = events.LoginEnded(login_id=login_id, user_id=user_id, reason=reason)
        announce(ended, sender=Login, using=using)


def _batches(keys: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, BATCH)):
        yield batch
