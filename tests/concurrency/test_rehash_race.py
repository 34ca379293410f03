"""Django upgrades a hash while the person's other devices are at work: none of them is put out.

On every database: each locks in its own way, and on SQLite a reader may see what lies between two statements.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_logins_of
from authkit.logins.verdict import check_login
from tests.concurrency.threads import SharedDatabase, shared_database

pytestmark = pytest.mark.django_db(transaction=True)

LIFETIME = Lifetime(idle=timedelta(days=1), absolute=timedelta(days=9))
CLIENT = Client(address=None, device="")
ROUNDS, DEVICES = 6, 3


class Hasher(PBKDF2PasswordHasher):
    iterations = 1


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def person(database: SharedDatabase, make_user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.PASSWORD_HASHERS = [f"{__name__}.Hasher"]
    monkeypatch.setattr(Hasher, "iterations", 1)
    return make_user()


def read(user: Any) -> Any:
    return get_user_model()._default_manager.get(pk=user.pk)


def opened(user: Any) -> Login:
    return open_login(user=read(user), kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=CLIENT)


def at_work(over: threading.Event, login: Login) -> bool:
    generation = Login.objects.get(pk=login.pk).generation
    once = False
    while not (once and over.is_set()):
        check_login(login_id=login.pk, user_id=login.user_id)
        rotate(
            login_id=login.pk,
            user_id=login.user_id,
            generation=generation,
            lifetime=LIFETIME,
            grace=timedelta(0),
            client=CLIENT,
        )
        generation, once = generation + 1, True
    return True


def sign_ins(over: threading.Event, barrier: threading.Barrier, user: Any, password: str) -> bool:
    try:
        for number in range(2, 2 + ROUNDS):
            person = read(user)
            if barrier.wait(timeout=60) == 0:
                Hasher.iterations = number
            barrier.wait(timeout=60)
            assert person.check_password(password)
            assert check_login(login_id=opened(user).pk, user_id=user.pk).user == user
    finally:
        over.set()
    return True


@pytest.mark.parametrize("limit", [0, 100])
def test_no_device_that_checks_refreshes_or_signs_in_meanwhile_is_put_out(
    database: SharedDatabase, person: Any, password: str, settings: Any, limit: int
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": limit}}
    logins, over, barrier = [opened(person) for _ in range(DEVICES)], threading.Event(), threading.Barrier(2)
    devices = [partial(at_work, over, login) for login in logins]
    assert all(database.at_once([*devices, *[partial(sign_ins, over, barrier, person, password)] * 2]))
    for login in logins:
        assert check_login(login_id=login.pk, user_id=person.pk).user == person
    assert Login.objects.live().count() == DEVICES + 2 * ROUNDS


@pytest.mark.parametrize("limit", [0, 100])
def test_ending_at_the_same_time_ends_them_and_neither_waits_for_the_other(
    database: SharedDatabase, person: Any, password: str, settings: Any, limit: int
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": limit}}
    for number in range(ROUNDS):
        Hasher.iterations = number + 1
        assert read(person).check_password(password)
        logins = [opened(person) for _ in range(DEVICES)]
        Hasher.iterations = number + 2

        end = partial(end_logins_of, user_id=person.pk, reason=EndReason.FORCED)
        ended, upgraded = database.at_once([end, partial(read(person).check_password, password)])
        assert ended.count >= DEVICES
        assert upgraded
        reasons = Login.objects.filter(pk__in=[login.pk for login in logins]).values_list("end_reason", flat=True)
        assert set(reasons) == {EndReason.FORCED}
