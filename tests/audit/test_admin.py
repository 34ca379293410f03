"""The events in the admin: to read, to export, and to explain an ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.audit import why
from authkit.audit.models import Event
from authkit.core import admin_lists
from authkit.core.clients import Client
from authkit.core.identifiers import first_uuid7_at
from authkit.core.records import SUCCESS
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime, end_all_logins, end_login, end_logins_of
from authkit.tokens.services import issue_tokens

pytestmark = pytest.mark.django_db

LIST = "/admin/authkit_audit/event/"
LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))
HOME = Client(address="203.0.113.9", device="Firefox on Linux")


def happened(user: Any, name: str = "login.ended", *, ago: int = 60, **columns: Any) -> Event:
    moment = timezone.now() - timedelta(seconds=ago)
    key = None if user is None else user.pk
    return Event.objects.create(
        id=first_uuid7_at(moment), at=moment, name=name, user_id=key, **{"outcome": SUCCESS, **columns}
    )


def open_one(user: Any) -> Login:
    return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=HOME)


@pytest.fixture
def boss(make_user: Any) -> Any:
    return make_user("boss", is_superuser=True)


@pytest.fixture
def browser(boss: Any) -> Browser:
    found = Browser()
    found.force_login(boss)
    Event.objects.all().delete()
    return found


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_list_is_read_only_and_needs_its_permission(make_user: Any, user: Any) -> None:
    event = happened(user)
    clerk = make_user("clerk", is_staff=True)
    browser = Browser()
    browser.force_login(clerk)
    assert browser.get(LIST).status_code == 403
    for page in ("export/", "why/"):
        assert browser.post(LIST + page).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_event", content_type__app_label="authkit_audit"))
    browser.force_login(type(clerk)._default_manager.get(pk=clerk.pk))
    assert "Signed out" in text(browser.get(LIST))
    assert str(event.pk) in text(browser.get(f"{LIST}{event.pk}/change/"))
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{LIST}{event.pk}/change/", {"name": "x"}).status_code == 403
    assert Event.objects.filter(pk=event.pk, name="login.ended").exists()


def test_list_is_filtered_by_what_an_index_answers(browser: Browser, user: Any, make_user: Any) -> None:
    bob = make_user("bob")
    happened(user, "login.succeeded", ago=30, method="password", device="Firefox on Linux")
    happened(bob, "login.ended", ago=7200, reason="forced", device="Safari on iOS")
    assert "Safari on iOS" not in text(browser.get(LIST, {"since": "hour"}))
    assert "Firefox on Linux" not in text(browser.get(LIST, {"event": "login.ended"}))
    assert "Safari on iOS" not in text(browser.get(LIST, {"q": user.get_username()}))
    assert "Safari on iOS" not in text(browser.get(LIST, {"user__id__exact": user.pk}))
    assert "Firefox on Linux" in text(browser.get(LIST, {"user__id__exact": user.pk}))
    for refused in ({"device__startswith": "F"}, {"extra__x": "1"}, {"outcome": "success"}):
        assert browser.get(LIST, refused).status_code in {302, 400}


@pytest.mark.parametrize(
    "query", ["q=%00", "q=" + "x" * 3000, "user__id__exact=%00", "p=99999", "since=x", "o=3", "_facets=True"]
)
def test_address_written_by_hand_is_no_error_of_ours(browser: Browser, user: Any, query: str) -> None:
    happened(user)
    assert browser.get(f"{LIST}?{query}").status_code in {200, 302}


def test_search_finds_a_login_and_an_event_by_id(browser: Browser, user: Any) -> None:
    login = open_one(user)
    other = happened(user, device="Safari on iOS")
    found = text(browser.get(LIST, {"q": str(login.pk)}))
    assert "Firefox on Linux" in found
    assert "Safari on iOS" not in found
    assert "Safari on iOS" in text(browser.get(LIST, {"q": str(other.pk)}))


def test_event_of_a_deleted_person_is_shown(browser: Browser, make_user: Any) -> None:
    bob = make_user("bob")
    key = bob.pk
    event = happened(bob, actor_id=bob.pk)
    bob.delete()
    assert f"deleted ({key})" in text(browser.get(LIST))
    assert browser.get(f"{LIST}{event.pk}/change/").status_code == 200


def test_what_a_stranger_chose_is_escaped(browser: Browser, user: Any) -> None:
    event = happened(user, device="<script>alert(1)</script>", extra={"x": "<script>alert(2)</script>"})
    for page in (LIST, f"{LIST}{event.pk}/change/"):
        assert "<script>alert" not in text(browser.get(page))


def test_pages_of_the_list_reach_so_far_and_count_no_further(
    browser: Browser, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_lists, "MOST_LISTED", 60)
    for ago in range(80):
        happened(user, ago=ago)
    with CaptureQueriesContext(connection) as captured:
        text(browser.get(LIST))
    about = [query["sql"] for query in captured if "authkit_audit_event" in query["sql"]]
    assert about
    assert all("LIMIT" in sql for sql in about), "each statement reads a bounded number of rows"


# --- export


def body(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("form", ["jsonl", "ocsf", "csv"])
def test_export_has_what_the_list_shows_and_is_an_event(browser: Browser, user: Any, boss: Any, form: str) -> None:
    for ago in range(70):
        happened(user, ago=ago, device="=cmd|' /C calc'!A0")
    happened(user, "login.succeeded")
    answer = browser.post(f"{LIST}export/?event=login.ended", {"format": form})
    assert "attachment" in answer["Content-Disposition"]
    written = body(answer)
    if form == "csv":
        rows = list(csv.DictReader(StringIO(written)))
        assert {row["name"] for row in rows} == {"login.ended"}
        assert all(row["device"].startswith("'=") for row in rows), "no spreadsheet runs it"
    else:
        rows = [json.loads(line) for line in written.splitlines()]
    assert len(rows) == 70
    told = Event.objects.get(name="audit.exported")
    assert (told.actor_id, told.extra) == (boss.pk, {"format": form, "filters": "event=login.ended"})


def test_export_by_a_link_is_refused(browser: Browser) -> None:
    assert browser.get(f"{LIST}export/").status_code == 405
    assert not Event.objects.filter(name="audit.exported").exists()


# --- why was this person signed out?


def ask(browser: Browser, **asked: str) -> str:
    return text(browser.post(f"{LIST}why/", asked))


def test_forced_logout_is_explained_by_name_with_who_did_it(browser: Browser, user: Any, boss: Any) -> None:
    open_one(user)
    happened(user, "logins.ended", reason="forced", actor_id=boss.pk, ip="198.51.100.4")
    page = ask(browser, person=user.get_username())
    assert "Forced out".lower() in page.lower()
    assert str(boss) in page
    assert "198.51.100.4" in page


def test_time_chooses_among_many_endings(browser: Browser, user: Any) -> None:
    happened(user, ago=10 * 86400, reason="evicted")
    happened(user, ago=60, reason="logout")
    at = timezone.localtime(timezone.now() - timedelta(days=10))
    page = ask(browser, person=user.get_username(), at=f"{at:%Y-%m-%d %H:%M}")
    assert "signed in elsewhere" in page
    assert "signed out</td>" not in page


def test_pasted_token_is_explained_and_kept_nowhere(browser: Browser, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=HOME)
    login = Login.objects.get(user=user)
    end_login(login_id=login.pk, reason=EndReason.REUSED)
    for token in (pair.access, pair.refresh):
        page = ask(browser, token=str(token))
        assert "refresh token used twice" in page
        assert str(token) not in page
    rows = json.dumps([*Event.objects.values(), *LogEntry.objects.values()], default=str)
    assert str(pair.access) not in rows
    assert str(pair.refresh) not in rows


def test_login_that_is_alive_is_called_so_and_stays(browser: Browser, user: Any) -> None:
    login = open_one(user)
    assert "This login is not over." in ask(browser, token=str(login.pk))
    user.is_active = False
    type(user)._base_manager.filter(pk=user.pk).update(is_active=False)
    assert "account deactivated" in ask(browser, token=str(login.pk))
    login.refresh_from_db()
    assert login.ended_at is None, "looking changes nothing"


def test_ending_of_everybody_explains_a_login(user: Any) -> None:
    login = open_one(user)
    end_all_logins(reason=EndReason.FORCED)
    found = why.by_login(login_id=login.pk)
    assert found.why == EndReason.FORCED
    assert [event.name for event in found.events][:1] == ["logins.ended"]


def test_login_whose_row_is_pruned_is_explained_by_its_events(user: Any) -> None:
    login = open_one(user)
    end_logins_of(user_id=user.pk, reason=EndReason.PASSWORD_CHANGED)
    login_id = login.pk
    login.delete()
    found = why.by_login(login_id=login_id)
    assert (found.login, found.is_live) == (None, False)
    assert [event.name for event in found.events] == ["logins.ended", "login.succeeded"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"token": "not.a.token"}, "This is not a token of this site"),
        ({"token": str(uuid4())}, "Nothing is known of that login"),
        ({"token": "f" * 32}, "Nothing is known of that login"),
        ({"token": "0" * 32}, "Nothing is known of that login"),
        ({"token": "a\x00b", "person": "a\x00b"}, "Null characters are not allowed"),
        ({"person": "nobody-of-that-name"}, "Name one person exactly"),
        ({}, "Name one person exactly"),
        ({"person": "x", "at": "yesterday"}, "Enter a valid date/time"),
    ],
)
def test_question_without_an_answer_says_so(browser: Browser, asked: dict[str, str], said: str) -> None:
    assert said in ask(browser, **asked)


def test_token_is_not_rendered_again_beside_a_mistake(browser: Browser) -> None:
    assert "my.secret.token" not in ask(browser, token="my.secret.token", at="yesterday")


def test_explanation_reads_two_ranges_of_an_index(user: Any, django_assert_num_queries: Callable[..., Any]) -> None:
    happened(user)
    with django_assert_num_queries(2):
        why.by_person(user_id=user.pk)
