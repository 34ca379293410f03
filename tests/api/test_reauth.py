"""Step-up for programs: the same login, freshly authenticated, by session and by token in each transport."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from authkit import events, signals
from authkit.core.clients import Client
from authkit.logins.events import LoginReauthenticated
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.signin import credentials as verifying
from authkit.tokens.pairs import TokenPair
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access
from authkit.tokens.transports import Transport

URL = "/auth/api/reauth/"
JSON = {"content_type": "application/json"}


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Client())


@pytest.fixture
def in_session(user: Any) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def age(**units: float) -> None:
    past = timezone.now() - timedelta(**units)
    Login.objects.update(created_at=past, authenticated_at=past, amr="pwd otp")


def is_fresh(state: dict[str, Any]) -> bool:
    assert set(state) == {"fresh", "age", "methods"}
    return state["fresh"] and state["age"] < 60 and state["methods"] == ["password"]


def bearer(access: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Bearer {access}"}


def test_the_state_says_how_fresh_a_login_is_and_what_can_be_shown(
    in_session: Browser, pair: TokenPair, api: Any
) -> None:
    for answer in (in_session.get(URL), api.get(URL, **bearer(pair.access))):
        assert is_fresh(answer.json())
    age(minutes=11)
    for answer in (in_session.get(URL), api.get(URL, **bearer(pair.access))):
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
        assert answer.json()["fresh"] is False
        assert 660 <= answer.json()["age"] < 700
    assert api.get(URL).status_code == 401


def test_a_session_is_fresh_again_under_a_new_id_and_stays_the_same_login(in_session: Browser, password: str) -> None:
    before, row = in_session.session.session_key, Login.objects.get()
    in_session.session["cart"] = 1
    age(minutes=11)
    answer = in_session.post(URL, {"password": password}, **JSON)
    assert answer.status_code == 200
    assert is_fresh(answer.json())
    after = Login.objects.get()
    assert after.pk == row.pk
    assert timezone.now() - after.authenticated_at < timedelta(minutes=1) < timezone.now() - after.created_at
    assert after.amr == "pwd", "what was shown at another time is no part of it"
    assert in_session.session.session_key != before
    assert in_session.get(URL).json()["fresh"] is True


def test_the_old_session_id_opens_nothing_after_a_step_up(in_session: Browser, password: str) -> None:
    """A thief who fixed or stole the id before must not profit from the owner's step-up."""
    thief = Browser()
    thief.cookies["sessionid"] = in_session.cookies["sessionid"].value
    assert thief.get("/auth/api/me/").status_code == 200
    assert in_session.post(URL, {"password": password}, **JSON).status_code == 200
    assert thief.get("/auth/api/me/").status_code == 401
    assert in_session.get("/auth/api/me/").status_code == 200


def test_a_token_login_gets_its_next_pair_by_one_rotation(api: Any, pair: TokenPair, password: str) -> None:
    age(minutes=11)
    answer = api.post(URL, {"password": password}, format="json", **bearer(pair.access))
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    login = Login.objects.get()
    assert (login.pk, login.generation, login.amr) == (pair.login.pk, 1, "pwd")
    assert api.get(URL, **bearer(answer.json()["access"])).json()["fresh"] is True
    assert refresh_tokens(refresh=answer.json()["refresh"]).login.generation == 2


def test_the_refresh_token_before_it_gets_the_same_pair_within_the_grace(
    api: Any, pair: TokenPair, password: str
) -> None:
    """A tab that refreshes while another one steps up must not be taken for a thief."""
    answer = api.post(URL, {"password": password}, format="json", **bearer(pair.access))
    again = refresh_tokens(refresh=pair.refresh)
    assert (again.access, again.refresh) == (answer.json()["access"], answer.json()["refresh"])


