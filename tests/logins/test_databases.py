"""A router that sends what is read to a replica: who is opened, ended or cut off is asked where it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import LoginEnded
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of, live_logins_of
from authkit.logins.verdict import check_login
from authkit.social.models import ProviderLogout, ProviderSession

REPLICA = "replica"
LEDGER: tuple[Any, ...] = (Login, UserCutoff, GlobalCutoff, BlacklistedToken)


class ReadsFromTheReplica:
    """As Django's documentation has it ("Using routers")."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return REPLICA

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.fixture
def replica(user: Any, settings: Any, django_db_blocker: Any, tmp_path: Path) -> Iterator[None]:
    """One that has heard of nothing yet. The person is there."""
    # Not one of the test's own databases: those are made before it, and for every test.
    connections.databases[REPLICA] = {
        **connections["default"].settings_dict,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": tmp_path / "replica",
        "OPTIONS": {},
    }
    connection = connections[REPLICA]
    try:
        with django_db_blocker.unblock():
            with connection.schema_editor() as editor:
                for model in (get_user_model(), *LEDGER):
                    editor.create_model(model)
            user.save(using=REPLICA, force_insert=True)
        user.refresh_from_db(using="default")
        settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromTheReplica"]
        yield
    finally:
        connection.close()
        del connections[REPLICA], connections.databases[REPLICA]


def refused(login: Login) -> str | None:
    with pytest.raises(LoginEnded) as ended:
        check_login(login_id=login.pk, user_id=login.user_id)
    return ended.value.why


pytestmark = [pytest.mark.usefixtures("replica"), pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("named", [False, True])
def test_logout_from_a_login_that_no_replica_has_heard_of(named: bool, user: Any, open_for: Any) -> None:
    login = open_for(user)
    ended = end_login(login_id=login.pk, reason=EndReason.LOGOUT, user_id=user.pk if named else None)
    assert (ended.ended, refused(login)) == (True, "logout")


def test_login_that_stays_stays(user: Any, open_for: Callable[..., Login]) -> None:
    login, kept = open_for(user), open_for(user)
    assert end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT, keep=kept.pk).count == 1
    assert refused(login) == "logout"
    assert list(live_logins_of(user=user)) == [kept]


def test_limit_counts_what_was_opened_just_now(user: Any, open_for: Callable[..., Login], settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAX_LOGINS": 1}}
    first, second = open_for(user), open_for(user)
    assert refused(first) == "evicted"
    assert list(live_logins_of(user=user)) == [second]


def test_what_ends_logins_is_read_where_it_is_written() -> None:
    for model in (*LEDGER, OneTimeCode, ProviderLogout, ProviderSession):
        assert model.objects.all().db == "default", model
        assert model.objects.using(REPLICA).db == REPLICA
