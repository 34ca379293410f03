"""Keys made, rotated and ended at once: one successor, no key beyond the limit, none that an ending has missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from authkit.apikeys.keys import change_key, keys_of, revoke_key
from authkit.apikeys.making import make_key
from authkit.apikeys.models import ApiKey
from authkit.apikeys.rotating import rotate_key
from authkit.apikeys.token_format import verify_key
from authkit.core.clients import Client
from authkit.exceptions import AuthKitError, TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.tokens.services import issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture(autouse=True)
def site(settings: Any) -> Any:
    settings.AUTHKIT = {"API_KEYS": {"SCOPES": {"notes:read": "Read", "notes:write": "Write"}, "MAX_PER_PERSON": 10}}
    return settings


def made(user: Any, maker: UUID | None = None) -> str:
    try:
        key = make_key(
            user=user,
            name="nightly",
            scopes=["notes:read", "notes:write"],
            expires_in=timedelta(days=1),
            client=Client(),
            maker=maker,
        )
    except AuthKitError as refused:
        return refused.code
    return str(key.text)


def rotated(user: Any, key_id: UUID) -> str:
    try:
        rotate_key(user=user, login_id=key_id, overlap=timedelta(hours=1), client=Client())
    except AuthKitError as refused:
        return refused.code
    return "rotated"


def is_good(text: str) -> bool:
    try:
        verify_key(text)
    except TokenNotValid:
        return False
    return True


def test_one_of_fifty_rotations_makes_the_successor(database: SharedDatabase, user: Any) -> None:
    made(user)
    key = ApiKey.objects.get()
    answers = Counter(database.at_once([partial(rotated, user, key.pk)] * THREADS))
    assert answers == {"rotated": 1, "invalid": THREADS - 1}
    key.refresh_from_db()
    assert set(ApiKey.objects.values_list("pk", flat=True)) == {key.pk, key.successor_id}
    assert Login.objects.live().count() == 2


def test_of_many_makings_only_the_limit_succeeds(database: SharedDatabase, user: Any) -> None:
    answers = database.at_once([partial(made, user)] * 15)
    assert sum(answer.startswith("ak_") for answer in answers) == 10
    assert keys_of(user_id=user.pk).count() == 10


def test_no_key_outlives_a_forced_logout_during_which_it_was_made(database: SharedDatabase, user: Any) -> None:
    for _round in range(3):
        issue_tokens(user=user, method="password", client=Client())
        maker = Login.objects.live().get().pk
        end = partial(end_logins_of, user_id=user.pk, reason=EndReason.FORCED)
        calls: list[Any] = [*[partial(made, user, maker)] * 8, end]
        texts = [answer for answer in database.at_once(calls) if isinstance(answer, str)]
        assert not any(is_good(text) for text in texts if text.startswith("ak_"))
        assert not Login.objects.live().exists()


def test_narrower_changes_at_once_widen_nothing_and_a_revoked_key_gets_no_successor(
    database: SharedDatabase, user: Any
) -> None:
    made(user)
    key_id = ApiKey.objects.get().pk

    def changed(scope: str) -> str:
        try:
            change_key(user_id=user.pk, login_id=key_id, scopes=[scope])
        except AuthKitError as refused:
            return refused.code
        return scope

    answers = database.at_once([partial(changed, scope) for scope in ("notes:read", "notes:write") * 5])
    [winner] = set(answers) - {"invalid"}
    assert ApiKey.objects.get().scopes == winner
    revoke = partial(revoke_key, login_id=key_id, user_id=user.pk)
    [*rotations, _] = database.at_once([*[partial(rotated, user, key_id)] * 5, revoke])
    assert set(rotations) <= {"rotated", "invalid", "not_found"}
    assert not is_live(key_id)


def is_live(login_id: UUID) -> bool:
    return Login.objects.live().filter(pk=login_id).exists()
