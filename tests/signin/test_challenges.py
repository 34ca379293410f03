"""The challenge at the doors: when it is asked for, once, bound to name and network, and what an outage of it opens."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import altcha
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from authkit import signals
from authkit.core.one_time_codes import OneTimeCode
from authkit.signin.challenges import challenge_sources
from tests.signin.guessing import HOME, Quick, guess, limiter, sign_in, spent

__all__ = ["limiter"]

pytestmark = pytest.mark.django_db

ELSEWHERE = "203.0.113.8"


def solved(challenge: dict[str, Any]) -> str:
    made = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(made)
    assert solution is not None
    return altcha.Payload(made, solution).to_base64()


# When


def test_without_the_setting_no_try_is_challenged(user: Any, settings: Any) -> None:
    for _ in range(4):
        assert sign_in(user.get_username(), "wrong").status_code == 401


def test_after_some_failures_a_program_gets_a_challenge_and_its_response_lets_the_try_through(
    user: Any, password: str, limiter: Any
) -> None:
    refused = guess(user.get_username())
    assert refused.status_code == 403
    assert refused.data["code"] == "challenge_required"
    assert refused.data["challenge"].keys() == {"kind", "parameters", "signature"}
    assert refused.headers["Cache-Control"] == "no-store"
    response = solved(refused.data["challenge"])
    assert sign_in(user.get_username(), password, challenge_response=response).status_code == 200
    # The success has cleared the name.
    assert sign_in(user.get_username(), "wrong").status_code == 401


@pytest.mark.parametrize("path", ["session/login/", "token/", "/api/token/"])
def test_every_password_door_asks(path: str, user: Any, password: str, limiter: Any) -> None:
    challenge = guess(user.get_username()).data["challenge"]
    refused = sign_in(user.get_username(), password, path=path)
    assert (refused.status_code, refused.data["code"]) == (403, "challenge_required")
    answer = sign_in(user.get_username(), password, path=path, challenge_response=solved(challenge))
    assert answer.status_code == 200


def test_a_name_that_no_person_has_is_told_the_same(user: Any, limiter: Any) -> None:
    known, unknown = guess(user.get_username()), guess("nobody-has-this-name")
    assert known.status_code == unknown.status_code == 403
    assert {**known.data, "challenge": 0} == {**unknown.data, "challenge": 0}
    assert known.data["challenge"].keys() == unknown.data["challenge"].keys()


def test_attack_tries_without_a_response_charge_nothing_and_lock_no_name(user: Any, limiter: Any) -> None:
    guess(user.get_username())
    before = spent(), spent("network")
    for _ in range(3):
        assert sign_in(user.get_username(), "wrong").status_code == 403
    assert (spent(), spent("network")) == before == ([2], [2])


@pytest.mark.parametrize("response", ["x", "A" * 4096, base64.b64encode(b"[" * 3000).decode()])
def test_attack_wrong_responses_lock_no_name_and_have_a_budget_for_each_network(
    response: str, user: Any, limiter: Any
) -> None:
    limiter(NETWORK_SLOW_AFTER=4, NETWORK_LOCK_AFTER=4)
    guess(user.get_username())
    answers = [sign_in(user.get_username(), "wrong", challenge_response=response) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 429, 429]
    assert spent() == [2]
    assert sign_in(user.get_username(), "wrong", address=ELSEWHERE).status_code == 403


def test_a_wrong_password_with_a_response_is_charged(user: Any, limiter: Any) -> None:
    challenge = guess(user.get_username()).data["challenge"]
    assert sign_in(user.get_username(), "wrong", challenge_response=solved(challenge)).status_code == 401
    assert spent() == [3]


def test_a_locked_name_is_told_so_and_not_asked_to_work_in_vain(user: Any, limiter: Any) -> None:
    limiter(SLOW_AFTER=2, LOCK_AFTER=2)
    refused = guess(user.get_username())
    assert (refused.status_code, refused.data["code"]) == (429, "locked")
    assert refused.data["retry_after"] > 0


@pytest.mark.redis
def test_the_back_end_in_redis_counts_for_the_challenge_too(user: Any, password: str, limiter: Any) -> None:
    limiter(BACKEND="redis")
    challenge = guess(user.get_username()).data["challenge"]
    assert sign_in(user.get_username(), password, challenge_response=solved(challenge)).status_code == 200
    assert sign_in(user.get_username(), "wrong").status_code == 401


def test_what_is_offered_on_a_page_is_no_try_and_tells_of_none(user: Any, limiter: Any) -> None:
    limiter(SLOW_AFTER=2)
    told: list[Any] = []

    def receive(**arguments: Any) -> None:
        told.append(arguments)

    signals.login_throttled.connect(receive)
    try:
        assert page_after(user.get_username(), 2).context["offer"] is not None
    finally:
        signals.login_throttled.disconnect(receive)
    assert told == []


def test_a_known_device_is_not_asked_for_the_failures_of_others(user: Any, password: str, limiter: Any) -> None:
    device = sign_in(user.get_username(), password, device=True).data["device"]
    assert guess(user.get_username(), address=ELSEWHERE).data["code"] == "challenge_required"
    known = {"HTTP_X_AUTHKIT_DEVICE": device}
    body = {get_user_model().USERNAME_FIELD: user.get_username(), "password": "wrong"}
    # Its own failures count for it.
    statuses = [APIClient().post("/auth/api/token/", body, format="json", **known).status_code for _ in range(3)]
    assert statuses == [401, 401, 403]


def test_a_page_shows_a_known_device_no_challenge_for_the_failures_of_others(
    user: Any, password: str, limiter: Any
) -> None:
    client = Client(REMOTE_ADDR=HOME)
    form = {"username": user.get_username(), "password": password}
    assert client.post("/auth/login/", form).status_code == 302
    client.post("/auth/logout/")
    guess(user.get_username(), address=ELSEWHERE)
    shown = client.post("/auth/login/", {**form, "password": "wrong"})
    assert (shown.status_code, shown.context["offer"]) == (200, None)
    assert client.post("/auth/login/", form).status_code == 302


# Once, and bound


def test_attack_a_response_is_good_once(user: Any, limiter: Any) -> None:
    response = solved(guess(user.get_username()).data["challenge"])
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 401
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 403


def test_attack_another_spelling_of_a_used_response_is_the_same(user: Any, limiter: Any) -> None:
    response = solved(guess(user.get_username()).data["challenge"])
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 401
    payload = json.loads(base64.b64decode(response))
    payload["more"] = 1
    payload["challenge"]["parameters"]["more"] = [1]
    payload["solution"]["time"] = 17
    other = base64.b64encode(json.dumps(payload, indent=1).encode()).decode()
    assert other != response
    assert sign_in(user.get_username(), "wrong", challenge_response=other).status_code == 403
    # Of a second key that fits, too.
    challenge = altcha.Challenge.from_dict(payload["challenge"])
    second = altcha.solve_challenge(challenge, counter_start=payload["solution"]["counter"] + 1)
    again = altcha.Payload(challenge, second).to_base64()  # type: ignore[arg-type]
    assert sign_in(user.get_username(), "wrong", challenge_response=again).status_code == 403


def test_attack_a_response_for_another_name_is_refused(user: Any, make_user: Any, limiter: Any) -> None:
    other = make_user("other")
    response = solved(guess(other.get_username()).data["challenge"])
    guess(user.get_username())
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 403


def test_attack_a_response_from_another_network_is_refused(user: Any, limiter: Any) -> None:
    response = solved(guess(user.get_username()).data["challenge"])
    assert sign_in(user.get_username(), "wrong", address=ELSEWHERE, challenge_response=response).status_code == 403
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 401


def test_neighbours_in_one_network_and_spellings_of_one_name_share_a_challenge(user: Any, limiter: Any) -> None:
    name = user.get_username()
    challenge = guess(name, address="2001:db8::1").data["challenge"]
    response = solved(challenge)
    answer = sign_in(f" {name.upper()}", "wrong", address="2001:db8::2", challenge_response=response)
    assert answer.status_code == 401


def test_attack_an_old_challenge_is_refused(user: Any, limiter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quick, "seconds", -1)
    response = solved(guess(user.get_username()).data["challenge"])
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 403


@pytest.mark.parametrize("change", ["binding", "cost", "prefix", "expiry", "signature", "counter", "key"])
def test_attack_a_forged_challenge_or_solution_is_refused(change: str, user: Any, limiter: Any) -> None:
    payload = json.loads(base64.b64decode(solved(guess(user.get_username()).data["challenge"])))
    parameters = payload["challenge"]["parameters"]
    if change == "binding":
        parameters["data"] = {"binding": "0" * 64}
    elif change == "cost":
        parameters["cost"] = 2
    elif change == "prefix":
        parameters["keyPrefix"] = ""
    elif change == "expiry":
        parameters["expiresAt"] = int(time.time()) + 10**6
    elif change == "signature":
        payload["challenge"]["signature"] = "0" * 64
    elif change == "counter":
        payload["solution"]["counter"] += 1
    else:
        payload["solution"]["derivedKey"] = "00" * 32
    response = base64.b64encode(json.dumps(payload).encode()).decode()
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 403


ODD: list[Any] = [
    [], {}, None, 1, "x", {"challenge": 1, "solution": 2}, {"challenge": {"parameters": 1}, "solution": {}},
    {"challenge": {"parameters": {"algorithm": 1, "nonce": 2, "salt": 3, "cost": 4}, "signature": 5},
     "solution": {"counter": {}, "derivedKey": []}},
    {"challenge": {"parameters": {"algorithm": "SCRYPT", "nonce": "", "salt": "", "cost": 2**40, "expiresAt": 1e400,
                                  "data": {"\ud800": "\ud800"}}, "signature": "\ud800"},
     "solution": {"counter": -1, "derivedKey": "\ud800"}},
]  # fmt: skip


@pytest.mark.parametrize("payload", ODD, ids=range(len(ODD)))
def test_attack_odd_responses_are_refused_and_break_nothing(payload: Any, user: Any, limiter: Any) -> None:
    guess(user.get_username())
    response = base64.b64encode(json.dumps(payload).encode()).decode()
    assert sign_in(user.get_username(), "wrong", challenge_response=response).status_code == 403


@pytest.mark.parametrize("response", [[], {}, 7, True, "x" * 4097])
def test_attack_response_of_a_wrong_type_or_length_spends_nothing(response: Any, user: Any, limiter: Any) -> None:
    answer = sign_in(user.get_username(), "wrong", challenge_response=response)
    assert answer.status_code == (401 if response == 7 else 400)


def test_used_challenges_are_pruned_and_hold_nothing_readable(user: Any, limiter: Any, clock: Any) -> None:
    response = solved(guess(user.get_username()).data["challenge"])
    sign_in(user.get_username(), "wrong", challenge_response=response)
    row = OneTimeCode.objects.get(purpose="challenge")
    assert (row.user_id, row.payload, row.subject, row.binding) == (None, {}, "", "")
    OneTimeCode.objects.update(expires_at=clock.now())
    clock.forward(days=2)
    call_command("authkit_prune", verbosity=0)
    assert not OneTimeCode.objects.exists()


# The page


def page_after(name: str, tries: int, password: str = "wrong", **more: str) -> Any:
    client = Client(REMOTE_ADDR=HOME)
    for _ in range(tries):
        answer = client.post("/auth/login/", {"username": name, "password": password, **more})
    return answer


def challenge_in(answer: Any) -> dict[str, Any]:
    return dict(answer.context["offer"].given)


def test_page_brings_the_challenge_of_the_next_try_along(user: Any, password: str, limiter: Any) -> None:
    name = user.get_username()
    assert page_after(name, 1).context["offer"] is None
    shown = page_after(name, 1)
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "data-authkit-challenge=" in text
    assert "<noscript>" in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|style=|\bon\w+=", text), "a strict policy would refuse it"
    response = solved(challenge_in(shown))
    signed_in = page_after(name, 1, password, challenge_response=response)
    assert signed_in.status_code == 302


def test_page_without_a_response_asks_and_looks_at_no_password(user: Any, password: str, limiter: Any) -> None:
    guess(user.get_username())
    refused = page_after(user.get_username(), 1, password)
    assert refused.status_code == 403
    assert "check" in refused.context["error"]
    assert challenge_in(refused)
    assert password not in refused.content.decode()
    assert spent() == [2]


def test_example_sites_policy_allows_what_the_challenge_needs(limiter: Any) -> None:
    assert challenge_sources() == {"script-src": "'self'"}
    limiter(CHALLENGE="authkit.signin.challenges.Turnstile")
    assert "challenges.cloudflare.com" in challenge_sources()["script-src"]
    limiter(CHALLENGE="")
    assert challenge_sources() == {}
