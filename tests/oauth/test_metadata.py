"""Discovery (RFC 8414, OpenID Connect Discovery 1.0 section 3): what the documents say is there, and answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import include, path, resolve

from tests.oauth.parties import PUBLIC_URL
from tests.urls import urlpatterns as suite

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [*suite, path("", include("authkit.oauth.urls.well_known"))]

SERVER, PROVIDER = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"


def fetch(where: str) -> Any:
    answer = Client().get(where, secure=True)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "public" in answer["Cache-Control"]
    return answer.json()


def test_both_documents_agree_and_name_endpoints_that_are_there(provider: Any) -> None:
    server, openid = fetch(SERVER), fetch(PROVIDER)
    assert {name: openid[name] for name in server} == server
    assert openid["issuer"] == PUBLIC_URL
    named = [value for name, value in openid.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(named) == 7
    for url in named:
        assert url.startswith(f"{PUBLIC_URL}/")
        resolve(urlsplit(url).path)


def test_document_has_what_discovery_requires_and_nothing_that_oauth_2_1_forbids(provider: Any) -> None:
    openid = fetch(PROVIDER)
    required = {
        *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"),
        *("subject_types_supported", "id_token_signing_alg_values_supported"),
    }
    assert required <= openid.keys()
    assert openid["response_types_supported"] == ["code"]
    assert openid["code_challenge_methods_supported"] == ["S256"]
    assert openid["authorization_response_iss_parameter_supported"] is True
    assert {"password", "implicit"}.isdisjoint(openid["grant_types_supported"])
    assert {"openid", "profile", "email", "offline_access", "notes:read"} <= set(openid["scopes_supported"])
    assert "none" not in openid["introspection_endpoint_auth_methods_supported"]
    algorithms = {key["alg"] for key in Client().get("/auth/api/jwks.json").json()["keys"]}
    assert set(openid["id_token_signing_alg_values_supported"]) <= algorithms
    assert "acr_values_supported" not in openid


def test_attack_host_header_names_no_endpoint(provider: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    document = Client().get(PROVIDER, secure=True, headers={"host": "evil.example.com"}).json()
    assert "evil" not in str(document)


def test_acr_values_are_those_that_the_project_names(provider: Any) -> None:
    block = provider.AUTHKIT
    provider.AUTHKIT = {**block, "TOKENS": {**block["TOKENS"], "ACR_VALUES": {"password": "1", "oidc": "2"}}}
    assert fetch(PROVIDER)["acr_values_supported"] == ["1", "2"]
