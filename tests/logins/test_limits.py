"""How many logins one person may have: the oldest goes, or one more is refused, through every door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client as Visitor
from django.utils import timezone

from authkit import signals
from authkit.core.identifiers import uuid7
from authkit.exceptions import TooManyLogins
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login, live_logins_of
from tests.browsers import Browser
from tests.revocation.clocks import OPENING

pytestmark = pytest.mark.django_db

SESSION, TOKEN, ADMIN, PAGE = "/auth/api/session/login/", "/auth/api/token/", "/admin/login/", "/auth/login/"
SENTENCE = "You are signed in on too many devices. Sign out on one of them first."


@pytest.fixture
def limit(settings: Any) -> Any:
    """``limit(2)``, ``limit(2, "refuse")``."""

    def set_(most: int, at_limit: str = "evict") -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": most, "AT_LIMIT": at_limit}}

    return set_


def ended(login: Login) -> str:
    login.refresh_from_db()
    return login.end_reason


def test_one_more_ends_the_oldest_and_says_so_on_commit(
    user: Any, make_user: Any, open_for: Any, limit: Any, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[tuple[Any, str]] = []

    def hear(sender: Any, login_id: Any, user_id: Any, reason: str, **_: Any) -> None:
        heard.append((login_id, reason))

    limit(2)
    his = open_for(make_user("bob"))
    first, second = open_for(user), open_for(user, kind=LoginKind.SESSION)
    signals.login_ended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            third = open_for(user)
    finally:
        signals.login_ended.disconnect(hear)
    assert ended(first) == EndReason.EVICTED
    assert set(Login.objects.live()) == {his, second, third}
    assert heard == [(first.pk, EndReason.EVICTED)]


def test_a_lower_limit_than_before_ends_as_many_as_it_takes(user: Any, open_for: Any, limit: Any) -> None:
    logins = [open_for(user) for _ in range(5)]
    limit(2)
    newest = open_for(user)
    assert set(Login.objects.live()) == {logins[-1], newest}


def test_one_more_is_refused_and_leaves_nothing(user: Any, make_user: Any, open_for: Any, limit: Any) -> None:
    limit(1, "refuse")
    only = open_for(user)
    with pytest.raises(TooManyLogins):
        open_for(user)
    assert list(Login.objects.all()) == [only]
    open_for(make_user("bob"))


@pytest.mark.parametrize("over", ["ended", "expired", "another password"])
def test_what_is_over_takes_no_place(user: Any, open_for: Any, limit: Any, over: str) -> None:
    limit(1, "refuse")
    login = open_for(user)
    if over == "ended":
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
    elif over == "expired":
        Login.objects.filter(pk=login.pk).update(expires_at=timezone.now())
    else:
        user.set_password("another long password")
        user.save()
    assert list(live_logins_of(user=user)) == []
    assert list(live_logins_of(user=open_for(user).user)) != []


def test_no_limit_costs_no_statement(user: Any, open_for: Any, limit: Any, django_assert_num_queries: Any) -> None:
    open_for(user)
    with django_assert_num_queries(OPENING):
        open_for(user)


def test_a_sign_in_of_earlier_is_not_held_up(user: Any, open_for: Any, limit: Any) -> None:
    """A session from before authkit, or another library's token, that is carried over: no door to refuse it at."""
    limit(1, "refuse")
    open_for(user)
    open_for(user, login_id=uuid7(), began_at=timezone.now() - timedelta(days=1))
    assert live_logins_of(user=user).count() == 2


def test_one_time_code_of_a_moment_ago_is_held_up(user: Any, open_for: Any, limit: Any) -> None:
    limit(1, "refuse")
    open_for(user)
    with pytest.raises(TooManyLogins):
        open_for(user, began_at=timezone.now() - timedelta(seconds=5))


