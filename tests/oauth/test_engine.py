"""The points at which Authlib does something else than this provider wants (`authkit.oauth.engine`)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.errors import InsecureTransportError, UnsupportedResponseTypeError
from authlib.oauth2.rfc7636 import CodeChallenge
from django.test import Client

import authkit
from tests.oauth.parties import TOKEN, Party, returned

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_module_knows_authlib() -> None:
    package = Path(authkit.__file__).parent
    knowing = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("authlib"))
        or (isinstance(node, ast.Import) and any(name.name.startswith("authlib") for name in node.names))
    }
    assert knowing == {"oauth/engine.py"}


def test_its_pkce_allows_plain_and_ours_does_not(party: Party) -> None:
    assert CodeChallenge.DEFAULT_CODE_CHALLENGE_METHOD == "plain"
    assert "plain" in CodeChallenge.SUPPORTED_CODE_CHALLENGE_METHOD
    plain = returned(party.authorize(code_challenge=party.verifier, code_challenge_method="plain"))
    assert plain["error"] == "invalid_request"
    assert (
        returned(party.authorize(code_challenge=party.verifier, code_challenge_method=None))["error"]
        == "invalid_request"
    )


def test_it_refuses_a_site_behind_a_proxy_that_ends_tls_and_ours_does_not(party: Party, settings: Any) -> None:
    with pytest.raises(InsecureTransportError):
        OAuth2Request("POST", "http://auth.example.com/auth/oauth/token")
    form = urlencode(party.form(party.code()))
    settings.ALLOWED_HOSTS = ["auth.example.com"]
    # As the proxy sends it on: by http.
    caller = Client(SERVER_NAME="auth.example.com")
    answer = caller.post(TOKEN, form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_its_errors_break_on_what_a_client_sent_and_ours_repeat_none_of_it(party: Party) -> None:
    with pytest.raises(ValueError, match="forbidden"):
        UnsupportedResponseTypeError("x", 'co"de')
    with pytest.raises(ValueError, match="forbidden"):
        InvalidRequestError("é")
    back = returned(party.authorize(response_type='co"de'))
    assert back["error"] == "unsupported_response_type"
    assert 'co"de' not in back["error_description"]
    answer = party.post({"grant_type": 'pass"word é', "client_id": party.client.client_id})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "pass" not in answer.json()["error_description"]


def test_its_setting_changes_nothing(party: Party, settings: Any) -> None:
    settings.AUTHLIB_OAUTH2_PROVIDER = {"scopes_supported": ["none"], "token_expires_in": {"authorization_code": 1}}
    assert party.tokens()["expires_in"] > 1


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit", "", None])
def test_there_are_two_grant_types(party: Party, grant_type: str | None) -> None:
    form = {"client_id": party.client.client_id, "username": "alice", "password": "x"}
    answer = party.post({**form, "grant_type": grant_type} if grant_type is not None else form)
    assert answer.status_code == 400
    assert answer.json()["error"] == ("unsupported_grant_type" if grant_type else "invalid_request")


def test_a_client_uses_the_grant_types_that_it_is_registered_for(party: Party) -> None:
    tokens = party.tokens(scope="notes:read offline_access")
    type(party.client).objects.update(grant_types=["authorization_code"])
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "unauthorized_client"
    assert "refresh_token" not in party.tokens(scope="notes:read offline_access")
    type(party.client).objects.update(grant_types=["refresh_token"])
    assert returned(party.authorize())["error"] == "unauthorized_client"
    assert party.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("twice", ["code", "grant_type", "client_id", "code_verifier"])
def test_a_parameter_that_comes_twice_is_refused_and_spends_no_code(party: Party, twice: str) -> None:
    code = party.code()
    form: dict[str, Any] = party.form(code)
    answer = party.post({**form, twice: [form[twice], form[twice]]})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert party.post(form).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"grant_type": "authorization_code"}', "application/json"),
        (b"\xff=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(500)), "application/x-www-form-urlencoded"),
        (b"x" * 200_000, "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_refused_in_oauths_words(party: Party, body: bytes, kind: str) -> None:
    answer = Client(raise_request_exception=False).post(TOKEN, body, content_type=kind)
    assert answer.status_code in {400, 401, 415}
    assert answer.json()["error"] in {"invalid_request", "invalid_client", "unsupported_grant_type"}
    assert "no-store" in answer["Cache-Control"]
    assert Client().get(TOKEN).json()["error"] == "invalid_request"
