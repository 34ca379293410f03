"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): a client sends a person here to sign out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client, RequestFactory

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.oauth import end_session
from authkit.oauth.form_origins import consent_origins
from authkit.oauth.models import Grant
from tests.oauth.parties import Party, signed_in
from tests.oauth.test_calls import tokens_of

pytestmark = pytest.mark.django_db

END, CONFIRM = "/auth/oauth/end-session", "/auth/oauth/logout"
AFTER = "https://notes.example.com/bye?from=here"


@pytest.fixture
def leaving(party: Party) -> Party:
    """A client that has registered where a person comes back to."""
    party.client.post_logout_redirect_uris = [AFTER, "com.example.notes:/bye"]
    party.client.save()
    return party


def begin(party: Party, method: str = "get", **parameters: str) -> Any:
    """The answer of `oauth/end-session`."""
    return getattr(party.browser, method)(END, parameters)


def sealed(answer: Any) -> str:
    """What the page that asks is given."""
    assert answer.status_code == 303, answer.content
    path, _, query = answer["Location"].partition("?")
    assert path == CONFIRM
    return dict(parse_qsl(query))["request"]


def is_signed_in(browser: Client) -> bool:
    return bool(browser.get("/auth/api/session/").json()["authenticated"])


@pytest.mark.parametrize("method", ["get", "post"])
def test_person_is_asked_and_comes_back_signed_out(leaving: Party, method: str) -> None:
    hint = tokens_of(leaving, "openid")["id_token"]
    answer = begin(leaving, method, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s t&te")
    given = sealed(answer)
    assert hint not in answer["Location"]
    page = leaving.browser.get(CONFIRM, {"request": given})
    assert page.status_code == 200
    assert leaving.client.name in page.content.decode()
    assert page["X-Frame-Options"] == "DENY"
    assert is_signed_in(leaving.browser)
    back = leaving.browser.post(CONFIRM, {"request": given})
    assert back.status_code == 303
    assert back["Location"].startswith(f"{AFTER}&")
    assert dict(parse_qsl(urlsplit(back["Location"]).query)) == {"from": "here", "state": "s t&te"}
    assert not is_signed_in(leaving.browser)
    assert Login.objects.get(kind="session").end_reason == EndReason.LOGOUT


def test_client_id_alone_names_the_client_and_nothing_is_added_without_a_state(leaving: Party) -> None:
    for uri in leaving.client.post_logout_redirect_uris:
        leaving.browser = signed_in(leaving.user)
        given = sealed(begin(leaving, client_id=leaving.client.client_id, post_logout_redirect_uri=uri))
        assert leaving.browser.post(CONFIRM, {"request": given})["Location"] == uri


def test_person_who_is_signed_out_already_goes_on_at_once(leaving: Party) -> None:
    hint = tokens_of(leaving, "openid")["id_token"]
    leaving.browser = Client()
    given = sealed(begin(leaving, id_token_hint=hint, post_logout_redirect_uri=AFTER))
    assert leaving.browser.get(CONFIRM, {"request": given})["Location"] == AFTER


def test_without_parameters_the_person_is_asked_and_stays_here(leaving: Party) -> None:
    given = sealed(begin(leaving))
    assert leaving.browser.get(CONFIRM, {"request": given}).status_code == 200
    assert leaving.browser.post(CONFIRM, {"request": given})["Location"] == "/auth/logout/"
    assert not is_signed_in(leaving.browser)


def test_attack_redirect_to_an_address_that_the_client_did_not_register(
    leaving: Party, register: Any, provider: Any
) -> None:
    tokens = tokens_of(leaving, "openid")
    hint, client_id = tokens["id_token"], leaving.client.client_id
    other = register().client.client_id
    evil = "https://evil.example.com/"
    tricks: list[dict[str, str]] = [
        {"post_logout_redirect_uri": AFTER},  # no client is named
        {"post_logout_redirect_uri": AFTER, "client_id": other},
        {"post_logout_redirect_uri": AFTER, "client_id": other, "id_token_hint": hint},
        {"post_logout_redirect_uri": AFTER, "client_id": "unknown"},
        {"post_logout_redirect_uri": AFTER, "id_token_hint": f"{hint}x"},
        {"post_logout_redirect_uri": AFTER, "id_token_hint": tokens["access_token"]},
        {"post_logout_redirect_uri": AFTER, "client_id": client_id, "state": "a\r\nSet-Cookie: x"},
        *(
            {"post_logout_redirect_uri": uri, "client_id": client_id}
            for uri in (evil, f"{AFTER}/", f"{AFTER}#x", "//x")
        ),
        {"post_logout_redirect_uri": AFTER.upper(), "client_id": client_id},
    ]
    for parameters in tricks:
        answer = begin(leaving, **parameters)
        assert answer.status_code == 400, parameters
        assert "Location" not in answer
    twice = leaving.browser.get(f"{END}?{urlencode([('client_id', client_id), ('client_id', other)])}")
    assert twice.status_code == 400


def test_attack_seal_that_is_forged_or_whose_address_was_withdrawn(leaving: Party) -> None:
    given = sealed(begin(leaving, client_id=leaving.client.client_id, post_logout_redirect_uri=AFTER))
    leaving.client.post_logout_redirect_uris = []
    leaving.client.save()
    for text in (given, f"{given}x", "", "WyJ4Il0:x:y"):
        assert leaving.browser.get(CONFIRM, {"request": text}).status_code == 400
    assert is_signed_in(leaving.browser)


@pytest.mark.parametrize("wrong", ["address withdrawn", "page too old"])
def test_person_who_presses_the_button_is_signed_out_whatever_became_of_the_way_back(
    leaving: Party, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    given = sealed(begin(leaving, client_id=leaving.client.client_id, post_logout_redirect_uri=AFTER))
    if wrong == "page too old":
        monkeypatch.setattr(end_session, "LIFETIME_SECONDS", -1)
    else:
        leaving.client.post_logout_redirect_uris = []
        leaving.client.save()
    assert leaving.browser.post(CONFIRM, {"request": given})["Location"] == "/auth/logout/"
    assert not is_signed_in(leaving.browser)


def test_attack_another_site_signs_a_person_out(leaving: Party) -> None:
    given = sealed(begin(leaving))
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = leaving.browser.cookies
    assert browser.post(CONFIRM, {"request": given}, secure=True).status_code == 403
    assert is_signed_in(leaving.browser)


def test_policy_of_the_page_allows_the_way_back_and_no_other(leaving: Party) -> None:
    given = sealed(begin(leaving, client_id=leaving.client.client_id, post_logout_redirect_uri=AFTER))
    asked = RequestFactory()
    assert consent_origins(asked.get(CONFIRM, {"request": given})) == ["https://notes.example.com"]
    for other in ({}, {"request": f"{given}x"}, {"request": sealed(begin(leaving))}):
        assert consent_origins(asked.get(CONFIRM, other)) == []


@pytest.mark.usefixtures("told_clients")
def test_logout_is_told_to_the_client_and_leaves_a_lasting_grant(leaving: Party, settings: Any, user: Any) -> None:
    leaving.client.backchannel_logout_uri = "https://127.0.0.1/logout"
    leaving.client.save()
    tokens_of(leaving, "openid offline_access")
    given = sealed(begin(leaving))
    leaving.browser.post(CONFIRM, {"request": given})
    assert Grant.objects.get().told_at is not None
    assert Login.objects.get(kind="grant").ended_at is None
    end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL)
    assert not Login.objects.live().exists()
