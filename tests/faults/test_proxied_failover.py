"""A fail-over behind a proxy that keeps its clients' connections: what the new server never heard of still holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.revocation import epochs
from tests.redis.conftest import KEY
from tests.revocation.hinted import HALF, Tokens, block, elsewhere, until
from tests.services import proxy, redis
from tests.services.proxy import Proxy
from tests.services.redis import Server, wait_for_replica

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

OUT = ("login_ended", "logout")
SET = KEY.decode()


@pytest.fixture
def master() -> Iterator[Server]:
    with redis.own() as started:
        yield started


@pytest.fixture
def replica(master: Server) -> Iterator[Server]:
    with redis.own() as started:
        started.ask("REPLICAOF", "127.0.0.1", master.port)
        yield started


@pytest.fixture
def between(master: Server) -> Iterator[Proxy]:
    with proxy.serve(master.port) as started:
        yield started


@pytest.mark.parametrize("check", ["redis", "push"])
def test_marker_of_the_old_master_does_not_count_at_its_replica(
    check: str, master: Server, replica: Server, between: Proxy, settings: Any, user: Any, open_for: Callable[..., Any]
) -> None:
    settings.AUTHKIT = block(check, between.url)
    tokens = Tokens(open_for(user))
    tokens.believed()
    # Below the floor of the warming lies each token of this test, which the database would refuse.
    master.ask("ZREM", SET, "f")
    wait_for_replica(master, replica)
    replica.ask("REPLICAOF", "NO", "ONE")  # it has the marker, and never hears of what comes now
    issued_at = time.time()

    with elsewhere():
        tokens.believed()
        assert tokens.costs(issued_at=issued_at) == 0
        assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended
        # What is pushed has its way through the proxy, as the teller's answer has.
        until(lambda: tokens.refused(issued_at=issued_at) == OUT, "it is heard")
        between.switch(replica.port)
        time.sleep(HALF)  # which is what is tested here; for `push`, in which the lease has to run out, it is BOUND
        if check == "push":
            time.sleep(HALF)
        for _ in range(20):
            assert tokens.refused(issued_at=issued_at) == OUT
            time.sleep(HALF / 10)


def test_hint_told_through_a_kept_connection_is_told_to_the_server_that_is_believed(
    master: Server, replica: Server, between: Proxy, settings: Any, user: Any, open_for: Callable[..., Any]
) -> None:
    """The teller doesn't know yet that it is led to another server. That server's answer tells."""
    settings.AUTHKIT = block("redis", between.url)
    tokens = Tokens(open_for(user))
    tokens.believed()
    wait_for_replica(master, replica)
    replica.ask("REPLICAOF", "NO", "ONE")
    before = epochs.fresh_lease().epoch
    between.switch(replica.port)
    assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended
    assert epochs.fresh_lease().epoch > before
    assert tokens.refused(issued_at=tokens.later()) == OUT
