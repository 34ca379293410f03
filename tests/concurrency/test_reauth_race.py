"""Step-ups and refreshes of one login at once, and a step-up against its ending, on every database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.reauthentication import Shown, reauthenticate
from authkit.logins.services import end_login
from authkit.tokens.services import TokenPair, issue_tokens, reauthenticated_tokens, refresh_tokens
from authkit.tokens.transports import Transport
from tests.concurrency.threads import SharedDatabase, shared_database

ROUNDS = {"postgresql": 8, "mysql": 8, "sqlite": 2}
SHOWN = Shown(method="password", door="reauth", amr=("pwd",))

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def step_up(pair: TokenPair) -> str:
    return reauthenticated_tokens(
        login_id=pair.login.pk, user_id=pair.user.pk, transport=Transport.BODY, client=Client(), shown=SHOWN
    ).refresh


def refresh(pair: TokenPair) -> str:
    return refresh_tokens(refresh=pair.refresh).refresh


def test_tabs_that_refresh_and_step_up_at_once_end_with_one_refresh_token(
    database: SharedDatabase, make_user: Any, clock: Any
) -> None:
    # The clock stands still: on a busy machine, so many at once take longer than parallel requests may be apart.
    for n in range(ROUNDS[connection.vendor]):
        pair = issue_tokens(user=make_user(f"user-{n}"), method="password", client=Client())
        calls = [partial(refresh, pair), partial(step_up, pair)] * 8
        assert len(set(database.at_once(calls))) == 1
        login = Login.objects.get(pk=pair.login.pk)
        assert (login.generation, login.amr, login.ended_at) == (1, "pwd", None)


def ended_or_confirmed(login: Login) -> str:
    try:
        reauthenticate(login=login, shown=SHOWN)
    except LoginEnded:
        return "ended"
    return "confirmed"


def rotated(pair: TokenPair) -> str:
    try:
        return "rotated" if step_up(pair) else ""
    except TokenNotValid:
        return "ended"


def test_a_step_up_brings_no_login_back_that_is_ended_at_the_same_time(
    database: SharedDatabase, make_user: Any
) -> None:
    for n in range(ROUNDS[connection.vendor]):
        pair = issue_tokens(user=make_user(f"user-{n}"), method="password", client=Client())
        past = timezone.now() - timedelta(hours=1)
        Login.objects.filter(pk=pair.login.pk).update(authenticated_at=past)
        end = partial(end_login, login_id=pair.login.pk, reason=EndReason.FORCED)
        calls: list[Any] = [partial(ended_or_confirmed, pair.login), end, partial(rotated, pair)]
        said = Counter(str(answer) for answer in database.at_once(calls) if isinstance(answer, str))
        assert set(said) <= {"confirmed", "ended", "rotated"}
        assert Login.objects.get(pk=pair.login.pk).ended_at is not None
        assert rotated(pair) == "ended"
