"""Reserve, settle and refund, with both back ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from authkit import signals
from authkit.core.clients import Client
from authkit.exceptions import InvalidCredentials, Locked, Throttled
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget
from authkit.limiter.names import name_key, normalised
from authkit.limiter.services import Reservation

HERE, THERE = Client("192.0.2.7"), Client("198.51.100.7")
DEVICE = "d" * 64

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("backend")]


def reserve(name: str | None = "alice", client: Client = HERE, **more: Any) -> Reservation:
    return services.reserve(door="session", name=name, client=client, **more)


def fail(times: int = 1, name: str = "alice", client: Client = HERE, **more: Any) -> None:
    for _ in range(times):
        services.settle_failure(reserve(name, client, **more))


def wait_of(name: str = "alice", client: Client = HERE, **more: Any) -> int:
    """Seconds that the next try has to wait; 0 if it is let through, and then it is given back."""
    try:
        services.refund(reserve(name, client, **more))
    except Throttled as refused:
        return refused.retry_after or 0
    return 0


def test_below_the_limit_each_try_is_let_through_and_then_the_next_one_waits() -> None:
    fail(5)
    with pytest.raises(Throttled) as refused:
        reserve()
    assert not isinstance(refused.value, Locked)
    assert refused.value.as_payload() == {
        "code": "throttled",
        "detail": "Too many attempts. Try again in 1 s.",
        "retry_after": 1,
    }
    assert wait_of("bob") == 0


def test_delays_double_up_to_the_longest_and_then_the_name_is_locked(wait: Any) -> None:
    seen = []
    fail(4)
    for _ in range(16):
        fail()
        seen.append(wait_of())
        wait(seen[-1])
    assert seen == [1, 2, 4, 8, 16, 32, *[60] * 9, 3600]
    fail()
    with pytest.raises(Locked) as refused:
        reserve(client=THERE)
    assert refused.value.as_payload()["code"] == "locked"
    assert refused.value.retry_after == 3600


def test_a_refused_try_is_charged_to_nothing(configure: Any, wait: Any) -> None:
    configure(NETWORK_SLOW_AFTER=6)
    fail(5)
    for _ in range(20):
        assert wait_of() == 1
    assert wait_of("bob") == 0  # the network has one left
    wait(1)
    assert wait_of() == 0


@pytest.mark.parametrize(
    "spelling",
    [
        "Alice", "ALICE", " alice", "alice\u00a0", "al\u200bice", "a\u00adlice", "\ufeffalice", "\uff41lice",
        "\u24d0lice", "al\u2060ice", "ali ce", "\u202ealice",
    ],
)  # fmt: skip
def test_twelve_spellings_of_a_name_are_one_counter(spelling: str) -> None:
    assert normalised(spelling) == "alice"
    fail(5)
    assert wait_of(spelling) == 1


@pytest.mark.parametrize("spelling", ["álice", "ali\u0301ce", "aliċé", "ałice", "alice\ufe0f"])
def test_attack_spelling_by_which_the_database_finds_the_person_gives_no_further_guesses(
    spelling: str, make_user: Any
) -> None:
    """MariaDB's usual collation ignores marks on letters. For another database these are names of other people."""
    people = get_user_model()
    make_user("alice")
    name = f"{spelling}@example.test" if people.USERNAME_FIELD == "email" else spelling
    found = people._default_manager.filter(**{people.USERNAME_FIELD: name}).exists()
    fail(5)
    if found or connection.vendor != "mysql":
        assert wait_of(spelling) == (1 if found else 0)


def test_names_that_differ_are_counted_apart() -> None:
    fail(5)
    assert [wait_of(name) for name in ("alicf", "alice2", "\u0430lice", "")] == [0, 0, 0, 0]


def test_a_success_clears_the_name_and_refunds_the_network(user: Any, configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=8)
    fail(4)
    for _ in range(30):
        services.settle_success(reserve(), user=user)
    fail(3)  # of the name five more are left, of the network four
    assert wait_of() == 0
    fail()
    assert wait_of("bob") == 1


