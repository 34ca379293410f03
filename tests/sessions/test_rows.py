"""The statement that reads a session's row: compiled once, and the ORM's own wherever that would not be the same."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.base_session import BaseSessionManager
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string

from authkit.logins.compiled import Select
from authkit.sessions.engines import rows
from authkit.sessions.engines.plain import plain_row
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key

pytestmark = pytest.mark.django_db

NEW_ID = get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789")
IN_AN_HOUR = timedelta(hours=1)


class ShownManager(BaseSessionManager["ShownSession"]):
    """Hides some of them."""

    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(session_data="hidden")


class ShownSession(Session):
    """What a project may derive, with a mind of its own as to which rows there are."""

    objects = ShownManager()

    class Meta:
        proxy = True
        app_label = "sessions"


class ShownStore(SessionStore):
    """Its engine."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return ShownSession


def kept(key: str, data: str = "data", expires_in: timedelta = IN_AN_HOUR) -> rows.Row:
    row = rows.Row(key, data, timezone.now() + expires_in)
    Session.objects.create(session_key=row.session_key, session_data=data, expire_date=row.expire_date)
    return row


def by_orm(session_id: str) -> list[rows.Row]:
    found = Session.objects.filter(session_key__in=[session_id, stored_key(session_id)], expire_date__gt=timezone.now())
    return [rows.Row(*row) for row in found.values_list(*rows.Row._fields)]


def test_finds_what_the_orm_finds(django_assert_num_queries: Any) -> None:
    assert rows._compiled(Session, "default") is not None
    kept(get_random_string(32))
    expected = {kept(stored_key(NEW_ID))}
    with django_assert_num_queries(1):
        found = rows.rows_of(SessionStore(NEW_ID))
    assert set(found) == set(by_orm(NEW_ID)) == expected


def test_row_from_before_authkit_is_found_where_none_is_under_the_digest(django_assert_num_queries: Any) -> None:
    kept(get_random_string(32))
    kept(NEW_ID[:31] + ("a" if NEW_ID[31] != "a" else "b"))  # the same beginning
    expected = {kept(NEW_ID)}
    with django_assert_num_queries(2):
        found = rows.rows_of(SessionStore(NEW_ID))
    assert set(found) == set(by_orm(NEW_ID)) == expected


def test_statement_for_rows_from_before_authkit_goes_by_the_keys_index() -> None:
    if connection.vendor == "mysql":
        Session.objects.bulk_create(  # for a table of a few rows an index is not worth it
            Session(session_key=get_random_string(32), session_data="", expire_date=timezone.now()) for _ in range(500)
        )
    elif connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    condition = plain_row(Session, NEW_ID)
    assert condition is not None
    either = Q(session_key=stored_key(NEW_ID)) | condition
    for where in (condition, either):
        plan = Session.objects.filter(where).explain()
        assert "SCAN" not in plan, plan  # SQLite
        assert "Seq Scan" not in plan, plan
        assert not re.search(r"\bALL\b|Full", plan), plan
    if connection.vendor == "postgresql":
        assert plan.count("Index Cond") == 2, plan
    elif connection.vendor == "mysql":
        assert "range" in plan, plan


@pytest.mark.parametrize("form", [stored_key, str])
def test_each_form_by_itself_and_none_that_is_over(form: Any) -> None:
    session = SessionStore(NEW_ID)
    assert rows.rows_of(session) == []
    kept(form(NEW_ID), expires_in=-timedelta(seconds=1))
    assert rows.rows_of(session) == []
    Session.objects.update(expire_date=timezone.now() + IN_AN_HOUR)
    assert [row.session_key for row in rows.rows_of(session)] == [form(NEW_ID)]


@pytest.mark.parametrize("odd", ["", "no id of ours", "x" * 500, "nul\0", "half of a pair \ud800", stored_key("an id")])
def test_what_is_no_id_finds_nothing(odd: str) -> None:
    kept(stored_key("an id"))
    assert rows.rows_of(SessionStore(odd)) == []


def test_manager_with_a_mind_of_its_own_is_asked_each_time() -> None:
    kept(stored_key(NEW_ID), "hidden")
    assert rows.rows_of(ShownStore(NEW_ID)) == []
    assert len(rows.rows_of(SessionStore(NEW_ID))) == 1
    Session.objects.update(session_data="shown")
    assert [row.session_data for row in rows.rows_of(ShownStore(NEW_ID))] == ["shown"]


def test_stand_in_that_the_orm_makes_something_else_of_is_noticed() -> None:
    key = Session._meta.get_field("session_key")
    query = Session.objects.filter(session_key__contains="\x01authkit").query
    with pytest.raises(ValueError, match="stands in for key"):
        Select.compiled(query, using="default", stand_ins={"key": (key, "\x01authkit")})
