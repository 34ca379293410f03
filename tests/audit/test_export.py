"""Lines of JSON, in authkit's own form and in OCSF's; the command that writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit import events
from authkit.audit.export import _CLASSES, as_ocsf
from authkit.audit.models import Event
from authkit.core.identifiers import first_uuid7_at
from authkit.core.records import FAILURE, SUCCESS

pytestmark = pytest.mark.django_db(transaction=True)

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def happened(name: str, *, at: datetime = THEN, outcome: str = SUCCESS, **columns: Any) -> Event:
    return Event.objects.create(id=first_uuid7_at(at), at=at, name=name, outcome=outcome, **columns)


def written(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("authkit_audit", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("name", "class_uid", "activity_id"),
    [("login.succeeded", 3002, 1), ("login.ended", 3002, 2), ("logins.ended", 3002, 2), ("token.refreshed", 3002, 99)],
)
def test_ocsf_has_what_its_classes_require(user: Any, name: str, class_uid: int, activity_id: int) -> None:
    said = as_ocsf(happened(name, user_id=user.pk, ip="203.0.113.9", reason="logout"))
    required = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "user"}
    assert required <= said.keys()
    assert (said["class_uid"], said["activity_id"]) == (class_uid, activity_id)
    assert said["type_uid"] == said["class_uid"] * 100 + said["activity_id"]
    assert said["category_uid"] == said["class_uid"] // 1000
    assert said["time"] == int(THEN.timestamp() * 1000)
    assert said["metadata"]["version"] == "1.8.0"
    assert (said["user"], said["src_endpoint"]) == ({"type_id": 1, "uid": str(user.pk)}, {"ip": "203.0.113.9"})


def test_ocsf_of_a_failure_and_of_no_person() -> None:
    said = as_ocsf(happened("token.reused", outcome=FAILURE))
    assert (said["status_id"], said["severity_id"], said["user"]["name"]) == (2, 3, "unknown")


def test_every_core_event_that_is_an_ending_or_a_sign_in_has_its_class() -> None:
    assert {name for name in events.EventName if name.startswith("login")} <= _CLASSES.keys()


def test_export_is_of_a_span_oldest_first_and_is_an_event() -> None:
    for days in (3, 1, 2):
        happened("login.ended", at=THEN + timedelta(days=days))
    assert [row["at"][:10] for row in written("export", "--since", "2026-03-03", "--until", "2026-03-04T00:00Z")] == [
        "2026-03-03"
    ]
    assert [row["at"][:10] for row in written("export", "--until", "2026-03-05")] == [
        "2026-03-02", "2026-03-03", "2026-03-04",
    ]  # fmt: skip
    told = Event.objects.filter(name="audit.exported").order_by("id")[0]
    assert told.extra["format"] == "jsonl"
    assert "since=2026-03-03" in told.extra["filters"]
    assert all(row["schema"] == 1 for row in written("export"))
    assert written("export", "--format", "ocsf")[0]["class_uid"] == 3002


def test_tail_shows_the_newest_in_the_order_of_time() -> None:
    made = [happened("login.ended", at=THEN + timedelta(minutes=n)) for n in range(5)]
    assert [row["id"] for row in written("tail", "--once", "--lines", "2")] == [str(event.pk) for event in made[3:]]


@pytest.mark.parametrize(
    "wrong", [("export", "--since", "soon"), ("tail", "--lines", "0"), ("export", "--format", "cef")]
)
def test_argument_that_makes_no_sense_is_refused(wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        written(*wrong)


def test_export_holds_a_bounded_number_of_rows(django_assert_max_num_queries: Any) -> None:
    for n in range(30):
        happened("login.ended", at=THEN + timedelta(minutes=n))
    with django_assert_max_num_queries(12):
        assert len(written("export", "--until", "2026-04-01")) == 30
