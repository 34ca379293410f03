"""Redis cut, flushed and restarted: what was locked stays locked, and the database counts meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from authkit.core.clients import Client
from authkit.exceptions import Locked, Throttled
from authkit.limiter import database, services
from authkit.limiter import redis as counted
from authkit.limiter.models import AttemptBudget
from authkit.limiter.services import Reservation
from authkit.redis import link
from tests.services import redis
from tests.services.redis import Server

HERE = Client("192.0.2.7")

pytestmark = [pytest.mark.django_db, pytest.mark.redis]


@pytest.fixture
def server(use_redis: Callable[..., None], settings: Any) -> Any:
    with redis.own() as started:
        use_redis(started.url)
        section = {**settings.AUTHKIT["REDIS"], "TIMEOUT": timedelta(seconds=2)}
        settings.AUTHKIT = {**settings.AUTHKIT, "REDIS": section}
        yield started


def reserve(name: str = "alice") -> Reservation:
    return services.reserve(door="session", name=name, client=HERE)


def fail(times: int, name: str = "alice") -> None:
    for _ in range(times):
        services.settle_failure(reserve(name))


def flush() -> None:
    key = services.redis.key_names.budget(services.conf.current().redis.prefix, "any")
    link.call(b"FLUSHALL", key=key)


def test_a_flush_frees_no_name(server: Server, wait: Any) -> None:
    fail(5)
    wait(1)
    fail(1)
    flush()
    with pytest.raises(Throttled) as refused:
        reserve()
    assert refused.value.retry_after in {1, 2}
    wait(2)
    fail(1)
    with pytest.raises(Throttled) as refused:
        reserve()
    assert refused.value.retry_after == 4  # the seventh failure, and not the first


def test_a_flush_frees_no_locked_name_and_no_locked_network(server: Server, wait: Any, configure: Any) -> None:
    configure(SLOW_AFTER=2, LOCK_AFTER=3, NETWORK_SLOW_AFTER=3, NETWORK_LOCK_AFTER=4)
    fail(2)
    wait(1)
    fail(1)
    wait(1)
    services.settle_failure(reserve("bob"))
    flush()
    for name in ("alice", "carol"):
        with pytest.raises(Locked):
            reserve(name)


@pytest.mark.parametrize("how", ["flush", "stop", "restart"])
def test_tries_that_are_being_judged_while_redis_forgets_are_not_forgotten(
    server: Server, configure: Any, how: str
) -> None:
    configure(SLOW_AFTER=5, LOCK_AFTER=5)
    judged = [reserve() for _ in range(4)]
    {"flush": flush, "stop": server.stop, "restart": server.restart}[how]()
    judged.append(reserve())
    with pytest.raises(Locked):
        reserve()
    for each in judged:
        services.settle_failure(each)
    with pytest.raises(Locked):
        reserve()


def test_a_name_that_a_failure_has_brought_back_after_a_flush_can_be_read(use_redis: Any) -> None:
    use_redis()
    judged = reserve()
    flush()
    services.settle_failure(judged)
    standing = services.standing_of(judged.charges[0])
    assert standing is not None
    assert (standing.spent, standing.last_charge) == (1, 0)


def test_a_try_that_the_database_refuses_stays_charged_nowhere(server: Server, configure: Any) -> None:
    configure(SLOW_AFTER=2, LOCK_AFTER=2)
    fail(2)
    flush()
    with pytest.raises(Locked):
        reserve()
    services.unlock(name="alice")
    network = reserve().charges[1]
    assert counted.standings([network])[network.key].spent == 3
    assert AttemptBudget.objects.get(pk=network.key).spent == 3


def test_while_redis_is_away_the_database_counts_on_from_what_failed(server: Server, wait: Any) -> None:
    fail(4)
    server.stop()
    assert not reserve("bob").in_redis
    fail(1)
    with pytest.raises(Throttled):
        reserve()
    assert AttemptBudget.objects.get(scope="name", spent=5)


def test_a_lock_of_that_time_holds_once_redis_is_back(server: Server, wait: Any, configure: Any) -> None:
    configure(LOCK_AFTER=6)
    fail(3)
    name = reserve().charges[:1]
    # As another process does that can't reach Redis.
    for number in range(2):
        AttemptBudget.objects.update(not_before=0)
        assert database.charge(name, number=number).refusal is None
    for _ in range(2):  # the database refuses the first, and Redis knows by it
        with pytest.raises(Locked):
            reserve()
    assert counted.standings(name)[name[0].key].spent == 6


def test_a_command_that_is_sent_twice_counts_once(use_redis: Any) -> None:
    use_redis()
    charges = reserve().charges
    for _ in range(9):
        assert counted._charged(charges, 7, None) == [0]
    assert counted.standings(charges)[charges[0].key].spent == 2
    for _ in range(9):
        counted.refund([charges[0].key], number=7)
    assert counted.standings(charges)[charges[0].key].spent == 1


def test_all_keys_of_one_try_lie_in_one_slot_and_have_an_end(use_redis: Any) -> None:
    use_redis()
    charges = reserve().charges
    assert len(charges) == 2
    for charge in charges:
        name = counted.key_names.budget(services.conf.current().redis.prefix, charge.key)
        assert b":{budget}:" in name
        left = int(link.call(b"PTTL", name, key=name).value)
        assert 0 < left <= charge.limits.window // 1000


def test_unlocking_everything_reaches_redis(use_redis: Any) -> None:
    use_redis()
    fail(5)
    services.unlock(everything=True)
    fail(4)


@pytest.mark.django_db(transaction=True)
def test_success_reaches_redis_with_its_commit_and_not_without(use_redis: Any, user: Any) -> None:
    use_redis()
    fail(4)
    attempt, using = reserve(), database.alias()

    def spent() -> int:
        rows = counted.standings(attempt.charges[:1])
        return next((row.spent for row in rows.values()), 0)

    with suppress(ZeroDivisionError), transaction.atomic(using=using):
        services.settle_success(attempt, user=user, joins=True)
        raise ZeroDivisionError
    assert spent() == 5
    with transaction.atomic(using=using):
        services.settle_success(attempt, user=user, joins=True)
        # A guess that came now would have Redis begin with the count that the database still shows to others.
        assert spent() == 5
    assert spent() == 0