def test_what_it_replaces_does_not_count(user: Any, open_for: Any, limit: Any) -> None:
    limit(2, "refuse")
    mine, other = open_for(user), open_for(user)
    again = open_for(user, replaces=[mine.pk])
    assert set(live_logins_of(user=user)) == {other, again}
    assert ended(mine) == EndReason.REPLACED
    limit(1, "refuse")  # lowered: one for one is still no more
    once_more = open_for(user, replaces=[again.pk])
    assert set(live_logins_of(user=user)) == {other, once_more}


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's", "one that is over"])
def test_replacing_what_took_no_place_is_one_more(
    user: Any, make_user: Any, open_for: Any, limit: Any, whose: str
) -> None:
    limit(1, "refuse")
    over = open_for(user)
    end_login(login_id=over.pk, reason=EndReason.LOGOUT)
    his = open_for(make_user("bob"))
    open_for(user)
    claimed = {"nobody's": [], "somebody else's": [his.pk], "one that is over": [over.pk]}[whose]
    with pytest.raises(TooManyLogins):
        open_for(user, replaces=claimed)
    assert Login.objects.live().filter(pk=his.pk).exists()


# Doors


@pytest.mark.parametrize("path", [SESSION, TOKEN])
def test_programs_are_refused_with_403_and_the_code(
    user: Any, open_for: Any, limit: Any, credentials: Any, path: str
) -> None:
    limit(1, "refuse")
    open_for(user)
    browser = Browser(credentials(user))
    answer = browser.call("post", path, browser.credentials)
    assert answer.status_code == 403
    assert answer.json() == {"code": "too_many_logins", "detail": SENTENCE}
    assert Login.objects.count() == 1
    assert browser.call("get", "/auth/api/session/").json()["authenticated"] is False


@pytest.mark.parametrize("path", [PAGE, ADMIN])
def test_people_read_why_and_are_not_signed_in(
    make_user: Any, open_for: Any, limit: Any, password: str, path: str
) -> None:
    limit(1, "refuse")
    boss = make_user("boss", is_superuser=True)
    open_for(boss)
    visitor = Visitor()
    answer = visitor.post(path, {"username": boss.get_username(), "password": password})
    assert answer.status_code == 403
    assert SENTENCE in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert SESSION_KEY not in visitor.session
    assert Login.objects.count() == 1
    assert visitor.get("/auth/api/me/").status_code == 401


def test_a_program_at_a_page_of_djangos_reads_json(make_user: Any, open_for: Any, limit: Any, password: str) -> None:
    limit(1, "refuse")
    boss = make_user("boss", is_superuser=True)
    open_for(boss)
    body = {"username": boss.get_username(), "password": password}
    answer = Visitor().post(ADMIN, body, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "too_many_logins")


def test_wrong_password_at_the_limit_tells_nothing_of_it(
    user: Any, open_for: Any, limit: Any, credentials: Any
) -> None:
    limit(1, "refuse")
    open_for(user)
    browser = Browser(credentials(user, "wrong"))
    assert browser.call("post", TOKEN, browser.credentials).json()["code"] == "no_active_account"


def test_signing_in_again_in_the_same_session_takes_no_second_place(user: Any, limit: Any, credentials: Any) -> None:
    limit(1, "refuse")
    browser = Browser(credentials(user))
    for _ in range(3):
        assert browser.call("post", SESSION, browser.credentials).status_code == 200
    assert Login.objects.live().count() == 1
    assert set(Login.objects.exclude(ended_at=None).values_list("end_reason", flat=True)) == {EndReason.REPLACED}


def test_token_cookies_that_are_overwritten_take_no_second_place(user: Any, limit: Any, credentials: Any) -> None:
    limit(1, "refuse")
    browser = Browser(credentials(user))
    for _ in range(3):
        assert browser.obtain("cookie").status_code == 200
    assert Login.objects.live().count() == 1


def test_a_session_that_takes_the_place_of_token_cookies_takes_no_second_one(
    user: Any, limit: Any, credentials: Any
) -> None:
    limit(1, "refuse")
    browser = Browser(credentials(user))
    assert browser.obtain("cookie").status_code == 200
    assert browser.call("post", SESSION, browser.credentials).status_code == 200
    assert Login.objects.live().get().kind == LoginKind.SESSION


def test_refused_over_somebody_elses_session_leaves_nobody_signed_in(
    user: Any, make_user: Any, open_for: Any, limit: Any, password: str
) -> None:
    """Django throws the other session away before it asks anybody; its login must not stay behind and take a place."""
    bob = make_user("bob")
    visitor = Visitor()
    visitor.force_login(bob)
    limit(1, "refuse")
    open_for(user)
    answer = visitor.post(PAGE, {"username": user.get_username(), "password": password})
    assert answer.status_code == 403
    assert SESSION_KEY not in visitor.session
    assert not live_logins_of(user=bob).exists()
