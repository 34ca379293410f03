"""What the OpenID Foundation's conformance suite asks of a provider, by the names of its modules (without "oidcc-").

The plans are Basic, Config, RP-Initiated Logout and Back-Channel Logout. The suite's own requests have no PKCE and are
refused here, so each test sends what the module sends, with PKCE. `docs/oauth-conformance.md` has the whole list.
"""

from __future__ import annotations

import ast
import base64
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.urls import include, path

from authkit.mail.delivering import deliver_due
from authkit.oauth import logout_channel
from authkit.oauth.clients import register_client
from authkit.oauth.models import AuthMethod, ClientKind
from authkit.tokens.keyring import published
from authkit.tokens.keys import current
from tests.loopback import answers, server
from tests.oauth.parties import AUTHORIZE, CONSENT, PUBLIC_URL, REDIRECT_URI, SCOPES, TOKEN, Party, call, returned
from tests.oauth.test_calls import USERINFO, post
from tests.tokens.rings import ring
from tests.urls import urlpatterns as suite

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [*suite, path("", include("authkit.oauth.urls.well_known"))]

END, CONFIRM, LEFT = "/auth/oauth/end-session", "/auth/oauth/logout", "https://notes.example.com/left"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def op(provider: Any, db: None, user: Any) -> Party:
    """A client as the suite registers it, at a provider that signs by RS256."""
    provider.AUTHKIT = {**provider.AUTHKIT, "TOKENS": {"KEYS": ring("RS256")}}
    registered = register_client(
        name="Suite",
        kind=ClientKind.CONFIDENTIAL,
        auth_method=AuthMethod.BASIC,
        redirect_uris=[REDIRECT_URI],
        post_logout_redirect_uris=[LEFT],
        scopes=[*SCOPES, "openid", "profile", "email", "offline_access"],
    )
    return Party.of(registered, user)


def answered(op: Party, begun: Any) -> dict[str, Any]:
    """The tokens of a request that was taken, with the person's agreement, and the claims of the ID token, verified."""
    assert begun.status_code == 303, begun.content
    assert begun["Location"].startswith(f"{CONSENT}?request="), begun["Location"]
    handle = parse_qs(urlsplit(begun["Location"]).query)["request"][0]
    page = op.page(handle)
    back = returned(op.decide(handle) if page.status_code == 200 else page)
    assert (back["state"], back["iss"]) == ("a state", PUBLIC_URL)
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "code_verifier": op.verifier,
        "redirect_uri": REDIRECT_URI,
    }
    basic = base64.b64encode(f"{op.client.client_id}:{op.secret}".encode()).decode()
    answer = post(TOKEN, form, authorization=f"Basic {basic}")
    assert answer.status_code == 200, answer.content
    tokens: dict[str, Any] = answer.json()
    header = jwt.get_unverified_header(tokens["id_token"])
    key = jwt.PyJWKSet.from_dict(published(current()))[header["kid"]].key
    assert header["alg"] == "RS256"
    tokens["claims"] = jwt.decode(
        tokens["id_token"], key, algorithms=["RS256"], audience=op.client.client_id, issuer=PUBLIC_URL
    )
    return tokens


NAME = {"name", "given_name", "family_name", "preferred_username"}
EMAIL = {"email", "email_verified"}


@pytest.mark.parametrize(
    ("module", "more", "told"),
    [
        ("server", {"nonce": "n-1"}, set()),
        ("ensure-request-without-nonce-succeeds-for-code-flow", {}, set()),
        ("scope-profile", {"scope": "openid profile"}, NAME),
        ("scope-email", {"scope": "openid email"}, EMAIL),
        # Scopes that are unknown are left out (RFC 6749 section 3.3).
        ("scope-address", {"scope": "openid address"}, set()),
        ("scope-phone", {"scope": "openid phone"}, set()),
        ("scope-all", {"scope": "openid profile email address phone"}, NAME | EMAIL),
        ("alternate-happy-flow", {"scope": "email openid"}, EMAIL),
        ("display-page", {"display": "page"}, set()),
        ("display-popup", {"display": "popup"}, set()),
        ("ensure-request-with-unknown-parameter-succeeds", {"extra": "foobar"}, set()),
        ("login-hint", {"login_hint": "buffy@issuer.example.com"}, set()),
        ("ui-locales", {"ui_locales": "se"}, set()),
        ("claims-locales", {"claims_locales": "se"}, set()),
        ("ensure-request-with-acr-values-succeeds", {"acr_values": "1 2"}, set()),
        ("claims-essential", {"claims": '{"userinfo":{"name":{"essential":true}}}', "scope": "openid profile"}, NAME),
        ("max-age-10000", {"max_age": "10000"}, set()),
    ],
)
def test_request_succeeds(op: Party, user: Any, module: str, more: dict[str, str], told: set[str]) -> None:
    user.first_name, user.last_name = "Alice", "Doe"
    user.save()
    tokens = answered(op, op.authorize(**{"scope": "openid", **more}))
    assert tokens["claims"].get("nonce") == more.get("nonce")
    assert isinstance(tokens["claims"]["auth_time"], int)
    known = call(USERINFO, tokens["access_token"]).json()
    assert known["sub"] == tokens["claims"]["sub"]
    unnamed = set() if hasattr(type(user), "first_name") else NAME - {"preferred_username"}
    assert set(known) == {"sub", *told} - unnamed


def test_ensure_post_request_succeeds_in_any_order_of_parameters(op: Party) -> None:
    asked = list(op.parameters(scope="openid").items())
    for given in (asked, asked[::-1]):
        body = urlencode(given)
        stranger = Client(raise_request_exception=False)  # a browser sends no Lax cookie with a form of another site
        begun = stranger.post(AUTHORIZE, body, content_type="application/x-www-form-urlencoded", secure=True)
        op.browser.cookies.update(stranger.cookies)
        assert answered(op, begun)["claims"]["sub"] == str(op.user.pk)


