from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import serializers
from django.db.models.signals import post_save

from authkit.exceptions import LoginEnded
from authkit.logins import receivers
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.verdict import check_login

pytestmark = pytest.mark.django_db


def switch(user: Any, *, active: bool, **how: Any) -> None:
    user.is_active = active
    user.save(**how)


def test_account_switched_off_and_on_again_revives_no_login(user: Any, open_for: Any) -> None:
    login = open_for(user)
    switch(user, active=False)
    switch(user, active=True)
    with pytest.raises(LoginEnded) as refused:
        check_login(login_id=login.pk, user_id=user.pk)
    assert refused.value.why == EndReason.DEACTIVATED
    fresh = open_for(user)
    assert check_login(login_id=fresh.pk, user_id=user.pk).login == fresh


def test_update_of_just_that_column_counts(user: Any, open_for: Any) -> None:
    login = open_for(user)
    switch(user, active=False, update_fields=["is_active"])
    assert Login.objects.get(pk=login.pk).end_reason == EndReason.DEACTIVATED


def test_update_of_another_column_tells_the_database_nothing_and_ends_nothing(user: Any, open_for: Any) -> None:
    login = open_for(user)
    switch(user, active=False, update_fields=["email"])
    assert Login.objects.get(pk=login.pk).ended_at is None


def test_save_of_an_active_person_ends_nothing(user: Any, open_for: Any) -> None:
    login = open_for(user)
    user.save()
    assert Login.objects.get(pk=login.pk).ended_at is None
    assert not UserCutoff.objects.exists()


def test_person_who_begins_inactive_costs_nothing(make_user: Any) -> None:
    make_user("sleeper", is_active=False)
    assert not UserCutoff.objects.exists()


def test_fixture_that_is_loaded_ends_nothing(user: Any, open_for: Any) -> None:
    login = open_for(user)
    user.is_active = False
    for loaded in serializers.deserialize("json", serializers.serialize("json", [user])):
        loaded.save()
    assert Login.objects.get(pk=login.pk).ended_at is None


@pytest.fixture
def proxy(user: Any) -> Iterator[Any]:
    """A proxy of the user model, connected as at start-up."""

    class Member(type(user)):  # type: ignore[misc]
        class Meta:
            app_label = "authkit"
            proxy = True

    receivers.connect()
    yield Member
    post_save.disconnect(sender=Member, dispatch_uid="authkit.logins.end_logins_of_deactivated")
    Member._meta.apps.all_models["authkit"].pop("member")
    Member._meta.apps.clear_cache()


def test_person_saved_through_a_proxy_counts(user: Any, open_for: Any, proxy: Any) -> None:
    login = open_for(user)
    switch(proxy.objects.get(pk=user.pk), active=False)
    assert Login.objects.get(pk=login.pk).end_reason == EndReason.DEACTIVATED


def test_connecting_twice_listens_once(user: Any, open_for: Any, django_assert_num_queries: Any) -> None:
    before = len(post_save.receivers)
    receivers.connect()
    assert len(post_save.receivers) == before
