"""One code, and one ID token, in twenty hands at once, on every database that the suite runs on."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.social.flow.authorization import AuthorizationRequest
from authkit.social.flow.codes import issue_code
from authkit.social.flow.round_trip import SocialSignIn
from authkit.social.upstream import UpstreamSession
from tests.concurrency.threads import SharedDatabase, shared_database
from tests.services import crooked
from tests.social.programs import APP, EXCHANGE, TOKEN, challenge_of, works

THREADS, ROUNDS = 20, 5

pytestmark = pytest.mark.django_db(transaction=True)

Answer = tuple[int, Any]


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    # The limiter would refuse most of a burst before its code is looked at.
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"EXEMPT": ("127.0.0.1/32",)}}
    with shared_database(tmp_path) as shared:
        yield shared


def post(path: str, body: dict[str, str]) -> Answer:
    answer = Client(raise_request_exception=False).post(path, body, content_type="application/json")
    return answer.status_code, answer.json()


def new_code(user: Any, verifier: str) -> str:
    return issue_code(
        came=SocialSignIn(user=user, provider="oidc", upstream=UpstreamSession()),
        asked=AuthorizationRequest(redirect_uri=APP, state="x", challenge=challenge_of(verifier)),
    )


@pytest.fixture
def user(make_user: Callable[..., Any]) -> Any:
    person = make_user()
    UserSocialAuth.objects.create(user=person, provider="oidc", uid="1")
    return person


def test_two_exchanges_of_one_code_at_once_one_wins_and_the_others_end_its_login(
    database: SharedDatabase, user: Any
) -> None:
    for round_ in range(1, ROUNDS + 1):
        verifier = secrets.token_urlsafe(48)
        body = {"code": new_code(user, verifier), "code_verifier": verifier, "redirect_uri": APP}
        answers = database.at_once([partial(post, EXCHANGE, body)] * THREADS)
        assert Counter(status for status, _ in answers) == {200: 1, 400: THREADS - 1}
        assert {said["code"] for status, said in answers if status == 400} == {"invalid_grant"}
        access = next(said["access"] for status, said in answers if status == 200)
        assert not works(access)
        assert Login.objects.count() == round_
        assert set(Login.objects.values_list("end_reason", flat=True)) == {EndReason.REVOKED}
        assert OneTimeCode.objects.filter(login_id=None).count() == 0


def test_wrong_verifier_beside_the_right_one_opens_at_most_one_login_and_leaves_none(
    database: SharedDatabase, user: Any
) -> None:
    for _round in range(ROUNDS):
        verifier = secrets.token_urlsafe(48)
        right = {"code": new_code(user, verifier), "code_verifier": verifier, "redirect_uri": APP}
        wrong = {**right, "code_verifier": "x" * 43}
        answers = database.at_once([partial(post, EXCHANGE, right), partial(post, EXCHANGE, wrong)] * 5)
        assert Counter(status for status, _ in answers)[200] <= 1
        assert not Login.objects.filter(ended_at=None).exists()


def test_one_id_token_many_times_at_once_opens_one_login(database: SharedDatabase, provider: Any) -> None:
    for round_ in range(1, ROUNDS + 1):
        now, nonce = int(time.time()), secrets.token_urlsafe()
        claims = {"iss": provider.issuer, "sub": "alice", "aud": "authkit", "iat": now, "exp": now + 60, "nonce": nonce}
        claims |= {"email": "alice@idp.test", "email_verified": True}
        token = jwt.encode(claims, crooked.KEY, algorithm="RS256", headers={"kid": "one"})
        call = partial(post, TOKEN.format("oidc"), {"id_token": token, "nonce": nonce})
        answers = database.at_once([call] * THREADS)
        assert Counter(status for status, _ in answers) == {200: 1, 400: THREADS - 1}, answers
        assert Login.objects.count() == round_
