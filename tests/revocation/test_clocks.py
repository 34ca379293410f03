"""Servers whose clocks differ: each ending reaches what began before it, and no sign-in after it is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.core.identifiers import uuid7
from authkit.logins.cutoffs import cut_off_everybody
from authkit.logins.database_clock import database_now
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of, end_logins_where
from authkit.logins.verdict import check_login
from tests.revocation.clocks import OPENING, clock
from tests.revocation.hinted import Tokens, block
from tests.services.redis import Server, own

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]

ENDINGS: dict[str, Callable[[Any], object]] = {
    "person": lambda user: end_logins_of(user_id=user.pk, reason=EndReason.FORCED),
    "everybody": lambda user: end_all_logins(reason=EndReason.FORCED),
}
FORCED = ("login_ended", "forced")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(
    params=["database", *(pytest.param(check, marks=pytest.mark.redis) for check in ("redis", "push"))],
)
def check(request: pytest.FixtureRequest, settings: Any) -> str:
    if request.param != "database":
        server: Server = request.getfixturevalue("server")
        server.ask("FLUSHALL")
        settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


def revived(login: Login) -> Tokens:
    """As if its row had become visible after the ending only: the cutoff has to do it alone."""
    Login._base_manager.filter(pk=login.pk).update(ended_at=None, end_reason="")
    return Tokens(login)


@pytest.mark.parametrize("ahead", [-3, 3, 7200])
@pytest.mark.parametrize("how", ENDINGS)
def test_ending_by_a_server_with_a_wrong_clock_reaches_what_was_opened_just_before(
    check: str, how: str, ahead: float, user: Any, open_for: Any
) -> None:
    login = open_for(user)
    with clock(ahead=ahead):
        ENDINGS[how](user)
    assert revived(login).refused() == FORCED


@pytest.mark.parametrize("ahead", [-3, 3, 7200])
@pytest.mark.parametrize("how", ENDINGS)
def test_what_a_server_with_a_wrong_clock_opened_just_before_is_reached(
    check: str, how: str, ahead: float, user: Any, open_for: Any
) -> None:
    with clock(ahead=ahead):
        login = open_for(user)
    ENDINGS[how](user)
    assert revived(login).refused() == FORCED


@pytest.mark.parametrize("ahead", [-3, 3, 7200])
@pytest.mark.parametrize("how", ENDINGS)
def test_sign_in_after_an_ending_is_alive_whichever_clock_is_wrong(
    check: str, how: str, ahead: float, user: Any, open_for: Any
) -> None:
    with clock(ahead=ahead):
        ENDINGS[how](user)
    assert Tokens(open_for(user)).refused() is None
    ENDINGS[how](user)
    with clock(ahead=ahead):
        login = open_for(user)
    assert Tokens(login).refused() is None


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("whose", ["person", "everybody"])
def test_cutoff_in_the_future_neither_kills_a_sign_in_nor_shields_it(
    check: str, how: str, whose: str, user: Any, open_for: Any
) -> None:
    ahead = timezone.now() + timedelta(hours=2)
    if whose == "person":
        UserCutoff.objects.create(user=user, issued_before=ahead)
    else:
        GlobalCutoff.objects.create(issued_before=ahead)
    for _ in range(2):
        login = open_for(user)
        assert login.created_at > ahead
        assert Tokens(login).refused() is None
        ENDINGS[how](user)
        assert revived(login).refused() == FORCED


def test_sign_in_takes_no_statement_more_and_knows_what_was_written(user: Any, open_for: Any) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    with clock(ahead=60), CaptureQueriesContext(connection) as queries:
        login = open_for(user)
    assert len(queries) == OPENING
    assert login.created_at == Login.objects.get(pk=login.pk).created_at
    assert login.created_at < timezone.now() + timedelta(seconds=30), "by the clock of a server that is ahead"


def test_begins_when_its_server_says_where_that_can_be(user: Any, open_for: Any) -> None:
    """As in tests that stop the clock at a time of theirs."""
    with clock(ahead=-1000):
        login = open_for(user)
        assert abs(login.created_at - timezone.now()) < timedelta(seconds=100)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_time_to_come_is_told_by_the_databases_clock(ahead: float, user: Any, open_for: Any) -> None:
    login = open_for(user)
    with clock(ahead=ahead):
        with pytest.raises(ValueError, match="can't be ended yet"):
            end_logins_where(before=database_now() + timedelta(minutes=30), reason=EndReason.FORCED)
        assert end_logins_where(before=database_now(), reason=EndReason.FORCED).count == 1
    assert revived(login).refused() == FORCED


def test_clock_of_the_database_is_in_the_form_of_its_columns() -> None:
    before = datetime.now(tz=UTC)
    assert abs(database_now() - before) < timedelta(seconds=60)
    earlier = database_now()
    assert earlier <= database_now()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_time_zone_of_the_connection_is_heeded(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not connection.features.supports_timezones:
        monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", zone)
        for name in ("timezone", "timezone_name"):
            vars(connection).pop(name, None)
    try:
        assert abs(database_now() - datetime.now(tz=UTC)) < timedelta(seconds=60)
    finally:
        for name in ("timezone", "timezone_name"):
            vars(connection).pop(name, None)


class TestNewestRows:
    """What an older version wrote by the clock of its server, and the caller has not seen."""

    def test_beginning_that_lies_ahead_is_reached(self, user: Any, open_for: Any) -> None:
        login = open_for(user)
        Login.objects.filter(pk=login.pk).update(created_at=login.created_at + timedelta(seconds=30))
        cut_off_everybody(latest=None)
        assert Tokens(login).refused() == FORCED

    def test_row_of_a_server_that_is_ahead_hides_it_no_more_than_ids_that_are_no_times(
        self, user: Any, open_for: Any
    ) -> None:
        login = open_for(user)
        Login.objects.filter(pk=login.pk).update(created_at=login.created_at + timedelta(seconds=30))
        with clock(ahead=7200):
            open_for(user)
        namespace = UUID("5c1a7f0e-9d43-4b6e-8f27-3e0b6a91d2c4")
        columns = {name: value for name, value in vars(login).items() if name not in {"id", "_state"}}
        Login.objects.bulk_create(Login(**{**columns, "id": uuid5(namespace, str(number))}) for number in range(1100))
        cut_off_everybody(latest=None)
        assert Tokens(login).refused() == FORCED

    def test_finding_them_scans_no_table(self, user: Any, open_for: Any) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("the others' planners read a table of a few rows as a whole, which says nothing")
        open_for(user)
        with CaptureQueriesContext(connection) as queries:
            cut_off_everybody(latest=None)
        (newest,) = [query["sql"] for query in queries if "LIMIT 1000" in query["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {newest}".replace("%", "%%"))
            plan = " / ".join(row[-1] for row in cursor.fetchall())
        assert "SEARCH authkit_login USING INDEX" in plan
        assert "SCAN authkit_login" not in plan


class TestEverywhereElse:
    def keep(self, login: Login) -> int:
        return end_logins_of(user_id=login.user_id, reason=EndReason.LOGOUT_ALL, keep=login.pk).count

    def test_several_in_a_row_leave_the_last_one_kept(self, check: str, user: Any, open_for: Any) -> None:
        first, second = open_for(user), open_for(user)
        assert self.keep(first) == 1
        assert Tokens(first).refused() is None
        assert self.keep(first) == 0
        assert Tokens(first).refused() is None
        third = open_for(user)
        assert Tokens(third).refused() is None
        assert self.keep(third) == 1
        assert Tokens(third).refused() is None
        for out in (first, second):
            assert revived(out).refused() == FORCED
        assert set(Login.objects.live()) == {third}

    @pytest.mark.parametrize("how", ENDINGS)
    def test_login_that_was_kept_ends_with_the_next_ending(
        self, check: str, how: str, user: Any, open_for: Any
    ) -> None:
        kept = open_for(user)
        self.keep(kept)
        ENDINGS[how](user)
        assert revived(kept).refused() == FORCED

    def test_login_that_was_kept_ends_with_all_from_before_a_time(self, user: Any, open_for: Any) -> None:
        kept = open_for(user)
        self.keep(kept)
        while (now := database_now()) <= kept.created_at:  # a clock of milliseconds
            pass
        end_logins_where(before=now, user_id=user.pk, reason=EndReason.FORCED)
        assert revived(kept).refused() == FORCED

    def test_login_that_was_kept_ends_with_all_from_before_a_time_before_that(self, user: Any, open_for: Any) -> None:
        kept = open_for(user)
        while (moment := database_now()) <= kept.created_at:
            pass
        self.keep(kept)
        end_logins_where(before=moment, user_id=user.pk, reason=EndReason.FORCED)
        assert revived(kept).refused() == FORCED

    def test_login_that_was_kept_outlives_all_from_before_its_beginning(self, user: Any, open_for: Any) -> None:
        kept = open_for(user)
        self.keep(kept)
        end_logins_where(before=kept.created_at, user_id=user.pk, reason=EndReason.FORCED)
        assert revived(kept).refused() is None

    def test_keeping_brings_back_nothing_that_was_cut_off(self, check: str, user: Any, open_for: Any) -> None:
        """Its request was on its way, and its row not seen by the ending's UPDATE."""
        out = open_for(user)
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        revived(out)
        self.keep(out)
        assert Tokens(out).refused() == FORCED

    def test_costs_the_check_no_statement(self, user: Any, open_for: Any) -> None:
        kept = open_for(user)
        self.keep(kept)
        with CaptureQueriesContext(connection) as queries:
            check_login(login_id=kept.pk, user_id=user.pk)
        assert len(queries) == 1

    @pytest.mark.parametrize("ahead", [-3, 7200])
    def test_by_a_server_with_a_wrong_clock(self, check: str, ahead: float, user: Any, open_for: Any) -> None:
        kept, other = open_for(user), open_for(user)
        with clock(ahead=ahead):
            self.keep(kept)
        assert Tokens(kept).refused() is None
        assert revived(other).refused() == FORCED
        assert Tokens(open_for(user)).refused() is None

    def test_ids_of_others_keep_nothing(self, user: Any, make_user: Any, open_for: Any) -> None:
        mine, his = open_for(user), open_for(make_user("bob"))
        for keep in (his.pk, uuid7()):
            end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=keep)
            assert UserCutoff.objects.get(user=user).keeps is None
        assert revived(mine).refused() == FORCED
