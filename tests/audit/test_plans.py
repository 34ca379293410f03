"""With many events every page, the folding and the seals read a range of an index, and no statement the whole table."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.audit import why
from authkit.audit.models import Event
from authkit.audit.timeline import activity
from authkit.core.identifiers import first_uuid7_at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

ROWS = 200_000
PEOPLE = 2_000
FIRST = 20_000_000
"""The first person's key: far beyond what the sequence has given to the tests before this one."""

# One event each 20 seconds, of names that are as rare as they are; the ids are made as `uuid7` makes them.
FILL = """
INSERT INTO authkit_audit_event
    (id, at, name, outcome, reason, user_id, actor_id, login_id, door, method, ip, device, request_id, count, extra)
SELECT
    made, now() - n * interval '20 seconds',
    CASE WHEN n %% 500 = 0 THEN 'token.reused' WHEN n %% 2 = 0 THEN 'login.ended' ELSE 'login.succeeded' END,
    CASE WHEN n %% 500 = 0 THEN 'failure' ELSE 'success' END,
    '', %(first)s + n %% %(people)s, NULL, made, '', '', NULL, '', '', 1, '{}'
FROM (
    SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n::bigint * 20000), 12, '0') || '7000'
        || '8' || substr(md5(n::text), 1, 15))::uuid AS made
    FROM generate_series(1, %(rows)s) n
) numbers
"""


def statements_of(*doings: Callable[[], Any]) -> list[str]:
    found: dict[str, str] = {}
    for do in doings:
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            do()
        for query in captured:
            if query["sql"].startswith("SELECT") and "authkit_audit_event" in query["sql"]:
                found.setdefault(query["sql"], query["sql"])
    return list(found.values())


def rows_read_by(statement: str) -> int:
    """How many rows the statement really reads from the table, those that it throws away too."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement.replace("%", "%%"), [])
        [[plan]] = cursor.fetchall()
    whole = json.loads(plan) if isinstance(plan, str) else plan
    read = 0
    nodes = [whole[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "authkit_audit_event":
            read += (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return int(read)


def test_no_page_reads_the_table_from_end_to_end(make_user: Any) -> None:
    if get_user_model()._meta.db_table != "auth_user":
        pytest.skip("the rows are written for Django's own user model")
    person = get_user_model()._default_manager.create(pk=FIRST + 7, username="many")
    boss = make_user("boss", is_superuser=True)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"rows": ROWS, "people": PEOPLE, "first": FIRST})
        cursor.execute("ANALYZE authkit_audit_event")
    browser = Browser()
    browser.force_login(boss)
    page, some = (
        "/admin/authkit_audit/event/",
        Event.objects.filter(name="login.succeeded").order_by("id")[ROWS // 4].pk,
    )
    week_ago = first_uuid7_at(timezone.now() - timedelta(days=7))
    asked = statements_of(
        lambda: activity(user_id=person.pk),
        lambda: activity(user_id=person.pk, before=week_ago),
        lambda: activity(user_id=person.pk, login_id=some),
        *(
            (lambda query=query: browser.get(page + query))
            for query in (
                "",
                "?p=3",
                "?event=token.reused",
                "?since=hour",
                "?event=login.ended&since=day",
                "?q=many",
                f"?user__id__exact={person.pk}",
                f"?q={some}",
            )
        ),
        lambda: browser.get(f"{page}{some}/change/"),
        lambda: why.by_person(user_id=person.pk),
        lambda: why.by_person(user_id=person.pk, at=timezone.now() - timedelta(days=3)),
        lambda: why.by_login(login_id=some),
    )
    assert len(asked) > 12
    read = {statement: rows_read_by(statement) for statement in asked}
    # At most what the list's pages reach, and a little for the hour's filter.
    assert {sql: rows for sql, rows in read.items() if rows > 5_100} == {}
