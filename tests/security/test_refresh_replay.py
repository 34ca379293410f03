"""A refresh token presented again: how old, how late, and after what (RFC 9700 section 4.14.2, ASVS 10.4.5)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.tokens.services import issue_tokens
from tests.browsers import Browser
from tests.example.servers import manage

LATE = timedelta(seconds=12)
AFTER_GRACE = timedelta(seconds=61)


@pytest.fixture
def post(api: Any) -> Any:
    def post_(name: str, **body: str) -> Any:
        return api.post(reverse(f"authkit:{name}"), body, format="json")

    return post_


@pytest.fixture
def family(user: Any, post: Any, clock: Any) -> list[dict[str, str]]:
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


@pytest.mark.parametrize("after", [timedelta(0), LATE, AFTER_GRACE], ids=["at once", "late", "after the grace"])
@pytest.mark.parametrize("behind", [1, 2, 3])
def test_replay(post: Any, family: list[dict[str, str]], behind: int, after: timedelta, clock: Any) -> None:
    clock.moment += after
    answer = post("token-refresh", refresh=family[-1 - behind]["refresh"])
    if behind == 1 and after < AFTER_GRACE:
        assert answer.status_code == 200
        assert answer.json()["refresh"] == family[-1]["refresh"]  # the head itself, no second branch
        assert post("token-refresh", refresh=family[-1]["refresh"]).status_code == 200
    else:
        assert (answer.status_code, answer.json()["reason"]) == (401, "reused")
        assert_family_is_dead(post, family, "reused")


OWNER = {"REMOTE_ADDR": "203.0.113.9", "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
THIEF = {"REMOTE_ADDR": "198.51.100.7", "HTTP_USER_AGENT": "curl/8.5.0"}


def refreshed(token: str, who: dict[str, str]) -> Any:
    return APIClient(**who).post(reverse("authkit:token-refresh"), {"refresh": token}, format="json")


@pytest.mark.parametrize("after", [1, 12])
@pytest.mark.parametrize("trusted_proxies", [0, 1])
def test_thief_elsewhere_who_replays_what_the_owner_has_just_used_ends_the_login(
    user: Any, clock: Any, settings: Any, after: int, trusted_proxies: int
) -> None:
    settings.AUTHKIT = {"TRUSTED_PROXIES": trusted_proxies}
    owner, thief = OWNER, THIEF
    if trusted_proxies:
        owner, thief = (
            {**who, "HTTP_X_FORWARDED_FOR": who["REMOTE_ADDR"], "REMOTE_ADDR": "10.0.0.1"} for who in (OWNER, THIEF)
        )
    parent = issue_tokens(user=user, method="password", client=Client()).refresh
    successor = refreshed(parent, owner).json()["refresh"]
    clock.forward(seconds=after)
    stolen = refreshed(parent, thief)
    assert (stolen.status_code, stolen.json()["reason"]) == (401, "reused")
    assert refreshed(successor, owner).json()["why"] == "reused"


def test_owner_who_comes_after_a_thief_elsewhere_ends_the_login(user: Any) -> None:
    parent = issue_tokens(user=user, method="password", client=Client()).refresh
    stolen = refreshed(parent, THIEF).json()["refresh"]
    assert refreshed(parent, OWNER).json()["reason"] == "reused"
    assert refreshed(stolen, THIEF).json()["why"] == "reused"


def test_thief_elsewhere_with_the_refresh_cookie_ends_the_login(user: Any, credentials: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TRUSTED_PROXIES": 1}
    owner = Browser(credentials(user))
    owner.headers = {"user-agent": OWNER["HTTP_USER_AGENT"], "x-forwarded-for": OWNER["REMOTE_ADDR"]}
    owner.obtain("cookie")
    thief = owner.tab()
    thief.headers = {"user-agent": THIEF["HTTP_USER_AGENT"], "x-forwarded-for": THIEF["REMOTE_ADDR"]}
    assert owner.refresh().status_code == 200
    answer = thief.refresh()
    assert (answer.status_code, answer.json()["reason"]) == (401, "reused")


def test_times_by_which_a_thief_could_tell_when_the_owner_refreshes_are_rounded(
    user: Any, clock: Any, api: Any
) -> None:
    clock.moment -= timedelta(minutes=5)
    clock.moment = clock.moment.replace(minute=clock.moment.minute // 5 * 5, second=30, microsecond=0)
    refresh = issue_tokens(user=user, method="password", client=Client()).refresh
    seen = []
    for _ in range(4):
        clock.forward(seconds=57)
        pair = refreshed(refresh, OWNER).json()
        refresh = pair["refresh"]
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
        (login,) = api.get(reverse("authkit:logins")).json()["results"]
        seen.append((login["last_seen_at"], login["expires_at"]))
        assert api.get(reverse("authkit:me")).json()["login"] == login
    assert len(set(seen)) == 1
    assert seen[0][0] == login["created_at"]  # and not before it
    clock.forward(minutes=5)
    refreshed(refresh, OWNER)
    (login,) = api.get(reverse("authkit:logins")).json()["results"]
    times = [datetime.fromisoformat(login[name]) for name in ("last_seen_at", "expires_at")]
    assert [(time.minute % 5, time.second, time.microsecond) for time in times] == [(0, 0, 0)] * 2
    assert times[0] > datetime.fromisoformat(seen[0][0])


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