def test_attack_success_of_ones_own_name_clears_no_other_name_and_no_network(user: Any, configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=9)
    fail(5, "victim")
    services.settle_success(reserve("mallory"), user=user)
    assert wait_of("victim") == 1
    fail(4, "mallory")
    with pytest.raises(Throttled):
        reserve("mallory")


def test_a_refund_takes_back_the_charge_and_its_delay() -> None:
    fail(4)
    for _ in range(10):
        services.refund(reserve())
    assert wait_of() == 0
    fail()
    assert wait_of() == 1


def test_attack_a_refund_takes_back_no_delay_that_a_later_charge_brought(wait: Any) -> None:
    fail(4)
    early = reserve()
    wait(1)
    late = reserve()
    services.settle_failure(late)
    services.refund(early)
    assert wait_of() == 2


def test_neighbours_in_one_network_of_ipv6_share_and_others_do_not(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=5)
    for host in range(5):
        fail(1, f"name-{host}", Client(f"2001:db8:1:1::{host:x}"))
    assert wait_of("x", Client("2001:db8:1:1:ffff::1")) == 1
    assert wait_of("x", Client("2001:db8:1:2::1")) == 0
    configure(IPV6_PREFIX=48)
    for host in range(5):
        fail(1, f"name-{host}", Client(f"2001:db8:2:{host:x}::1"))
    assert wait_of("x", Client("2001:db8:2:ffff::1")) == 1


def test_exempt_networks_are_not_charged_and_names_are_there_too(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=2, EXEMPT=["192.0.2.0/24"])
    for number in range(10):
        fail(1, f"name-{number}")
    assert wait_of("another") == 0
    fail(5)
    assert wait_of() == 1


def test_without_an_address_the_name_alone_is_charged(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=2)
    for number in range(10):
        fail(1, f"name-{number}", Client())
    fail(5, client=Client())
    assert wait_of(client=Client()) == 1


def test_the_window_forgets(configure: Any, wait: Any) -> None:
    fail(5)
    wait(24 * 3600 + 1)
    fail(4)
    assert wait_of() == 0
    fail()
    assert wait_of() == 1


def test_the_owner_with_a_known_device_gets_in_during_the_attack(user: Any, wait: Any, configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=25)
    for number in range(20):
        fail(1, client=Client(f"203.0.113.{number}"))
        wait(60)
    with pytest.raises(Locked):
        reserve()
    services.settle_success(reserve(device=DEVICE), user=user)
    with pytest.raises(Locked):  # and the attacker does not, now no more than before
        reserve()
    fail(10, device=DEVICE)
    with pytest.raises(Locked):  # its own budget is spent, so it is one of many
        reserve(device=DEVICE)


def test_attack_a_device_that_is_known_for_one_name_is_none_for_another() -> None:
    fail(5, "victim")
    fail(10, device=DEVICE)
    assert wait_of("bob", device=DEVICE) == 0


def test_failures_of_all_names_stop_the_person_and_the_answer_confirms_nothing(
    user: Any, configure: Any, wait: Any
) -> None:
    configure(STOP_AFTER=6)
    for number in range(6):
        services.settle_failure(reserve(f"name-{number % 3}"), user_id=user.pk)
    reservation = reserve()
    with pytest.raises(InvalidCredentials) as refused:
        services.admit(reservation, user=user)
    assert refused.value.as_payload() == InvalidCredentials().as_payload()
    services.admit(reserve(device=DEVICE), user=user)  # a known device goes on
    wait(400 * 24 * 3600)
    with pytest.raises(InvalidCredentials):  # no window forgets it
        services.admit(reserve("bob"), user=user)
    assert services.unlock(user=user) >= 1
    services.admit(reserve("bob"), user=user)