def test_a_step_up_right_after_a_refresh_brings_the_same_refresh_token(api: Any, user: Any, password: str) -> None:
    """Tabs that refresh and step up at once, in any order, must not end their own login."""
    first = issue_tokens(user=user, method="password", client=Client())
    refreshed = api.post("/auth/api/token/refresh/", {"refresh": first.refresh}, format="json").json()
    age(minutes=11)
    answer = api.post(URL, {"password": password}, format="json", **bearer(refreshed["access"]))
    assert answer.json()["refresh"] == refreshed["refresh"]
    assert api.post(URL, {"password": password}, format="json", **bearer(first.access)).status_code == 200
    assert api.post("/auth/api/token/refresh/", {"refresh": first.refresh}, format="json").status_code == 200
    login = Login.objects.get()
    assert (login.generation, login.ended_at) == (1, None)
    assert timezone.now() - login.authenticated_at < timedelta(minutes=1)


def test_the_new_token_says_when_and_how_it_was_shown(api: Any, pair: TokenPair, password: str) -> None:
    age(minutes=11)
    with override_settings(AUTHKIT={"TOKENS": {"AUTHENTICATION_CLAIMS": True}}):
        access = api.post(URL, {"password": password}, format="json", **bearer(pair.access)).json()["access"]
        claims = verify_access(token=access).claims
    assert claims["amr"] == ["pwd"]
    assert timezone.now().timestamp() - claims["auth_time"] < 60


