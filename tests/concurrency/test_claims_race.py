"""Claims that differ, or fail, while one refresh token is in twenty hands at once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from authkit.core.clients import Client
from authkit.exceptions import ClaimsRefused
from authkit.logins.models import Login
from authkit.tokens.services import TokenPair, issue_tokens, refresh_tokens, verify_access
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS, ROUNDS = 20, 3

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def refresh(token: str) -> TokenPair | None:
    """The successor; None if the claims failed."""
    try:
        return refresh_tokens(refresh=token)
    except ClaimsRefused:
        return None


def test_every_second_failure_of_the_claims_leaves_one_live_head_and_raises_no_alarm(
    database: SharedDatabase, make_user: Any
) -> None:
    token = issue_tokens(user=make_user(), method="password", client=Client()).refresh
    for generation in range(1, ROUNDS + 1):
        calls = itertools.count()

        def claims(user: Any, login: Login, calls: Iterator[int] = calls) -> dict[str, int]:
            number = next(calls)
            if number % 2:
                raise LookupError("the tenant is nowhere")
            return {"number": number}

        with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": claims, "GRACE": timedelta(minutes=10)}}):
            answers = database.at_once([partial(refresh, token)] * THREADS)
            pairs = [pair for pair in answers if pair is not None]
            assert pairs
            assert len({pair.refresh for pair in pairs}) == 1
            seen = [verify_access(token=pair.access).claims for pair in pairs]
        assert len({(claim["jti"], claim["iat"], claim["exp"]) for claim in seen}) == 1
        assert max(Counter(claim["number"] for claim in seen).values()) == 1, "each was signed with claims of its own"
        assert Login.objects.values_list("generation", "ended_at").get() == (generation, None)
        token = pairs[0].refresh
