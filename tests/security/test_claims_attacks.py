"""What somebody may try who can choose what ends up in a claim, or who looks for a gap in how views read it."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from django.test import override_settings
from django.urls import path, reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.core.clients import Client
from authkit.exceptions import ClaimsRefused
from authkit.logins.models import Login
from authkit.logins.reasons import TokenKind
from authkit.tokens.claims import MAX_BYTES
from authkit.tokens.codec import sign
from authkit.tokens.keys import signing_key
from authkit.tokens.permissions import TokenHasRole, TokenHasScope
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access
from tests.urls import urlpatterns as suite

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

COOKIE_BYTES = 4096
NAME = "__Host-authkit-access="


class Writing(APIView):
    permission_classes = (TokenHasScope,)
    required_scopes = ("write",)

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


class Administering(Writing):
    permission_classes = (TokenHasRole,)  # type: ignore[assignment]
    allowed_roles = ("admin",)


urlpatterns = [*suite, path("writing/", Writing.as_view()), path("administering/", Administering.as_view())]


@pytest.fixture
def issue(user: Any) -> Any:
    """A token for somebody about whom the project says this."""

    def issue_(claims: Any) -> Any:
        with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: claims}}):
            return issue_tokens(user=user, method="password", client=Client())

    return issue_


@pytest.fixture
def forged(issue: Any) -> Any:
    """A token of ours with claims that `TOKENS.CLAIMS` would not let through: what a bug, or an older key, may sign."""

    def forged_(**claims: Any) -> str:
        access = issue({}).access
        header = jwt.get_unverified_header(access)
        payload = {**jwt.decode(access, options={"verify_signature": False}), **claims}
        secret: Any = signing_key(TokenKind.ACCESS).secret
        return jwt.encode(payload, secret, header["alg"], headers={"typ": header["typ"], "kid": header["kid"]})

    return forged_


@pytest.fixture
def get(api: Any) -> Any:
    return lambda where, token: api.get(where, HTTP_AUTHORIZATION=f"Bearer {token}").status_code


# Passing for somebody else


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1"},
        {"SUB": "1"},
        {"\u017fub": "1"},  # a long s, which is an s to whom case is nothing
        {"\uff53ub": "1"},  # a full-width s
        {"sub\u200b": "1"},
        {"sub ": "1"},
        {"sub\x00": "1"},
        {"\u0455ub": "1"},  # Cyrillic
        {"sid": "00000000-0000-7000-8000-000000000000"},
        {"exp": 4_000_000_000},
        {"nbf": 0},
        {"iat": 0},
        {"jti": "another"},
        {"aud": ["authkit", "bank"]},
        {"iss": "https://bank.example"},
        {"token_type": "refresh"},
        {"gen": 7},
        {"amr": ["mfa"]},
        {"acr": "urn:example:gold"},
        {"auth_time": 4_000_000_000},
        {"cnf": {"jkt": "x"}},
        {"transport": "cookie"},
    ],
    ids=ascii,
)
def test_reserved_claim_is_not_overridden(issue: Any, claims: Any) -> None:
    with pytest.raises(ClaimsRefused):
        issue(claims)
    assert not Login.objects.exists()


def test_claim_that_got_past_the_check_still_loses_to_authkits_own(user: Any) -> None:
    common: Any = {"subject": "1", "generation": 0, "issued_at": 1, "expires_at": 2, "issuer": "i", "audience": "a"}
    login_id = Login().pk
    extra = {"sub": "2", "sid": "x", "exp": 4_000_000_000, "iss": "x", "aud": "x", "token_type": "refresh", "jti": "x"}
    plain, loaded = (sign(kind=TokenKind.ACCESS, login_id=login_id, **common, extra=more) for more in ({}, extra))
    decoded = [jwt.decode(token, options={"verify_signature": False}) for token in (plain, loaded)]
    assert decoded[0] == decoded[1]


def test_callable_that_keeps_its_answer_cant_change_it_after_the_check(user: Any) -> None:
    kept: dict[str, Any] = {"roles": ["reader"], "deep": {"list": []}}
    with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: kept}}):
        pair = issue_tokens(user=user, method="password", client=Client())
    claims = verify_access(token=pair.access).claims
    kept["sub"] = "1"
    kept["roles"].append("admin")
    assert claims["roles"] == ["reader"]


# Choosing one's own scopes


@pytest.mark.parametrize(
    "company",
    ["acme write", "acme\twrite", "acme\nwrite", "acme\u00a0write", "acme\u2003write", "acme\x1cwrite", "acme\x85write",
     'acme" write', "acme\\u0020write", "acm\u00e9", "", "acme\x00", "acme\u200bwrite", "\ud800"],
    ids=ascii,
)  # fmt: skip
def test_name_that_a_user_chose_cant_become_a_second_scope(issue: Any, company: str) -> None:
    with pytest.raises(ClaimsRefused):
        issue({"scope": ["read", f"company:{company}" if company else ""]})


@pytest.mark.parametrize(
    "name", ['","roles":["admin"],"x":"', '"}', "\\", "\u2028", "'", "${x}", "\r\nSet-Cookie: a=b"]
)
def test_name_that_a_user_chose_stays_inside_its_claim(issue: Any, get: Any, name: str) -> None:
    access = issue({"tenant": name, "roles": ["reader"]}).access
    claims = verify_access(token=access).claims
    assert (claims["tenant"], claims["roles"]) == (name, ["reader"])
    assert get("/administering/", access) == 403
    payload = access.split(".")[1]
    names = [key for key, _ in json.loads(urlsafe_b64decode(payload + "=="), object_pairs_hook=list)]
    assert len(names) == len(set(names)), "no claim twice"


@pytest.mark.parametrize(
    "scope",
    ["readwrite", "write2", "rewrite", "write:all", "writ", "Write", "WRITE", "*", ".*", "write*", "write,read", "w"],
)
def test_scope_is_compared_whole(issue: Any, get: Any, scope: str) -> None:
    assert get("/writing/", issue({"scope": scope}).access) == 403
    assert get("/writing/", issue({"scope": ["read", scope]}).access) == 403
    assert get("/writing/", issue({"scope": ["read", scope, "write"]}).access) == 200


@pytest.mark.parametrize(
    "scope",
    [["write"], {"write": True}, [["write"]], True, 1, None, "read\u00a0write", "read\u2003write", "read\nwrite",
     "read\twrite", "\uff57rite", "write\u200b", "wr\u0131te", "read\x1cwrite"],
    ids=ascii,
)  # fmt: skip
def test_scope_claim_of_another_form_grants_nothing(forged: Any, get: Any, scope: Any) -> None:
    assert get("/writing/", forged(scope=scope)) == 403
    assert get("/writing/", forged(scope="read  write")) == 200, "the forger makes good tokens"


@pytest.mark.parametrize(
    "roles",
    ["admin", "administrator admin", {"admin": 1}, [["admin"]], [{"value": "admin"}], [None, 1, True], True,
     ["ADMIN"], ["\uff41dmin"], ["admin "], ["admin\x00"], [{}], [[]]],
    ids=ascii,
)  # fmt: skip
def test_roles_claim_of_another_form_grants_nothing(forged: Any, get: Any, roles: Any) -> None:
    assert get("/administering/", forged(roles=roles)) == 403
    assert get("/administering/", forged(roles=[{}, 1, "admin"])) == 200, "the forger makes good tokens"


def test_refresh_token_brings_no_scope(issue: Any, get: Any) -> None:
    assert get("/writing/", issue({"scope": "write"}).refresh) == 401


# Too much of it


@pytest.mark.parametrize("field", ["x" * 3000, "é" * 400, "🔑" * 200, ["x"] * 1000, {str(n): n for n in range(500)}])
def test_field_that_a_user_filled_to_the_brim_is_a_refusal_and_no_5xx(
    api: Any, user: Any, credentials: Any, field: Any
) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": lambda user, login: {"company": field}}}):
        answer = api.post(reverse("authkit:token"), credentials(user), format="json")
    assert (answer.status_code, answer.json()) == (403, ClaimsRefused().as_payload())


def test_largest_token_fits_into_a_cookie_and_is_not_too_long_for_ourselves(issue: Any) -> None:
    pair = issue({})
    tokens = {"AUTHENTICATION_CLAIMS": True, "CLAIMS": lambda user, login: {"a": "x" * (MAX_BYTES - len('{"a":""}'))}}
    with override_settings(AUTHKIT={"TOKENS": tokens}):
        pair = refresh_tokens(refresh=pair.refresh)
    signature = pair.access.rpartition(".")[2]
    by_rsa_4096 = len(pair.access) - len(signature) + 683
    assert len(NAME) + by_rsa_4096 <= COOKIE_BYTES
    assert verify_access(token=pair.access).claims["amr"] == ["pwd"]


def test_failure_tells_the_client_nothing_and_the_log_no_credential(
    api: Any, user: Any, credentials: Any, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    def claims(person: Any, login: Login) -> Any:
        raise RuntimeError(f"tenant service says no to {person.pk}")

    pair = issue_tokens(user=user, method="password", client=Client())
    caplog.set_level(logging.DEBUG)
    with override_settings(AUTHKIT={"TOKENS": {"CLAIMS": claims}}):
        answers = [
            api.post(reverse("authkit:token"), credentials(user), format="json"),
            api.post(reverse("authkit:token-refresh"), {"refresh": pair.refresh}, format="json"),
        ]
    for answer in answers:
        assert answer.status_code == 403
        assert "tenant" not in answer.content.decode()
        assert not answer.cookies
    assert "tenant service says no" in caplog.text
    for secret in (pair.refresh, pair.access, password):
        assert secret not in caplog.text
