from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from authkit.exceptions import LoginEnded
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from authkit.logins.verdict import check_login


def refused(login: Login, user_id: Any = None) -> tuple[str | None, str | None]:
    with pytest.raises(LoginEnded) as caught:
        check_login(login_id=login.pk, user_id=user_id or login.user_id)
    return caught.value.reason, caught.value.why


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_one_statement_loads_the_person_and_what_decides(
    user: Any, open_for: Any, django_assert_num_queries: Any
) -> None:
    login = open_for(user)
    with django_assert_num_queries(1):
        principal = check_login(login_id=login.pk, user_id=user.pk)
        assert principal.user == user
        assert principal.user.get_username() == user.get_username()
        assert (principal.login.pk, principal.login.user_id) == (login.pk, user.pk)
        assert principal.login.created_at == login.created_at
    assert not [name for name in vars(principal.user) if "authkit" in name]


def test_whatever_else_is_asked_of_the_login_is_loaded_at_once(
    user: Any, open_for: Any, django_assert_num_queries: Any
) -> None:
    principal = check_login(login_id=open_for(user).pk, user_id=user.pk)
    with django_assert_num_queries(1):
        assert (principal.login.method, principal.login.kind, principal.login.generation) == ("password", "token", 0)
        assert not principal.login.get_deferred_fields()


def test_login_that_is_gone_when_it_is_asked_for_has_ended(user: Any, open_for: Any) -> None:
    principal = check_login(login_id=open_for(user).pk, user_id=user.pk)
    user.delete()
    with pytest.raises(LoginEnded) as refused:
        _ = principal.login.method
    assert (refused.value.reason, refused.value.why) == ("login_ended", "deleted")


def test_key_in_text_form_as_a_token_holds_it(user: Any, open_for: Any) -> None:
    assert check_login(login_id=open_for(user).pk, user_id=str(user.pk)).user == user


def test_logout(user: Any, open_for: Any) -> None:
    login = open_for(user)
    end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    assert refused(login) == ("login_ended", "logout")


def test_forced_logout_and_in_flight_login(user: Any, open_for: Any) -> None:
    login = open_for(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert refused(login) == ("login_ended", "forced")
    Login.objects.filter(pk=login.pk).update(ended_at=None, end_reason="")
    assert refused(login) == ("login_ended", "forced")


def test_everybody(user: Any, open_for: Any) -> None:
    login = open_for(user)
    end_all_logins(reason=EndReason.FORCED)
    assert refused(login) == ("login_ended", "forced")
    assert check_login(login_id=open_for(user).pk, user_id=user.pk).user == user


def test_cutoff_of_somebody_else_changes_nothing(user: Any, make_user: Any, open_for: Any) -> None:
    login = open_for(user)
    UserCutoff.objects.create(user=make_user("bob"), issued_before=timezone.now())
    assert check_login(login_id=login.pk, user_id=user.pk).user == user


def test_expired(user: Any, open_for: Any) -> None:
    login = open_for(user)
    Login.objects.filter(pk=login.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refused(login) == ("expired", "expired")


def test_deactivated_by_raw_sql_stays_out_when_switched_on_again(user: Any, open_for: Any) -> None:
    login = open_for(user)
    table = get_user_model()._meta.db_table
    sql(f"UPDATE {table} SET is_active = %s", False)
    assert refused(login) == ("login_ended", "deactivated")
    sql(f"UPDATE {table} SET is_active = %s", True)
    assert refused(login) == ("login_ended", "deactivated")


def test_deleted_by_raw_sql(user: Any, open_for: Any) -> None:
    login = open_for(user)
    sql("DELETE FROM authkit_login")
    sql(f"DELETE FROM {get_user_model()._meta.db_table}")
    assert refused(login) == ("login_ended", "deleted")


def test_deleted_by_the_orm(user: Any, open_for: Any) -> None:
    login = open_for(user)
    user_id = user.pk
    user.delete()
    assert refused(login, user_id) == ("login_ended", "deleted")


def test_password_changed_by_the_model(user: Any, open_for: Any) -> None:
    login = open_for(user)
    user.set_password("another one")
    user.save()
    assert refused(login) == ("login_ended", "password_changed")


def test_password_changed_by_raw_sql_and_back_revives_nothing(user: Any, open_for: Any) -> None:
    login, before = open_for(user), user.password
    table = get_user_model()._meta.db_table
    sql(f"UPDATE {table} SET password = %s", make_password("another one"))
    assert refused(login) == ("login_ended", "password_changed")
    sql(f"UPDATE {table} SET password = %s", before)
    assert refused(login) == ("login_ended", "password_changed")


def test_secret_key_moves_to_the_fallbacks_and_the_login_lives(user: Any, open_for: Any, settings: Any) -> None:
    login, old = open_for(user), settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert check_login(login_id=login.pk, user_id=user.pk).user == user
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[]):
        assert refused(login) == ("login_ended", "password_changed")


def test_login_of_somebody_else(user: Any, make_user: Any, open_for: Any) -> None:
    assert refused(open_for(user), make_user("mallory").pk) == ("login_ended", "deleted")


@pytest.mark.parametrize("key", ["", "x", "1 OR 1=1", "9" * 40, "\x00"])
def test_key_of_another_kind_is_refused_and_not_an_error(user: Any, open_for: Any, key: str) -> None:
    login = open_for(user)
    with pytest.raises(LoginEnded):
        check_login(login_id=login.pk, user_id=key)


@pytest.mark.django_db
def test_login_that_never_was() -> None:
    with pytest.raises(LoginEnded):
        check_login(
            login_id=uuid4(), user_id=1 if get_user_model()._meta.pk.get_internal_type() != "UUIDField" else uuid4()
        )
