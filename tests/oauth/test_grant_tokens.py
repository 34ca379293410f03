"""A third party's tokens: what they cost, what ends them, and what is written down of them."""

from __future__ import annotations

import logging
import os
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.core import event_log
from authkit.core.clients import Client as Caller
from authkit.logins.endings import ends
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.oauth import access_tokens, consents
from authkit.oauth.clients import change_client
from authkit.oauth.granted_apps import remove_app
from authkit.oauth.kinds import KINDS
from authkit.oauth.models import Consent, Grant
from authkit.signin.step_up import RequireRecent, require_recent
from authkit.tokens import jws, keys
from authkit.tokens.limited import EVERY_RESOURCE
from authkit.tokens.services import issue_tokens
from tests.oauth.parties import Party, call, claims_of, part
from tests.tokens.rings import ring
from tests.urls import urlpatterns as suite

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("unprepared"),
]


class Notes(APIView):
    permission_classes = [IsAuthenticated]
    accepts_grants = True
    required_scopes = ["notes:read"]

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})


class Recent(Notes):
    permission_classes = [IsAuthenticated, RequireRecent]


class Sometimes(Notes):
    def get(self, request: Request) -> Response:
        require_recent(request)
        return super().get(request)


class Everywhere(Notes):
    resource = EVERY_RESOURCE


class Elsewhere(Notes):
    resource = "https://other.example.com/"


urlpatterns = [
    *suite,
    path("notes/", Notes.as_view()),
    path("recent/", Recent.as_view()),
    path("sometimes/", Sometimes.as_view()),
    path("everywhere/", Everywhere.as_view()),
    path("elsewhere/", Elsewhere.as_view()),
]