@pytest.mark.parametrize(
    ("transport", "fields"), [("hybrid", {"access", "token_type", "expires_in"}), ("cookie", {"expires_in", "user"})]
)
def test_the_pair_comes_in_the_transport_of_the_login(
    user: Any, password: str, credentials: Any, transport: str, fields: set[str]
) -> None:
    browser = Browser(enforce_csrf_checks=True)
    token = browser.get("/auth/api/session/").json()["csrf_token"]
    proof = {"X-CSRFToken": token}
    signed_in = browser.post("/auth/api/token/", {**credentials(user), "transport": transport}, headers=proof, **JSON)
    if transport == "hybrid":
        proof_and_token = {**proof, "Authorization": f"Bearer {signed_in.json()['access']}"}
        unproven = {"Authorization": proof_and_token["Authorization"]}
    else:
        proof_and_token, unproven = proof, {}
    refused = browser.post(URL, {"password": password}, headers=unproven, **JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    answer = browser.post(URL, {"password": password}, headers=proof_and_token, **JSON)
    assert (answer.status_code, set(answer.json())) == (200, fields)
    assert {name for name in answer.cookies if "refresh" in name}
    assert Login.objects.get().generation == 1
    assert "refresh" not in answer.json()


def test_a_session_needs_the_csrf_proof(user: Any, password: str) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user)
    answer = browser.post(URL, {"password": password}, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_wrong_password_is_no_401_and_changes_nothing(in_session: Browser, api: Any, pair: TokenPair) -> None:
    age(minutes=11)
    key = in_session.session.session_key
    for answer in (
        in_session.post(URL, {"password": "wrong"}, **JSON),
        api.post(URL, {"password": "wrong"}, format="json", **bearer(pair.access)),
    ):
        assert (answer.status_code, answer.json()) == (400, {"password": ["This is not your password."]})
    assert in_session.session.session_key == key
    assert not in_session.get(URL).json()["fresh"]
    assert set(Login.objects.values_list("generation", flat=True)) == {0}


@pytest.mark.parametrize(
    "body",
    ["{}", "[]", '{"password": ["a"]}', '{"password": ""}', '{"password": "a\\u0000b"}',
     '{"password": "\\ud800"}', '{"password": "' + "a" * 4097 + '"}', "", "nonsense"],
)  # fmt: skip
def test_what_is_no_password_is_400_and_spends_nothing(
    in_session: Browser, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[Any] = []
    monkeypatch.setattr(verifying, "reserve", lambda **given: spent.append(given))
    assert in_session.post(URL, body, **JSON).status_code == 400
    assert spent == []


def test_guesses_at_the_step_up_are_limited_and_leave_the_sign_in_page_alone(
    in_session: Browser, api: Any, credentials: Any, user: Any, password: str
) -> None:
    """A thief of a session must not find out the password there, nor lock its owner out of a new sign-in."""
    answers = [in_session.post(URL, {"password": f"wrong {n}"}, **JSON) for n in range(8)]
    codes = [answer.status_code for answer in answers]
    assert codes[:5] == [400] * 5
    assert codes[-1] == 429
    assert answers[-1].json()["code"] == "throttled"
    assert in_session.post(URL, {"password": password}, **JSON).status_code == 429
    signed_in = api.post(reverse("authkit:token"), credentials(user), format="json", REMOTE_ADDR="198.51.100.7")
    assert signed_in.status_code == 200


def test_a_right_password_forgets_the_wrong_ones(in_session: Browser, password: str) -> None:
    for _ in range(3):
        for _ in range(4):
            assert in_session.post(URL, {"password": "wrong"}, **JSON).status_code == 400
        assert in_session.post(URL, {"password": password}, **JSON).status_code == 200


def test_another_persons_password_shows_nothing(in_session: Browser, make_user: Any) -> None:
    make_user("bob", password="bobs-own-long-password")
    assert in_session.post(URL, {"password": "bobs-own-long-password"}, **JSON).status_code == 400


def test_a_person_without_a_password_is_told_what_there_is(user: Any, in_session: Browser) -> None:
    user.set_unusable_password()
    user.save()
    browser = Browser()
    browser.force_login(user)
    Login.objects.update(method="google")
    answer = browser.post(URL, {"password": "x"}, **JSON)
    assert (answer.status_code, answer.json()["code"], answer.json()["methods"]) == (
        403,
        "insufficient_user_authentication",
        [],
    )


def test_password_doors_that_are_closed_are_closed_here_too(in_session: Browser, password: str) -> None:
    with override_settings(AUTHKIT={"LOGIN": {"PASSWORD_DOORS": False}}):
        assert in_session.post(URL, {"password": password}, **JSON).status_code == 403


def test_an_ended_login_does_not_come_back_to_life(api: Any, pair: TokenPair, password: str) -> None:
    end_login(login_id=pair.login.pk, reason=EndReason.FORCED)
    assert api.post(URL, {"password": password}, format="json", **bearer(pair.access)).status_code == 401
    assert Login.objects.get().ended_at is not None


def test_the_event_is_told_once_with_how_and_where(in_session: Browser, password: str, db: Any) -> None:
    heard: list[dict[str, Any]] = []

    def listen(**given: Any) -> None:
        heard.append({name: given[name] for name in ("login_id", "method", "door", "amr")})

    signals.login_reauthenticated.connect(listen)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.db.transaction.on_commit", lambda send, **_: send())
            in_session.post(URL, {"password": password}, **JSON)
    finally:
        signals.login_reauthenticated.disconnect(listen)
    assert heard == [{"login_id": Login.objects.get().pk, "method": "password", "door": "reauth", "amr": "pwd"}]
    assert events.known()["login.reauthenticated"] is LoginReauthenticated


def test_no_login_is_opened_so_the_limit_of_logins_ends_none(api: Any, user: Any, password: str) -> None:
    with override_settings(AUTHKIT={"LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}):
        pair = issue_tokens(user=user, method="password", client=Client())
        for _ in range(3):
            answer = api.post(URL, {"password": password}, format="json", **bearer(pair.access))
            assert answer.status_code == 200
    assert Login.objects.count() == 1


def test_a_closed_transport_hands_out_no_pair(api: Any, user: Any, password: str) -> None:
    pair = issue_tokens(user=user, method="password", client=Client(), transport=Transport.HYBRID)
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["body"]}}):
        answer = api.post(URL, {"password": password}, format="json", **bearer(pair.access))
    assert (answer.status_code, answer.json()["code"]) == (400, "transport_not_allowed")
