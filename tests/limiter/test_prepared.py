"""PostgreSQL prepares the charges of a try, in the limiter's own transaction. Each try is charged once, also where the
prepared statement is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test.utils import CaptureQueriesContext

from authkit.core.clients import Client
from authkit.limiter.models import AttemptBudget
from authkit.limiter.services import refund, reserve
from authkit.logins.prepared import AFTER

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CHARGED_TWICE = ["BEGIN", "UPDATE", "UPDATE", "COMMIT"]
PREPARED = ["BEGIN", "EXECUTE", "EXECUTE", "COMMIT"]


@pytest.fixture(autouse=True)
def settled(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"SLOW_AFTER": 50, "LOCK_AFTER": 60}}
    connection.close()  # a new one has prepared nothing
    refund(tried())  # the rows are there now


def tried() -> Any:
    return reserve(door="token", name="ada", client=Client(address="192.0.2.1"))


def asked() -> list[str]:
    """What one try says to the database."""
    with CaptureQueriesContext(connection) as queries:
        tried()
    return [query["sql"].split()[0].rstrip(";") for query in queries]


def spent() -> set[int]:
    return set(AttemptBudget.objects.values_list("spent", flat=True))


def test_charges_are_prepared_once_their_connection_has_been_asked_often() -> None:
    before = [asked() for _ in range(AFTER)]
    assert CHARGED_TWICE in before
    asked()
    assert asked() == PREPARED
    assert spent() == {AFTER + 2}


def test_statements_that_a_pooler_lost() -> None:
    for _ in range(AFTER + 2):
        asked()
    assert asked() == PREPARED
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert asked() == ["BEGIN", "EXECUTE", "ROLLBACK", *CHARGED_TWICE]
    assert asked() == CHARGED_TWICE
    assert spent() == {AFTER + 5}


def test_name_that_a_pooler_has_given_away() -> None:
    for _ in range(AFTER + 2):
        asked()
    # To this connection, another process was the one that prepared.
    del connections[DEFAULT_DB_ALIAS].__dict__["_authkit_prepared"]
    said = [asked() for _ in range(AFTER + 2)]
    preparing = [one for one in said if "PREPARE" in one]
    assert preparing == [["BEGIN", "PREPARE", "ROLLBACK", *CHARGED_TWICE]]
    assert said[-1] == CHARGED_TWICE
    assert spent() == {2 * (AFTER + 2)}