LASTING = "notes:read offline_access"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each of these was called."""
    counts: dict[str, int] = {}
    for module, name in (
        (jws, "verify"),
        (jws, "read_header"),
        (access_tokens, "read_access"),
        (access_tokens, "is_for_client"),
    ):
        original = getattr(module, name)

        def counting(*args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
            counts[_name] = counts.get(_name, 0) + 1
            return _original(*args, **kwargs)

        monkeypatch.setattr(module, name, counting)
    return counts


def test_a_token_of_our_own_costs_what_it_did(party: Party, user: Any, counted: dict[str, int]) -> None:
    token = issue_tokens(user=user, method="password", client=Caller()).access
    assert call("/probe/", token).status_code == 200
    counted.clear()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert call("/probe/", token).status_code == 200
    assert len(captured) == 1
    assert counted == {"read_header": 2}


def test_a_third_partys_token_costs_one_statement_and_is_verified_once(party: Party, counted: dict[str, int]) -> None:
    token = party.tokens()["access_token"]
    counted.clear()
    with CaptureQueriesContext(connection) as captured:
        assert call("/notes/", token).status_code == 200
        assert call("/notes/", token).status_code == 200
    assert len(captured) == 2
    assert counted["verify"] == 1


@pytest.mark.redis
@pytest.mark.parametrize("mode", ["redis", "push"])
def test_a_grant_ends_at_once_where_redis_is_asked(party: Party, user: Any, settings: Any, mode: str) -> None:
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "REVOCATION": {"CHECK": mode},
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    token = party.tokens()["access_token"]
    for _ in range(2):
        assert call("/notes/", token).json() == {"user": str(user.pk)}
    remove_app(user_id=user.pk, client_id=party.client.client_id)
    assert call("/notes/", token).json()["why"] == "revoked"


@pytest.mark.parametrize("reason", [EndReason.LOGOUT_ALL, EndReason.PASSWORD_CHANGED, EndReason.NOT_ME])
def test_a_grant_ends_with_the_persons_logins(party: Party, user: Any, reason: EndReason) -> None:
    token = party.tokens()["access_token"]
    end_logins_of(user_id=user.pk, reason=reason)
    assert call("/notes/", token).json()["why"] == reason


def test_the_end_of_a_way_in_leaves_a_grant_alone() -> None:
    spares = {reason for reason in EndReason if not ends(reason, kind=KINDS[0].id)}
    assert spares == {EndReason.EVICTED, EndReason.REPLACED, EndReason.UNLINKED, EndReason.PROVIDER_LOGOUT}


def test_what_was_agreed_to_adds_up(party: Party, user: Any) -> None:
    for scope in ("notes:read", "notes:write"):
        handle = party.begin(scope=scope)
        party.page(handle)
        party.decide(handle)
    consent = Consent.objects.get()
    assert set(consent.scope.split()) == {"notes:read", "notes:write"}
    assert consents.is_covered(
        user_id=user.pk, client=party.client, scope=["notes:write", "notes:read"], resources=list(consent.resources)
    )


def test_a_view_says_which_resource_it_is_of(party: Party) -> None:
    token = party.tokens()["access_token"]
    assert call("/everywhere/", token).status_code == 200
    answer = call("/elsewhere/", token)
    assert (answer.status_code, 'error="invalid_token"' in answer["WWW-Authenticate"]) == (401, True)


def test_a_retry_within_the_grace_gets_the_same_refresh_token(party: Party) -> None:
    token = party.tokens(scope=LASTING)["refresh_token"]
    first, second = party.refresh(token).json(), party.refresh(token).json()
    assert claims_of(first["refresh_token"]) == claims_of(second["refresh_token"])


@pytest.mark.parametrize("path_", ["/recent/", "/sometimes/"])
def test_a_young_grant_of_an_old_sign_in_is_no_recent_sign_in(party: Party, path_: str) -> None:
    """RFC 9470 section 3: the client is told by a 401 for how long a sign-in is recent, and asks by `max_age`."""
    assert call(path_, party.tokens()["access_token"]).status_code == 200
    Login.objects.filter(kind="session").update(authenticated_at=timezone.now() - timedelta(days=1))
    token = party.tokens()["access_token"]
    answer = call(path_, token)
    code, challenge = "insufficient_user_authentication", answer["WWW-Authenticate"]
    assert (answer.status_code, answer.json()["code"], answer.json()["max_age"]) == (401, code, 600)
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    assert challenge.startswith("Bearer ")
    assert (parameters["error"], parameters["max_age"]) == (code, "600")
    assert call("/notes/", token).status_code == 200, "the token is as good as it was"
    handle = party.begin(max_age=parameters["max_age"])
    assert party.page(handle)["Location"].startswith("/auth/reauth/")


def test_an_own_token_of_an_old_sign_in_is_still_refused_by_403(user: Any) -> None:
    token = issue_tokens(user=user, method="password", client=Caller()).access
    long_ago = timezone.now() - timedelta(days=1)
    Login.objects.update(authenticated_at=long_ago, created_at=long_ago)
    answer = call("/recent/", token)
    assert (answer.status_code, "WWW-Authenticate" in answer) == (403, False)


def test_a_refresh_token_two_back_ends_the_grant(party: Party) -> None:
    token = party.tokens(scope=LASTING)["refresh_token"]
    newest = party.refresh(party.refresh(token).json()["refresh_token"]).json()
    assert party.refresh(token).json()["error"] == "invalid_grant"
    ended = call("/notes/", newest["access_token"]).json()
    assert (ended["reason"], ended["why"]) == ("login_ended", "reused")


def test_a_refreshed_access_token_may_have_fewer_scopes_and_the_grant_keeps_its_own(party: Party) -> None:
    tokens = party.tokens(scope="notes:read notes:write offline_access")
    less = party.refresh(tokens["refresh_token"], scope="notes:write").json()
    assert less["scope"] == "notes:write"
    assert call("/notes/", less["access_token"]).json()["code"] == "insufficient_scope"
    assert party.refresh(less["refresh_token"]).json()["scope"] == "notes:read notes:write offline_access"


def test_scope_that_an_operator_takes_from_a_client_is_in_no_new_token(party: Party) -> None:
    def leave(*scopes: str) -> None:
        party.client.scopes = [*scopes]
        change_client(client=party.client)

    had = party.client.scopes
    code = party.code(scope="notes:read notes:write offline_access")
    leave("notes:read", "offline_access")
    tokens = party.exchange(code).json()
    assert tokens["scope"] == "notes:read offline_access"
    leave(*had)
    tokens = party.tokens(scope="notes:read notes:write offline_access")
    leave("notes:write", "offline_access")
    less = party.refresh(tokens["refresh_token"]).json()
    assert call("/notes/", less["access_token"]).json()["code"] == "insufficient_scope"
    assert party.refresh(less["refresh_token"], scope="notes:read").json()["error"] == "invalid_scope"
    leave("notes:read", "notes:write")
    assert party.refresh(less["refresh_token"]).json()["error"] == "unauthorized_client"
    leave(*had)
    assert party.refresh(less["refresh_token"]).json()["scope"] == "notes:read notes:write offline_access"


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "rt+jwt"},
        {"typ": "JWT"},
        {"authkit": "other"},
        {"authkit": None},
        {"alg": "none"},
        {"jku": "https://evil.test/keys"},
    ],
)
def test_no_other_header_passes(party: Party, change: dict[str, Any]) -> None:
    token = party.tokens()["access_token"]
    header = {name: value for name, value in {**part(token, 0), **change}.items() if value is not None}
    forged = f"{jws._segment(header).decode()}.{token.partition('.')[2]}"
    assert call("/notes/", forged).status_code == 401
    assert call("/probe/", forged).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.test"},
        {"aud": []},
        {"aud": None},
        {"aud": [1]},
        {"scope": None},
        {"scope": ["notes:read"]},
        {"client_id": 1},
        {"token_type": "refresh"},
        {"sid": "x"},
        {"exp": 1},
        {"iat": 2**60},
    ],
)
def test_no_other_claims_pass_under_our_own_key(party: Party, change: dict[str, Any]) -> None:
    token = party.tokens()["access_token"]
    payload = {name: value for name, value in {**claims_of(token), **change}.items() if value is not None}
    key = next(key for key in keys.current().keys if key.kid == part(token, 0)["kid"])
    headers = {name: value for name, value in part(token, 0).items() if name != "alg"}
    signed = jws.encode(payload, headers=headers, algorithm=key.algorithm, key=key.secret)
    assert call("/notes/", signed).status_code == 401


def test_a_token_lasts_over_a_change_of_the_ring(party: Party, settings: Any) -> None:
    token = party.tokens()["access_token"]
    block = settings.AUTHKIT
    settings.AUTHKIT = {**block, "TOKENS": {"KEYS": ring("ES256", number=1)}}
    assert call("/notes/", token).status_code == 401
    settings.AUTHKIT = block
    assert call("/notes/", token).status_code == 200


def test_a_grant_is_written_down_with_its_app(party: Party, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=event_log.NAME):
        tokens = party.tokens(scope=LASTING)
    (line,) = (each.getMessage() for each in caplog.records if "grant.given" in each.getMessage())
    assert f'app="{party.client.name}" scope="{LASTING}"' in line
    assert not any(token in caplog.text for token in tokens.values() if isinstance(token, str) and len(token) > 40)


def test_grants_are_pruned_with_their_login(party: Party) -> None:
    party.tokens()
    Login.objects.filter(kind="grant").update(
        ended_at=timezone.now() - timedelta(days=400), expires_at=timezone.now() - timedelta(days=400)
    )
    call_command("authkit_prune", verbosity=0)
    call_command("authkit_prune", verbosity=0)
    assert (Login.objects.filter(kind="grant").count(), Grant.objects.count()) == (0, 0)
