from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.sessions.upkeep import needs_touch, renew_auth_hash, touch
from tests.outage import database_down

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

OLD = timedelta(minutes=2)


@pytest.fixture
def login(user: Any) -> Login:
    Client().force_login(user)
    return Login.objects.get()


def test_touch_is_due_after_a_minute(login: Login) -> None:
    assert not needs_touch(login, now=login.last_seen_at + timedelta(seconds=59))
    assert needs_touch(login, now=login.last_seen_at + timedelta(seconds=60))


def test_touch_is_due_sooner_where_the_session_would_time_out_meanwhile(login: Login) -> None:
    with override_settings(AUTHKIT={"SESSIONS": {"IDLE": timedelta(seconds=20)}}):
        assert not needs_touch(login, now=login.last_seen_at + timedelta(seconds=9))
        assert needs_touch(login, now=login.last_seen_at + timedelta(seconds=10))


def test_touch_moves_the_idle_end_of_a_remembered_login_further(login: Login) -> None:
    login.remembered, login.absolute_expires_at = True, timezone.now() + timedelta(days=90)
    touch(login)
    assert Login.objects.get().expires_at - timezone.now() > timedelta(days=29)


def test_touch_revives_nothing(login: Login) -> None:
    end_login(login_id=login.pk, reason=EndReason.FORCED)
    Login.objects.update(last_seen_at=timezone.now() - OLD)
    before = Login.objects.get()
    touch(login)
    renew_auth_hash(login, auth_hash="new")
    after = Login.objects.get()
    assert (after.last_seen_at, after.expires_at) == (before.last_seen_at, before.expires_at)
    assert after.auth_hash == login.auth_hash != "new"


def test_touch_revives_no_login_that_ran_out_meanwhile(login: Login) -> None:
    Login.objects.update(expires_at=timezone.now())
    touch(login)
    assert Login.objects.get().expires_at < timezone.now()


def test_failing_writes_are_logged_and_no_more(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    with database_down():
        touch(login)
        renew_auth_hash(login, auth_hash="new")
    assert [record.levelname for record in caplog.records if record.name == "authkit"] == ["WARNING", "WARNING"]


def test_failing_touch_does_not_break_the_request(user: Any, signed_in: Client) -> None:
    Login.objects.update(last_seen_at=timezone.now() - OLD)
    answer = signed_in.get("/outage-at-the-end/")
    answer.wsgi_request.outage.close()
    assert answer.content.decode() == str(user.pk)
    assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_failing_adoption_does_not_break_the_request(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    # The session is not saved either, for the same reason; Django answers that with a 400 of its own.
    client.get("/outage-at-the-end/").wsgi_request.outage.close()
    assert client.get("/who/").content.decode() == str(user.pk)
    assert Login.objects.count() == 1
