"""A fail-over and a lost node, while people are signed out: what the surviving servers never heard of still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django_redis.pool import ConnectionFactory

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.revocation import epochs
from tests.redis.conftest import KEY, PATIENT
from tests.revocation.hinted import BOUND, Tokens, block, suspended_until
from tests.services import redis_cluster, redis_sentinel
from tests.services.redis_cluster import Cluster
from tests.services.redis_sentinel import Watched

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

OUT = ("login_ended", "logout")


@pytest.fixture
def people(make_user: Callable[..., Any], open_for: Callable[..., Any]) -> list[Tokens]:
    """Three people with a token each."""
    return [Tokens(open_for(make_user(name))) for name in ("alice", "bob", "carol")]


@pytest.fixture
def watched() -> Iterator[Watched]:
    with redis_sentinel.serve() as started:
        yield started


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with redis_cluster.serve() as started:
        yield started


def suspension_ends() -> None:
    """As half a minute later."""
    suspended_until(-epochs.SKEW.total_seconds())


def end(tokens: Tokens) -> None:
    assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended
    assert tokens.refused() == OUT


@pytest.mark.parametrize("check", ["redis", "push"])
def test_failover_to_a_replica_that_never_heard_of_it(
    check: str, watched: Watched, people: list[Tokens], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # django-redis keeps its pools by the LOCATION alone, for as long as the process lives.
    monkeypatch.setattr(ConnectionFactory, "_pools", {})
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "redis": watched.cache(PATIENT.total_seconds()),
    }
    settings.AUTHKIT = {"REDIS": {"CACHE": "redis"}, "REVOCATION": {"CHECK": check, "BOUND": BOUND}}
    honest, before, meanwhile = people
    honest.believed()

    # The replica has the marker by which its set looks complete, and nothing of what comes now.
    watched.replica.freeze()
    watched.master.ask("CLIENT", "KILL", "TYPE", "replica")
    end(before)
    watched.master.crash()
    watched.replica.thaw()
    end(meanwhile)
    assert honest.refused() is None
    watched.wait_for_failover()
    assert b"role:master" in watched.replica.ask("INFO", "replication")

    for _ in range(20):
        assert (before.refused(), meanwhile.refused(), honest.refused()) == (OUT, OUT, None)
    suspension_ends()
    honest.believed()
    assert (before.refused(), meanwhile.refused(), honest.refused()) == (OUT, OUT, None)


@pytest.mark.parametrize("check", ["redis", "push"])
def test_node_of_a_cluster_that_dies_and_comes_back_empty(
    check: str, cluster: Cluster, people: list[Tokens], settings: Any
) -> None:
    settings.AUTHKIT = block(check, cluster.url, CLUSTER=True)
    honest, before, meanwhile = people
    honest.believed()
    end(before)

    holder = cluster.holder(KEY.decode())
    holder.crash()
    assert (before.refused(), honest.refused()) == (OUT, None)
    end(meanwhile)
    holder.start()

    for _ in range(20):
        assert (before.refused(), meanwhile.refused(), honest.refused()) == (OUT, OUT, None)
    suspension_ends()
    honest.believed()
    assert (before.refused(), meanwhile.refused(), honest.refused()) == (OUT, OUT, None)


def test_every_command_of_a_cluster_stays_in_one_slot(cluster: Cluster, people: list[Tokens], settings: Any) -> None:
    settings.AUTHKIT = block("push", cluster.url, CLUSTER=True)
    people[0].believed()
    end(people[1])
    for server in cluster.masters:
        errors = server.ask("INFO", "errorstats")
        assert b"CROSSSLOT" not in errors
    held = [server for server in cluster.masters if server.ask("EXISTS", KEY.decode()) == b"1"]
    assert held == [cluster.holder(KEY.decode())]
