"""Sessions from before authkit get their login at the next request, unless somebody was forced out since."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from authkit.sessions.store import LOGIN_SESSION_KEY
from tests.revocation.clocks import clock

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

COOKIE = settings.SESSION_COOKIE_NAME


def test_session_is_adopted_once(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    assert client.get("/who/").content.decode() == str(user.pk)
    row = Login.objects.get()
    assert (row.user_id, row.kind, row.method) == (user.pk, "session", "password")
    assert client.session[LOGIN_SESSION_KEY] == str(row.pk)
    with assertNumQueries(2):
        assert client.get("/by-login/").content.decode() == str(row.pk)


def test_adopted_login_is_as_old_as_what_is_known(user: Any, before_authkit: Any) -> None:
    known = timezone.now() - timedelta(days=3)
    type(user)._default_manager.update(last_login=known)
    before_authkit(user).get("/who/")
    assert Login.objects.get().created_at == known


def test_first_request_knows_the_adopted_login(user: Any, before_authkit: Any) -> None:
    assert before_authkit(user).get("/by-login/").content.decode() == str(Login.objects.get().pk)


def test_logout_in_the_first_request_ends_it(user: Any, before_authkit: Any) -> None:
    before_authkit(user).get("/sign-out/")
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_password_change_in_the_first_request_keeps_it(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    client.get("/change-password/")
    assert client.get("/who/").content.decode() == str(user.pk)
    assert Login.objects.live().count() == 1


def test_session_that_lost_the_note_of_its_login_finds_the_same_one(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    client.get("/who/")
    forgetful = client.session
    del forgetful[LOGIN_SESSION_KEY]
    forgetful.save()
    assert client.get("/by-login/").content.decode() == str(Login.objects.get().pk)


def test_session_that_lost_the_note_of_its_ended_login_stays_out(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    client.get("/who/")
    forgetful = client.session
    del forgetful[LOGIN_SESSION_KEY]
    forgetful.save()
    end_login(login_id=Login.objects.get().pk, reason=EndReason.LOGOUT)
    assert client.get("/who/").content == b"None"
    assert Login.objects.count() == 1


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=400)])
def test_forced_out_person_is_not_adopted(user: Any, before_authkit: Any, age: timedelta) -> None:
    client = before_authkit(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    UserCutoff.objects.update(issued_before=timezone.now() - age)
    answer = client.get("/auth/api/me/")
    assert answer.status_code == 401
    assert answer.json()["why"] == "forced"
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert not Login.objects.exists()


def test_nobody_is_adopted_after_everybody_was_forced_out(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    end_all_logins(reason=EndReason.FORCED)
    assert client.get("/who/").content == b"None"
    assert not Login.objects.exists()


def test_cutoff_that_commits_during_the_adoption_still_counts(user: Any, before_authkit: Any) -> None:
    started = timezone.now()  # the time that the other transaction has put into its cutoff, not yet committed
    client = before_authkit(user)
    assert client.get("/who/").content.decode() == str(user.pk)
    UserCutoff.objects.create(user_id=user.pk, issued_before=started)
    assert client.get("/who/").content == b"None"


def test_cutoff_that_commits_during_the_adoption_by_a_server_that_is_ahead_still_counts(
    user: Any, before_authkit: Any
) -> None:
    started = timezone.now()
    client = before_authkit(user)
    with clock(ahead=600):
        assert client.get("/who/").content.decode() == str(user.pk)
    UserCutoff.objects.create(user_id=user.pk, issued_before=started)
    assert client.get("/who/").content == b"None"


def test_changed_password_is_not_adopted(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user, auth_hash="of another password")
    answer = client.get("/auth/api/me/")
    assert answer.json()["why"] == "password_changed"
    assert not Login.objects.exists()


def test_session_without_a_password_hash_is_not_adopted(user: Any, before_authkit: Any) -> None:
    assert before_authkit(user, auth_hash="").get("/who/").content == b"None"
    assert not Login.objects.exists()


def test_inactive_and_deleted_people_are_not_adopted(make_user: Any, before_authkit: Any) -> None:
    inactive, gone = make_user("ina", is_active=False), make_user("gone")
    clients = before_authkit(inactive), before_authkit(gone)
    gone.delete()
    assert [client.get("/who/").content for client in clients] == [b"None", b"None"]
    assert not Login.objects.exists()


def test_session_is_adopted_under_a_fallback_of_the_secret_key(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    with override_settings(SECRET_KEY="y" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        # Django signs the session's data with the same keys, so both must still be known.
        assert client.get("/who/").content.decode() == str(user.pk)
        assert client.session[HASH_SESSION_KEY] == user.get_session_auth_hash() == Login.objects.get().auth_hash
        assert client.get("/who/").content.decode() == str(user.pk)


@pytest.mark.django_db(transaction=True)
def test_adoption_survives_the_rollback_of_its_view(user: Any, before_authkit: Any) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        client = before_authkit(user)
        assert client.get("/refusing/").status_code == 400
        assert client.session[LOGIN_SESSION_KEY] == str(Login.objects.get().pk)
        assert client.get("/who/").content.decode() == str(user.pk)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_anonymous_session_from_before_stays_as_it_is(db: None) -> None:
    client = Client()
    client.get("/keep-cart/")
    client.get("/who/")
    assert client.session["cart"] == 1
    assert not Login.objects.exists()
