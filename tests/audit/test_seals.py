"""Seals: a row that was changed, deleted or added by SQL is named."""

from __future__ import annotations

import secrets
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from authkit.audit import seals
from authkit.audit.models import AuditSeal, Event
from authkit.core.identifiers import first_uuid7_at
from authkit.core.records import FAILURE, SUCCESS

pytestmark = pytest.mark.django_db(transaction=True)


def filled(count: int = 6, *, outcome: str = SUCCESS, age: timedelta = timedelta(hours=1)) -> list[Event]:
    moment = timezone.now() - age
    rows = [
        Event(
            # Two calls may fall into one millisecond.
            id=UUID(int=first_uuid7_at(moment + timedelta(seconds=n)).int | secrets.randbits(62)),
            at=moment + timedelta(seconds=n),
            name="login.ended",
            outcome=outcome,
            reason="logout",
            ip="2001:db8::7",
            extra={"b": [1, None], "a": "ä"},
        )
        for n in range(count)
    ]
    return Event.objects.bulk_create(rows)


def sealed() -> list[seals.Sealed]:
    return list(seals.seal())


def findings() -> list[tuple[str, Any]]:
    return [(found.what, found.event_id) for found in seals.verify()]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def key(event: Event) -> Any:
    return event.pk.hex if not connection.features.has_native_uuid_field else event.pk


def test_untouched_rows_hold() -> None:
    filled()
    filled(3, outcome=FAILURE)
    assert [(made.failures, made.count) for made in sealed()] == [(False, 6), (True, 3)]
    assert findings() == []
    told = Event.objects.filter(name="audit.sealed")
    assert [row.extra["mac"] for row in told.order_by("id")] == [
        seal.mac for seal in AuditSeal.objects.order_by("id")
    ], "the seal is announced, so that the log takes it off the machine"


def test_changed_row_is_named() -> None:
    rows = filled()
    sealed()
    sql("UPDATE authkit_audit_event SET reason = 'forced' WHERE id = %s", key(rows[2]))
    assert findings() == [("row_changed", rows[2].pk)]


def test_deleted_row_is_named() -> None:
    rows = filled()
    sealed()
    sql("DELETE FROM authkit_audit_event WHERE id = %s", key(rows[3]))
    assert findings() == [("row_missing", rows[3].pk)]


def test_inserted_row_is_named() -> None:
    rows = filled()
    sealed()
    between = Event(
        id=first_uuid7_at(rows[2].at + timedelta(milliseconds=500)), at=rows[2].at, name="login.succeeded",
        outcome=SUCCESS,
    )  # fmt: skip
    Event.objects.bulk_create([between])
    assert findings() == [("row_added", between.pk)]


def test_failure_that_is_made_a_success_is_named() -> None:
    filled()
    (failure,) = filled(1, outcome=FAILURE, age=timedelta(minutes=50))
    sealed()
    sql("UPDATE authkit_audit_event SET outcome = 'success' WHERE id = %s", key(failure))
    assert findings() == [("row_added", failure.pk), ("row_missing", failure.pk)]


def test_seal_that_was_made_to_fit_a_changed_row_does_not_hold() -> None:
    rows = filled()
    sealed()
    sql("DELETE FROM authkit_audit_event WHERE id = %s", key(rows[3]))
    left = [row for row in rows if row != rows[3]]
    digests = [seals._digest(row) for row in left]
    AuditSeal.objects.filter(failures=False).update(
        count=5,
        digest=seals._whole(left, digests),
        rows=b"".join(seals._entry(row, digest) for row, digest in zip(left, digests, strict=True)),
    )
    assert findings() == [("seal_changed", None)]


def test_seal_that_is_taken_away_is_missed(ids_by_the_clock: Any) -> None:
    filled()
    sealed()
    ids_by_the_clock.forward(minutes=30)
    sealed()
    ids_by_the_clock.forward(minutes=30)
    sealed()
    assert findings() == []
    AuditSeal.objects.filter(failures=False).order_by("upto")[1:2].get().delete()
    assert findings() == [("seal_missing", None)]


def test_first_seals_can_t_be_taken_away_with_their_rows() -> None:
    rows = filled(3)
    sealed()
    AuditSeal.objects.all().delete()
    Event.objects.filter(pk__in=[row.pk for row in rows]).delete()
    filled(2)
    sealed()
    first = AuditSeal.objects.filter(failures=False).first()
    assert first is not None
    AuditSeal.objects.filter(pk=first.pk).update(after=rows[-1].pk, previous="0" * 64)
    assert ("seal_missing", None) in findings()


def test_events_of_the_last_five_minutes_wait() -> None:
    filled(2, age=timedelta(minutes=4))
    sealed()
    assert [seal.count for seal in AuditSeal.objects.all()] == [0, 0]


def test_many_rows_are_sealed_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "MOST_ROWS", 4)
    filled(10)
    assert [made.count for made in sealed() if not made.failures] == [4, 4, 2]
    assert findings() == []


def test_two_that_seal_at_once_make_one_seal() -> None:
    filled()
    made = sealed()
    twin = AuditSeal.objects.filter(failures=made[0].failures).get()
    twin.pk = None
    with pytest.raises(IntegrityError):
        twin.save(force_insert=True)


def test_seals_outlive_a_rotated_secret_key(settings: Any) -> None:
    filled()
    sealed()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = secrets.token_urlsafe(48)
    assert findings() == []
    settings.SECRET_KEY_FALLBACKS = []
    assert {what for what, _ in findings()} == {"seal_changed"}


def test_seal_key_of_the_project(settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"SEAL_KEY": secrets.token_urlsafe(48)}}
    filled()
    sealed()
    assert findings() == []
    settings.AUTHKIT = {"AUDIT": {}}
    assert {what for what, _ in findings()} == {"seal_changed"}


def test_pruned_ranges_hold_and_no_seal_is_cut_in_two(clock: Any) -> None:
    for days in (100, 95, 10):
        filled(3, outcome=FAILURE, age=timedelta(days=days))
    first, second, _third = [rows.pk for rows in Event.objects.order_by("id")[::3]]
    assert first < second
    sealed()  # one range across all of them
    call_command("authkit_prune", stdout=StringIO())
    assert Event.objects.filter(outcome=FAILURE).count() == 9, "the range is not over yet"
    assert findings() == []
    clock.forward(days=91)
    call_command("authkit_prune", stdout=StringIO())
    assert Event.objects.filter(outcome=FAILURE).count() == 0
    assert findings() == []


def test_command_seals_verifies_and_fails_where_a_row_is_gone() -> None:
    rows = filled()
    out = StringIO()
    call_command("authkit_audit", "verify", stdout=out)
    assert "There is no seal" in out.getvalue()
    call_command("authkit_audit", "seal", stdout=out)
    assert "events: 6 sealed" in out.getvalue()
    call_command("authkit_audit", "verify", stdout=out)
    assert "all seals hold" in out.getvalue()
    gone = rows[0].pk
    rows[0].delete()
    err = StringIO()
    with pytest.raises(CommandError, match="do not hold"):
        call_command("authkit_audit", "verify", stderr=err)
    assert f"event {gone}" in err.getvalue()
    assert "it is missing" in err.getvalue()
