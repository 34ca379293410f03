from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models.signals import post_save
from django.utils import timezone

from authkit import signals
from authkit.exceptions import NotFound
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import (
    Lifetime,
    end_all_logins,
    end_login,
    end_logins_of,
    live_logins_of,
)

UNRESTRICTED = {"method": None, "before": None, "kind": None}


@pytest.fixture
def heard() -> Any:
    """Every signal that was sent, as (name, arguments)."""
    sent: list[tuple[str, dict[str, Any]]] = []
    receivers = []
    for name in ("login_opened", "login_ended", "logins_ended"):

        def receive(sender: Any, signal: Any, name: str = name, **arguments: Any) -> None:
            sent.append((name, arguments))

        getattr(signals, name).connect(receive)
        receivers.append((name, receive))
    yield sent
    for name, receive in receivers:
        getattr(signals, name).disconnect(receive)


def test_open_writes_who_how_from_where_and_until_when(user: Any, open_for: Any) -> None:
    login = Login.objects.get(pk=open_for(user).pk)
    assert (login.user_id, login.kind, login.method) == (user.pk, "token", "password")
    assert (login.ip, login.device, login.generation) == ("203.0.113.9", "Firefox on Linux", 0)
    assert login.expires_at - login.created_at == timedelta(days=7)
    assert login.absolute_expires_at - login.created_at == timedelta(days=30)
    assert login.ended_at is None


def test_idle_end_never_passes_the_absolute_end(user: Any, open_for: Any) -> None:
    login = open_for(user, lifetime=Lifetime(idle=timedelta(days=9), absolute=timedelta(days=2)))
    assert login.expires_at == login.absolute_expires_at


def test_end_one_is_idempotent_and_says_so(user: Any, open_for: Any) -> None:
    login, other = open_for(user), open_for(user)
    assert end_login(login_id=login.pk, reason=EndReason.LOGOUT).ended is True
    assert end_login(login_id=login.pk, reason=EndReason.FORCED).ended is False
    login.refresh_from_db()
    assert login.end_reason == EndReason.LOGOUT
    assert list(live_logins_of(user=user)) == [other]


def test_end_one_of_somebody_else_is_not_found(user: Any, make_user: Any, open_for: Any) -> None:
    login = open_for(user)
    with pytest.raises(NotFound):
        end_login(login_id=login.pk, reason=EndReason.LOGOUT, user_id=make_user("mallory").pk)
    assert list(live_logins_of(user=user)) == [login]


@pytest.mark.django_db
def test_end_one_that_never_was() -> None:
    assert end_login(login_id=uuid4(), reason=EndReason.LOGOUT).ended is False


def test_end_all_of_one_person_leaves_the_others(user: Any, make_user: Any, open_for: Any) -> None:
    bob = make_user("bob")
    open_for(user), open_for(user)
    his = open_for(bob)
    assert end_logins_of(user_id=user.pk, reason=EndReason.FORCED).count == 2
    assert end_logins_of(user_id=user.pk, reason=EndReason.FORCED).count == 0
    assert list(live_logins_of(user=user)) == []
    assert list(live_logins_of(user=bob)) == [his]


def test_end_all_but_one_keeps_it_and_cuts_off_what_is_older(user: Any, open_for: Any) -> None:
    older, kept, _newer = open_for(user), open_for(user), open_for(user)
    assert end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=kept.pk).count == 2
    assert list(live_logins_of(user=user)) == [kept]
    Login.objects.filter(pk=older.pk).update(ended_at=None, end_reason="")
    assert list(live_logins_of(user=user)) == [kept]


def test_keeping_a_login_of_somebody_else_keeps_nothing(user: Any, make_user: Any, open_for: Any) -> None:
    open_for(user)
    his = open_for(make_user("bob"))
    assert end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=his.pk).count == 1
    assert list(live_logins_of(user=user)) == []
    assert list(live_logins_of(user=his.user)) == [his]


def test_a_login_in_flight_during_end_all_is_caught_by_the_cutoff(user: Any, open_for: Any) -> None:
    login = open_for(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    # as if its INSERT had become visible only after the UPDATE
    Login.objects.filter(pk=login.pk).update(ended_at=None, end_reason="")
    assert list(live_logins_of(user=user)) == []


def test_everybody_is_one_cutoff_and_new_logins_live(user: Any, make_user: Any, open_for: Any) -> None:
    open_for(user), open_for(make_user("bob"))
    assert end_all_logins(reason=EndReason.FORCED).count == 2
    assert end_all_logins(reason=EndReason.FORCED).count == 0
    assert GlobalCutoff.objects.count() == 1
    again = open_for(user)
    assert list(Login.objects.live()) == [again]


def test_a_server_whose_clock_is_behind_moves_no_cutoff_back(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = timezone.now() + timedelta(seconds=30)
    GlobalCutoff.objects.create(issued_before=ahead)
    UserCutoff.objects.create(user=user, issued_before=ahead)
    end_all_logins(reason=EndReason.FORCED)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert GlobalCutoff.objects.get().issued_before >= ahead
    assert UserCutoff.objects.get().issued_before >= ahead


def test_live_logins_leave_out_expired_deactivated_and_other_passwords(user: Any, open_for: Any) -> None:
    login, expired = open_for(user), open_for(user)
    Login.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    assert list(live_logins_of(user=user)) == [login]
    user.is_active = False
    assert list(live_logins_of(user=user)) == []
    user.is_active = True
    user.set_password("another one")
    assert list(live_logins_of(user=user)) == []


def test_signals_are_sent_on_commit_and_hold_no_credential(
    user: Any, open_for: Any, heard: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        login = open_for(user)
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        assert heard == []
    assert heard == [
        ("login_opened", {"login": login, "door": ""}),
        ("login_ended", {"login_id": login.pk, "user_id": user.pk, "reason": EndReason.LOGOUT}),
        ("logins_ended", {"user_id": user.pk, "count": 0, "reason": EndReason.FORCED, **UNRESTRICTED}),
    ]


def test_a_receiver_that_fails_does_not_undo_a_revocation(
    user: Any, open_for: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("receiver")

    signals.login_ended.connect(fail)
    try:
        login = open_for(user)
        with django_capture_on_commit_callbacks(execute=True):
            end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    finally:
        signals.login_ended.disconnect(fail)
    assert list(live_logins_of(user=user)) == []


@pytest.mark.parametrize("everybody", [False, True], ids=["person", "everybody"])
def test_audit_package_that_writes_down_every_row_stops_no_ending(everybody: bool, user: Any, open_for: Any) -> None:
    """django-auditlog asks for the text of a cutoff while its time is still an expression of the INSERT."""
    texts: list[str] = []

    def write_down(instance: Any, **arguments: Any) -> None:
        texts.append(str(instance))

    login = open_for(user)
    post_save.connect(write_down)
    try:
        end_all_logins(reason=EndReason.FORCED) if everybody else end_logins_of(
            user_id=user.pk, reason=EndReason.FORCED
        )
    finally:
        post_save.disconnect(write_down)
    assert texts
    assert login not in live_logins_of(user=user)
