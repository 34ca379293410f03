"""Many names, a few tries each: what no counter of one name sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework.test import APIClient

from authkit import conf, signals
from authkit.core.clients import Client
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import ChallengeRequired
from authkit.limiter import stuffing
from authkit.limiter.budgets import PASSWORD, limits_of_name
from authkit.limiter.charges import Charge
from authkit.limiter.failure_counts import FailureCount
from authkit.limiter.names import NAME, name_key
from authkit.limiter.services import network_charge
from authkit.limiter.unlocking import unlock
from authkit.signin.challenges.asking import pass_challenge

pytestmark = pytest.mark.django_db

ATTACKER, BYSTANDER = "203.0.113.66", "198.51.100.7"


@pytest.fixture(autouse=True)
def _no_median_of_another_test() -> Iterator[None]:
    stuffing.forget()
    yield
    stuffing.forget()


@pytest.fixture
def suspected() -> Iterator[list[dict[str, Any]]]:
    """The arguments of each signal."""
    heard: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        del arguments["signal"], arguments["sender"]
        heard.append(arguments)

    signals.stuffing_suspected.connect(receive)
    yield heard
    signals.stuffing_suspected.disconnect(receive)


@pytest.fixture
def limits(configure: Callable[..., None], clock: Any) -> Callable[..., None]:
    """``limits(STUFFING_NAMES=…)``, on a clock that the test turns; networks are not locked meanwhile."""

    def choose(**numbers: int) -> None:
        configure(NETWORK_SLOW_AFTER=10_000, NETWORK_LOCK_AFTER=10_000, **numbers)

    choose()
    return choose


@pytest.fixture
def fail(django_capture_on_commit_callbacks: Any) -> Callable[..., int]:
    """``fail("name", address)``: a try with a wrong password."""

    def once(name: str, address: str | None = ATTACKER, password: str = "wrong", **more: str) -> int:
        body = {get_user_model().USERNAME_FIELD: name, "password": password, **more}
        with django_capture_on_commit_callbacks(execute=True):
            answer = APIClient().post("/auth/api/token/", body, format="json", REMOTE_ADDR=address or "")
        return int(answer.status_code)

    return once


def is_suspected(address: str) -> bool:
    return stuffing.is_suspected(network=network_charge(PASSWORD.name, Client(address=address)))


# A network


def test_attack_many_names_from_one_network(limits: Any, fail: Any, suspected: list[dict[str, Any]]) -> None:
    limits(STUFFING_NAMES=8)
    for number in range(16):
        assert fail(f"name-{number}") == 401
    assert is_suspected(ATTACKER)
    assert not is_suspected(BYSTANDER)
    [told] = suspected
    assert (told["scope"], told["network"]) == ("network", ATTACKER)
    assert 9 <= told["names"] <= 16
    assert told["failures"] <= 16


def test_one_name_tried_often_is_no_stuffing(limits: Any, fail: Any, suspected: list[Any]) -> None:
    limits(STUFFING_NAMES=3, SLOW_AFTER=100, LOCK_AFTER=100)
    for _ in range(30):
        assert fail("one-name") == 401
    assert suspected == []


def test_few_people_who_mistype_behind_one_address_are_no_stuffing(
    limits: Any, fail: Any, suspected: list[Any]
) -> None:
    for number in range(12):
        fail(f"name-{number}")
        fail(f"name-{number}")
    assert suspected == []


def test_successes_are_no_stuffing(limits: Any, fail: Any, make_user: Any, password: str, suspected: list[Any]) -> None:
    limits(STUFFING_NAMES=2)
    for number in range(10):
        assert fail(make_user(f"name{number}").get_username(), password=password) == 200
    assert suspected == []
    assert not FailureCount.objects.exists()


@pytest.mark.parametrize("number", [1, 5, 20, 40])
def test_names_are_counted_about_right_in_one_row(number: int, limits: Any) -> None:
    client = Client(address=ATTACKER)
    network = network_charge(PASSWORD.name, client)

    for each in range(number):
        key = name_key(f"name-{each}")
        charge = Charge(key, NAME, limits_of_name(conf.current().limiter))
        for _ in range(2):
            stuffing.note_failure(subject=charge, network=network, client=client)
    rows = list(FailureCount.objects.filter(scope=stuffing.NETWORK))
    assert len(rows) == 1
    assert rows[0].failures == 2 * number
    assert number * 0.6 - 1 <= stuffing._how_many(rows) <= number * 1.5 + 1


def test_names_of_the_last_ten_minutes_count_together_and_older_ones_no_more(
    limits: Any, fail: Any, clock: Any, suspected: list[Any]
) -> None:
    limits(STUFFING_NAMES=10)
    for number in range(8):
        fail(f"early-{number}")
    clock.forward(minutes=20)
    for number in range(8):
        fail(f"late-{number}")
    assert suspected == []
    clock.forward(minutes=9)
    for number in range(8):
        fail(f"later-{number}")
    assert len(suspected) == 1


def test_exempt_and_unknown_networks_are_not_suspected(limits: Any, fail: Any, suspected: list[Any]) -> None:
    limits(STUFFING_NAMES=2, EXEMPT=[f"{ATTACKER}/32"])
    for number in range(10):
        fail(f"name-{number}")
        fail(f"other-{number}", address=None)
    assert suspected == []
    assert FailureCount.objects.get().failures == 20  # the site's


# The site


def test_attack_from_many_networks_at_once(limits: Any, fail: Any, suspected: list[dict[str, Any]]) -> None:
    limits(STUFFING_FAILURES=10)
    for number in range(12):
        fail(f"name-{number}", address=f"203.0.113.{number}")
    assert suspected == [{"scope": "site", "network": "", "failures": 10, "names": 0}]
    assert is_suspected(BYSTANDER)


def test_a_usual_minute_of_a_large_site_is_no_attack(limits: Any, fail: Any, clock: Any, suspected: list[Any]) -> None:
    limits(STUFFING_FAILURES=4)
    minute = int(clock.now().timestamp()) // 60
    usual = [FailureCount(key=f"{back:064d}", scope="site", slot=minute - back, failures=2) for back in range(1, 722)]
    FailureCount.objects.bulk_create(usual)
    for number in range(8):
        fail(f"name-{number}", address=f"203.0.113.{number}")
    assert suspected == []
    fail("one-more", address="203.0.113.9")  # the ninth is more than four times two
    assert len(suspected) == 1


def test_a_suspicion_outlives_a_pause_and_ends_by_itself(
    limits: Any, fail: Any, clock: Any, suspected: list[Any]
) -> None:
    limits(STUFFING_FAILURES=3)

    def attack() -> None:
        for number in range(3):
            fail(f"name-{number}", address=f"203.0.113.{number}")

    attack()
    clock.forward(minutes=10)
    assert is_suspected(BYSTANDER)
    attack()
    clock.forward(minutes=10)
    assert is_suspected(BYSTANDER)
    assert len(suspected) == 1
    clock.forward(minutes=6)
    assert not is_suspected(BYSTANDER)
    attack()
    assert len(suspected) == 2


# What follows


def test_attack_first_try_of_each_name_needs_a_challenge_meanwhile(limits: Any, fail: Any, user: Any) -> None:
    limits(STUFFING_NAMES=4, CHALLENGE="authkit.signin.challenges.ProofOfWork")
    answers = [fail(f"name-{number}") for number in range(12)]
    assert answers[:4] == [401] * 4
    assert answers[-3:] == [403] * 3
    assert fail(user.get_username(), address=BYSTANDER) == 401


def test_a_known_device_needs_no_challenge_meanwhile(limits: Any, fail: Any, rf: Any) -> None:
    limits(STUFFING_NAMES=2, CHALLENGE="authkit.signin.challenges.ProofOfWork")
    for number in range(6):
        fail(f"name-{number}")
    given = {
        "request": rf.get("/"),
        "door": "page",
        "name": "alice",
        "client": Client(address=ATTACKER),
        "response": "",
    }
    pass_challenge(**given, device="d" * 64)
    with pytest.raises(ChallengeRequired):
        pass_challenge(**given)


def test_an_unlocked_person_without_javascript_gets_one_try_without_a_challenge(
    limits: Any, fail: Any, user: Any, password: str, clock: Any
) -> None:
    limits(STUFFING_NAMES=2, CHALLENGE="authkit.signin.challenges.ProofOfWork")
    for number in range(6):
        fail(f"name-{number}")
    name = user.get_username()
    assert fail(name, password=password) == 403
    unlock(user=user)
    assert fail(name, password=password) == 200
    assert fail(name, password=password) == 403
    unlock(name=f" {name.upper()}")
    assert fail("name-1") == 403
    assert fail(name) == 401
    unlock(name=name)
    clock.forward(minutes=31)
    for number in range(6):
        fail(f"more-{number}")
    assert fail(name, password=password) == 403


def test_unlocking_where_no_challenge_is_set_writes_no_excuse(limits: Any, user: Any) -> None:
    unlock(user=user)
    assert not OneTimeCode.objects.exists()


def test_no_name_and_no_network_can_be_read_from_the_table(limits: Any, fail: Any) -> None:
    fail("a-name-to-find")
    shown = repr(list(FailureCount.objects.values()))
    assert "a-name-to-find" not in shown
    assert ATTACKER not in shown


def test_a_failure_costs_three_statements_more_once_its_rows_are_there(
    limits: Any, django_assert_num_queries: Any
) -> None:

    client = Client(address=ATTACKER)
    charge = Charge(name_key("name"), NAME, limits_of_name(conf.current().limiter))
    network = network_charge(PASSWORD.name, client)
    stuffing.note_failure(subject=charge, network=network, client=client)
    with django_assert_num_queries(3):
        stuffing.note_failure(subject=charge, network=network, client=client)


def test_old_counts_are_pruned(limits: Any, fail: Any, clock: Any) -> None:
    fail("name")
    clock.forward(hours=23)
    fail("name")
    before = FailureCount.objects.count()
    call_command("authkit_prune", verbosity=0)
    assert FailureCount.objects.count() == before
    clock.forward(hours=2)
    call_command("authkit_prune", verbosity=0)
    assert FailureCount.objects.count() == before - 2
