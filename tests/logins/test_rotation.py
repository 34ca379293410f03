from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from authkit import signals
from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_login

GRACE = timedelta(seconds=10)


@pytest.fixture
def turn(lifetime: Lifetime) -> Any:
    def turn_(login: Login, generation: int, grace: timedelta = GRACE) -> Any:
        return rotate(login_id=login.pk, user_id=login.user_id, generation=generation, lifetime=lifetime, grace=grace)

    return turn_


def reason(call: Any, *arguments: Any) -> tuple[str | None, str | None]:
    with pytest.raises(LoginEnded) as caught:
        call(*arguments)
    return caught.value.reason, caught.value.why


def test_two_statements_and_no_new_row(user: Any, open_for: Any, turn: Any, django_assert_num_queries: Any) -> None:
    login = open_for(user)
    with django_assert_num_queries(2):
        rotated = turn(login, 0)
    assert (rotated.login.generation, rotated.replayed) == (1, False)
    assert Login.objects.count() == 1
    stored = Login.objects.get()
    assert (stored.generation, stored.expires_at) == (1, rotated.login.expires_at)


def test_idle_end_moves_and_the_absolute_end_does_not(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    Login.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    rotated = turn(login, 0).login
    assert rotated.expires_at > timezone.now() + timedelta(days=6)
    Login.objects.update(absolute_expires_at=timezone.now() + timedelta(days=1))
    again = turn(login, 1).login
    assert again.expires_at == again.absolute_expires_at == Login.objects.get().absolute_expires_at


def test_retry_within_grace_gets_the_same_successor(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    first, second = turn(login, 0), turn(login, 0)
    assert (first.replayed, second.replayed) == (False, True)
    same = ("generation", "rotated_at", "expires_at")
    assert [getattr(first.login, n) for n in same] == [getattr(second.login, n) for n in same]


def test_replay_after_grace_ends_the_login(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=11))
    assert reason(turn, login, 0) == ("reused", None)
    assert Login.objects.get().end_reason == EndReason.REUSED
    assert reason(turn, login, 1) == ("login_ended", "reused")


@pytest.mark.parametrize("grace", [timedelta(0)])
def test_grace_of_zero_forgives_nothing(user: Any, open_for: Any, turn: Any, grace: timedelta) -> None:
    login = open_for(user)
    turn(login, 0)
    assert reason(turn, login, 0, grace) == ("reused", None)


@pytest.mark.parametrize("presented", [0, 1])
def test_two_or_more_generations_behind_is_reuse_even_inside_the_grace(
    user: Any, open_for: Any, turn: Any, presented: int
) -> None:
    login = open_for(user)
    for generation in range(3):
        turn(login, generation)
    assert reason(turn, login, presented) == ("reused", None)


def test_generation_from_the_future_is_refused_and_ends_the_login(user: Any, open_for: Any, turn: Any) -> None:
    assert reason(turn, login := open_for(user), 5) == ("reused", None)
    assert reason(turn, login, 0) == ("login_ended", "reused")


def test_grace_never_revives_an_ended_login(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    assert reason(turn, login, 0) == ("login_ended", "logout")
    assert reason(turn, login, 1) == ("login_ended", "logout")


def test_expired_deactivated_and_changed_password(user: Any, open_for: Any, turn: Any) -> None:
    expired, login = open_for(user), open_for(user)
    Login.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    assert reason(turn, expired, 0) == ("expired", "expired")
    user.set_password("another one")
    user.save()
    assert reason(turn, login, 0) == ("login_ended", "password_changed")
    fresh = open_for(user)
    type(user)._default_manager.update(is_active=False)
    assert reason(turn, fresh, 0) == ("login_ended", "deactivated")


def test_reuse_is_signalled(user: Any, open_for: Any, turn: Any) -> None:
    heard: list[dict[str, Any]] = []

    def receive(sender: Any, signal: Any, **arguments: Any) -> None:
        heard.append(arguments)

    signals.token_reused.connect(receive)
    try:
        login = open_for(user)
        turn(login, 0), turn(login, 1)
        reason(turn, login, 0)
    finally:
        signals.token_reused.disconnect(receive)
    assert heard == [{"login_id": login.pk, "user_id": user.pk, "generation": 0}]
