from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from authkit import signals
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_login

GRACE = timedelta(seconds=60)
HOME = Client(address="203.0.113.9", device="Firefox on Linux")


@pytest.fixture
def turn(lifetime: Lifetime) -> Any:
    def turn_(login: Login, generation: int, grace: timedelta = GRACE, client: Client = HOME) -> Any:
        return rotate(
            login_id=login.pk,
            user_id=login.user_id,
            generation=generation,
            lifetime=lifetime,
            grace=grace,
            client=client,
        )

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


def assert_same_successor(first: Any, again: Any) -> None:
    assert (first.replayed, again.replayed) == (False, True)
    same = ("generation", "rotated_at", "expires_at")
    assert [getattr(first.login, n) for n in same] == [getattr(again.login, n) for n in same]


@pytest.mark.parametrize("after", [0, 9, 12, 35, 60])
def test_retry_of_a_lost_answer_gets_the_same_successor(
    user: Any, open_for: Any, turn: Any, clock: Any, after: int
) -> None:
    login = open_for(user)
    first = turn(login, 0)
    clock.forward(seconds=after)
    assert_same_successor(first, turn(login, 0))
    assert turn(first.login, 1).login.generation == 2


def test_replay_after_grace_ends_the_login(user: Any, open_for: Any, turn: Any, clock: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=61)
    assert reason(turn, login, 0) == ("reused", None)
    assert Login.objects.get().end_reason == EndReason.REUSED
    assert reason(turn, login, 1) == ("login_ended", "reused")


def test_parallel_replays_write_nothing_and_a_late_retry_writes_once(
    user: Any, open_for: Any, turn: Any, clock: Any, django_assert_num_queries: Any
) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=10)
    for _ in range(3):
        with django_assert_num_queries(1):
            turn(login, 0)
    clock.forward(seconds=2)
    with django_assert_num_queries(2):
        turn(login, 0)
    for _ in range(3):
        with django_assert_num_queries(1):
            turn(login, 0)
    stored = Login.objects.get()
    assert (stored.generation, stored.retried_generation, stored.late_retries) == (1, 1, 1)


def test_second_late_retry_is_reuse(user: Any, open_for: Any, turn: Any, clock: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=12)
    turn(login, 0)
    clock.forward(seconds=11)
    assert reason(turn, login, 0) == ("reused", None)


def test_parallels_of_a_retry_at_the_very_end_of_the_grace_get_their_ten_seconds(
    user: Any, open_for: Any, turn: Any, clock: Any
) -> None:
    login = open_for(user)
    first = turn(login, 0)
    clock.forward(seconds=59)
    turn(login, 0)
    clock.forward(seconds=9)
    assert_same_successor(first, turn(login, 0))
    clock.forward(seconds=2)
    assert reason(turn, login, 0) == ("reused", None)


def test_late_retry_once_the_successor_has_refreshed_is_reuse(user: Any, open_for: Any, turn: Any, clock: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    turn(login, 1)
    clock.forward(seconds=12)
    assert reason(turn, login, 0) == ("reused", None)


def test_grace_shorter_than_ten_seconds_is_all_there_is(user: Any, open_for: Any, turn: Any, clock: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=3)
    assert turn(login, 0, timedelta(seconds=3)).replayed
    clock.forward(seconds=1)
    assert reason(turn, login, 0, timedelta(seconds=3)) == ("reused", None)


OTHER_DEVICE = Client(address="203.0.113.9", device="Chrome on Android")
OTHER_NETWORK = Client(address="198.51.100.7", device="Firefox on Linux")
ELSEWHERE = Client(address="198.51.100.7", device="Chrome on Android")
NO_NAME = Client(address="198.51.100.7")


@pytest.mark.parametrize("after", [1, 12])
@pytest.mark.parametrize("client", [OTHER_DEVICE, OTHER_NETWORK, Client(device="Chrome on Android"), Client()])
def test_another_device_or_another_network_alone_is_forgiven(
    user: Any, open_for: Any, turn: Any, clock: Any, client: Client, after: int
) -> None:
    login = open_for(user)
    first = turn(login, 0)
    clock.forward(seconds=after)
    assert_same_successor(first, turn(login, 0, GRACE, client))


@pytest.mark.parametrize("after", [1, 12])
@pytest.mark.parametrize("client", [ELSEWHERE, NO_NAME])
def test_thief_who_replays_from_another_device_and_network_ends_the_login(
    user: Any, open_for: Any, turn: Any, clock: Any, client: Client, after: int
) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=after)
    assert reason(turn, login, 0, GRACE, client) == ("reused", None)


def test_thief_who_replays_among_the_parallels_of_a_late_retry_ends_the_login(
    user: Any, open_for: Any, turn: Any, clock: Any
) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=12)
    turn(login, 0)
    assert reason(turn, login, 0, GRACE, ELSEWHERE) == ("reused", None)


