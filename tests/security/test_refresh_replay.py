"""A refresh token presented again: how old, how late, and after what (RFC 9700 section 4.14.2, ASVS 10.4.5)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens
from tests.example.servers import manage

AFTER_GRACE = timedelta(seconds=11)


@pytest.fixture
def post(api: Any) -> Any:
    def post_(name: str, **body: str) -> Any:
        return api.post(reverse(f"authkit:{name}"), body, format="json")

    return post_


@pytest.fixture
def family(user: Any, post: Any) -> list[dict[str, str]]:
    """Four generations of one login, oldest first; the last one is the live head."""
    pair = issue_tokens(user=user, method="password", client=Client())
    generations = [{"access": pair.access, "refresh": pair.refresh}]
    for _ in range(3):
        generations.append(post("token-refresh", refresh=generations[-1]["refresh"]).json())
    return generations


def assert_family_is_dead(post: Any, family: list[dict[str, str]], why: str) -> None:
    for generation in family:
        refused = post("token-refresh", refresh=generation["refresh"])
        assert (refused.status_code, refused.json()["reason"], refused.json()["why"]) == (401, "login_ended", why)
        assert post("token-verify", token=generation["access"]).status_code == 401


@pytest.mark.parametrize("late", [False, True], ids=["inside the grace", "after the grace"])
@pytest.mark.parametrize("behind", [1, 2, 3])
def test_replay(post: Any, family: list[dict[str, str]], behind: int, late: bool) -> None:
    if late:
        Login.objects.update(rotated_at=timezone.now() - AFTER_GRACE)
    answer = post("token-refresh", refresh=family[-1 - behind]["refresh"])
    if behind == 1 and not late:
        assert answer.status_code == 200
        assert answer.json()["refresh"] == family[-1]["refresh"]  # the head itself, no second branch
        assert post("token-refresh", refresh=family[-1]["refresh"]).status_code == 200
    else:
        assert (answer.status_code, answer.json()["reason"]) == (401, "reused")
        assert_family_is_dead(post, family, "reused")


@pytest.mark.parametrize("behind", [0, 1, 2, 3])
def test_replay_after_logout_revives_nothing(post: Any, family: list[dict[str, str]], behind: int) -> None:
    assert post("token-revoke", token=family[-1]["access"]).status_code == 200
    refused = post("token-refresh", refresh=family[-1 - behind]["refresh"])
    assert (refused.status_code, refused.json()["why"]) == (401, "revoked")
    assert_family_is_dead(post, family, "revoked")


PREPARE = """
import json
from django.contrib.auth.models import User
from authkit.core.clients import Client
from authkit.tokens.services import issue_tokens, refresh_tokens
first = issue_tokens(user=User.objects.create_user("alice"), method="password", client=Client())
second = refresh_tokens(refresh=first.refresh)
print(json.dumps([first.refresh, second.refresh]))
"""

REPLAY = """
import json
import jwt
from datetime import timedelta
from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.tokens.services import refresh_tokens
first, second = json.loads({tokens!r})
Login.objects.update(rotated_at=Login.objects.get().rotated_at - timedelta(seconds={seconds_ago}))
try:
    # by its id: the clock was turned above, and with it `iat`
    again = jwt.decode(refresh_tokens(refresh=first).refresh, options={{"verify_signature": False}})
    print("same" if again["jti"] == jwt.decode(second, options={{"verify_signature": False}})["jti"] else "another")
except TokenNotValid as refused:
    print(refused.reason)
"""


@pytest.mark.process
@pytest.mark.parametrize(("seconds_ago", "expected"), [(-3600, "same"), (3600, "reused")])
def test_replay_after_a_restart(tmp_path: Path, seconds_ago: int, expected: str) -> None:
    """Nothing that decides lives in a process: each step here is one of its own."""

    def step(*arguments: str) -> str:
        done = manage(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    step("migrate")
    tokens = json.dumps(json.loads(step("shell", "-c", PREPARE)))
    assert step("shell", "-c", REPLAY.format(tokens=tokens, seconds_ago=seconds_ago)) == expected
