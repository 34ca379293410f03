"""Libraries of other authors as clients, over HTTP: each goes through the whole life of a grant, up to a forced logout,
a revocation and the person's sign-out at the client."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import jwt
import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.urls import include, path
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError
from requests_oauthlib import OAuth2Session
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.oauth.clients import Registered, register_client
from authkit.oauth.models import AuthMethod, ClientKind
from tests.conftest import PASSWORD
from tests.oauth.parties import REDIRECT_URI, SCOPES
from tests.services import openid
from tests.tokens.rings import jwk_of, ring
from tests.urls import urlpatterns as suite
from tests.web_forms import Forms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

LEFT_URI = "https://notes.example.com/left"
SCOPE = "openid email notes:read offline_access"
SECONDS = 30


class Notes(APIView):
    permission_classes = [IsAuthenticated]
    accepts_grants = True
    required_scopes = ["notes:read"]

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})


urlpatterns = [*suite, path("", include("authkit.oauth.urls.well_known")), path("notes/", Notes.as_view())]


class Visitor:
    """A person at a browser without scripts, that clients call on."""

    def __init__(self, site: str, user: Any, web: requests.Session) -> None:
        self.site = site
        self.user = user
        self.web = web

    def visit(self, url: str) -> str:
        """Goes there, and signs in and agrees where a page asks for it. Answers where the person comes out."""
        answer = self.web.get(url, allow_redirects=False, timeout=SECONDS)
        for _page in range(10):
            while answer.is_redirect:
                place = urljoin(answer.url, answer.headers["Location"])
                if not place.startswith(self.site):
                    return place
                answer = self.web.get(place, allow_redirects=False, timeout=SECONDS)
            assert answer.status_code == 200, (answer.status_code, answer.text)
            answer = self._submit(answer)
        raise AssertionError(answer.text)

    def _submit(self, page: requests.Response) -> requests.Response:
        where = urlsplit(page.url).path
        filled = {
            "/auth/login/": {"username": self.user.get_username(), "password": PASSWORD},
            "/auth/oauth/consent": {"decision": "allow"},
            "/auth/oauth/logout": {},
        }[where]
        body = {**Forms(page).to(where), **filled}
        return self.web.post(urljoin(page.url, where), data=body, allow_redirects=False, timeout=SECONDS)

    def is_signed_in(self) -> bool:
        return bool(self.web.get(f"{self.site}/auth/api/session/", timeout=SECONDS).json()["authenticated"])


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    """A provider over HTTP, whose issuer is its own address."""
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "PUBLIC_URL": live_server.url,
        "TOKENS": {"KEYS": ring("RS256")},
        "OAUTH": {"SCOPES": SCOPES},
        "LIMITER": {"EXEMPT": ("127.0.0.1/32",)},
    }
    return str(live_server.url)


@pytest.fixture
def sessions() -> Iterator[ExitStack]:
    """Closes the connections of a test: the server may have none that outlives it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def visitor(site: str, user: Any, sessions: ExitStack) -> Visitor:
    return Visitor(site, user, sessions.enter_context(requests.Session()))


def registered(**fields: Any) -> Registered:
    return register_client(
        name="Notes for phones",
        redirect_uris=[REDIRECT_URI],
        post_logout_redirect_uris=[LEFT_URI],
        scopes=[*SCOPES, "openid", "email", "offline_access"],
        **fields,
    )


def force_out(user: Any) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)


