"""What clients call beside the token endpoint: revocation (RFC 7009), introspection (RFC 7662), and userinfo (OpenID
Connect Core 1.0 section 5.3), each with the attacks on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from django.test import Client

from authkit.core.clients import Client as Caller
from authkit.logins.models import Login
from authkit.oauth.clients import Registered
from authkit.oauth.models import AuthMethod, ClientKind
from authkit.signin.addresses import mark_verified
from authkit.tokens.keyring import published
from authkit.tokens.keys import current
from authkit.tokens.services import issue_tokens
from tests.oauth.parties import PUBLIC_URL, Party, call, claims_of, signed_in

pytestmark = pytest.mark.django_db

REVOKE, INTROSPECT, USERINFO = "/auth/oauth/revoke", "/auth/oauth/introspect", "/auth/oauth/userinfo"
EVERYTHING = "openid profile email notes:read offline_access"


def post(path: str, form: dict[str, Any], **headers: str) -> Any:
    """A call of a server's, or of a page's script without credentials."""
    caller = Client(raise_request_exception=False, headers=headers)
    return caller.post(path, urlencode(form), content_type="application/x-www-form-urlencoded", secure=True)


@pytest.fixture
def server_party(register: Callable[..., Registered], user: Any) -> Party:
    """A confidential client, and a browser in which the person is signed in."""
    return Party.of(register(kind=ClientKind.CONFIDENTIAL, auth_method=AuthMethod.POST), user)


def proof(party: Party) -> dict[str, str]:
    """What the client proves itself by."""
    return {"client_id": party.client.client_id} | ({"client_secret": party.secret} if party.secret else {})


def tokens_of(party: Party, scope: str = EVERYTHING, **more: Any) -> dict[str, Any]:
    answer = party.exchange(party.code(scope=scope, **more), **proof(party))
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


# The ID token


def test_id_token_of_a_whole_trip_tells_who_signed_in_when_and_how(server_party: Party, user: Any) -> None:
    tokens = tokens_of(server_party, nonce="n-1")
    keys = jwt.PyJWKSet.from_dict(published(current()))
    header, client_id = jwt.get_unverified_header(tokens["id_token"]), server_party.client.client_id
    key, algorithms = keys[header["kid"]].key, [header["alg"]]
    claims = jwt.decode(tokens["id_token"], key, algorithms=algorithms, audience=client_id, issuer=PUBLIC_URL)
    session = Login.objects.get(kind="session")
    assert (claims["sub"], claims["nonce"]) == (str(user.pk), "n-1")
    assert claims["auth_time"] == int(session.authenticated_at.timestamp())
    assert claims["sid"] == claims_of(tokens["access_token"])["sid"] == str(Login.objects.get(kind="grant").pk)
    again = server_party.refresh(tokens["refresh_token"], **proof(server_party)).json()
    renewed = claims_of(again["id_token"])
    assert {name: renewed.get(name) for name in ("sub", "sid", "auth_time", "nonce")} == {
        **{name: claims[name] for name in ("sub", "sid", "auth_time")},
        "nonce": None,  # Core 1.0 section 12.2
    }
    assert renewed["at_hash"] != claims["at_hash"]


def test_without_the_scope_openid_there_is_no_id_token(party: Party) -> None:
    assert "id_token" not in party.tokens()


# Revocation


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_either_token_ends_the_whole_grant(party: Party, which: str, hint: str | None) -> None:
    tokens = tokens_of(party)
    form = {"token": tokens[which], **proof(party)} | ({"token_type_hint": hint} if hint else {})
    answer = post(REVOKE, form)
    assert (answer.status_code, answer.content) == (200, b"")
    assert call(USERINFO, tokens["access_token"]).status_code == 401
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert post(REVOKE, form).status_code == 200  # RFC 7009 section 2.2: it is over already


def test_unknown_tokens_and_those_of_our_own_clients_end_nothing(party: Party, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Caller())
    for token in ("nonsense", "a.b.c", pair.access, pair.refresh, tokens_of(party)["id_token"]):
        assert post(REVOKE, {"token": token, **proof(party)}).status_code == 200
    assert Login.objects.live().count() == 3


def test_attack_client_revokes_the_token_of_another_one(party: Party, server_party: Party) -> None:
    tokens = tokens_of(party)
    for which in ("access_token", "refresh_token"):
        answer = post(REVOKE, {"token": tokens[which], **proof(server_party)})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert call(USERINFO, tokens["access_token"]).status_code == 200


def test_attack_confidential_client_without_its_proof(server_party: Party) -> None:
    tokens = tokens_of(server_party)
    wrong = {**proof(server_party), "client_secret": "wrong"}
    for form in ({"client_id": server_party.client.client_id}, wrong, {}):
        for path in (REVOKE, INTROSPECT):
            answer = post(path, {"token": tokens["access_token"], **form})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert call(USERINFO, tokens["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{}", "application/json"),
        ("token=a&token=b", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
        ("token=%ff%fe", "application/x-www-form-urlencoded"),
        ("a=1&" * 500, "application/x-www-form-urlencoded"),
        ("token=x\0", "application/x-www-form-urlencoded"),
        ("x", "multipart/form-data"),
    ],
)
@pytest.mark.parametrize("path", [REVOKE, INTROSPECT])
def test_body_that_is_no_form_is_refused_in_the_protocols_words(provider: Any, path: str, body: str, kind: str) -> None:
    answer = Client(raise_request_exception=False).post(path, body, content_type=kind, secure=True)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"] in {"invalid_request", "invalid_client"}
    assert answer["Cache-Control"] == "no-store"


# Introspection


def test_client_learns_of_its_own_tokens(server_party: Party, user: Any) -> None:
    tokens = tokens_of(server_party)
    access = post(INTROSPECT, {"token": tokens["access_token"], **proof(server_party)}).json()
    assert access["active"] is True
    assert (access["sub"], access["client_id"]) == (str(user.pk), server_party.client.client_id)
    assert (access["scope"], access["aud"], access["iss"]) == (EVERYTHING, PUBLIC_URL, PUBLIC_URL)
    refresh = post(INTROSPECT, {"token": tokens["refresh_token"], **proof(server_party)}).json()
    assert (refresh["active"], refresh["client_id"]) == (True, server_party.client.client_id)
    server_party.refresh(tokens["refresh_token"], **proof(server_party))
    assert post(INTROSPECT, {"token": tokens["refresh_token"], **proof(server_party)}).json() == {"active": False}


def test_api_learns_of_access_tokens_for_it_and_of_no_others(
    party: Party, server_party: Party, register: Callable[..., Registered]
) -> None:
    tokens = tokens_of(party)
    form = {"token": tokens["access_token"], **proof(server_party)}
    assert post(INTROSPECT, form).json() == {"active": False}
    type(server_party.client).objects.filter(pk=server_party.client.pk).update(resources=[PUBLIC_URL])
    assert post(INTROSPECT, form).json()["active"] is True
    form["token"] = tokens["refresh_token"]
    assert post(INTROSPECT, form).json() == {"active": False}


def test_attack_introspection_tells_nothing_of_what_is_over_or_not_ours(server_party: Party, user: Any) -> None:
    tokens = tokens_of(server_party)
    pair = issue_tokens(user=user, method="password", client=Caller())
    for token in ("nonsense", pair.access, pair.refresh, tokens["id_token"]):
        assert post(INTROSPECT, {"token": token, **proof(server_party)}).json() == {"active": False}
    type(user)._default_manager.filter(pk=user.pk).update(is_active=False)  # as raw SQL does
    for which in ("access_token", "refresh_token"):
        assert post(INTROSPECT, {"token": tokens[which], **proof(server_party)}).json() == {"active": False}


def test_attack_public_client_asks_about_tokens(party: Party) -> None:
    answer = post(INTROSPECT, {"token": tokens_of(party)["access_token"], **proof(party)})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


# Userinfo


def test_userinfo_tells_what_the_scopes_say(party: Party, user: Any) -> None:
    user.first_name, user.last_name = "Alice", "Doe"
    user.save()
    everything = call(USERINFO, tokens_of(party)["access_token"])
    assert everything["Cache-Control"] == "no-store"
    has_names = {field.name for field in user._meta.get_fields()} >= {"first_name", "last_name"}
    assert everything.json() == {
        "sub": str(user.pk),
        **({"name": "Alice Doe", "given_name": "Alice", "family_name": "Doe"} if has_names else {}),
        "preferred_username": user.get_username(),
        "email": user.email,
        "email_verified": False,
    }
    mark_verified(user=user, address=user.email)
    assert call(USERINFO, tokens_of(party, "openid email", prompt="consent")["access_token"]).json() == {
        "sub": str(user.pk),
        "email": user.email,
        "email_verified": True,
    }


def test_token_may_come_in_a_form(party: Party, user: Any) -> None:
    token = tokens_of(party, "openid")["access_token"]
    in_header = post(USERINFO, {}, authorization=f"Bearer {token}")
    for answer in (in_header, post(USERINFO, {"access_token": token})):
        assert answer.json() == {"sub": str(user.pk)}
    twice = post(USERINFO, {"access_token": token}, authorization=f"Bearer {token}")
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


def test_attack_userinfo_takes_no_other_token_and_no_cookie(party: Party, user: Any) -> None:
    narrow = call(USERINFO, tokens_of(party, "notes:read")["access_token"])
    assert (narrow.status_code, narrow.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in narrow["WWW-Authenticate"]
    pair = issue_tokens(user=user, method="password", client=Caller())
    tokens = tokens_of(party)
    forged = f"{tokens['access_token']}x"
    for token in (pair.access, pair.refresh, tokens["refresh_token"], tokens["id_token"], "x", forged):
        refused = call(USERINFO, token)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in refused["WWW-Authenticate"]
    anonymous = signed_in(user).get(USERINFO)
    assert anonymous.status_code == 401
    assert "error" not in anonymous["WWW-Authenticate"]
    query = Client(raise_request_exception=False).get(f"{USERINFO}?access_token={tokens['access_token']}", secure=True)
    assert query.status_code == 401  # never in a URL (RFC 9700 section 4.3.2)


# CORS


@pytest.mark.parametrize("path", ["/auth/oauth/token", REVOKE, USERINFO, "/auth/api/jwks.json"])
def test_pages_of_other_origins_may_call_without_credentials(provider: Any, db: None, path: str) -> None:
    page = Client(raise_request_exception=False, headers={"origin": "https://app.example.net"})
    answers = [page.get(path, secure=True)]
    if path != "/auth/api/jwks.json":
        answers.append(page.options(path, secure=True, headers={"access-control-request-method": "POST"}))
        assert answers[1].status_code == 204
        assert "POST" in answers[1]["Access-Control-Allow-Methods"]
        assert "Authorization" in answers[1]["Access-Control-Allow-Headers"]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("path", [INTROSPECT, "/auth/oauth/authorize", "/auth/oauth/consent", "/auth/oauth/logout"])
def test_attack_page_of_another_origin_calls_what_is_not_for_it(provider: Any, db: None, path: str) -> None:
    page = Client(raise_request_exception=False, headers={"origin": "https://app.example.net"})
    for answer in (page.get(path, secure=True), page.post(path, secure=True), page.options(path, secure=True)):
        assert "Access-Control-Allow-Origin" not in answer
