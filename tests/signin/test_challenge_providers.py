"""Turnstile and hCaptcha at the doors, by a server on loopback that answers, hangs, refuses and answers garbage."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from authkit.signin.challenges import HCaptcha, Turnstile, providers
from tests.loopback import Talk, drips, hangs, request_of, server
from tests.signin.guessing import HOME, guess, limiter, sign_in, spent

__all__ = ["limiter"]

pytestmark = pytest.mark.django_db


class Provider:
    """Answers as the two do, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.cdata: str | None = None
        self.good = {"good"}

    def talk(self, connection: Any) -> None:
        body = request_of(connection).partition(b"\r\n\r\n")[2].decode()
        form = {key: values[0] for key, values in parse_qs(body, keep_blank_values=True).items()}
        self.asked.append(form)
        told: dict[str, Any]
        if form["secret"] != "s3cret":
            told = {"success": False, "error-codes": ["invalid-input-secret"]}
        elif form["response"] in self.good:
            told = {"success": True, "cdata": self.cdata}
        else:
            told = {"success": False, "error-codes": ["invalid-input-response"]}
        self.say(connection, json.dumps(told).encode())

    @staticmethod
    def say(connection: Any, body: bytes, status: str = "200 OK") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.close()


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    providers.forget()
    yield
    providers.forget()