def api(site: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{site}/notes/", headers=headers, timeout=SECONDS).status_code


@pytest.mark.oidc
def test_openid_client_and_oauth4webapi(site: str, visitor: Visitor) -> None:
    key = jwk_of("ES256")
    public = {name: value for name, value in key.items() if name in {"kty", "crv", "x", "y"}}
    keyed = registered(kind=ClientKind.CONFIDENTIAL, auth_method=AuthMethod.PRIVATE_KEY, jwks={"keys": [public]}).client
    open_to_all = registered(kind=ClientKind.PUBLIC).client

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        match question:
            case {"visit": url}:
                return {"callback": visitor.visit(url)}
            case {"force": subject}:
                force_out(get_user_model()._default_manager.get(pk=subject))
                return {}
            case {"leave": url}:
                assert visitor.is_signed_in()
                left = {"callback": visitor.visit(url)}
                assert not visitor.is_signed_in()
                return left
            case _:
                raise AssertionError(question)

    openid.converse(
        "strangers.mjs",
        answer,
        ISSUER=site,
        API=f"{site}/notes/",
        REDIRECT_URI=REDIRECT_URI,
        LEFT_URI=LEFT_URI,
        KEYED_ID=keyed.client_id,
        KEY=json.dumps({**public, "d": key["d"]}),
        PUBLIC_ID=open_to_all.client_id,
    )


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST])
def test_authlib(site: str, visitor: Visitor, method: AuthMethod) -> None:
    made = registered(kind=ClientKind.CONFIDENTIAL, auth_method=method)
    app = OAuth().register(
        "notes",
        client_id=made.client.client_id,
        client_secret=made.secret,
        server_metadata_url=f"{site}/.well-known/openid-configuration",
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": method.value,
            "revocation_endpoint_auth_method": method.value,
        },
    )
    session: dict[str, Any] = {}

    def request(path_: str) -> Any:
        made = RequestFactory().get(path_)
        made.session = session  # type: ignore[assignment]
        return made

    def sign_in(**more: Any) -> Any:
        begun = app.authorize_redirect(request("/"), REDIRECT_URI, **more)
        return app.authorize_access_token(request(visitor.visit(begun["Location"])))

    tokens = sign_in(prompt="consent")
    assert tokens["userinfo"]["sub"] == str(visitor.user.pk)
    assert app.userinfo(token=tokens)["email"] == visitor.user.email
    assert app.get(f"{site}/notes/", token=tokens).status_code == 200
    metadata = app.load_server_metadata()
    with app._get_oauth_client(**metadata) as own:
        renewed = own.refresh_token(metadata["token_endpoint"], tokens["refresh_token"])
        assert own.get(f"{site}/notes/").status_code == 200
        assert own.introspect_token(metadata["introspection_endpoint"], renewed["access_token"]).json()["active"]
        force_out(visitor.user)
        assert own.get(f"{site}/notes/").status_code == 401
        assert own.get(metadata["userinfo_endpoint"]).status_code == 401
        over = own.introspect_token(metadata["introspection_endpoint"], renewed["access_token"])
        assert over.json() == {"active": False}
        with pytest.raises(OAuthError, match="invalid_grant"):
            own.refresh_token(metadata["token_endpoint"], renewed["refresh_token"])

        tokens = sign_in()
        own.revoke_token(metadata["revocation_endpoint"], tokens["refresh_token"]).raise_for_status()
        assert app.get(f"{site}/notes/", token=tokens).status_code == 401

    tokens = sign_in()
    leaving = app.logout_redirect(request("/"), LEFT_URI, tokens["id_token"])
    app.validate_logout_response(request(visitor.visit(leaving["Location"])))
    assert not visitor.is_signed_in()


def test_requests_oauthlib(site: str, visitor: Visitor, sessions: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the test's server is on loopback
    client_id = registered(kind=ClientKind.PUBLIC).client.client_id
    known = requests.get(f"{site}/.well-known/openid-configuration", timeout=SECONDS).json()
    keys = jwt.PyJWKClient(known["jwks_uri"])

    def signed_in() -> OAuth2Session:
        own = OAuth2Session(client_id, redirect_uri=REDIRECT_URI, scope=SCOPE.split(), pkce="S256")
        sessions.enter_context(own)
        nonce = secrets.token_urlsafe()
        url, _state = own.authorization_url(known["authorization_endpoint"], nonce=nonce)
        back = visitor.visit(url)
        assert dict(parse_qsl(urlsplit(back).query))["iss"] == known["issuer"]
        tokens = own.fetch_token(known["token_endpoint"], authorization_response=back, include_client_id=True)
        key = keys.get_signing_key_from_jwt(tokens["id_token"])
        claims = jwt.decode(tokens["id_token"], key, audience=client_id, issuer=site)
        assert (claims["sub"], claims["nonce"]) == (str(visitor.user.pk), nonce)
        return own

    def refused(call: Callable[[], Any]) -> None:
        with pytest.raises(InvalidGrantError):
            call()

    def refresh(own: OAuth2Session) -> Any:
        return own.refresh_token(known["token_endpoint"], client_id=client_id)

    own = signed_in()
    assert own.get(known["userinfo_endpoint"]).json()["sub"] == str(visitor.user.pk)
    refresh(own)
    assert own.get(f"{site}/notes/").status_code == 200
    force_out(visitor.user)
    assert own.get(f"{site}/notes/").status_code == 401
    refused(lambda: refresh(own))

    own = signed_in()
    form = {"token": own.token["access_token"], "client_id": client_id}
    requests.post(known["revocation_endpoint"], form, timeout=SECONDS).raise_for_status()
    assert api(site, own.token["access_token"]) == 401
    refused(lambda: refresh(own))

    own = signed_in()
    leaving = requests.Request(
        "GET",
        known["end_session_endpoint"],
        params={"id_token_hint": own.token["id_token"], "post_logout_redirect_uri": LEFT_URI, "state": "bye"},
    )
    assert visitor.visit(str(leaving.prepare().url)) == f"{LEFT_URI}?state=bye"
    assert not visitor.is_signed_in()