def test_device_and_network_that_count_are_those_of_the_last_rotation(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    turn(login, 0)
    turn(login, 1, GRACE, ELSEWHERE)  # the owner may travel, as long as nothing is replayed
    stored = Login.objects.get()
    assert (stored.rotated_device, stored.rotated_network) == ("Chrome on Android", "198.51.100.7")
    assert turn(login, 1, GRACE, ELSEWHERE).replayed
    assert reason(turn, login, 1, GRACE, HOME) == ("reused", None)


def test_ipv6_addresses_of_one_network_are_one(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    turn(login, 0, GRACE, Client(address="2001:db8:0:7::1", device="Firefox on Linux"))
    assert turn(login, 0, GRACE, Client(address="2001:db8:0:7:ffff::2", device="Chrome on Android")).replayed
    other = Client(address="2001:db8:0:8::1", device="Chrome on Android")
    assert reason(turn, login, 0, GRACE, other) == ("reused", None)


def test_row_that_was_rotated_before_the_columns_were_there_knows_no_other_network(
    user: Any, open_for: Any, turn: Any
) -> None:
    login = open_for(user)
    first = turn(login, 0)
    Login.objects.update(rotated_device="", rotated_network="")
    assert_same_successor(first, turn(login, 0, GRACE, ELSEWHERE))


def test_device_with_a_name_that_is_too_long_is_the_same_device(user: Any, open_for: Any, turn: Any) -> None:
    login = open_for(user)
    turn(login, 0, GRACE, Client(address="203.0.113.9", device="x" * 100))
    assert turn(login, 0, GRACE, Client(address="198.51.100.7", device="x" * 100)).replayed


@pytest.fixture
def suspected() -> Iterator[list[dict[str, Any]]]:
    heard: list[dict[str, Any]] = []

    def receive(sender: Any, signal: Any, **arguments: Any) -> None:
        heard.append(arguments)

    signals.token_suspected.connect(receive)
    yield heard
    signals.token_suspected.disconnect(receive)


def round_with_a_late_retry(login: Login, generation: int, turn: Any, clock: Any) -> None:
    turn(login, generation)
    clock.forward(seconds=12)
    turn(login, generation)


def test_thief_who_replays_round_after_round_raises_the_alarm(
    user: Any, open_for: Any, turn: Any, clock: Any, suspected: list[dict[str, Any]],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    login = open_for(user)
    with django_capture_on_commit_callbacks(execute=True):
        for generation in range(7):
            round_with_a_late_retry(login, generation, turn, clock)
    told = {"login_id": login.pk, "user_id": user.pk}
    assert suspected == [{**told, "generation": 3, "retries": 3}, {**told, "generation": 6, "retries": 6}]
    assert Login.objects.get().ended_at is None


def test_late_retries_with_a_quiet_generation_between_them_raise_none(
    user: Any, open_for: Any, turn: Any, clock: Any, suspected: list[dict[str, Any]],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    login = open_for(user)
    with django_capture_on_commit_callbacks(execute=True):
        for generation in range(8):
            if generation % 3 == 2:
                turn(login, generation)
            else:
                round_with_a_late_retry(login, generation, turn, clock)
    assert suspected == []
    assert Login.objects.get().late_retries == 2


@pytest.mark.parametrize("fate", ["granted to another request", "moved on", "ended"])
def test_late_retry_that_loses_the_race_sees_what_the_winner_left(
    user: Any, open_for: Any, turn: Any, clock: Any, fate: str, lifetime: Lifetime
) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=12)

    def meanwhile(_user: Any, _login: Login) -> None:
        if fate == "ended":
            end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        else:
            turn(login, 0 if fate == "granted to another request" else 1)

    def late() -> Any:
        return rotate(
            login_id=login.pk, user_id=user.pk, generation=0, lifetime=lifetime, grace=GRACE, client=HOME,
            prepare=meanwhile,
        )  # fmt: skip

    if fate == "granted to another request":
        assert late().replayed
        assert Login.objects.get().late_retries == 1
    else:
        assert reason(late) == (("reused", None) if fate == "moved on" else ("login_ended", "logout"))


def test_claims_that_fail_leave_the_late_retry_unspent(
    user: Any, open_for: Any, turn: Any, clock: Any, lifetime: Lifetime
) -> None:
    login = open_for(user)
    turn(login, 0)
    clock.forward(seconds=12)

    def fail(_user: Any, _login: Login) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rotate(
            login_id=login.pk, user_id=user.pk, generation=0, lifetime=lifetime, grace=GRACE, client=HOME, prepare=fail
        )
    clock.forward(seconds=30)
    assert turn(login, 0).replayed


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


def test_reuse_is_signalled(user: Any, open_for: Any, turn: Any, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[dict[str, Any]] = []

    def receive(sender: Any, signal: Any, **arguments: Any) -> None:
        heard.append(arguments)

    signals.token_reused.connect(receive)
    try:
        login = open_for(user)
        turn(login, 0), turn(login, 1)
        with django_capture_on_commit_callbacks(execute=True):
            reason(turn, login, 0)
    finally:
        signals.token_reused.disconnect(receive)
    assert heard == [{"login_id": login.pk, "user_id": user.pk, "generation": 0}]
