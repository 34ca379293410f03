"""A thief of the key by which tokens are signed: whatever they sign must also name a live login, in each mode.

Time that has to pass is put into Redis and into the process's memory, as it would be found there by then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login, end_logins_of
from authkit.revocation import hints, push, sightings
from authkit.tokens.codec import sign
from authkit.tokens.services import TokenPair, issue_tokens
from tests.revocation.hinted import Tokens, block, keep_lease
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

SET = "authkit:{revoked}"
MINUTE = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["database", "redis", "push"])
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


@pytest.fixture
def pair(check: str, user: Any, server: Server, settings: Any) -> TokenPair:
    """Of a live login, seen by this process, where hints are believed and the set was warmed a while ago."""
    pair = issue_tokens(user=user, method="password", client=Client())
    if check != "database":
        Tokens(pair.login).believed()
        keep_lease(settings)
        sightings.forget_all()  # the helper has dated it ahead
        for _ in range(2):
            later(server, 2 * MINUTE)
            assert answer(pair.access) == 200
        with CaptureQueriesContext(connection) as queries:
            assert answer(pair.access) == 200
        assert len(queries) == 0, "hints are believed"
    return pair


def answer(token: str) -> int:
    response = APIClient().get("/probe/", HTTP_AUTHORIZATION=f"Bearer {token}")
    if response.status_code == 401:
        assert response.json()["code"] == "token_not_valid"
    return int(response.status_code)


def forged(*, login_id: UUID, user_id: Any, ahead: int = 0) -> str:
    now = int(time.time()) + ahead
    return sign(
        kind=TokenKind.ACCESS, login_id=login_id, subject=str(user_id), generation=0, issued_at=now,
        expires_at=now + 9 * MINUTE, issuer="authkit", audience="authkit",
    )  # fmt: skip


def later(server: Server, seconds: int) -> None:
    """So much later: all that is remembered is older by that."""
    for member, score in members(server).items():
        if not member.startswith("e:"):
            server.ask("ZADD", SET, int(score - seconds * hints.SECOND), member)
    for key, (seen_at, expires_at) in list(sightings._seen.items()):
        sightings._seen[key] = (seen_at - seconds, expires_at - seconds)
    push.forget()


def members(server: Server) -> dict[str, float]:
    lines = server.ask("EVAL", "return table.concat(redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), ' ')", 1, SET)
    words = lines.decode().split()
    return {member: float(score) for member, score in zip(words[::2], words[1::2], strict=True)}


def test_random_sid_of_a_person_is_refused(pair: TokenPair, user: Any) -> None:
    for _ in range(3):
        assert answer(forged(login_id=uuid4(), user_id=user.pk)) == 401
    sid = uuid4()
    assert [answer(forged(login_id=sid, user_id=user.pk)) for _ in range(3)] == [401] * 3


def test_random_sid_of_nobody_is_refused(pair: TokenPair, user: Any) -> None:
    nobody = uuid4() if isinstance(user.pk, UUID) else 987654321
    assert answer(forged(login_id=uuid4(), user_id=nobody)) == 401
    assert answer(forged(login_id=uuid4(), user_id="no key at all")) == 401


def test_live_sid_with_another_sub_is_refused(pair: TokenPair, make_user: Any) -> None:
    root = make_user("root", is_superuser=True)
    assert [answer(forged(login_id=pair.login.pk, user_id=root.pk)) for _ in range(3)] == [401] * 3
    assert answer(pair.access) == 200


def test_sid_of_a_login_that_ended_is_refused_by_a_younger_token(pair: TokenPair, user: Any) -> None:
    end_login(login_id=pair.login.pk, reason=EndReason.LOGOUT)
    assert answer(forged(login_id=pair.login.pk, user_id=user.pk, ahead=5)) == 401
    assert answer(pair.access) == 401


def test_ended_login_stays_out_after_a_flush(pair: TokenPair, user: Any, server: Server) -> None:
    end_login(login_id=pair.login.pk, reason=EndReason.LOGOUT)
    server.ask("FLUSHALL")
    push.forget()
    for _ in range(3):
        assert answer(forged(login_id=pair.login.pk, user_id=user.pk)) == 401


def test_ended_login_stays_out_once_its_hint_is_pruned(
    check: str, pair: TokenPair, user: Any, make_user: Any, server: Server
) -> None:
    end_login(login_id=pair.login.pk, reason=EndReason.LOGOUT)
    later(server, 30 * MINUTE)
    end_logins_of(user_id=make_user("bob").pk, reason=EndReason.FORCED)  # telling prunes
    assert check == "database" or f"l:{pair.login.pk.hex}" not in members(server)
    assert answer(forged(login_id=pair.login.pk, user_id=user.pk)) == 401


def test_person_who_was_forced_out_stays_out_of_logins_from_before(
    check: str, pair: TokenPair, user: Any, server: Server
) -> None:
    """A hint about a person spares tokens that are younger than it; the thief dates theirs as they like."""
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    later(server, 2 * MINUTE)
    assert answer(forged(login_id=pair.login.pk, user_id=user.pk)) == 401


# --- tenants


TENANT = "tenant_b"


@contextmanager
def tenant(name: str, *, path: str) -> Iterator[None]:
    """As django-tenants does it: a back end of its own, the connection's schema by name and by its search path."""
    settings = connections.settings["default"]
    engine, settings["ENGINE"] = settings["ENGINE"], "django_tenants.postgresql_backend"
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {path}")
    connection.schema_name = name  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del connection.schema_name  # type: ignore[attr-defined]
        settings["ENGINE"] = engine
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO public")


@pytest.fixture
def another_tenant(db: None) -> Iterator[None]:
    """A schema with tables of its own, in which there is nobody yet."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {TENANT}")
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'CREATE TABLE {TENANT}."{table}" (LIKE public."{table}" INCLUDING ALL)')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {TENANT} CASCADE")


@pytest.mark.postgres
@pytest.mark.parametrize("same_person", [False, True])
def test_token_of_one_tenant_is_refused_at_another(
    same_person: bool, check: str, another_tenant: None, user: Any, server: Server, settings: Any
) -> None:
    with tenant("public", path="public"):
        pair = issue_tokens(user=user, method="password", client=Client())
        if check != "database":
            Tokens(pair.login).believed()
            keep_lease(settings)
            later(server, 4 * MINUTE)
        assert [answer(pair.access) for _ in range(3)] == [200] * 3
    with tenant(TENANT, path=TENANT):
        if same_person:
            user.save(force_insert=True)
        assert [answer(pair.access) for _ in range(3)] == [401] * 3
    with tenant("public", path="public"):
        assert answer(pair.access) == 200
