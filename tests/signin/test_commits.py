"""How often a sign-in makes the database write durably: each time is a flush to its disk."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authkit.logins.limits import person_may_come_first
from tests.conftest import PASSWORD


@pytest.mark.django_db(transaction=True)
def test_tokens_take_one_commit_beside_that_of_the_reservation(client: Any, user: Any, settings: Any) -> None:
    body = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    for _ in range(2):  # the first sign-in from a network writes rows that are there later
        with CaptureQueriesContext(connection) as ran:
            assert client.post("/auth/api/token/", body, content_type="application/json").status_code == 200
    verbs = [entry["sql"].split(None, 1)[0].rstrip(";").upper() for entry in ran.captured_queries]
    inside, durable = False, 0
    for verb in verbs:
        inside = {"BEGIN": True, "COMMIT": False, "ROLLBACK": False}.get(verb, inside)
        durable += verb == "COMMIT" or (verb in {"INSERT", "UPDATE", "DELETE"} and not inside)
    # InnoDB has no lock that lets an ending by while a sign-in writes to the person's row first.
    assert durable == (2 if person_may_come_first() else 3)
    user.refresh_from_db()
    assert user.last_login is not None
