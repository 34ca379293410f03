"""The table of events: what is in a row, when it is written, and what a failing insert can't stop."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authkit import events
from authkit.audit.folding import FOLD_AFTER, MOST_ROWS, Folding
from authkit.audit.models import Event
from authkit.core.clients import Client
from authkit.core.records import FAILURE
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_login, end_logins_of
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))
HOME = Client(address="2001:db8::7", device="Firefox on Linux")
NASTY = "a\r\nb\x1b[31m\u202e\x00\ud800"


@dataclass(frozen=True, slots=True)
class GuessRefused(events.Event):
    name = "test.refused"
    outcome = FAILURE
    extra = ("attempts",)

    user_id: Any
    reason: str
    client: Client
    attempts: int = 0
    password: str = "hunter2"


def announce(event: events.Event) -> None:
    with transaction.atomic():
        events.announce(event, sender=Login, using=DEFAULT_DB_ALIAS)


def open_one(user: Any) -> Login:
    return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=HOME, door="token")


def names() -> list[str]:
    return list(Event.objects.order_by("id").values_list("name", flat=True))


def test_row_says_who_from_where_by_which_door(user: Any) -> None:
    login = open_one(user)
    row = Event.objects.get()
    assert (row.name, row.outcome, row.user_id, row.actor_id) == ("login.succeeded", "success", user.pk, user.pk)
    assert (row.login_id, row.door, row.method) == (login.pk, "token", "password")
    assert (row.ip, row.device, row.extra) == ("2001:db8::7", "Firefox on Linux", {"kind": "token", "amr": ""})


def test_logout_of_a_browser_names_its_person_and_its_request(user: Any) -> None:
    browser = Browser(headers={"X-Request-ID": "r-1"})
    body = {get_user_model().USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    assert browser.post("/auth/api/session/login/", body, content_type="application/json").status_code == 200
    assert browser.post("/auth/api/session/logout/", content_type="application/json").status_code == 204
    began, ended = Event.objects.filter(name__startswith="login.").order_by("id")
    assert (ended.name, ended.reason, ended.login_id) == ("login.ended", "logout", began.login_id)
    assert (ended.user_id, ended.actor_id, ended.ip, ended.request_id) == (user.pk, user.pk, "127.0.0.1", "r-1")


def test_forced_logout_names_the_administrator(user: Any) -> None:
    admin = get_user_model()._default_manager.create_superuser(
        **{get_user_model().USERNAME_FIELD: "root@example.test", "password": PASSWORD}
    )
    open_one(user)
    browser = Browser()
    browser.force_login(admin)
    model = get_user_model()._meta
    page = reverse(f"admin:{model.app_label}_{model.model_name}_force_logout")
    browser.post(page, {"chosen": json.dumps([str(user.pk)])})
    told = Event.objects.filter(name="logins.ended").first()
    assert told is not None
    assert (told.user_id, told.actor_id, told.reason) == (user.pk, admin.pk, "forced")


def test_refresh_stores_no_row_and_costs_no_transaction(user: Any) -> None:
    login = open_one(user)
    with CaptureQueriesContext(connection) as captured:
        rotate(
            login_id=login.pk, user_id=user.pk, generation=0, lifetime=LIFETIME, grace=timedelta(0), client=HOME
        )  # fmt: skip
    assert names() == ["login.succeeded"]
    assert not [query["sql"] for query in captured if "SAVEPOINT" in query["sql"] or "BEGIN" in query["sql"]]


def test_refresh_is_stored_where_the_project_asks_for_it(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"LOG_ONLY": []}}
    login = open_one(user)
    rotate(login_id=login.pk, user_id=user.pk, generation=0, lifetime=LIFETIME, grace=timedelta(0), client=HOME)
    assert names() == ["login.succeeded", "token.refreshed"]
    assert Event.objects.get(name="token.refreshed").extra == {"generation": 1}


def test_row_is_undone_with_its_logout(user: Any) -> None:
    login = open_one(user)
    with transaction.atomic():
        end_login(login_id=login.pk, reason=EndReason.LOGOUT)
        assert "login.ended" in names()
        transaction.set_rollback(True)
    assert names() == ["login.succeeded"]


def test_insert_that_fails_stops_no_logout_and_raises_an_alarm(
    user: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    login = open_one(user)
    monkeypatch.setattr(Event._meta, "db_table", "authkit_audit_gone")
    with caplog.at_level(logging.ERROR, logger="authkit"):
        assert end_login(login_id=login.pk, reason=EndReason.LOGOUT).ended
    login.refresh_from_db()
    assert login.end_reason == EndReason.LOGOUT
    assert "an event can't be recorded (login.ended)" in caplog.text


def test_only_listed_fields_are_written_and_no_credential(user: Any) -> None:
    announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME, attempts=3))
    row = Event.objects.get()
    assert row.extra == {"attempts": 3}
    assert "hunter2" not in json.dumps(list(Event.objects.values()), default=str)


def test_control_characters_of_another_party_are_escaped_in_the_row(user: Any) -> None:
    announce(GuessRefused(user_id=user.pk, reason=NASTY, client=Client(device=NASTY)))
    row = Event.objects.get()
    assert row.reason == row.device == r"a\r\nb\x1b[31m\u202e\x00\ud800"


def test_event_outlives_its_person(user: Any) -> None:
    open_one(user)
    key = user.pk
    user.delete()
    assert Event.objects.filter(user_id=key).count() >= 1


def test_insert_reads_nothing_back(user: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        announce(GuessRefused(user_id=user.pk, reason="", client=HOME))
    about = [query["sql"] for query in captured if "authkit_audit_event" in query["sql"]]
    assert len(about) == 1
    assert about[0].startswith("INSERT")
    assert "RETURNING" not in about[0]


# --- folding


def test_flood_under_one_name_is_counted_in_one_row(user: Any, clock: Any) -> None:
    flood = 500
    for _ in range(flood):
        announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME))
    rows = Event.objects.order_by("id")
    assert rows.count() == FOLD_AFTER + 1
    assert sum(rows.values_list("count", flat=True)) == flood
    folded = rows.get(extra__folded=True)
    assert (folded.user_id, folded.count, folded.ip) == (user.pk, flood - FOLD_AFTER, None)
    clock.forward(minutes=1)
    announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME))
    assert rows.count() == FOLD_AFTER + 2, "the next minute begins anew"


def test_flood_over_many_names_is_bounded() -> None:
    folding, now = Folding(), timezone.now()
    places = [folding.place(name="x", user_id=key, at=now) for key in range(20_000)]
    rows = {place[0] for place in places if place is not None}
    assert sum(place is None for place in places) + len(rows) == MOST_ROWS + 1
    assert len(folding._seen) <= MOST_ROWS


def test_folded_row_that_was_undone_is_written_again(user: Any, clock: Any) -> None:
    for _ in range(FOLD_AFTER + 1):
        announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME))
    Event.objects.filter(extra__folded=True).delete()
    announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME))
    assert Event.objects.get(extra__folded=True).count == 1


def test_success_is_never_folded(user: Any) -> None:
    for _ in range(FOLD_AFTER + 5):
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert Event.objects.count() == FOLD_AFTER + 5


# --- CONTEXT


def tenant_of(request: Any) -> dict[str, Any]:
    return {"tenant": "acme\n", "path": None if request is None else request.path}


def breaks_the_transaction(request: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    return {}


def too_much(request: Any) -> dict[str, Any]:
    return {"text": "x" * 3000}


def test_context_of_the_project_is_in_the_row(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"CONTEXT": tenant_of}}
    open_one(user)
    assert Event.objects.get().extra["context"] == {"tenant": r"acme\n", "path": None}


@pytest.mark.parametrize("hook", [breaks_the_transaction, too_much])
def test_context_that_fails_loses_no_event(
    user: Any, settings: Any, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUTHKIT = {"AUDIT": {"CONTEXT": hook}}
    login = open_one(user)
    assert Event.objects.get().extra == {"kind": "token", "amr": ""}
    assert "AUDIT.CONTEXT" in caplog.text
    assert Login.objects.filter(pk=login.pk).exists()


# --- pruning


def test_prune_keeps_failures_shorter_and_walks_in_batches(user: Any, clock: Any) -> None:
    for _ in range(3):
        open_one(user)
        announce(GuessRefused(user_id=user.pk, reason="wrong", client=HOME))
    clock.forward(days=91)
    Event.objects.filter(outcome="success").update(at=timezone.now())  # the id counts, and not what a row claims
    with CaptureQueriesContext(connection) as captured:
        call_command("authkit_prune", batch_size=2)
    assert names() == ["login.succeeded"] * 3
    deletes = [q["sql"] for q in captured if q["sql"].startswith("DELETE") and "authkit_audit_event" in q["sql"]]
    assert len(deletes) >= 3, "a transaction for each batch"
    selects = [q["sql"] for q in captured if q["sql"].startswith("SELECT") and "authkit_audit_event" in q["sql"]]
    assert all("LIMIT" in sql for sql in selects), "no statement loads the rows"
    clock.forward(days=310)
    call_command("authkit_prune")
    assert names() == []
