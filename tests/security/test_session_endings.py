"""Whatever ends a login, its session is dead on the next request, and says why (ASVS 7.4.1 to 7.4.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from authkit.sessions.store import SessionStore

pytestmark = pytest.mark.django_db

COOKIE = settings.SESSION_COOKIE_NAME


def sql(statement: str, user: Any, *values: Any) -> None:
    """Runs a statement with `{users}` and `{key}`, behind the back of every signal."""
    users = get_user_model()
    key = users._meta.pk
    assert key is not None
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(users=connection.ops.quote_name(users._meta.db_table), key=key.column),
            [*values, key.get_db_prep_value(user.pk, connection)],
        )


def deactivated_by_raw_sql(user: Any) -> None:
    sql("UPDATE {users} SET is_active = %s WHERE {key} = %s", user, False)


def deleted_by_raw_sql(user: Any) -> None:
    sql("DELETE FROM authkit_login WHERE user_id = %s", user)
    sql("DELETE FROM {users} WHERE {key} = %s", user)


def password_changed_by_raw_sql(user: Any) -> None:
    sql("UPDATE {users} SET password = %s WHERE {key} = %s", user, "md5$salt$0123456789abcdef0123456789abcdef")


def deactivated(user: Any) -> None:
    user.is_active = False
    user.save()


def password_changed(user: Any) -> None:
    user.set_password("another-long-password")
    user.save()


def ended(user: Any) -> None:
    end_login(login_id=Login.objects.get(user=user).pk, reason=EndReason.LOGOUT)


def timed_out(user: Any) -> None:
    Login.objects.filter(user=user).update(expires_at=timezone.now())


ENDINGS: list[tuple[Callable[[Any], Any], str, str]] = [
    (deactivated, "login_ended", "deactivated"),
    (deactivated_by_raw_sql, "login_ended", "deactivated"),
    (lambda user: user.delete(), "login_ended", "deleted"),
    (deleted_by_raw_sql, "login_ended", "deleted"),
    (password_changed, "login_ended", "password_changed"),
    (password_changed_by_raw_sql, "login_ended", "password_changed"),
    (ended, "login_ended", "logout"),
    (lambda user: end_logins_of(user_id=user.pk, reason=EndReason.FORCED), "login_ended", "forced"),
    (lambda _user: end_all_logins(reason=EndReason.FORCED), "login_ended", "forced"),
    (timed_out, "expired", "expired"),
]


@pytest.mark.parametrize(("end", "reason", "why"), ENDINGS)
def test_session_is_dead_on_the_next_request(user: Any, end: Callable[[Any], Any], reason: str, why: str) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[COOKIE].value
    assert client.get("/auth/api/me/").status_code == 200
    end(user)
    answer = client.get("/auth/api/me/")
    assert answer.status_code == 401
    assert (answer.json()["code"], answer.json()["reason"], answer.json()["why"]) == ("not_authenticated", reason, why)
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert not SessionStore().exists(cookie)


@pytest.mark.parametrize("end", [end for end, _, _ in ENDINGS])
def test_dead_cookie_blocks_no_public_endpoint(user: Any, make_user: Any, end: Callable[[Any], Any]) -> None:
    client = Client()
    client.force_login(user)
    end(user)
    answer = client.get("/auth/api/session/")
    assert (answer.status_code, answer.json()["authenticated"]) == (200, False)
    assert answer.cookies[COOKIE]["max-age"] == 0


def test_signing_in_over_a_dead_cookie_works(user: Any, credentials: Any) -> None:
    client = Client()
    client.force_login(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    answer = client.post("/auth/api/session/login/", credentials(user), content_type="application/json")
    assert answer.status_code == 200
    assert client.get("/auth/api/me/").status_code == 200
    assert Login.objects.get(end_reason=EndReason.FORCED)


def test_switching_the_account_on_again_revives_nothing(user: Any) -> None:
    client = Client()
    client.force_login(user)
    thief = Client()
    thief.cookies[COOKIE] = client.cookies[COOKIE].value
    deactivated(user)
    client.get("/auth/api/me/")
    user.is_active = True
    user.save()
    assert thief.get("/auth/api/me/").status_code == 401


def test_copy_of_a_session_row_from_a_backup_revives_nothing(user: Any) -> None:
    """The row comes back, with everything in it; its login stays over."""
    client = Client()
    client.force_login(user)
    cookie, data = client.cookies[COOKIE].value, dict(client.session.items())
    client.logout()
    restored = SessionStore(cookie)
    restored.save(must_create=True)
    restored.update(data)
    restored.save()
    thief = Client()
    thief.cookies[COOKIE] = cookie
    assert thief.get("/auth/api/me/").json()["why"] == "logout"


def test_idle_end_is_enforced_on_the_server(user: Any) -> None:
    client = Client()
    client.force_login(user)
    row = Login.objects.get()
    Login.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert SessionStore().exists(client.cookies[COOKIE].value)
    assert client.get("/auth/api/me/").json()["reason"] == "expired"
    assert row.absolute_expires_at > timezone.now()
