"""Hints that are lost, late, or can't be told: nobody who is out comes back."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of
from authkit.revocation import epochs, hints, push
from authkit.revocation.models import CacheEpoch
from tests.outage import database_down
from tests.revocation.hinted import (
    BOUND,
    HALF,
    Tokens,
    block,
    cut_off,
    elsewhere,
    epoch,
    suspended,
    suspended_until,
    until,
)
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

SET = "authkit:{revoked}"
OUT = ("login_ended", "logout")
IMPATIENT = timedelta(milliseconds=100)
"""Where Redis is to fall silent. Whoever is too late once is a part of what these tests are about."""


@pytest.fixture
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["redis", "push"])
def tokens(request: pytest.FixtureRequest, settings: Any, server: Server, user: Any, open_for: Any) -> Tokens:
    settings.AUTHKIT = block(request.param, server.url, TIMEOUT=IMPATIENT)
    tokens = Tokens(open_for(user))
    tokens.believed()
    return tokens


redis_alone = pytest.mark.parametrize("tokens", ["redis"], indirect=True)


def end(login: Login) -> float:
    """Ends it, and says how long that took."""
    start = time.monotonic()
    assert end_login(login_id=login.pk, reason=EndReason.LOGOUT).ended
    return time.monotonic() - start


def stays_out(tokens: Tokens) -> None:
    """Refused at once, and until Redis is believed again, and then."""
    for _ in range(20):
        assert tokens.refused() == OUT
        time.sleep(HALF / 10)
    assert tokens.refused() == OUT


def lose_nothing(server: Server) -> None:
    """The server goes on."""


def flush(server: Server) -> None:
    server.ask("FLUSHALL")


def evict(server: Server) -> None:
    server.ask("DEL", SET)


def restart_empty(server: Server) -> None:
    server.restart()


def restart_with_data(server: Server) -> None:
    server.restart(keep=True)


LOSSES: list[Callable[[Server], None]] = [lose_nothing, flush, evict, restart_empty, restart_with_data]


@pytest.mark.parametrize("lose", LOSSES)
def test_lost_between_tell_and_check(lose: Callable[[Server], None], tokens: Tokens, server: Server) -> None:
    end(tokens.login)
    lose(server)
    stays_out(tokens)
    with elsewhere():
        stays_out(tokens)


@pytest.mark.parametrize("lose", LOSSES)
def test_lost_between_tell_and_commit(lose: Callable[[Server], None], tokens: Tokens, server: Server) -> None:
    with transaction.atomic():
        end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
        lose(server)
    stays_out(tokens)
    with elsewhere():
        stays_out(tokens)


def test_restarted_with_a_file_from_before_the_ending(tokens: Tokens, server: Server) -> None:
    server.ask("SAVE")
    file, kept = server.base / "dump.rdb", server.base / "kept.rdb"
    shutil.copy(file, kept)
    end(tokens.login)
    server.stop()
    shutil.copy(kept, file)
    server.start()
    assert b"e:" in server.ask("ZRANGE", SET, -1, -1) or int(server.ask("ZCARD", SET)) > 0
    stays_out(tokens)
    with elsewhere():
        stays_out(tokens)


def test_revoker_alone_is_cut_off(tokens: Tokens, settings: Any) -> None:
    """It waits until everybody has left Redis, so no check that begins after its 2xx is answered by Redis."""
    tokens.check(issued_at=tokens.later())
    with cut_off(settings):
        took = end(tokens.login)
    # Of a time after the floor, so that nothing but the epoch can refuse it.
    assert tokens.refused(issued_at=tokens.later()) == OUT
    assert took >= HALF
    stays_out(tokens)


def test_in_an_outage_only_the_first_ending_waits(
    tokens: Tokens, user: Any, open_for: Any, settings: Any, waits: list[float]
) -> None:
    logins = [open_for(user) for _ in range(4)]
    with cut_off(settings):
        took = end(logins[0])
        waits.clear()
        for login in logins[1:]:
            end(login)
    assert took >= HALF
    assert waits == []
    assert [Tokens(login).refused() for login in logins] == [OUT] * 4


def test_redis_is_believed_again_after_the_suspension(tokens: Tokens, settings: Any, user: Any, open_for: Any) -> None:
    with cut_off(settings):
        end(tokens.login)
    other = Tokens(open_for(user))
    assert other.costs(issued_at=other.later()) >= 1
    suspended_until(-1)
    other.believed()
    assert tokens.refused() == OUT


def test_endings_during_a_suspension_do_not_prolong_it(
    tokens: Tokens, settings: Any, user: Any, open_for: Any, waits: list[float]
) -> None:
    """Else a site on which somebody signs out each second would never get Redis back."""
    with cut_off(settings):
        end(tokens.login)
    before = list(CacheEpoch.objects.values())
    assert any(row["suspended_until"] is not None for row in before)
    others = [open_for(user) for _ in range(3)]
    end(others[0])  # the first one in this process sees the suspension just now
    waits.clear()
    for other in others[1:]:
        end(other)
    assert waits == []
    assert list(CacheEpoch.objects.values()) == before
    assert [Tokens(other).refused() for other in others] == [OUT] * 3


def test_ending_as_the_suspension_ends_is_sure_of_itself(tokens: Tokens, settings: Any, open_for: Any) -> None:
    """Nobody has warmed Redis yet, so nobody can be told: it suspends anew."""
    with cut_off(settings):
        end(tokens.login)
    suspended_until(-1)
    epochs.forget()
    before, other = epoch(), open_for(tokens.login.user)
    end(other)
    assert epoch() > before
    assert Tokens(other).refused() == OUT


def test_revoker_whose_clock_is_behind(tokens: Tokens, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it tells concerns the tokens of today all the same, for Redis has a clock as well."""
    server.ask("ZREM", SET, "f")  # below which every token would be asked for, and lies all that was issued just now
    issued_at = time.time()
    with elsewhere():
        tokens.believed()
        assert tokens.costs(issued_at=issued_at) == 0
        behind = hints.now_in_microseconds() - 3600 * hints.SECOND
        with elsewhere(), monkeypatch.context() as patched:
            patched.setattr(hints, "now_in_microseconds", lambda: behind)
            end_logins_of(user_id=tokens.login.user_id, reason=EndReason.FORCED)
        assert tokens.refused(issued_at=issued_at) == ("login_ended", "forced")


