"""A person's own activity: the call and the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.audit.models import Event
from authkit.core.identifiers import first_uuid7_at
from authkit.core.records import FAILURE, SUCCESS

pytestmark = pytest.mark.django_db

FIELDS = {"id", "name", "at", "device", "ip", "method", "login", "outcome", "reason", "count"}


def happened(user: Any, name: str = "login.ended", *, ago: int = 60, **columns: Any) -> Event:
    moment = timezone.now() - timedelta(seconds=ago)
    values = {"at": moment, "outcome": SUCCESS, "ip": "203.0.113.9", "device": "Firefox on Linux", **columns}
    return Event.objects.create(id=first_uuid7_at(moment), name=name, user_id=user.pk, **values)


@pytest.fixture
def signed_in(user: Any) -> APIClient:
    client = APIClient()
    client.force_login(user)
    Event.objects.all().delete()
    return client


@pytest.fixture
def browser(user: Any) -> Browser:
    client = Browser()
    client.force_login(user)
    Event.objects.all().delete()
    return client


def test_own_events_newest_first_and_no_other_person_s(signed_in: APIClient, user: Any, make_user: Any) -> None:
    old, new = happened(user, ago=100), happened(user, "login.succeeded", ago=50)
    happened(make_user("bob"), ago=10)
    happened_to_all = Event.objects.create(name="logins.ended", at=timezone.now(), outcome=SUCCESS)
    answer = signed_in.get("/auth/api/events/")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert [row["id"] for row in answer.json()["results"]] == [str(new.pk), str(old.pk)]
    assert happened_to_all.user_id is None
    assert set(answer.json()["results"][0]) == FIELDS


def test_stranger_is_refused() -> None:
    assert APIClient().get("/auth/api/events/").status_code == 401
    assert Browser().get("/auth/account/activity/").status_code == 302


def test_pages_follow_one_another_to_the_end(signed_in: APIClient, user: Any) -> None:
    made = [happened(user, ago=ago) for ago in range(60, 0, -1)]
    url, seen = "/auth/api/events/", []
    while url is not None:
        page = signed_in.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert seen == [str(event.pk) for event in reversed(made)]


def test_events_of_one_login(signed_in: APIClient, user: Any) -> None:
    login = uuid4()
    wanted = happened(user, login_id=login)
    happened(user, ago=5, login_id=uuid4())
    answer = signed_in.get("/auth/api/events/", {"login": str(login)})
    assert [row["id"] for row in answer.json()["results"]] == [str(wanted.pk)]
    assert answer.json()["results"][0]["login"] == str(login)


@pytest.mark.parametrize("query", ["before=x", "login=x", "before=%00", "login=" + "9" * 5000])
def test_query_that_makes_no_sense_is_a_404_and_leads_the_page_to_its_beginning(
    signed_in: APIClient, browser: Browser, user: Any, query: str
) -> None:
    happened(user)
    assert signed_in.get(f"/auth/api/events/?{query}").status_code == 404
    assert "Signed out" in browser.get(f"/auth/account/activity/?{query}").content.decode()


def test_address_of_a_failed_attempt_is_another_person_s_business(
    signed_in: APIClient, user: Any, settings: Any
) -> None:
    happened(user, "token.reused", outcome=FAILURE)
    assert signed_in.get("/auth/api/events/").json()["results"][0]["ip"] is None
    settings.AUTHKIT = {"AUDIT": {"SHOW_FAILED_IP": True}}
    assert signed_in.get("/auth/api/events/").json()["results"][0]["ip"] == "203.0.113.9"


def test_administrator_s_place_is_not_told(signed_in: APIClient, browser: Browser, user: Any, make_user: Any) -> None:
    happened(user, "logins.ended", actor_id=make_user("boss").pk, reason="forced")
    row = signed_in.get("/auth/api/events/").json()["results"][0]
    assert (row["ip"], row["device"], row["reason"]) == (None, "", "forced")
    page = browser.get("/auth/account/activity/").content.decode()
    assert "another person, such as an administrator" in page
    assert "203.0.113.9" not in page
    assert "boss" not in page


def test_page_is_linked_and_says_in_words_what_happened(browser: Browser, user: Any) -> None:
    happened(user, "login.succeeded", method="password")
    happened(user, "gone.feature", ago=30, outcome=FAILURE, count=37)
    assert 'href="/auth/account/activity/">Activity</a>' in browser.get("/auth/account/").content.decode()
    page = browser.get("/auth/account/activity/").content.decode()
    for text in ("Signed in", "Password", "Firefox on Linux", "gone.feature", "attention", "37 times in this minute"):
        assert text in page


def test_page_without_events_says_so(browser: Browser) -> None:
    assert "Nothing has been recorded." in browser.get("/auth/account/activity/").content.decode()


def test_page_escapes_what_another_party_chose(browser: Browser, user: Any) -> None:
    happened(user, device="<script>alert(1)</script>")
    assert "<script>alert" not in browser.get("/auth/account/activity/").content.decode()


def test_activity_is_one_statement_however_many_events(signed_in: APIClient, user: Any) -> None:
    for ago in range(40):
        happened(user, ago=ago)
    with CaptureQueriesContext(connection) as captured:
        signed_in.get("/auth/api/events/")
    assert len([query for query in captured if "authkit_audit_event" in query["sql"]]) == 1
