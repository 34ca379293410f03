"""No statement of the admin, the endings or the import grows with the square of a table, says PostgreSQL's planner."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authkit.logins.crowds import end_logins_of_people, end_these_logins
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.pruning import prunable_blacklisted_tokens, prunable_logins
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of, end_logins_where, live_logins_of
from authkit.logins.summaries import live_by_method, summaries_of, summary_where

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

SMALL, LARGE = 100_000, 1_000_000
LINEAR = 3
"""By how much more than the table a plan's cost may grow: a sort does a little, a square by the same factor again."""

FIRST = 10_000_000
"""The first person's key: far beyond what the sequence has given to the tests before this one."""

SIMPLEJWT = """
CREATE TABLE token_blacklist_outstandingtoken (
    id bigint PRIMARY KEY, user_id bigint, jti varchar(255) UNIQUE, expires_at timestamptz NOT NULL);
CREATE TABLE token_blacklist_blacklistedtoken (
    id bigint PRIMARY KEY, blacklisted_at timestamptz NOT NULL, token_id bigint UNIQUE NOT NULL);
"""
FILL = """
INSERT INTO auth_user
    (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
    SELECT n, '', false, 'p' || n, '', '', 'p' || n || '@example.test', false, true, now()
    FROM generate_series(%(above)s / 10 + %(first)s, %(upto)s / 10 + %(first)s - 1) n;
INSERT INTO authkit_usercutoff (user_id, issued_before)
    SELECT id, now() - interval '40 days' FROM auth_user WHERE id >= %(above)s / 10 + %(first)s AND id %% 2 = 0;
INSERT INTO authkit_login ({columns})
    SELECT {values} FROM generate_series(%(above)s + 1, %(upto)s) n;
INSERT INTO authkit_blacklistedtoken (digest, jti, kind, reason, created_at, expires_at)
    SELECT md5(n::text) || md5(n::text), n::text, 'refresh', 'revoked', now(), now() + n * interval '1 second'
    FROM generate_series(%(above)s + 1, %(upto)s) n WHERE n %% 10 = 0;
INSERT INTO token_blacklist_outstandingtoken SELECT n, NULL, 'j' || n, now() + interval '1 day'
    FROM generate_series(%(above)s + 1, %(upto)s) n;
INSERT INTO token_blacklist_blacklistedtoken SELECT n, now(), n
    FROM generate_series(%(above)s + 1, %(upto)s) n WHERE n %% 2 = 0;
"""
VALUES = {
    "id": "md5(n::text)::uuid",
    "user_id": f"(n - 1) / 10 + {FIRST}",
    "kind": "CASE WHEN n % 3 = 0 THEN 'token' ELSE 'session' END",
    "method": "CASE WHEN n % 5 = 0 THEN 'google' ELSE 'password' END",
    "ended_at": "CASE WHEN n % 7 = 0 THEN now() END",
    "end_reason": "CASE WHEN n % 7 = 0 THEN 'logout' ELSE '' END",
    "ip": "'203.0.113.9'::inet",
    "expires_at": "now() + (n % 60 - 30) * interval '1 day'",
}
BY_TYPE = {
    "DateTimeField": "now() - (n % 60) * interval '1 day'",
    "BooleanField": "false",
    "IntegerField": "0",
    "PositiveIntegerField": "0",
    "CharField": "''",
}


def fill(above: int, upto: int) -> None:
    fields = [field for field in Login._meta.concrete_fields if field.column in VALUES or not field.null]
    values = [VALUES.get(field.column) or BY_TYPE[field.get_internal_type()] for field in fields]
    statement = FILL.replace("{columns}", ", ".join(field.column for field in fields))
    statement = statement.replace("{values}", ", ".join(values).replace("%", "%%"))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"above": above, "upto": upto, "first": FIRST})
        cursor.execute("ANALYZE")


def statements_of(*doings: Callable[[], Any]) -> list[str]:
    """What these ask of the database, each undone; of statements that differ in their values alone, one."""
    found: dict[str, str] = {}
    for do in doings:
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            do()
            transaction.set_rollback(True)
        for query in captured:
            if query["sql"].startswith(("SELECT", "UPDATE", "DELETE")):
                found.setdefault(query["sql"][:400], query["sql"])
    return list(found.values())


def cost(statement: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement.replace("%", "%%"), [])
        [[plan]] = cursor.fetchall()
    plans = json.loads(plan) if isinstance(plan, str) else plan
    return float(plans[0]["Plan"]["Total Cost"])


def test_no_plan_grows_with_the_square(boss: Any, user: Any, open_for: Any, browse: Any) -> None:
    if get_user_model()._meta.db_table != "auth_user":
        pytest.skip("the rows are written for Django's own user model")
    with connection.cursor() as cursor:
        cursor.execute(SIMPLEJWT)
    login, browser = open_for(user), browse(boss)
    login_list = reverse("admin:authkit_login_changelist")
    pages = [
        login_list,
        *(
            f"{login_list}?{query}"
            for query in ("state=live", "state=over", "state=all", "state=over&kind__exact=token", "q=alice")
        ),
        f"{login_list}?q=203.0.113.9",
        f"{login_list}?q=Firefox",
        f"{login_list}?user__pk__exact={user.pk}",
        reverse("admin:authkit_login_end_one", args=[login.pk]),
        reverse("admin:auth_user_force_logout_one", args=[user.pk]),
        reverse("admin:authkit_login_change", args=[login.pk]),
        reverse("admin:authkit_login_end_everybodys"),
        reverse("admin:authkit_login_end_where"),
        reverse("admin:authkit_login_end_where") + "?method=password",
        reverse("admin:authkit_blacklistedtoken_changelist"),
        reverse("admin:auth_user_change", args=[user.pk]),
    ]
    month_ago = timezone.now() - timedelta(days=30)
    asked = statements_of(
        *((lambda page=page: browser.get(page)) for page in pages),
        lambda: (summary_where(), live_by_method(), summaries_of(user_ids=[user.pk])),
        lambda: list(live_logins_of(user=user)[:20]),
        lambda: end_logins_of(user_id=user.pk, reason=EndReason.FORCED),
        lambda: end_logins_where(method="password", before=month_ago, reason=EndReason.FORCED),
        lambda: end_logins_where(method="password", before=month_ago, spare_superusers=True, reason=EndReason.FORCED),
        lambda: summary_where(spare_superusers=True),
        lambda: list(end_logins_of_people(user_ids=[user.pk, boss.pk], reason=EndReason.FORCED)),
        lambda: list(end_these_logins(login_ids=[login.pk], reason=EndReason.FORCED)),
        lambda: end_all_logins(reason=EndReason.FORCED),
        lambda: (prunable_logins().count(), prunable_blacklisted_tokens().count()),
        lambda: call_command("authkit_import", "simplejwt", dry_run=True),
    )
    assert any(Login._meta.db_table in one for one in asked)
    assert any(UserCutoff._meta.db_table in one for one in asked)
    assert any(GlobalCutoff._meta.db_table in one for one in asked)
    assert any("token_blacklist_outstandingtoken" in one for one in asked)

    fill(0, SMALL)
    small = {statement: cost(statement) for statement in asked}
    fill(SMALL, LARGE)
    allowed = LARGE / SMALL * LINEAR
    grown = {statement: (before, cost(statement)) for statement, before in small.items()}
    too_much = {statement: pair for statement, pair in grown.items() if pair[1] > max(pair[0], 100) * allowed}
    assert not too_much, too_much
