"""The time at which a login begins, and the time up to which logins are cut off; both by the database's clock.

Three rules hold whatever the clocks of the application servers say:

1. A login whose row was written before a cutoff is raised began before that cutoff. Its beginning is at most the time
   of the database's clock at its INSERT, or just above the cutoffs that were committed then. A cutoff is raised to the
   time of that clock, and at least above the one before it. So a sign-in that is under way in a parallel transaction,
   where no statement can see its row, is caught.
2. A login never begins at or below a cutoff that was committed before its INSERT. So a sign-in after an ending is
   alive, even where a cutoff lies in the future: written by hand, or by a clock that was set back since.
3. A cutoff only moves forwards.

The caller tells Redis first: hence `update_told` and `save_told`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connections, router, transaction
from django.db.models import Case, DateTimeField, F, Max, Q, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce, Greatest, Least

from authkit.core.identifiers import first_uuid7_after
from authkit.logins.database_clock import DatabaseClock, selected
from authkit.logins.endings import reaches_beyond
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason

TICK = timedelta(microseconds=1)
"""The smallest step of a time in the database."""

_NEWEST = 1000
"""How many of the newest logins are looked at for the latest beginning."""

_AHEAD = timedelta(days=1)
"""How far the clock of a server that opened a login may be ahead for its id to count among the newest."""


class _Latest(Greatest):
    """For an INSERT: its sub-queries read other tables than the one that is written to."""

    contains_column_references = False


def beginning(*, user_id: Any, at: datetime) -> Any:
    """When a login that is opened now begins: a value for `Login.created_at`, to be written at once.

    Args:
        user_id: the person's primary key.
        at: the time by the clock of this server.

    Returns:
        `at`, but never later than the database's clock, and always above the cutoffs of the person and of everybody.
        An expression, so that it costs no statement of its own. MySQL and MariaDB get a datetime by one SELECT: their
        INSERT would lock the cutoffs that it reads until the sign-in is committed, and an ending would have to wait.
        So do databases that can't return the values that they inserted.
    """
    using = router.db_for_write(Login)
    above = [
        Coalesce(Subquery(cutoff, output_field=DateTimeField()) + TICK, _value(_never()))
        for cutoff in (UserCutoff.objects.filter(user_id=user_id).values("issued_before"), _everybodys())
    ]
    expression = _Latest(Least(_value(at), DatabaseClock()), *above)
    connection = connections[using]
    if connection.vendor != "mysql" and connection.features.can_return_columns_from_insert:
        return expression
    return selected(expression, using=using)


def cut_off_person(
    *, user_id: Any, reason: EndReason, keep: UUID | None = None, kept_since: datetime | None = None
) -> None:
    """Cuts off every login of a person that was begun until now, but one. Call it last in the transaction.

    Args:
        user_id: the person's primary key.
        reason: why; says whether logins that outlive a sign-out everywhere are cut off as well.
        keep: the id of the login that stays. A login that was cut off before stays cut off: its request may have been
            on its way when that happened.
        kept_since: when that login began.
    """
    until = _until()
    kept: Any = Value(keep, output_field=UUIDField())
    if keep is not None:
        alive = When(Q(issued_before__lt=kept_since) | Q(keeps=keep), then=kept)
        kept = Case(alive, default=Value(None), output_field=UUIDField())
    rows = UserCutoff.objects.filter(pk=user_id)
    changes: dict[str, Any] = {
        # First, because it looks at the next one's old value: MariaDB and MySQL assign one column after the other.
        "keeps": kept,
        **_lasting(until, reason),
        "issued_before": Greatest(F("issued_before") + TICK, *until),
    }
    if not rows.update_told(**changes):
        lasting = _latest(until) if reaches_beyond(reason) else None
        cutoff = UserCutoff(user_id=user_id, issued_before=_latest(until), keeps=keep, lasting_before=lasting)
        if not _inserted(cutoff):
            rows.update_told(**changes)


def cut_off_people(*, user_ids: Collection[Any], reason: EndReason) -> None:
    """Cuts off every login of these people that was begun until now. Call it last in the transaction.

    One statement where each of them has a cutoff already, else four, however many they are.

    Args:
        user_ids: primary keys of people that exist.
        reason: as for `cut_off_person`.
    """
    until = _until()
    changes = {
        "keeps": None,
        **_lasting(until, reason),
        "issued_before": Greatest(F("issued_before") + TICK, *until),
    }
    rows = UserCutoff.objects.filter(pk__in=user_ids)
    if rows.update_told(**changes) == len(user_ids):
        return
    there = set(rows.values_list("pk", flat=True))
    missing = [user_id for user_id in user_ids if user_id not in there]
    # A cutoff that ends nothing, and then the same UPDATE: since the keys were read, a parallel ending may have
    # inserted a row, and perhaps one that lies in the future.
    UserCutoff.objects.bulk_create_told(
        [UserCutoff(user_id=user_id, issued_before=_never()) for user_id in missing], ignore_conflicts=True
    )
    UserCutoff.objects.filter(pk__in=missing).update_told(**changes)


def _lasting(until: Sequence[Any], reason: EndReason) -> dict[str, Any]:
    """The change of `lasting_before`: as `issued_before`, above which every login of any kind begins. It stands before
    that one, at whose old value it looks."""
    return {"lasting_before": Greatest(F("issued_before") + TICK, *until)} if reaches_beyond(reason) else {}


def cut_off_everybody(*, latest: datetime | None) -> None:
    """Cuts off every login that was begun until now. Call it last in the transaction.

    The beginnings that are there count as well, because one may lie after the clock's present time. A server that runs
    an older version writes it by its own clock. After a fail-over the database's clock may be behind the last one's.
    And a login begins above its person's cutoff even if that lies in the future. The caller has seen all but those that
    were committed a moment ago. These are found by the primary key: ids sort by the clocks of the servers that made
    them. The newest thousand are searched, because the very first may be of a server that is ahead. The ids of adopted
    logins are no times, and nearly all of them lie above.

    Args:
        latest: the latest beginning that the caller has seen; None if there was no login.
    """
    newest = Login.objects.filter(pk__lt=first_uuid7_after(_AHEAD)).order_by("-pk")[:_NEWEST]
    reached = newest.aggregate(at=Max("created_at"))["at"]
    until = [DatabaseClock(), *[_value(moment) for moment in (latest, reached) if moment is not None]]
    rows = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY)
    changes = {"issued_before": Greatest(F("issued_before") + TICK, *until)}
    if not rows.update_told(**changes) and not _inserted(GlobalCutoff(issued_before=_latest(until))):
        rows.update_told(**changes)


def cut_off_before(*, moment: datetime, user_id: Any = None) -> None:
    """Cuts off every login that began before a time that has passed: a person's, or everybody's.

    Args:
        moment: a login that began exactly then stays.
        user_id: the person's primary key; None for everybody.
    """
    until = moment - TICK
    cutoffs: Any = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY)
    cutoff: Any = GlobalCutoff(issued_before=until)
    changes: dict[str, Any] = {"issued_before": until}
    if user_id is not None:
        cutoffs, cutoff = UserCutoff.objects.filter(pk=user_id), UserCutoff(user_id=user_id, issued_before=until)
        changes["keeps"] = None  # it began before the cutoff that spared it, so before this one
    earlier = cutoffs.filter(issued_before__lt=until)
    if earlier.update_told(**changes) or _inserted(cutoff) or earlier.update_told(**changes):
        return
    if user_id is not None:
        # The cutoff that is there is a later one. A login that it spares may have begun before the moment all the same.
        begun = Login.objects.filter(user_id=user_id, created_at__lt=moment).values("pk")
        cutoffs.filter(keeps__in=begun).update_told(keeps=None)


def _inserted(cutoff: UserCutoff | GlobalCutoff) -> bool:
    """False if there is a cutoff already: a later one, or one that a parallel ending made between the statements."""
    try:
        with transaction.atomic(using=router.db_for_write(type(cutoff))):
            cutoff.save_told(force_insert=True)
    except IntegrityError:
        return False
    return True


def _latest(moments: Sequence[Any]) -> Any:
    return _Latest(*moments) if len(moments) > 1 else moments[0]


def _until() -> list[Any]:
    return [DatabaseClock(), Coalesce(Subquery(_everybodys(), output_field=DateTimeField()) + TICK, _value(_never()))]


def _everybodys() -> Any:
    return GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")


def _never() -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC if settings.USE_TZ else None)


def _value(moment: datetime) -> Any:
    return Value(moment, output_field=DateTimeField())
