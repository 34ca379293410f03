"""The whole trip: a person is sent here, agrees, and the client comes for its tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.oauth.clients import disable_client
from authkit.oauth.models import ClientKind, Grant
from authkit.tokens.stateless import verify
from tests.oauth.parties import CONSENT, PUBLIC_URL, Party, call, claims_of, part, returned, signed_in
from tests.sessions.impersonation_urls import ShowsAnother
from tests.urls import urlpatterns as suite

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


class Notes(APIView):
    permission_classes = [IsAuthenticated]
    accepts_grants = True
    required_scopes = {"GET": ["notes:read"], "POST": ["notes:write"]}

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})

    post = get


class Mcp(Notes):
    resource = "https://mcp.example.com/"


urlpatterns = [*suite, path("notes/", Notes.as_view()), path("mcp/", Mcp.as_view())]


def test_a_person_agrees_and_the_client_acts_for_them_until_they_are_forced_out(party: Party, user: Any) -> None:
    handle = party.begin(scope="notes:read offline_access", nonce="n")
    page = party.page(handle)
    said = page.content.decode()
    assert page.status_code == 200
    for expected in (party.client.name, user.get_username(), "Read your notes", "notes.example.com"):
        assert expected in said
    assert page["X-Frame-Options"] == "DENY"
    assert "no-store" in page["Cache-Control"]
    back = returned(party.decide(handle))
    assert set(back) == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == ("a state", PUBLIC_URL)

    answer = party.exchange(back["code"])
    tokens = answer.json()
    assert answer.status_code == 200, tokens
    assert answer["Cache-Control"] == "no-store"
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "notes:read offline_access")
    assert 0 < tokens["expires_in"] <= 900
    claims = claims_of(tokens["access_token"])
    assert part(tokens["access_token"], 0)["typ"] == "at+jwt"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (PUBLIC_URL, PUBLIC_URL, str(user.pk))
    assert (claims["client_id"], claims["scope"]) == (party.client.client_id, tokens["scope"])
    assert call("/notes/", tokens["access_token"]).json() == {"user": str(user.pk)}
    assert call("/notes/", tokens["access_token"], "post").json()["code"] == "insufficient_scope"

    again = party.refresh(tokens["refresh_token"])
    assert again.status_code == 200, again.content
    newest = again.json()
    assert newest["refresh_token"] != tokens["refresh_token"]
    assert call("/notes/", newest["access_token"]).status_code == 200

    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    ended = call("/notes/", newest["access_token"])
    assert (ended.status_code, ended.json()["reason"]) == (401, "login_ended")
    over = party.refresh(newest["refresh_token"])
    assert (over.status_code, over.json()["error"]) == (400, "invalid_grant")


def test_without_offline_access_there_is_no_refresh_token_and_the_login_ends_with_the_access_token(
    party: Party,
) -> None:
    tokens = party.tokens()
    assert "refresh_token" not in tokens
    login = Login.objects.get(kind="grant")
    assert int(login.expires_at.timestamp()) == claims_of(tokens["access_token"])["exp"]


def test_the_grant_is_as_old_as_the_sign_in(party: Party) -> None:
    session = Login.objects.get(kind="session")
    party.tokens()
    grant = Grant.objects.select_related("client").get()
    login = Login.objects.get(pk=grant.login_id)
    assert grant.session_id == session.pk
    assert login.authenticated_at == session.authenticated_at
    assert (login.method, login.amr) == (session.method, session.amr)


def test_other_services_verify_the_token_by_the_published_keys(party: Party, client: Client) -> None:
    token = party.tokens()["access_token"]
    keys = client.get("/auth/api/jwks.json").json()
    assert verify(token, jwks=keys, iss=PUBLIC_URL, aud=PUBLIC_URL)["client_id"] == party.client.client_id
    with pytest.raises(TokenNotValid):
        verify(token, jwks=keys, iss=PUBLIC_URL, aud="https://other.example.com")


def test_the_person_refuses(party: Party) -> None:
    handle = party.begin()
    party.page(handle)
    assert returned(party.decide(handle, "deny"))["error"] == "access_denied"
    assert Login.objects.filter(kind="grant").count() == 0


def test_the_way_through_the_sign_in_page_carries_the_handle_alone(register: Callable[..., Any], user: Any) -> None:
    party = Party.of(register(), user)
    party.browser.logout()
    handle = party.begin(nonce="a nonce")
    answer = party.page(handle)
    assert answer.status_code == 302
    assert answer["Location"] == f"/auth/login/?next={CONSENT}%3Frequest%3D{handle}"
    party.browser.force_login(user)
    assert party.page(handle).status_code == 200


@pytest.mark.parametrize("there", ["/in/", "https://id.example.com/in/"])
def test_the_way_to_consent_leads_through_the_page_that_login_url_names(
    register: Callable[..., Any], user: Any, settings: Any, there: str
) -> None:
    settings.LOGIN_URL = there
    party = Party.of(register(), user)
    party.browser.logout()
    handle = party.begin()
    page, _, query = party.page(handle)["Location"].partition("?")
    origin = "" if there.startswith("/") else "http://testserver"
    assert (page, dict(parse_qsl(query))) == (there, {"next": f"{origin}{CONSENT}?request={handle}"})


def test_a_person_is_asked_once_and_again_for_more(party: Party, user: Any) -> None:
    first = party.tokens(scope="notes:read notes:write")
    assert first["scope"] == "notes:read notes:write"
    assert "code" in returned(party.page(party.begin(scope="notes:read")))
    assert party.page(party.begin(scope="notes:read email")).status_code == 200
    assert party.page(party.begin(scope="notes:read", prompt="consent")).status_code == 200


def test_a_silent_request_that_has_to_ask_says_so(party: Party) -> None:
    back = returned(party.page(party.begin(prompt="none")))
    assert (back["error"], back["state"], back["iss"]) == ("consent_required", "a state", PUBLIC_URL)


def test_an_app_of_ones_own_asks_nothing(register: Callable[..., Any], user: Any) -> None:
    party = Party.of(register(first_party=True), user)
    assert "code" in returned(party.page(party.begin()))


def test_an_address_that_any_program_can_take_is_asked_about_each_time(register: Callable[..., Any], user: Any) -> None:
    uri = "http://127.0.0.1/cb"
    party = Party.of(register(first_party=True, redirect_uris=[uri]), user)
    for _ in range(2):
        handle = party.begin(redirect_uri="http://127.0.0.1:43211/cb")
        assert party.page(handle).status_code == 200
        assert party.decide(handle)["Location"].startswith("http://127.0.0.1:43211/cb?code=")


def test_a_client_that_is_switched_off_is_out_at_once(party: Party) -> None:
    tokens = party.tokens(scope="notes:read offline_access")
    assert call("/notes/", tokens["access_token"]).status_code == 200
    pending = party.code()
    assert disable_client(client=party.client) == 1
    ended = call("/notes/", tokens["access_token"]).json()
    assert (ended["reason"], ended["why"]) == ("login_ended", "client_disabled")
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert party.exchange(pending).json()["error"] == "invalid_client"
    assert party.authorize().status_code == 400


def test_a_confidential_client_shows_its_secret(register: Callable[..., Any], user: Any) -> None:
    party = Party.of(register(kind=ClientKind.CONFIDENTIAL, auth_method="client_secret_post"), user)
    code = party.code()
    refused = party.exchange(code, client_secret="wrong")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert party.exchange(code, client_secret=party.secret).status_code == 200


def test_a_token_is_for_the_resource_that_was_asked_for(party: Party, provider: Any) -> None:
    resource = Mcp.resource
    block = provider.AUTHKIT
    provider.AUTHKIT = {
        **block,
        "OAUTH": {**block["OAUTH"], "RESOURCES": {resource: {"SCOPES": {"mcp": "Call tools"}}}},
    }
    type(party.client).objects.update(scopes=["notes:read", "mcp", "offline_access"])
    tokens = party.tokens(resource=[PUBLIC_URL, resource], scope="notes:read mcp offline_access")
    assert claims_of(tokens["access_token"])["aud"] == [PUBLIC_URL, resource]
    for path_ in ("/notes/", "/mcp/"):
        assert call(path_, tokens["access_token"]).status_code == 200
    narrow = party.refresh(tokens["refresh_token"], resource=PUBLIC_URL).json()
    assert (claims_of(narrow["access_token"])["aud"], narrow["scope"]) == (PUBLIC_URL, "notes:read offline_access")
    wrong = call("/mcp/", narrow["access_token"])
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong["WWW-Authenticate"]
    unknown = party.refresh(narrow["refresh_token"], resource="https://evil.example.com/")
    assert unknown.json()["error"] == "invalid_target"
    more = party.refresh(narrow["refresh_token"], scope="notes:write")
    assert more.json()["error"] == "invalid_scope"
    # Neither has spent anything.
    assert party.refresh(narrow["refresh_token"]).status_code == 200
    assert returned(party.authorize(resource="https://evil.example.com/"))["error"] == "invalid_target"


def test_attack_scope_for_one_resource_is_no_scope_for_another(party: Party, provider: Any) -> None:
    other, block = "https://api.example.com/other", provider.AUTHKIT
    provider.AUTHKIT = {**block, "OAUTH": {**block["OAUTH"], "RESOURCES": {other: {}}}}
    party.tokens(scope="notes:read")
    party.tokens(scope="notes:write", resource=other)
    for scope, resource, is_agreed in (
        ("notes:read", None, True),
        ("notes:write", other, True),
        ("notes:write", None, False),
        ("notes:read", other, False),
        ("notes:read", [PUBLIC_URL, other], False),
    ):
        answer = party.page(party.begin(scope=scope, resource=resource, prompt="none"))
        assert ("code" in returned(answer)) is is_agreed, (scope, resource)


def test_another_person_at_the_same_browser_answers_for_themselves(party: Party, make_user: Callable[..., Any]) -> None:
    handle = party.begin()
    assert party.page(handle).status_code == 200
    other = make_user("bob")
    party.browser.force_login(other)
    assert party.decide(handle).status_code == 400
    assert Login.objects.filter(kind="grant").count() == 0


def test_attack_administrator_who_is_shown_another_person_agrees_in_their_place(
    party: Party, make_user: Callable[..., Any], settings: Any
) -> None:
    """By django-impersonate's middleware: the app would keep its access after the administrator's sign-out."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{ShowsAnother.__module__}.{ShowsAnother.__qualname__}"]
    ann = make_user("ann")
    handle = party.begin()
    party.browser.defaults["HTTP_X_SHOWN"] = str(ann.pk)
    assert party.page(handle).status_code == 400
    assert party.decide(handle).status_code == 400
    assert returned(party.authorize(prompt="none"))["error"] == "login_required"
    assert not Grant.objects.exists()
    del party.browser.defaults["HTTP_X_SHOWN"]
    assert party.page(handle).status_code == 200


def test_another_browser_finds_no_request(party: Party, user: Any) -> None:
    handle = party.begin()
    party.page(handle)
    thief = signed_in(user)
    assert thief.get(CONSENT, {"request": handle}).status_code == 400
    assert thief.post(CONSENT, {"request": handle, "decision": "allow"}).status_code == 400
    assert "code" in returned(party.decide(handle))
