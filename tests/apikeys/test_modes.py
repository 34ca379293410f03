"""Keys by the checks `redis` and `push`: no statement for one that was seen, and no row that is believed too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit import conf
from authkit.apikeys import seen
from authkit.apikeys.keys import change_key, revoke_key
from authkit.apikeys.models import ApiKey
from authkit.apikeys.rotating import rotate_key
from authkit.core.clients import Client
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from tests.revocation.hinted import block, keep_lease, until
from tests.services.redis import Server, own

pytestmark = [
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.apikeys.urls"),
    pytest.mark.usefixtures("unprepared"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


def _statements(client: Any) -> int:
    # As an hour later: no floor, which lies a minute ahead of the start of Redis, concerns what was seen since.
    for key, (asked_at, facts) in list(seen._seen.items()):
        seen._seen[key] = (max(asked_at, int(time.time()) + 3600), facts)
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/notes/").status_code == 200
    return len(queries)


CHANGES: dict[str, tuple[Callable[[Any, Any], object], tuple[int, str]]] = {
    "fewer scopes": (lambda user, pk: change_key(user_id=user.pk, login_id=pk, scopes=[]), (403, "insufficient_scope")),
    "networks": (
        lambda user, pk: change_key(user_id=user.pk, login_id=pk, networks=["198.51.100.0/24"]),
        (401, "token_not_valid"),
    ),
    "an earlier end": (
        lambda user, pk: change_key(
            user_id=user.pk, login_id=pk, expires_at=timezone.now() + timedelta(milliseconds=200)
        ),
        (401, "token_not_valid"),
    ),
    "rotated": (
        lambda user, pk: rotate_key(user=user, login_id=pk, overlap=timedelta(), client=Client()),
        (401, "token_not_valid"),
    ),
    "revoked": (lambda user, pk: revoke_key(login_id=pk, user_id=user.pk), (401, "token_not_valid")),
    "narrowed by hand": (lambda user, pk: ApiKey.objects.filter(pk=pk).update(scopes=""), (403, "insufficient_scope")),
    "deleted by hand": (lambda user, pk: ApiKey.objects.filter(pk=pk).delete(), (401, "token_not_valid")),
    "forced": (lambda user, pk: end_logins_of(user_id=user.pk, reason=EndReason.FORCED), (401, "token_not_valid")),
}


@pytest.mark.parametrize("mode", ["redis", "push"])
def test_a_seen_key_costs_no_statement_and_each_change_of_it_is_known(
    mode: str, server: Server, api_keys: Any, make: Any, by_key: Any, user: Any, settings: Any
) -> None:
    server.ask("FLUSHALL")
    api_keys(**block(mode, server.url))
    for name, (change, (status, code)) in CHANGES.items():
        made = make()
        client = by_key(made)
        until(lambda client=client: _statements(client) == 0, f"{mode} is believed")
        keep_lease(settings)
        change(user, made.key.pk)

        def refused(client: Any = client, expected: Any = (status, code)) -> bool:
            answer = client.get("/notes/")
            return (answer.status_code, answer.json().get("code")) == expected

        if mode == "redis" and name != "an earlier end":
            assert refused(), name
        until(refused, name)


@pytest.mark.parametrize("mode", ["redis", "push"])
def test_attack_raw_sql_that_deactivates_a_person_is_outlived_by_no_access_token_s_life(
    mode: str, server: Server, api_keys: Any, make: Any, by_key: Any, user: Any, settings: Any
) -> None:
    server.ask("FLUSHALL")
    api_keys(**block(mode, server.url))
    made = make()
    client = by_key(made)
    until(lambda: _statements(client) == 0, f"{mode} is believed")
    keep_lease(settings)
    get_user_model()._default_manager.filter(pk=user.pk).update(is_active=False)
    assert client.get("/notes/").status_code == 200  # no hint tells of it
    lifetime = int(conf.current().tokens.access_lifetime.total_seconds())
    for key, (_asked_at, facts) in list(seen._seen.items()):
        seen._seen[key] = (int(time.time()) - lifetime, facts)
    assert client.get("/notes/").json()["why"] == "deactivated"
