"""The guards of a sign-in, LOGIN.MAY_SIGN_IN among them, at the doors of people who come from a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import connection
from django.http import HttpRequest
from django.test import Client

from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidCredentials
from authkit.logins.models import Login
from authkit.signin.attempts import Attempt, Pending
from tests.signin.conftest import add_guard
from tests.social.browsers import come_back
from tests.social.programs import REGISTERED, Program, invalid_grant
from tests.social.test_native_tokens import APPS, id_token, send

__all__ = ["add_guard"]

pytestmark = pytest.mark.django_db(transaction=True)

SENTENCE = "Only <b>members</b>."
STEP = {"code": "second_factor_required", "detail": "Enter the code of your app.", "pending": "one-time-code"}


@pytest.fixture
def program(provider, configure) -> Program:
    configure(provider, REDIRECT_URIS=REGISTERED, native_client_ids=APPS)
    return Program()


@pytest.fixture
def asked(settings) -> Callable[..., list[tuple[Any, Any, str]]]:
    """``asked(True)``, ``asked("a sentence")``: what the hook says, and each time that it was asked."""

    def set_(said: Any) -> list[tuple[Any, Any, str]]:
        calls: list[tuple[Any, Any, str]] = []

        def may_sign_in(*call: Any) -> Any:
            calls.append(call)  # type: ignore[arg-type]
            return said

        settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAY_SIGN_IN": may_sign_in}}
        return calls

    return set_


def once(calls: list[tuple[Any, Any, str]]) -> bool:
    [(person, request, method)] = calls
    assert person == get_user_model().objects.get()
    return isinstance(request, HttpRequest) and method == "oidc"


def test_page_asks_once(program, asked) -> None:
    calls = asked(True)
    assert come_back(Client()).status_code == 302
    assert once(calls)
    assert Login.objects.live().count() == 1


def test_page_shows_the_sentence_as_text(program, asked) -> None:
    calls, visitor = asked(SENTENCE), Client()
    answer = come_back(visitor)
    assert answer.status_code == 403
    assert 'data-reason="sign_in_refused"' in answer.content.decode()
    assert "Only &lt;b&gt;members&lt;/b&gt;." in answer.content.decode()
    assert once(calls)
    assert SESSION_KEY not in visitor.session
    assert not Login.objects.exists()


def test_id_token_of_a_program_asks_once(program, provider, asked) -> None:
    calls = asked(SENTENCE)
    answer = send(id_token(provider))
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})
    assert once(calls)
    assert not Login.objects.exists()


def test_exchange_asks_once_and_a_code_asks_nothing(program, asked) -> None:
    calls = asked(SENTENCE)
    code = program.code()
    assert calls == []
    answer = program.exchange(code)
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})
    assert once(calls)
    assert not Login.objects.exists()
    asked(True)
    assert program.exchange(code).status_code == 200  # as good as before, within its minute


def test_page_shows_any_guards_refusal(program, add_guard) -> None:
    def refuse(attempt: Attempt, request: Any) -> None:
        raise InvalidCredentials("by the guard")

    add_guard(refuse, order=1)
    answer = come_back(Client())
    assert answer.status_code == 403
    assert InvalidCredentials.message in answer.content.decode()
    assert not Login.objects.exists()


@pytest.fixture
def begun(add_guard) -> list[Any]:
    """A guard wants a second factor; the requests with which that step began."""
    requests: list[Any] = []

    def begin(request: Any) -> Mapping[str, Any]:
        assert not connection.in_atomic_block, "what the step writes would be undone with the sign-in"
        requests.append(request)
        request.session["pending"] = "one-time-code"
        return {"pending": "one-time-code"}

    def guard(attempt: Attempt, request: Any) -> Pending:
        return Pending(code=STEP["code"], detail=STEP["detail"], page="/second-factor/", begin=begin)

    add_guard(guard, order=400)
    return requests


def test_page_leads_to_the_next_step(program, begun) -> None:
    visitor = Client()
    answer = come_back(visitor)
    assert (answer.status_code, answer["Location"]) == (302, "/second-factor/")
    assert len(begun) == 1
    assert SESSION_KEY not in visitor.session
    assert visitor.session["pending"] == "one-time-code"
    assert not Login.objects.exists()


def test_id_token_of_a_program_leads_to_the_next_step(program, provider, begun) -> None:
    answer = send(id_token(provider))
    assert (answer.status_code, answer.json()) == (403, STEP)
    assert len(begun) == 1
    assert not Login.objects.exists()


def test_exchange_leads_to_the_next_step_and_the_code_is_used(program, begun) -> None:
    code = program.code()
    answer = program.exchange(code)
    assert (answer.status_code, answer.json()) == (403, STEP)
    assert len(begun) == 1
    assert OneTimeCode.objects.get().used_at is not None
    assert invalid_grant(program.exchange(code))
    assert not Login.objects.exists()


def test_doors_and_methods_of_the_providers(program, provider, add_guard) -> None:
    seen: list[Attempt] = []
    add_guard(lambda attempt, request: seen.append(attempt), order=1)
    come_back(Client())
    send(id_token(provider))
    program.exchange(program.code())
    assert [(attempt.door, attempt.method, attempt.amr) for attempt in seen] == [
        ("social-page", "oidc", ()),
        ("social-token", "oidc", ()),
        ("social-exchange", "oidc", ()),
    ]
