"""Attacks on the provider: on its redirects, its codes, its consent page, and by its tokens (RFC 9700 section 4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from authkit.core.clients import Client as Caller
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.oauth.clients import disable_client
from authkit.oauth.engine import authorization_request
from authkit.oauth.models import OAuthClient
from authkit.oauth.refusals import OAuthRefused, ReturnedToClient
from authkit.tokens.services import issue_tokens
from tests.oauth.conftest import party, provider, register
from tests.oauth.parties import AUTHORIZE, CONSENT, REDIRECT_URI, Party, call, challenge_of, returned
from tests.security.test_redirect_uri_attacks import REGISTERED, TRICKS

__all__ = ["party", "provider", "register"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_redirect_trick_gets_a_code_or_an_error_sent_there(register: Callable[..., Any]) -> None:
    client = register(redirect_uris=REGISTERED).client
    asked = {"client_id": [client.client_id], "response_type": ["code"], "state": ["x"]}
    for trick in TRICKS:
        with pytest.raises(OAuthRefused) as refused:
            authorization_request({**asked, "redirect_uri": [trick]})
        assert not isinstance(refused.value, ReturnedToClient), trick
    with pytest.raises(OAuthRefused) as refused:
        authorization_request({**asked, "redirect_uri": [REGISTERED[0], REGISTERED[0]]})
    assert not isinstance(refused.value, ReturnedToClient)
    with pytest.raises(ReturnedToClient):  # for the lack of PKCE, at the address that is registered
        authorization_request({**asked, "redirect_uri": [REGISTERED[0]]})


@pytest.mark.parametrize(
    "trick", ["https://evil.test/cb", "//evil.test", f"{REDIRECT_URI}\r\nX: y", "javascript:alert(1)"]
)
def test_a_page_and_no_redirect_answers_a_wrong_redirect_uri(party: Party, trick: str) -> None:
    answer = party.authorize(redirect_uri=trick)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert trick not in answer.content.decode()


@pytest.mark.parametrize(
    "client_id",
    ["", "unknown", "\x00", "a" * 300, "\ud800", "' OR 1=1 --", "é"],
)
def test_no_client_id_of_a_stranger_is_redirected_or_an_error_of_ours(party: Party, client_id: str) -> None:
    asked = party.parameters(client_id=client_id.encode("utf-8", "surrogatepass"))
    answer = party.browser.get(AUTHORIZE, asked)
    assert answer.status_code == 400
    answer = party.post(
        {"grant_type": "authorization_code", "code": "x", "code_verifier": "x" * 43, "client_id": asked["client_id"]}
    )
    # A text that is no UTF-8 is no form.
    assert (answer.status_code, answer.json()["error"]) in {(401, "invalid_client"), (400, "invalid_request")}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": ["x" * 43, "y" * 43]}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": 'c"\\\xe9'}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": 'notes:read "'}, "invalid_scope"),
        ({"scope": "notes:read\x00"}, "invalid_scope"),
        ({"state": "x\x00"}, "invalid_request"),
        ({"state": "x" * 3000}, "invalid_request"),
        ({"nonce": "\ud83d\ude00"}, "invalid_request"),
        ({"nonce": ["a", "b"]}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.test/r"}, "request_uri_not_supported"),
    ],
)  # fmt: skip
def test_a_request_without_pkce_or_with_a_broken_part_goes_back_as_an_error(
    party: Party, changed: dict[str, Any], error: str
) -> None:
    changed = {k: v.encode("utf-8", "surrogatepass") if isinstance(v, str) else v for k, v in changed.items()}
    back = returned(party.authorize(**changed))
    assert back["error"] == error
    assert "code" not in back
    assert not OneTimeCode.objects.filter(purpose__in=["oauth-request", "authorization-client"]).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": secrets.token_urlsafe(48)},
        {"code_verifier": "short"},
        {"redirect_uri": "https://notes.example.com/other"},
    ],
)
def test_a_wrong_verifier_or_redirect_uri_burns_the_code(party: Party, changed: dict[str, str]) -> None:
    code = party.code()
    for attempt in (changed, {}):
        answer = party.exchange(code, **attempt)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert Login.objects.filter(kind="grant").count() == 0


@pytest.mark.parametrize("verifier", [None, ""])
def test_no_code_goes_without_a_verifier(party: Party, verifier: str | None) -> None:
    answer = party.exchange(party.code(), code_verifier=verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert Login.objects.filter(kind="grant").count() == 0


def test_downgrade_the_challenge_itself_is_no_verifier(party: Party) -> None:
    answer = party.exchange(party.code(), code_verifier=challenge_of(party.verifier))
    assert answer.json()["error"] == "invalid_grant"


def test_a_code_that_comes_twice_ends_the_login_that_it_opened(party: Party) -> None:
    code = party.code(scope="notes:read offline_access")
    tokens = party.exchange(code).json()
    assert party.exchange(code).json()["error"] == "invalid_grant"
    assert Login.objects.get(kind="grant").end_reason == EndReason.REVOKED
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_client_neither_uses_a_code_nor_burns_it(party: Party, register: Callable[..., Any], user: Any) -> None:
    thief = Party.of(register(name="thief"), user)
    code = party.code(scope="notes:read offline_access")
    assert thief.exchange(code, code_verifier=party.verifier).json()["error"] == "invalid_grant"
    tokens = party.exchange(code).json()
    assert thief.exchange(code, code_verifier=party.verifier).json()["error"] == "invalid_grant"
    assert thief.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert party.refresh(tokens["refresh_token"]).status_code == 200


def test_a_code_is_good_for_a_minute(party: Party) -> None:
    code = party.code()
    OneTimeCode.objects.filter(pk=digest_of(code)).update(expires_at=timezone.now() - timedelta(microseconds=1))
    assert party.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_for_a_client_is_none_at_the_door_for_programs(party: Party) -> None:
    body = {"code": party.code(), "code_verifier": party.verifier, "redirect_uri": REDIRECT_URI}
    answer = Client().post("/auth/api/social/exchange/", body, content_type="application/json")
    assert answer.json()["code"] == "invalid_grant"
    assert party.exchange(body["code"]).status_code == 200


def test_what_was_posted_beside_the_decision_changes_nothing(party: Party) -> None:
    handle = party.begin()
    party.page(handle)
    back = party.decide(
        handle,
        scope="notes:read notes:write offline_access",
        redirect_uri="https://evil.test/cb",
        client_id="other",
        state="other",
        code_challenge=challenge_of("x" * 43),
    )
    tokens = party.exchange(returned(back)["code"]).json()
    assert tokens["scope"] == "notes:read"
    assert "refresh_token" not in tokens


@pytest.mark.parametrize(
    "change",
    [
        lambda client: OAuthClient.objects.filter(pk=client.pk).update(redirect_uris=["https://notes.example.com/new"]),
        lambda client: disable_client(client=client),
        lambda client: OAuthClient.objects.filter(pk=client.pk).update(enabled=False),
    ],
)
def test_a_client_that_changed_between_page_and_form_gets_no_code(party: Party, change: Callable[..., Any]) -> None:
    handle = party.begin()
    party.page(handle)
    change(party.client)
    answer = party.decide(handle)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert Login.objects.filter(kind="grant").count() == 0


def test_a_scope_that_was_taken_from_the_client_between_page_and_form_is_not_given(party: Party) -> None:
    handle = party.begin(scope="notes:read notes:write")
    party.page(handle)
    OAuthClient.objects.filter(pk=party.client.pk).update(scopes=["notes:read"])
    assert party.exchange(returned(party.decide(handle))["code"]).json()["scope"] == "notes:read"


def test_a_form_of_another_site_agrees_to_nothing(party: Party) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = party.browser.cookies
    handle = party.begin()
    party.page(handle)
    answer = browser.post(
        CONSENT, {"request": handle, "decision": "allow"}, secure=True, headers={"Origin": "https://evil.test"}
    )
    assert answer.status_code == 403
    assert Login.objects.filter(kind="grant").count() == 0


def test_a_request_is_answered_once(party: Party) -> None:
    handle = party.begin()
    party.page(handle)
    assert "code" in returned(party.decide(handle))
    for again in (party.decide(handle), party.decide(handle, "deny"), party.page(handle)):
        assert again.status_code == 400


def test_no_page_agrees_that_was_never_shown(party: Party) -> None:
    assert party.decide(party.begin()).status_code == 400


def test_a_forced_logout_makes_a_code_worthless_that_is_on_its_way(party: Party, user: Any) -> None:
    code = party.code()
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert party.exchange(code).json()["error"] == "invalid_grant"
    assert Login.objects.filter(kind="grant", ended_at=None).count() == 0


@pytest.mark.parametrize("change", ["is_active", "password"])
def test_a_person_who_changed_by_raw_sql_has_let_nobody_in(party: Party, user: Any, change: str) -> None:
    tokens = party.tokens(scope="notes:read offline_access")
    code = party.code()
    people = get_user_model()._default_manager.filter(pk=user.pk)
    people.update(**({"is_active": False} if change == "is_active" else {"password": "!other"}))
    assert party.exchange(code).json()["error"] == "invalid_grant"
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert call("/probe/", tokens["access_token"]).status_code == 401


def every_url() -> Iterator[tuple[str, str]]:
    """A path of each URL of the suite, with something in the place of its arguments."""
    fill = {"uuid": "01a22a36-7683-7711-a863-7e3016998ff4", "int": "1"}

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, route)
            elif isinstance(entry, URLPattern):
                path = route
                for name, converter in entry.pattern.converters.items():
                    kind = type(converter).__name__.removesuffix("Converter").lower()
                    path = path.replace(f"<{kind}:{name}>", fill.get(kind, "x"))
                yield path.replace("\\Z", "").lstrip("^"), str(entry.name)

    return walk(get_resolver().url_patterns, "")


def test_a_clients_token_opens_nothing_of_this_sites_own(party: Party, user: Any, settings: Any) -> None:
    # Each refresh token that comes as a bearer token is charged to its network.
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"EXEMPT": ("127.0.0.1/32",)}}
    type(user).objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    every = "notes:read notes:write openid profile email offline_access"
    tokens = party.tokens(scope=every)
    before = Login.objects.filter(ended_at=None).count()
    seen = 0
    for path, name in every_url():
        if name in {"oauth-userinfo", "oauth-revoke", "oauth-introspect"}:
            continue  # theirs
        for token in (tokens["access_token"], tokens["refresh_token"]):
            for method in ("get", "post", "delete", "patch"):
                answer = call(f"/{path}", token, method)
                anonymous = getattr(Client(raise_request_exception=False), method)(f"/{path}", secure=True)
                seen += 1
                assert answer.status_code < 500, (method, path)
                assert answer.status_code in {401, 403, anonymous.status_code}, (method, path, answer.status_code)
                if answer.status_code < 400 and b"csrf" not in answer.content:
                    assert answer.content == anonymous.content, (method, path)
                assert user.email.encode() not in answer.content, (method, path)
    assert seen > 400
    assert Login.objects.filter(ended_at=None).count() == before


@pytest.mark.parametrize("door", ["token/refresh/", "token/verify/", "token/revoke/", "token/blacklist/"])
def test_the_doors_of_our_own_clients_know_no_token_of_a_third_party(party: Party, door: str) -> None:
    tokens = party.tokens(scope="notes:read offline_access")
    for name in ("access_token", "refresh_token"):
        body = {"token": tokens[name], "refresh": tokens[name]}
        answer = Client().post(f"/auth/api/{door}", body, content_type="application/json")
        assert answer.status_code == 401 or answer.json() == {}
    out = {"content_type": "application/json", "HTTP_AUTHORIZATION": f"Bearer {tokens['access_token']}"}
    assert Client().post("/auth/api/logout/", **out).json()["code"] == "grant_not_accepted"
    assert party.refresh(tokens["refresh_token"]).status_code == 200


def test_our_own_tokens_are_none_at_the_doors_of_clients(party: Party, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Caller())
    for token in (pair.access, pair.refresh):
        assert party.refresh(token).json()["error"] == "invalid_grant"
    pair.login.refresh_from_db()
    assert pair.login.generation == 0
