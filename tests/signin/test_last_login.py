"""`last_login` is noted once, by the code that the project wants to note it, and where that code may run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.db import models, transaction
from django.db.models.signals import post_save, pre_save
from django.test import Client
from django.test.utils import isolate_apps

from authkit.signin import last_login
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

TOKENS, SESSION, PAGE = "/auth/api/token/", "/auth/api/session/login/", "/auth/login/"


def signed_in(user: Any, path: str) -> int:
    name = "username" if path == PAGE else user.USERNAME_FIELD
    kind = {} if path == PAGE else {"content_type": "application/json"}
    return Client().post(path, {name: user.get_username(), "password": PASSWORD}, **kind).status_code


@contextmanager
def djangos_receiver_is(receiver: Any, *, weak: bool = True) -> Iterator[None]:
    """As in a project whose own AppConfig comes before authkit's."""
    held = list(user_logged_in.receivers)
    assert user_logged_in.disconnect(dispatch_uid="update_last_login")
    user_logged_in.connect(receiver, dispatch_uid="update_last_login", weak=weak)
    try:
        last_login.connect()
        yield
    finally:
        user_logged_in.receivers[:] = held
        user_logged_in.sender_receivers_cache.clear()


@pytest.mark.parametrize("weak", [True, False])
@pytest.mark.parametrize("path", [SESSION, PAGE])
def test_receiver_that_a_project_puts_in_the_place_of_djangos_stays(user: Any, path: str, *, weak: bool) -> None:
    called: list[Any] = []

    def note_elsewhere(user: Any, **_: Any) -> None:
        called.append(user.pk)

    with djangos_receiver_is(note_elsewhere, weak=weak):
        assert signed_in(user, path) < 400
    user.refresh_from_db()
    assert (called, user.last_login) == ([user.pk], None)


@pytest.mark.parametrize("weak", [True, False])
def test_djangos_own_is_replaced_however_it_is_held(user: Any, *, weak: bool) -> None:
    with djangos_receiver_is(update_last_login, weak=weak):
        assert last_login.is_noted_by_us()
        assert signed_in(user, SESSION) == 200
    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.parametrize("path", [TOKENS, SESSION, PAGE])
@pytest.mark.parametrize("signal", [pre_save, post_save])
def test_projects_receiver_of_saves_is_called_outside_the_sign_ins_transaction(
    user: Any, path: str, signal: Any
) -> None:
    named: list[Any] = []

    def receive(update_fields: Any, **_: Any) -> None:
        with transaction.atomic(durable=True):
            named.append(update_fields)

    signal.connect(receive, sender=type(user))
    try:
        assert signed_in(user, path) < 400
    finally:
        signal.disconnect(receive, sender=type(user))
    assert named == [{"last_login"}]


def test_save_that_a_project_has_written_is_called_outside_it_as_well() -> None:
    with isolate_apps("tests"):

        class Own(AbstractBaseUser):
            def save(self, *args: Any, **options: Any) -> None:
                super().save(*args, **options)

            class Meta:
                app_label = "tests"

        class Plain(AbstractBaseUser):
            class Meta:
                app_label = "tests"

        assert not last_login.may_join(Own())
        assert last_login.may_join(Plain())


def test_user_model_that_has_none_instead_of_the_field() -> None:
    with isolate_apps("tests"):

        class Timeless(AbstractBaseUser):
            last_login = None
            name = models.CharField(max_length=10)

            class Meta:
                app_label = "tests"

        assert last_login.note(Timeless(pk=1)) is None