def test_a_success_clears_the_persons_failures_and_says_how_many_there_were(
    user: Any, configure: Any, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []
    signals.login_cleared.connect(lambda **given: told.append(given), weak=False, dispatch_uid="told")
    try:
        for name in ("alice", "a@example.test", "alice"):
            services.settle_failure(reserve(name), user_id=user.pk)
        with django_capture_on_commit_callbacks(execute=True):
            services.settle_success(services.admit(reserve(), user=user), user=user)
            services.settle_success(services.admit(reserve(), user=user), user=user)
    finally:
        signals.login_cleared.disconnect(dispatch_uid="told")
    assert [(given["user_id"], given["failures"]) for given in told] == [(user.pk, 3)]


def test_each_lock_is_told_once_and_each_refusal(user: Any, wait: Any, django_capture_on_commit_callbacks: Any) -> None:
    told: list[Any] = []
    watched = (signals.login_failed, signals.login_locked, signals.login_throttled)
    for signal in watched:
        signal.connect(lambda signal, sender, **given: told.append((signal, given)), weak=False, dispatch_uid="told")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            for _ in range(20):
                services.settle_failure(reserve(), user_id=user.pk)
                wait(60)
            wait(-60)
            for _ in range(2):
                with pytest.raises(Locked):
                    reserve()
    finally:
        for signal in watched:
            signal.disconnect(dispatch_uid="told")
    assert [signal for signal, _ in told].count(signals.login_failed) == 20
    (locked,) = [given for signal, given in told if signal is signals.login_locked]
    assert (locked["scope"], locked["user_id"], locked["failures"]) == ("name", user.pk, 20)
    assert locked["seconds"] in (3599, 3600)
    refusals = [given for signal, given in told if signal is signals.login_throttled]
    assert [(given["scope"], given["locked"]) for given in refusals] == [("name", True)] * 2
    assert "alice" not in repr(told)


def test_tokens_with_a_bad_signature_are_charged_to_their_network_alone(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=3)
    for _ in range(3):
        services.check_network(budget="token", client=HERE)
        services.charge_network(budget="token", client=HERE)
    with pytest.raises(Throttled):
        services.check_network(budget="token", client=HERE)
    services.check_network(budget="token", client=THERE)
    assert wait_of() == 0  # passwords have a counter of their own


def test_evidence_without_a_name_is_charged_to_the_network(configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=3)
    for _ in range(3):
        services.settle_failure(reserve(None, budget="exchange"))
    with pytest.raises(Throttled):
        reserve(None, budget="exchange")
    with pytest.raises(Throttled):
        reserve("alice")  # one network, one counter
    assert not AttemptBudget.objects.exclude(scope="network").exists()
    with pytest.raises(LookupError):
        reserve(None, budget="no such budget")


def test_a_person_who_is_known_before_the_try_is_charged_without_a_name(user: Any, make_user: Any) -> None:
    for _ in range(5):
        services.settle_failure(reserve(None, user_id=user.pk), user_id=user.pk)
    with pytest.raises(Throttled):
        reserve(None, user_id=user.pk)
    reserve(None, user_id=make_user("bob").pk)
    services.unlock(user=user)
    reserve(None, user_id=user.pk)


@pytest.mark.parametrize(
    "way", [{"name": " Alice"}, {"network": "192.0.2.7"}, {"network": "192.0.2.7/32"}, {"everything": True}]
)
def test_ways_out(way: Any, configure: Any) -> None:
    configure(NETWORK_SLOW_AFTER=5)
    fail(5)
    held_by_name, held_by_network = wait_of(client=THERE), wait_of("bob")
    assert (held_by_name, held_by_network) == (1, 1)
    assert services.unlock(**way) >= 1
    assert wait_of(client=THERE) == (0 if "network" not in way else 1)
    assert wait_of("bob") == (0 if "name" not in way else 1)


def test_unlocking_a_person_clears_their_names(user: Any) -> None:
    fail(5, user.get_username())
    fail(5, user.email.upper())
    services.unlock(user=user)
    assert wait_of(user.get_username()) == wait_of(user.email) == 0


@pytest.mark.parametrize("text", ["", "nonsense", "192.0.2.0/24", "2001:db8::/32"])
def test_a_network_that_is_none_or_is_many_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # ipaddress writes the text
        services.unlock(network=text)


def test_the_table_shows_no_reader_who_is_under_attack(configure: Any) -> None:
    fail(3)
    rows = list(AttemptBudget.objects.values())
    assert rows
    assert "alice" not in repr(rows)
    assert "192.0.2" not in repr(rows)


def test_another_secret_key_begins_with_empty_budgets(settings: Any) -> None:
    before = name_key("alice")
    settings.SECRET_KEY = "another" * 10
    assert name_key("alice") != before
