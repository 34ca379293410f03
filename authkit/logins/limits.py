"""How many logins one person may have at once (`LOGIN.MAX_LOGINS`), and what one more does (`LOGIN.AT_LIMIT`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, router

from authkit.exceptions import TooManyLogins
from authkit.logins.models import Login, LoginQuerySet

REFUSE = "refuse"


def lock_logins_of(*, user_id: Any) -> None:
    """Holds up every other sign-in of this person until the transaction ends: each has to count what the others wrote.

    It comes before any write to a login of the person's, for a caller that writes such rows and the person's own, or
    one login before others: sign-ins and endings take the locks in this order, and two orders deadlock.

    Locks the person's row and not their logins' rows, because no lock on those holds up an INSERT. SQLite has nothing
    to lock: it takes one writer at a time, and the new login is written before anything is counted.

    Args:
        user_id: the person's primary key; a transaction has to be open.
    """
    _lock([user_id])


def line_up_with_crowds(*, user_ids: Sequence[Any]) -> None:
    """For a caller that ends the logins of many people: takes the rows of these people in the order of their keys, so
    that two such callers don't deadlock.

    Args:
        user_ids: the people's primary keys; a transaction has to be open.
    """
    _lock(user_ids)


def _lock(user_ids: Sequence[Any]) -> None:
    using = router.db_for_write(Login)
    features = connections[using].features
    if features.has_select_for_update:
        # The weaker lock, where there is one, lets other tables check their foreign keys meanwhile: an ending, which
        # writes a cutoff, doesn't wait for a sign-in, nor a sign-in for an ending with the rows in another order.
        people: Any = get_user_model()._base_manager
        locked = people.using(using).select_for_update(no_key=features.has_select_for_no_key_update)
        # One row needs no order, and MySQL sorts what it is told to sort.
        ordered = locked.order_by("pk") if len(user_ids) > 1 else locked.order_by()
        list(ordered.filter(pk__in=user_ids).values_list("pk"))


def line_up_with_sign_ins(*, user_id: Any) -> None:
    """For a caller that ends a person's logins, or one of them: takes the locks in sign-in's order, or the two
    deadlock. InnoDB has no weaker lock, and takes one of the person's row for the foreign key of their cutoff, and for
    that of a login, whose end stands in one index with the person.

    Args:
        user_id: the person's primary key; a transaction has to be open.
    """
    if _endings_take_people_first():
        lock_logins_of(user_id=user_id)


def line_up_with_sign_ins_of(*, login_ids: Sequence[UUID]) -> None:
    """As `line_up_with_sign_ins`, for a caller that ends logins of several people.

    Args:
        login_ids: of the logins; a transaction has to be open.
    """
    if _endings_take_people_first():
        theirs = Login.objects.filter(pk__in=login_ids, ended_at=None).order_by().values_list("user_id", flat=True)
        if people := list(theirs.distinct()):
            _lock(people)


def _endings_take_people_first() -> bool:
    features = connections[router.db_for_write(Login)].features
    return features.has_select_for_update and not features.has_select_for_no_key_update


def beyond_limit(
    *, logins: LoginQuerySet, opened: Login, most: int, at_limit: str, replaces: Collection[UUID]
) -> list[UUID]:
    """The ids of a person's live logins that have to go, now that one more has been written: the oldest ones.

    Args:
        logins: the person's live ones.
        opened: the one that was just written.
        most: how many there may be.
        at_limit: "evict" or "refuse".
        replaces: ids of logins that end within this transaction anyway. They don't count; and a sign-in that takes the
            place of one makes none more, so it is not refused where there are too many already.

    Raises:
        TooManyLogins: it is to be refused; with the transaction rolled back there is no new login.
    """
    before = list(logins.exclude(pk=opened.pk).order_by("created_at", "pk").values_list("pk", flat=True))
    others = [login_id for login_id in before if login_id not in replaces]
    beyond = others[: max(0, len(others) + 1 - most)]
    if at_limit == REFUSE and beyond:
        if len(others) == len(before):
            raise TooManyLogins(f"{len(others)} live logins")
        return []
    return beyond
