from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.signals import post_delete
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.logins.blacklist import blacklist_token, is_blacklisted
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.logins.pruning import KEEP, prunable_blacklisted_tokens, prunable_logins, prune
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from tests.revocation.clocks import clock

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def age(login: Login, by: timedelta) -> None:
    """As if all that happened to this login had happened so much earlier."""
    login.refresh_from_db()
    times = ("created_at", "rotated_at", "last_seen_at", "expires_at", "absolute_expires_at", "ended_at")
    for name in times:
        if getattr(login, name) is not None:
            setattr(login, name, getattr(login, name) - by)
    login.save(update_fields=times)


@pytest.fixture
def many(user: Any, open_for: Callable[..., Login]) -> Callable[[int], list[Any]]:
    """So many logins, each other one of them long over."""

    def make(count: int) -> list[Any]:
        template = open_for(user)
        Login.objects.all().delete()
        rows, now = [], timezone.now()
        for number in range(count):
            row = Login(**{field.attname: getattr(template, field.attname) for field in Login._meta.concrete_fields})
            row.pk = uuid.uuid4()
            row.expires_at = now - 2 * DAY if number % 2 else now + DAY
            rows.append(row)
        Login.objects.bulk_create(rows)
        return [row.pk for row in rows if row.expires_at > now]

    return make


class TestLogins:
    @pytest.mark.parametrize("ended", [False, True])
    def test_one_stays_until_a_margin_after_it_ran_out(
        self, user: Any, open_for: Any, lifetime: Any, ended: bool
    ) -> None:
        login = open_for(user)
        if ended:  # its tokens still say who they are, so that it can be said why they are refused
            end_login(login_id=login.pk, reason=EndReason.FORCED)
        for by in (timedelta(0), lifetime.idle, KEEP - timedelta(minutes=1)):
            age(login, by)
            assert prune(rows=prunable_logins()) == 0
        age(login, timedelta(minutes=2))
        assert prune(rows=prunable_logins()) == 1
        assert not Login.objects.exists()

    def test_the_margin_is_the_callers_choice(self, user: Any, open_for: Any, lifetime: Any) -> None:
        age(open_for(user), lifetime.idle + 10 * DAY)
        assert prune(rows=prunable_logins(keep=11 * DAY)) == 0
        assert prune(rows=prunable_logins(keep=9 * DAY)) == 1

    def test_a_session_from_before_authkit_cannot_come_back_through_pruning(self, user: Any) -> None:
        browser = Browser()
        browser.force_login(user)
        session = browser.session
        del session["_authkit_login"]
        session.save()
        Login.objects.all().delete()
        without_note = Session.objects.get().session_data
        browser.get("/auth/account/")
        login = Login.objects.get(kind=LoginKind.SESSION)
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        # The note of its login gets lost, and the session lives on.
        assert Session.objects.update(session_data=without_note) == 1
        age(login, 1000 * DAY)
        assert prune(rows=prunable_logins()) == 0
        browser.get("/auth/account/")
        assert SESSION_KEY not in browser.session

    @pytest.mark.parametrize("ahead", [-600, 0, 600])
    def test_session_that_a_server_with_a_wrong_clock_opened_goes_as_any_other(
        self, ahead: float, user: Any, open_for: Any, lifetime: Any
    ) -> None:
        with clock(ahead=ahead):
            login = open_for(user, kind=LoginKind.SESSION)
        age(login, lifetime.idle + KEEP + timedelta(hours=1))
        assert prune(rows=prunable_logins()) == 1

    def test_cutoffs_stay(self, user: Any, open_for: Any, lifetime: Any) -> None:
        login = open_for(user)
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        end_all_logins(reason=EndReason.FORCED)
        age(login, 1000 * DAY)
        assert prune(rows=prunable_logins()) == 1
        assert (UserCutoff.objects.count(), GlobalCutoff.objects.count()) == (1, 1)


class TestBlacklistedTokens:
    def test_one_stays_until_a_margin_after_the_token_expired(self) -> None:
        now = timezone.now()
        for jti, expires_at in (
            ("new", now + DAY),
            ("just", now - KEEP + timedelta(minutes=1)),
            ("old", now - 2 * DAY),
        ):
            blacklist_token(jti=jti, kind="refresh", reason=EndReason.REVOKED, expires_at=expires_at)
        assert prune(rows=prunable_blacklisted_tokens()) == 1
        assert [is_blacklisted(jti=jti) for jti in ("new", "just", "old")] == [True, True, False]


class TestBatches:
    @pytest.mark.parametrize("batch_size", [1, 7, 20, 21, 100])
    def test_everything_goes_and_nothing_else_whatever_the_batch(self, many: Any, batch_size: int) -> None:
        stay = many(20)
        assert prune(rows=prunable_logins(), batch_size=batch_size) == 10
        assert set(Login.objects.values_list("pk", flat=True)) == set(stay)
        assert prune(rows=prunable_logins(), batch_size=batch_size) == 0

    def test_an_empty_table_is_nothing_to_do(self) -> None:
        assert prune(rows=prunable_logins()) == 0

    def test_the_table_is_walked_once_and_no_row_is_loaded(self, many: Any) -> None:
        many(40)
        with CaptureQueriesContext(connection) as queries:
            prune(rows=prunable_logins(), batch_size=10)
        statements = [query["sql"] for query in queries if query["sql"].startswith(("SELECT", "DELETE"))]
        assert [sql.partition(" ")[0] for sql in statements] == ["SELECT", "DELETE"] * 5
        assert not any("auth_hash" in sql for sql in statements)

    def test_progress_says_how_far_it_is(self, many: Any) -> None:
        many(40)
        seen: list[int] = []
        prune(rows=prunable_logins(), batch_size=15, progress=seen.append)
        assert seen == [15, 30]

    def test_a_pause_lies_between_batches_and_not_after_the_last(self, many: Any) -> None:
        many(4)
        began = timezone.now()
        prune(rows=prunable_logins(), batch_size=3, pause=0.05)
        assert timezone.now() - began >= timedelta(seconds=0.05)

    def test_who_listens_to_deletions_hears_of_each(self, many: Any, listening: list[Any]) -> None:
        many(10)
        listening.clear()
        assert prune(rows=prunable_logins(), batch_size=4) == 5
        assert len(listening) == 5


@pytest.fixture
def listening() -> Iterator[list[Any]]:
    heard: list[Any] = []

    def receiver(sender: Any, instance: Any, **_: Any) -> None:
        heard.append(instance.pk)

    post_delete.connect(receiver, sender=Login)
    yield heard
    post_delete.disconnect(receiver, sender=Login)


def test_the_blacklist_is_walked_the_same_way() -> None:
    now = timezone.now()
    for number in range(10):
        blacklist_token(jti=str(number), kind="access", reason=EndReason.REVOKED, expires_at=now - number * DAY)
    assert prune(rows=prunable_blacklisted_tokens(), batch_size=3) == 8 + 1  # of number 1 a moment ago: a day is over
    assert BlacklistedToken.objects.count() == 1