def test_prompt_none_logged_in_and_id_token_hint_change_nothing(op: Party) -> None:
    first = answered(op, op.authorize(scope="openid"))
    for more in ({}, {"id_token_hint": first["id_token"]}):
        again = answered(op, op.authorize(scope="openid", prompt="none", **more))
        for name in ("sub", "auth_time"):
            assert again["claims"][name] == first["claims"][name]


@pytest.mark.parametrize("well_known", ["oauth-authorization-server", "openid-configuration"])
def test_discovery_endpoint_verification(op: Party, well_known: str) -> None:
    document = Client().get(f"/.well-known/{well_known}", secure=True).json()
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith("https://"), name
    assert document["issuer"] == PUBLIC_URL
    assert "openid" in document["scopes_supported"]
    assert document["response_types_supported"] == ["code"]
    if well_known == "openid-configuration":
        assert document["end_session_endpoint"]
        assert document["backchannel_logout_supported"] is document["backchannel_logout_session_supported"] is True
        assert document["subject_types_supported"] == ["public"]
        assert "RS256" in document["id_token_signing_alg_values_supported"]
        assert document["claims_parameter_supported"] is False
        assert document["request_parameter_supported"] is document["request_uri_parameter_supported"] is False


# RP-initiated logout


def unsigned(hint: str) -> str:
    return jwt.encode(jwt.decode(hint, options={"verify_signature": False}), None, algorithm="none")  # type: ignore[arg-type]


def signed_by_another(hint: str) -> str:
    key = rsa.generate_private_key(65537, 2048)
    kid = jwt.get_unverified_header(hint)["kid"]
    claims = jwt.decode(hint, options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid, "typ": "JWT"})


@pytest.mark.parametrize(
    ("module", "asked", "ends_at"),
    [
        ("", {"id_token_hint": "{hint}", "post_logout_redirect_uri": LEFT, "state": "s"}, f"{LEFT}?state=s"),
        ("-no-state", {"id_token_hint": "{hint}", "post_logout_redirect_uri": LEFT}, LEFT),
        ("-no-params", {}, "/auth/logout/"),
        ("-only-state", {"state": "s"}, "/auth/logout/"),
        ("-no-post-logout-redirect-uri", {"id_token_hint": "{hint}", "state": "s"}, "/auth/logout/"),
        ("-no-id-token-hint", {"post_logout_redirect_uri": LEFT, "state": "s"}, None),
        ("-bad-post-logout-redirect-uri", {"id_token_hint": "{hint}", "post_logout_redirect_uri": f"{LEFT}2"}, None),
        (
            "-query-added-to-post-logout-redirect-uri",
            {"id_token_hint": "{hint}", "post_logout_redirect_uri": f"{LEFT}?foo=bar"},
            None,
        ),
        ("-modified-id-token-hint", {"id_token_hint": "{unsigned}", "post_logout_redirect_uri": LEFT}, None),
        ("-bad-id-token-hint", {"id_token_hint": "{forged}", "post_logout_redirect_uri": LEFT}, None),
    ],
)
def test_rp_initiated_logout(op: Party, module: str, asked: dict[str, str], ends_at: str | None) -> None:
    hint = answered(op, op.authorize(scope="openid"))["id_token"]
    hints = {"{hint}": lambda: hint, "{unsigned}": lambda: unsigned(hint), "{forged}": lambda: signed_by_another(hint)}
    given = {name: hints[value]() if value in hints else value for name, value in asked.items()}
    begun = op.browser.get(END, given)
    if ends_at is None:
        assert begun.status_code == 400
        assert "Location" not in begun
        return
    sealed = dict(parse_qsl(urlsplit(begun["Location"]).query))["request"]
    assert op.browser.get(CONFIRM, {"request": sealed}).status_code == 200
    assert op.browser.post(CONFIRM, {"request": sealed})["Location"] == ends_at
    back = returned(op.authorize(scope="openid", prompt="none"))
    assert (back["error"], back["state"]) == ("login_required", "a state")


@pytest.mark.usefixtures("told_clients")
def test_backchannel_rp_initiated_logout(op: Party, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    block = provider.AUTHKIT
    provider.AUTHKIT = {
        **block,
        "OAUTH": {**block["OAUTH"], "INTERNAL_HOSTS": ["127.0.0.1"]},
        "MAIL": {"DELIVER": "command"},
    }
    monkeypatch.setattr("authkit.mail.outbox.AT_ONCE", frozenset())
    logout_channel.forget()
    seen: list[bytes] = []
    with server(answers(b"", seen=seen)) as url:
        op.client.backchannel_logout_uri = f"{url}/logout"
        op.client.save()
        claims = answered(op, op.authorize(scope="openid"))["claims"]
        sealed = dict(parse_qsl(urlsplit(op.browser.get(END)["Location"]).query))["request"]
        op.browser.post(CONFIRM, {"request": sealed})
        deliver_due()
    (request,) = seen
    (token,) = parse_qs(request.partition(b"\r\n\r\n")[2].decode())["logout_token"]
    told = jwt.decode(token, options={"verify_signature": False})
    assert (told["sub"], told["sid"], told["aud"]) == (claims["sub"], claims["sid"], op.client.client_id)


# The page


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "oauth-conformance.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 40
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"
    modules = {f"oidcc-{each}" for each in re.findall(r"^\| `oidcc-([\w-]+)`", page, re.MULTILINE)}
    assert len(modules) == 52
