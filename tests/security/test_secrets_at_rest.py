"""Nothing that lies in the database, the logs or an admin page may let anybody in (ASVS 11.5.1, 14.2.1, 16.2.5)."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse


def everything_in_the_database() -> str:
    """Every value of every column of every table, as text."""
    values = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            values += [f"{table}: {value}" for row in cursor.fetchall() for value in row]
    return "\n".join(values)


def admin_pages(staff: Client) -> str:
    """The list and the detail page of every row of every model in the admin."""
    pages = []
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(staff.get(reverse(f"{base}_changelist")).content.decode())
        details = [reverse(f"{base}_change", args=[row.pk]) for row in model._default_manager.all()]
        pages += [staff.get(detail, follow=True).content.decode() for detail in details]
    return "\n".join(pages)


def csrf(client: Client) -> dict[str, str]:
    return {"HTTP_X_CSRFTOKEN": client.get(reverse("authkit:session")).json()["csrf_token"]}


def json_post(client: Client, name: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(reverse(f"authkit:{name}"), body, content_type="application/json", **headers)


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Any:
    """Everything that was logged, on every level, SQL with its parameters included."""
    caplog.set_level(logging.INFO)
    for name in ("django.request", "django.server", "django.db.backends", "authkit", "social"):
        caplog.set_level(logging.DEBUG, logger=name)
    connection.force_debug_cursor = True
    yield lambda: "\n".join(record.getMessage() + str(record.exc_info or "") for record in caplog.records)
    connection.force_debug_cursor = False


@pytest.mark.django_db
def test_no_usable_token_session_id_or_password_is_left_lying_about(
    make_user: Any, credentials: Any, password: str, logs: Any
) -> None:
    person, chief = make_user("person"), make_user("chief", is_superuser=True)
    browser, program, staff = Client(), Client(), Client()

    assert json_post(browser, "session-login", credentials(person), **csrf(browser)).status_code == 200
    session_ids = [browser.cookies["sessionid"].value]
    first = json_post(program, "token", credentials(person)).json()
    second = json_post(program, "token-refresh", {"refresh": first["refresh"]}).json()
    assert json_post(program, "token", credentials(person, "wrong-" + password)).status_code == 401
    assert program.get(reverse("authkit:me"), HTTP_AUTHORIZATION=f"Bearer {second['access']}").status_code == 200
    assert json_post(program, "token-verify", {"token": first["access"][:-3] + "xxx"}).status_code == 401
    assert json_post(program, "token-revoke", {"token": second["access"]}).status_code == 200
    assert program.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {second['access']}").status_code == 401

    assert staff.login(username=chief.get_username(), password=password)
    session_ids.append(staff.cookies["sessionid"].value)

    tokens = [first["access"], first["refresh"], second["access"], second["refresh"]]
    needles = {
        *tokens,
        *(token.rpartition(".")[2] for token in tokens),  # the signature makes it usable: the rest is no secret
        *session_ids,
        password,
    }
    haystacks = {"database": everything_in_the_database(), "logs": logs(), "admin": admin_pages(staff)}
    for place, text in haystacks.items():
        assert len(text) > 1_000, f"nothing to look at in {place}"
        found = [needle[:12] + "…" for needle in needles if needle in text]
        assert not found, f"{place} holds {found}"
    # and what does lie there in place of the session id doesn't work as one
    for stored in re.findall(r"^django_session: (\S{40})$", haystacks["database"], re.MULTILINE):
        intruder = Client()
        intruder.cookies["sessionid"] = stored
        assert intruder.get(reverse("authkit:me")).status_code == 401
