"""Events: recorded in the transaction that makes them true, and no hindrance to it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, transaction
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext

from authkit import events, signals
from authkit.core.clients import Client
from authkit.events import Event
from authkit.logins.events import LoginOpened, LoginsEnded, TokenRotated
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_all_logins, end_login, end_logins_of

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


def sign_in(user: Any) -> Login:
    return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())


def refresh(login: Login) -> None:
    rotate(
        login_id=login.pk,
        user_id=login.user_id,
        generation=login.generation,
        lifetime=LIFETIME,
        grace=timedelta(seconds=60),
        client=Client(),
    )


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`events.register_recorder`, for one test."""
    monkeypatch.setattr(events, "_recorders", {})
    return events.register_recorder


@pytest.fixture
def heard(record: Callable[..., None]) -> list[tuple[str, bool]]:
    """The name of each event, and whether a transaction was open that its row can be undone with."""
    found: list[tuple[str, bool]] = []
    record(lambda event: found.append((event.name, len(connection.savepoint_ids) > 0)))
    return found


@pytest.mark.django_db(transaction=True)
def test_each_event_is_recorded_inside_its_transaction(user: Any, heard: list[tuple[str, bool]]) -> None:
    login = sign_in(user)
    refresh(login)
    end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL)
    end_all_logins(reason=EndReason.FORCED)
    names = ["login.succeeded", "token.refreshed", "login.ended", "logins.ended", "logins.ended"]
    assert heard == [(name, True) for name in names], "a recorder runs in a savepoint of an outer transaction"


@pytest.mark.django_db(transaction=True)
def test_record_goes_with_the_transaction_that_is_undone(user: Any, record: Callable[..., None]) -> None:
    def note(_event: Event) -> None:
        get_user_model()._base_manager.filter(pk=user.pk).update(last_login=None)
        noted.append(_event)

    noted: list[Event] = []
    record(note, names=["login.ended"])
    login = sign_in(user)
    get_user_model()._base_manager.filter(pk=user.pk).update(last_login=login.created_at)
    with transaction.atomic():
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        transaction.set_rollback(True)
    assert [event.name for event in noted] == ["login.ended"]
    user.refresh_from_db()
    login.refresh_from_db()
    assert (user.last_login, login.ended_at) == (login.created_at, None), "neither the record nor the ending stays"


@pytest.mark.django_db(transaction=True)
def test_recorder_that_fails_stops_no_logout(
    user: Any, record: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_event: Event) -> None:
        Login.objects.bulk_create([Login.objects.get(pk=login.pk)])  # its key is taken

    login = sign_in(user)
    record(fails)
    with caplog.at_level(logging.ERROR, logger="authkit"):
        assert end_login(login_id=login.pk, reason=EndReason.LOGOUT).ended
    login.refresh_from_db()
    assert login.end_reason == EndReason.LOGOUT
    assert "an event can't be recorded (login.ended)" in caplog.text
    assert IntegrityError.__name__ in caplog.text


def test_recorder_hears_only_what_it_asked_for(record: Callable[..., None]) -> None:
    record(lambda event: None, names=["login.succeeded"])
    assert events.is_recorded(LoginOpened)
    assert not events.is_recorded(TokenRotated)


def test_signal_gets_the_fields_of_the_event_on_commit(
    user: Any, django_capture_on_commit_callbacks: Any, heard: list[tuple[str, bool]]
) -> None:
    sent: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        sent.append(arguments)

    signals.logins_ended.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            event = LoginsEnded(user_id=user.pk, count=2, reason="forced")
            events.announce(event, sender=Login, using=DEFAULT_DB_ALIAS)
            assert sent == []
    finally:
        signals.logins_ended.disconnect(receive)
    (arguments,) = sent
    del arguments["signal"]
    assert arguments == {
        "sender": Login,
        "user_id": user.pk,
        "count": 2,
        "reason": "forced",
        "method": None,
        "before": None,
        "kind": None,
    }


def kinds_below(kind: type[Event]) -> set[type[Event]]:
    """The package's own events, wherever a room or a feature declares them."""
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("authkit.")]
    # A dataclass with slots is made of a class without, which may still be there.
    found = {each for each in below if vars(sys.modules[each.__module__])[each.__name__] is each}
    return found.union(*map(kinds_below, found))


def test_every_signal_belongs_to_one_event() -> None:
    kinds = kinds_below(Event)
    assert len({kind.name for kind in kinds}) == len(kinds)
    sent = [kind.signal for kind in kinds if kind.signal is not None]
    assert len({id(signal) for signal in sent}) == len(sent)
    by_name = {name: signal for name, signal in vars(signals).items() if isinstance(signal, Signal)}
    assert [name for name, signal in by_name.items() if signal not in sent] == []


def test_without_a_recorder_a_sign_in_and_a_refresh_open_no_transaction(user: Any, record: Callable[..., None]) -> None:
    with CaptureQueriesContext(connection) as captured:
        refresh(sign_in(user))
    statements = [query["sql"] for query in captured]
    assert any("INSERT" in sql for sql in statements)
    assert not [sql for sql in statements if "SAVEPOINT" in sql]