@pytest.fixture(params=[Turnstile, HCaptcha])
def at_provider(request: Any, limiter: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``with at_provider(talk):``: the challenge is this provider's, and its server talks so."""

    @contextlib.contextmanager
    def at(talk: Talk, secret: str = "s3cret") -> Iterator[None]:
        with server(talk) as url:
            monkeypatch.setattr(request.param, "url", url)
            limiter(CHALLENGE=request.param, CHALLENGE_SITE_KEY="site", CHALLENGE_SECRET=secret)
            yield

    monkeypatch.setattr(providers, "SECONDS", 0.3)
    at.challenge = request.param  # type: ignore[attr-defined]
    return at


def test_provider_is_asked_about_the_response_and_the_network(user: Any, password: str, at_provider: Any) -> None:
    provider = Provider()
    with at_provider(provider.talk):
        refused = guess(user.get_username())
        assert refused.status_code == 403
        challenge = refused.data["challenge"]
        assert challenge["site_key"] == "site"
        assert "s3cret" not in json.dumps(challenge)
        provider.cdata = challenge.get("cdata")
        assert sign_in(user.get_username(), password, challenge_response="bad").status_code == 403
        assert sign_in(user.get_username(), password, challenge_response="good").status_code == 200
    assert provider.asked[-1] == {"secret": "s3cret", "response": "good", "remoteip": HOME}


def test_attack_a_providers_response_is_good_once(user: Any, at_provider: Any) -> None:
    provider = Provider()
    with at_provider(provider.talk):
        provider.cdata = guess(user.get_username()).data["challenge"].get("cdata")
        assert sign_in(user.get_username(), "wrong", challenge_response="good").status_code == 401
        assert sign_in(user.get_username(), "wrong", challenge_response="good").status_code == 403


def test_attack_a_providers_response_for_another_name_is_refused_where_it_can_say_so(
    user: Any, make_user: Any, at_provider: Any
) -> None:
    provider = Provider()
    provider.good = {"one", "two"}
    says_so = at_provider.challenge is Turnstile  # hCaptcha's response carries nothing of ours, and says whose network
    with at_provider(provider.talk):
        provider.cdata = guess(make_user("other").get_username()).data["challenge"].get("cdata")
        guess(user.get_username())
        for response, cdata in [("one", provider.cdata), ("two", None)]:
            provider.cdata = cdata
            answer = sign_in(user.get_username(), "wrong", challenge_response=response)
            assert answer.status_code == (403 if says_so else 401)


def failing(connection: Any) -> None:
    request_of(connection)
    Provider.say(connection, b"oops", "502 Bad Gateway")


def garbage(connection: Any) -> None:
    request_of(connection)
    connection.sendall(b"\xff\x00 no http\r\n\r\n")
    connection.close()


def half(connection: Any) -> None:
    request_of(connection)
    Provider.say(connection, b'{"success": "true"}')


def deep(connection: Any) -> None:
    request_of(connection)
    Provider.say(connection, b"[" * 100_000)


def cut_off(connection: Any) -> None:
    connection.close()


def internal(connection: Any) -> None:
    request_of(connection)
    Provider.say(connection, b'{"success": false, "error-codes": ["internal-error"]}')


DOWN = [hangs, drips, failing, garbage, half, deep, cut_off, internal]


@pytest.mark.parametrize("talk", DOWN)
def test_provider_that_is_down_leaves_the_limiter_alone_and_opens_nothing(
    talk: Talk, user: Any, password: str, at_provider: Any, settings: Any
) -> None:
    with at_provider(talk):
        # Neither with a response nor without one is a right password refused, or a wrong one let in.
        for _ in range(3):
            assert sign_in(user.get_username(), "wrong").status_code == 401
        assert sign_in(user.get_username(), "wrong", challenge_response="good").status_code == 401
        assert sign_in(user.get_username(), password, challenge_response="good").status_code == 200
        # The limiter counts on, and locks.
        settings.AUTHKIT["LIMITER"].update({"SLOW_AFTER": 3, "LOCK_AFTER": 3})
        statuses = [sign_in(user.get_username(), "wrong", challenge_response="good").status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert sign_in(user.get_username(), password, challenge_response="good").status_code == 429


def test_provider_that_refuses_connections_leaves_the_limiter_alone(
    user: Any, password: str, at_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_provider(hangs):
        pass  # its server is gone now
    assert guess(user.get_username(), 3).status_code == 401
    assert sign_in(user.get_username(), password).status_code == 200


def test_wrong_secret_of_ours_opens_nothing_and_is_logged(
    user: Any, at_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with at_provider(Provider().talk, secret="of-another-site"):
        assert guess(user.get_username(), 3).status_code == 401
    assert "CHALLENGE_SECRET" in caplog.text
    assert "of-another-site" not in caplog.text


def test_attack_a_response_that_upsets_the_provider_does_not_switch_the_challenge_off(
    user: Any, at_provider: Any
) -> None:
    provider = Provider()

    def upset(connection: Any) -> None:
        body = request_of(connection)
        if b"response=upsetting" in body:
            Provider.say(connection, b"oops", "500 Internal Server Error")
        else:
            Provider.say(connection, b'{"success": false, "error-codes": ["invalid-input-response"]}')

    with at_provider(upset):
        guess(user.get_username())
        for _ in range(3):
            answer = sign_in(user.get_username(), "wrong", challenge_response="upsetting")
            assert (answer.status_code, answer.data["code"]) == (403, "challenge_required")
        assert sign_in(user.get_username(), "wrong").status_code == 403
    assert provider.asked == []
    assert spent() == [2]


def test_attack_silent_provider_holds_up_few_requests(user: Any, at_provider: Any) -> None:
    asked: list[Any] = []

    def silent(connection: Any) -> None:
        asked.append(connection)
        hangs(connection)

    with at_provider(silent):
        for number in range(2):
            sign_in(f"name-{number}", "wrong")
            sign_in(f"name-{number}", "wrong")
        for number in range(10):
            sign_in(f"name-{number % 2}", "wrong", challenge_response="x")
    assert len(asked) <= 3


def test_provider_that_comes_back_is_asked_again(user: Any, at_provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with at_provider(failing):
        assert guess(user.get_username()).status_code == 401
    providers._known[at_provider.challenge.url].breaker._retry_at = 0  # the pause is over
    health = providers._known[at_provider.challenge.url]
    provider = Provider()
    with at_provider(provider.talk):
        providers._known[at_provider.challenge.url] = health
        assert sign_in(user.get_username(), "wrong").status_code == 403