def test_whoever_warms_with_a_clock_that_is_behind(
    tokens: Tokens, server: Server, open_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(tokens.login)
    server.ask("DEL", SET)
    behind = hints.now_in_microseconds() - 3600 * hints.SECOND
    monkeypatch.setattr(hints, "now_in_microseconds", lambda: behind)
    Tokens(open_for(tokens.login.user)).believed()
    assert tokens.refused() == OUT


def test_told_to_a_server_that_nobody_believes(tokens: Tokens, settings: Any, server: Server) -> None:
    """Two servers, as after a fail-over that not everybody has noticed."""
    with own() as another:
        with elsewhere():
            settings.AUTHKIT = {**settings.AUTHKIT, "REDIS_URL": another.url}
            end(tokens.login)
        settings.AUTHKIT = {**settings.AUTHKIT, "REDIS_URL": server.url}
        assert tokens.refused(issued_at=tokens.later()) == OUT


def test_two_servers_are_never_believed_at_once(tokens: Tokens, settings: Any, server: Server) -> None:
    believed, mine = [], settings.AUTHKIT
    with own() as another:
        theirs = {**mine, "REDIS_URL": another.url}
        with elsewhere():
            settings.AUTHKIT = theirs
            tokens.believed()
            believed.append(epoch())
        settings.AUTHKIT = mine
        time.sleep(HALF)  # what it held from before is over by the clock, which is what is tested here
        assert tokens.costs(issued_at=tokens.later()) > 0
        tokens.believed()
        believed.append(epoch())
        with elsewhere():
            settings.AUTHKIT = theirs
            assert tokens.costs(issued_at=tokens.later()) > 0
        settings.AUTHKIT = mine
    assert believed[0] < believed[1]


def test_silent_server_costs_a_time_limit_once(tokens: Tokens, server: Server, user: Any, open_for: Any) -> None:
    ended, other = tokens.login, Tokens(open_for(user))
    server.freeze()
    try:
        end(ended)
        assert tokens.refused() == OUT
        assert other.refused() is None
        start = time.monotonic()
        for _ in range(20):
            other.check()
        assert time.monotonic() - start < 10 * IMPATIENT.total_seconds()
    finally:
        server.thaw()
    stays_out(tokens)


def test_silent_connection_is_not_believed_for_longer_than_bound(
    settings: Any, server: Server, user: Any, open_for: Any
) -> None:
    settings.AUTHKIT = block("push", server.url, TIMEOUT=IMPATIENT)
    tokens = Tokens(open_for(user))
    tokens.feed_believed()
    server.freeze()
    try:
        left_at = time.monotonic() + BOUND.total_seconds()

        def left() -> bool:
            now = time.monotonic()
            if tokens.told(issued_at=tokens.later()) is False:
                assert now <= left_at
                return False
            return True

        until(left, "it is left")
    finally:
        server.thaw()


def test_neither_redis_nor_database_can_be_told(tokens: Tokens, settings: Any) -> None:
    with cut_off(settings), database_down(), pytest.raises(DatabaseUnavailable):
        hints.tell_before_change(user_ids=[tokens.login.user_id])


def test_rolled_back_suspension_is_none(tokens: Tokens, settings: Any) -> None:
    before = epoch()
    with cut_off(settings), transaction.atomic():
        end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
        transaction.set_rollback(True)
    assert (epoch(), suspended(), tokens.refused()) == (before, False, None)


@redis_alone
def test_one_warms_and_the_others_find_it_done(tokens: Tokens, server: Server) -> None:
    server.ask("DEL", SET)
    before = epoch()
    tokens.check()
    raised = epoch()
    assert raised > before
    for _ in range(3):
        with elsewhere():
            tokens.check()
    assert epoch() == raised


@redis_alone
def test_no_warming_within_somebodys_transaction(tokens: Tokens, server: Server) -> None:
    server.ask("DEL", SET)
    before = epoch()
    with transaction.atomic():
        tokens.check()
        assert (epoch(), server.ask("EXISTS", SET)) == (before, b"0")
    assert epoch() > before


def test_child_of_a_fork_begins_anew_and_leaves_the_parents_feed_alone(
    settings: Any, server: Server, user: Any, open_for: Any
) -> None:
    # Long enough for a fork, and for the child to begin, while the lease still stands.
    settings.AUTHKIT = {**block("push", server.url), "REVOCATION": {"CHECK": "push", "BOUND": timedelta(seconds=2)}}
    tokens = Tokens(open_for(user))
    tokens.feed_believed()
    later, login_id = int(tokens.later()), tokens.login.pk
    mine = push._feed
    assert mine is not None
    now = epochs.lease().epoch
    child = os.fork()
    if not child:
        # No database in here: the connection is the parent's.
        failed = 1
        try:
            assert push._feed is None
            push._mend(now)
            until(lambda: push._told(login_id, str(user.pk), later) is False or epochs.held_lease() is None, "its own")
            failed = int(push._feed is None or push._feed.subscription.run != mine.subscription.run)
        finally:
            os._exit(failed)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert push._feed is mine
    with elsewhere():
        end(tokens.login)
    until(lambda: tokens.told(issued_at=later) is True, "it is heard")
    assert push._feed is mine


def test_everything_of_a_person_is_heard_by_push(settings: Any, server: Server, user: Any, open_for: Any) -> None:
    settings.AUTHKIT = block("push", server.url)
    tokens = Tokens(open_for(user))
    tokens.feed_believed()
    with elsewhere():
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert tokens.refused() == ("login_ended", "forced")


def dies_after_commit(login: Login) -> None:
    """Ends it as a process does that is gone before its callbacks run."""
    with transaction.atomic():
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        connection.run_on_commit.clear()


def test_revoker_that_dies_after_its_commit(tokens: Tokens) -> None:
    with elsewhere():
        dies_after_commit(tokens.login)
    assert epochs.lease()
    until(lambda: tokens.refused(issued_at=tokens.later()) == OUT, "the hint from before the commit is heard")


def test_revoker_that_is_cut_off_and_dies_after_its_commit(tokens: Tokens, settings: Any) -> None:
    with cut_off(settings):
        dies_after_commit(tokens.login)
    time.sleep(HALF)  # nobody was there to wait for it
    assert tokens.refused(issued_at=tokens.later()) == OUT
