from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django_redis.pool import ConnectionFactory

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable
from tests.redis.conftest import IMPATIENT, KEY, PATIENT
from tests.redis.waiting import call_until_answered
from tests.services import redis_sentinel
from tests.services.process import free_port
from tests.services.redis_sentinel import Watched

pytestmark = pytest.mark.redis


@pytest.fixture
def watched() -> Iterator[Watched]:
    with redis_sentinel.serve() as started:
        yield started


@pytest.fixture
def through_sentinel(
    request: pytest.FixtureRequest, watched: Watched, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = getattr(request, "param", PATIENT)
    # django-redis keeps its pools by the LOCATION alone, for as long as the process lives.
    monkeypatch.setattr(ConnectionFactory, "_pools", {})
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "redis": watched.cache(limit.total_seconds()),
    }
    settings.AUTHKIT = {"REDIS": {"CACHE": "redis"}}


@pytest.mark.usefixtures("through_sentinel")
def test_failover_leads_to_the_new_master_and_its_run(watched: Watched) -> None:
    assert link.source().kind == "Sentinel"
    old = link.call(b"SET", KEY, b"1", key=KEY).run
    assert b"run_id:" + old in watched.master.ask("INFO", "server")
    subscription = link.subscribe(b"channel", key=KEY)
    # The replica has it before the master dies: what is tested is where we go, not what Redis may lose.
    watched.wait_for_replica()

    watched.master.stop()
    with pytest.raises(RedisUnavailable):
        link.call(b"GET", KEY, key=KEY)
    watched.wait_for_failover()

    value, new, _ = call_until_answered(b"GET", KEY, key=KEY)
    assert value == b"1"
    assert new != old
    assert b"run_id:" + new in watched.replica.ask("INFO", "server")
    assert call_until_answered(b"SET", KEY, b"2", key=KEY).value == b"OK"
    with pytest.raises(RedisUnavailable):
        subscription.drain()
    again = link.subscribe(b"channel", key=KEY)
    assert again.run == new
    again.close()


@pytest.mark.usefixtures("through_sentinel")
@pytest.mark.parametrize("through_sentinel", [IMPATIENT], indirect=True)
def test_master_that_falls_silent_is_replaced_too_and_not_believed_when_it_wakes(watched: Watched) -> None:
    old = call_until_answered(b"SET", KEY, b"1", key=KEY).run
    watched.master.freeze()
    try:
        with pytest.raises(RedisUnavailable):
            link.call(b"GET", KEY, key=KEY)
        watched.wait_for_failover()
        new = call_until_answered(b"SET", KEY, b"2", key=KEY).run
    finally:
        watched.master.thaw()
    assert new != old
    assert {call_until_answered(b"GET", KEY, key=KEY)[:2] for _ in range(20)} == {(b"2", new)}


@pytest.mark.usefixtures("through_sentinel")
def test_sentinels_that_are_all_gone_cost_no_more_than_their_time_limits(settings: Any) -> None:
    cache = settings.CACHES["redis"]
    nowhere = [("127.0.0.1", free_port()) for _ in range(3)]
    settings.CACHES = {
        "redis": {**cache, "LOCATION": "redis://other/0", "OPTIONS": {**cache["OPTIONS"], "SENTINELS": nowhere}}
    }
    began = time.monotonic()
    with pytest.raises(RedisUnavailable) as refused:
        link.call(b"PING", key=KEY)
    assert time.monotonic() - began < 1.5
    # Not the connections that it tried: their repr may hold the password.
    assert str(refused.value) == "Sentinel: No master found for 'other'"


@pytest.mark.usefixtures("through_sentinel")
def test_name_that_no_sentinel_knows_is_an_outage(settings: Any) -> None:
    settings.CACHES = {"redis": {**settings.CACHES["redis"], "LOCATION": "redis://nobody-watches-this/0"}}
    with pytest.raises(RedisUnavailable, match="No master found"):
        link.call(b"PING", key=KEY)
