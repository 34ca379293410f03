"""Ending many logins at once: by method, by age, by kind, and everybody's; and what it says beforehand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit import signals
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_all_logins, end_logins_of, end_logins_where, live_logins_of
from authkit.logins.summaries import summary_where

pytestmark = pytest.mark.django_db

WRITES = ("INSERT", "UPDATE", "DELETE")


def aged(login: Login, **by: float) -> Login:
    """The same login, begun that much earlier."""
    Login.objects.filter(pk=login.pk).update(created_at=login.created_at - timedelta(**by))
    login.refresh_from_db()
    return login


def live() -> set[Any]:
    return set(Login.objects.live())


def test_each_login_is_either_live_or_over(user: Any, make_user: Any, open_for: Any) -> None:
    good, ended, expired, cut_off = open_for(user), open_for(user), open_for(user), open_for(make_user("bob"))
    Login.objects.filter(pk=ended.pk).update(ended_at=timezone.now(), end_reason=EndReason.LOGOUT)
    Login.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    UserCutoff.objects.create(user_id=cut_off.user_id, issued_before=cut_off.created_at)
    assert live() == {good}
    assert set(Login.objects.over()) == {ended, expired, cut_off}
    GlobalCutoff.objects.create(issued_before=timezone.now())
    assert live() == set()
    assert Login.objects.over().count() == 4


def test_everything_of_a_method_ends_whoever_came_in_by_it(user: Any, make_user: Any, open_for: Any) -> None:
    bob = make_user("bob")
    mine, his, by_password = open_for(user, method="google"), open_for(bob, method="google"), open_for(user)
    said = summary_where(method="google")
    assert (said.count, said.people, said.methods) == (2, 2, (("google", 2),))
    assert live() == {mine, his, by_password}, "a preview ended something"
    assert end_logins_where(method="google", reason=EndReason.FORCED).count == 2
    assert live() == {by_password}
    assert set(Login.objects.exclude(ended_at=None).values_list("end_reason", flat=True)) == {EndReason.FORCED}
    assert end_logins_where(method="google", reason=EndReason.FORCED).count == 0
    assert summary_where(method="google").count == 0
    assert not UserCutoff.objects.exists()
    assert not GlobalCutoff.objects.exists()


def test_everything_before_a_time_ends_and_what_began_at_it_stays(user: Any, make_user: Any, open_for: Any) -> None:
    old, older, young = aged(open_for(user), hours=2), aged(open_for(make_user("bob")), days=2), open_for(user)
    at = aged(open_for(user), hours=1)
    assert summary_where(before=at.created_at).count == 2
    assert end_logins_where(before=at.created_at, reason=EndReason.FORCED).count == 2
    assert live() == {young, at}
    # and what no row knew of, such as a session from before authkit
    Login.objects.filter(pk__in=[old.pk, older.pk]).update(ended_at=None, end_reason="")
    assert live() == {young, at}
    assert end_logins_where(before=at.created_at, reason=EndReason.FORCED).count == 0


def test_before_a_time_of_one_person_leaves_the_others(user: Any, make_user: Any, open_for: Any) -> None:
    mine, his = aged(open_for(user), hours=2), aged(open_for(make_user("bob")), hours=2)
    cut = timezone.now() - timedelta(hours=1)
    assert end_logins_where(before=cut, user_id=user.pk, reason=EndReason.FORCED).count == 1
    Login.objects.filter(pk=mine.pk).update(ended_at=None, end_reason="")
    assert live() == {his}
    assert not GlobalCutoff.objects.exists()


def test_what_is_given_has_to_fit_all_of_it(user: Any, make_user: Any, open_for: Any) -> None:
    hit = aged(open_for(user, method="google", kind=LoginKind.SESSION), hours=2)
    missed = {
        open_for(user, method="google", kind=LoginKind.SESSION),
        aged(open_for(user, kind=LoginKind.SESSION), hours=2),
        aged(open_for(user, method="google"), hours=2),
        aged(open_for(make_user("bob"), method="google", kind=LoginKind.SESSION), hours=2),
    }
    chosen: dict[str, Any] = {
        "method": "google",
        "kind": LoginKind.SESSION,
        "before": timezone.now() - timedelta(hours=1),
        "user_id": user.pk,
    }
    assert summary_where(**chosen).count == 1
    assert end_logins_where(**chosen, reason=EndReason.FORCED).count == 1
    assert live() == missed
    assert hit not in live()
    assert not UserCutoff.objects.exists(), "a cutoff would end what is no login by google"


def test_nothing_given_is_refused_and_ends_nothing(user: Any, open_for: Any) -> None:
    login = open_for(user)
    with pytest.raises(ValueError, match="end_all_logins"):
        end_logins_where(reason=EndReason.FORCED)
    assert live() == {login}


def test_a_time_to_come_is_refused(user: Any, open_for: Any) -> None:
    """A cutoff there would end each new sign-in until then."""
    login = open_for(user)
    with pytest.raises(ValueError, match="can't be ended yet"):
        end_logins_where(before=timezone.now() + timedelta(minutes=1), reason=EndReason.FORCED)
    assert live() == {login}


def test_an_earlier_time_moves_no_cutoff_back(user: Any, open_for: Any) -> None:
    end_all_logins(reason=EndReason.FORCED)
    cut = GlobalCutoff.objects.get().issued_before
    end_logins_where(before=cut - timedelta(days=1), reason=EndReason.FORCED)
    assert GlobalCutoff.objects.get().issued_before == cut


def test_signal_says_which_were_ended(user: Any, open_for: Any, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[dict[str, Any]] = []

    def hear(sender: Any, signal: Any, **arguments: Any) -> None:
        heard.append(arguments)

    signals.logins_ended.connect(hear)
    try:
        open_for(user, method="google")
        with django_capture_on_commit_callbacks(execute=True):
            end_logins_where(method="google", reason=EndReason.FORCED)
    finally:
        signals.logins_ended.disconnect(hear)
    assert heard == [
        {"user_id": None, "method": "google", "before": None, "kind": None, "count": 1, "reason": EndReason.FORCED}
    ]


def writes(captured: Any) -> list[str]:
    return [query["sql"] for query in captured.captured_queries if query["sql"].startswith(WRITES)]


def test_everybodys_is_one_write_from_the_second_time_on(user: Any, open_for: Any) -> None:
    end_all_logins(reason=EndReason.FORCED)
    for _ in range(20):
        open_for(user)
    with CaptureQueriesContext(connection) as captured:
        assert end_all_logins(reason=EndReason.FORCED).count == 20
    assert len(writes(captured)) == 1
    assert live() == set()


def test_a_thousand_logins_of_a_person_end_with_three_statements(user: Any, open_for: Any) -> None:
    first = open_for(user)
    columns = {name: value for name, value in vars(first).items() if name not in {"id", "_state"}}
    Login.objects.bulk_create(Login(**columns) for _ in range(999))
    assert live_logins_of(user=user).count() == 1000
    for most in (3, 2):  # the second time the person's cutoff is there
        with CaptureQueriesContext(connection) as captured:
            end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        statements = [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]
        # InnoDB's endings take the person's row first (`authkit.logins.limits`).
        assert len(statements) <= most + (connection.vendor == "mysql")
    assert list(live_logins_of(user=user)) == []
