"""Clocks that are too far apart: each ending holds, and the modes that compare times are not believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from authkit.core import clocks
from authkit.core.clients import Client
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.rotation import rotate
from authkit.logins.services import end_logins_of
from authkit.revocation import epochs, hints
from tests.logins.conftest import LIFETIME
from tests.revocation.hinted import Tokens, block, elsewhere, until
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

FORCED = ("login_ended", "forced")
FAR = 90.0
"""More than a minute, by which hints are ahead."""


@pytest.fixture
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(autouse=True)
def _warn_again() -> Iterator[None]:
    clocks.forget()
    yield
    clocks.forget()


@pytest.fixture(params=["redis", "push"])
def tokens(request: pytest.FixtureRequest, settings: Any, server: Server, user: Any, open_for: Any) -> Tokens:
    settings.AUTHKIT = block(request.param, server.url)
    tokens = Tokens(open_for(user))
    tokens.believed()
    return tokens


@contextmanager
def clock_off_by(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In here this is a process whose clock is off, and that has noticed nothing yet."""
    real, today = time.time, timezone.now
    with elsewhere(), monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: real() + seconds)
        patched.setattr(timezone, "now", lambda: today() + timezone.timedelta(seconds=seconds))
        yield


@pytest.mark.parametrize("ahead", [FAR, 3600.0])
def test_person_wide_ending_reaches_a_token_whose_issuer_was_ahead(tokens: Tokens, ahead: float) -> None:
    issued_at = time.time() + ahead
    assert tokens.costs(issued_at=tokens.later()) == 0
    end_logins_of(user_id=tokens.login.user_id, reason=EndReason.FORCED)
    assert tokens.refused(issued_at=issued_at) == FORCED


@pytest.mark.parametrize("off", [-FAR, FAR, -11.0, 11.0])
def test_process_whose_clock_is_off_asks_the_database(
    tokens: Tokens, off: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "authkit")
    with clock_off_by(off, monkeypatch):
        until(lambda: not epochs.lease().suspended, "nothing else keeps it from believing Redis")
        assert not epochs.lease().punctual
        for _ in range(5):
            assert tokens.costs(issued_at=tokens.later()) == 1
            epochs.fresh_lease()
    said = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(said) == 1, "once for all"
    assert "the database is asked for every access token" in said[0]
    assert ("behind" if off > 0 else "ahead of") in said[0]


@pytest.mark.parametrize("off", [-9.0, 9.0])
def test_small_difference_is_borne(tokens: Tokens, off: float, monkeypatch: pytest.MonkeyPatch) -> None:
    with clock_off_by(off, monkeypatch):
        tokens.believed()
        assert epochs.lease().punctual


def test_redis_whose_clock_is_off_is_not_believed(
    tokens: Tokens, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is seen from a process: the database's clock has gone along, and Redis' hasn't."""
    caplog.set_level("WARNING", "authkit")
    with clock_off_by(FAR, monkeypatch), monkeypatch.context() as patched:
        patched.setattr(epochs, "_is_punctual", lambda database, asked_at: True)
        for _ in range(20):
            assert tokens.costs(issued_at=tokens.later()) >= 1
            time.sleep(0.02)
    assert [record.getMessage()[:18] for record in caplog.records if "clock" in record.getMessage()] == [
        "Redis' clock is 90"
    ]


def test_token_of_an_issuer_that_is_ahead_is_asked_for_by_all_others(
    tokens: Tokens, settings: Any, user: Any, open_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `iat` says that it came after each floor that is to come soon."""
    with clock_off_by(FAR, monkeypatch):
        opened = Tokens(open_for(user))
    issued_at = opened.login.rotated_at.timestamp()
    assert issued_at > time.time() + FAR - 60
    tokens.feed_believed() if settings.AUTHKIT["REVOCATION"]["CHECK"] == "push" else tokens.believed()
    assert opened.costs(issued_at=issued_at) == 1
    assert tokens.costs(issued_at=tokens.later()) == 0


def test_rotation_by_a_process_that_is_ahead_is_told_too(
    tokens: Tokens, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tokens.login
    with clock_off_by(FAR, monkeypatch):
        rotated = rotate(
            login_id=login.pk,
            user_id=str(user.pk),
            generation=0,
            lifetime=LIFETIME,
            grace=timezone.timedelta(0),
            client=Client(),
        )
    assert b"l:" + login.pk.hex.encode() in told()
    assert rotated.login.generation == 1


def test_session_of_a_process_that_is_ahead_is_not_told(
    tokens: Tokens, user: Any, open_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no token, so no `iat`."""
    with clock_off_by(FAR, monkeypatch):
        login = open_for(user, kind=LoginKind.SESSION)
    assert b"l:" + login.pk.hex.encode() not in told()


def test_sign_in_with_a_right_clock_tells_nothing(tokens: Tokens, user: Any, open_for: Callable[..., Any]) -> None:
    open_for(user)
    assert not [member for member in told() if member != hints.FLOOR]


def told() -> dict[bytes, int]:
    found = hints.read_all(epoch=epochs.lease().epoch)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("off", [-3600.0, 3600.0])
def test_teller_whose_clock_is_off_takes_no_hint_away(
    tokens: Tokens, server: Server, open_for: Callable[..., Any], make_user: Any, off: float, monkeypatch: Any
) -> None:
    """One that is an hour ahead would take every hint for that of a dead token."""
    end_logins_of(user_id=tokens.login.user_id, reason=EndReason.FORCED)
    other = open_for(make_user("bob"))
    with clock_off_by(off, monkeypatch):
        end_logins_of(user_id=other.user_id, reason=EndReason.FORCED)
    members = {member.partition(b":")[0] for member in told()}
    assert b"u" in members
    assert len([member for member in told() if member.startswith(b"u:")]) == 2


def test_end_of_a_suspension_is_the_databases_to_say(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is a minute ahead would end it, and begin with Redis anew, before all others do."""
    epochs.suspend()
    with clock_off_by(FAR, monkeypatch):
        assert epochs.lease().suspended
        epochs.fresh_lease()
        assert epochs.suspended_for_all()


def test_clocks_of_the_database_and_of_this_process_are_compared_without_a_time_zone() -> None:
    assert abs(clocks.ahead_of_database(connection)) < 5


@pytest.mark.parametrize(
    ("clock", "difference"), [(99.0, -1.0), (100.0, 0.0), (105.0, 0.0), (110.0, 0.0), (112.0, 2.0)]
)
def test_slow_answer_proves_no_difference(clock: float, difference: float) -> None:
    assert clocks.ahead(clock=clock, asked_at=100.0, answered_at=110.0) == difference
