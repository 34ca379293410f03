"""LOGIN.MAY_SIGN_IN: the project's own word, at every door. The providers' doors: tests/social/test_may_sign_in.py"""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client as Visitor
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from authkit.core.clients import Client
from authkit.exceptions import DatabaseUnavailable, InvalidCredentials, NotFound, RefusedByProject, SignInRefused
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.tokens.services import issue_tokens, refresh_tokens
from tests.browsers import ACCESS, Browser, cleared
from tests.dropin.legacy_tokens import OPEN, simplejwt_token
from tests.revocation.clocks import SIGN_IN

pytestmark = pytest.mark.django_db

SENTENCE = "Your contract has ended."
SESSION, TOKEN, COMPAT, PAGE, ADMIN = (
    "/auth/api/session/login/", "/auth/api/token/", "/api/token/", "/auth/login/", "/admin/login/",
)  # fmt: skip
asked: list[tuple[Any, Any, str]] = []


def answer_of(said: Any) -> Any:
    def may_sign_in(user: Any, request: Any, method: str) -> Any:
        asked.append((user, request, method))
        if isinstance(said, Exception):
            raise said
        return said

    return may_sign_in


@pytest.fixture
def says(settings: Any) -> Any:
    """``says(True)``, ``says("a sentence")``, ``says(ValueError())``: what the project's hook does."""
    asked.clear()

    def set_(said: Any, **block: Any) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, **block, "LOGIN": {"MAY_SIGN_IN": answer_of(said)}}

    return set_


def issue(user: Any) -> Any:
    return issue_tokens(user=user, method="password", client=Client())


def test_true_lets_in_and_the_hook_is_told_who_and_how(user: Any, says: Any, credentials: Any) -> None:
    says(True)
    browser = Browser(credentials(user))
    assert browser.call("post", TOKEN, browser.credentials).status_code == 200
    [(person, request, method)] = asked
    assert (person, isinstance(request, HttpRequest), method) == (user, True, "password")


@pytest.mark.parametrize("path", [SESSION, TOKEN, COMPAT])
def test_programs_read_the_sentence_under_its_code(user: Any, says: Any, credentials: Any, path: str) -> None:
    says(SENTENCE)
    browser = Browser(credentials(user))
    answer = browser.call("post", path, browser.credentials)
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})
    assert not Login.objects.exists()
    assert len(asked) == 1
    assert browser.call("get", "/auth/api/session/").json()["authenticated"] is False


@pytest.mark.parametrize("path", [PAGE, ADMIN])
def test_people_read_the_sentence_as_text_and_are_not_signed_in(
    make_user: Any, says: Any, password: str, path: str
) -> None:
    says(mark_safe("No <b>more</b>."))
    boss, visitor = make_user("boss", is_superuser=True), Visitor()
    answer = visitor.post(path, {"username": boss.get_username(), "password": password})
    assert answer.status_code == 403
    assert "No &lt;b&gt;more&lt;/b&gt;." in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert SESSION_KEY not in visitor.session
    assert not Login.objects.exists()


def test_program_at_a_page_of_djangos_reads_json(make_user: Any, says: Any, password: str) -> None:
    says(SENTENCE)
    body = {"username": make_user("boss", is_superuser=True).get_username(), "password": password}
    answer = Visitor().post(ADMIN, body, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})


def test_wrong_password_is_refused_before_the_hook_is_asked(user: Any, says: Any, credentials: Any) -> None:
    says(SENTENCE)
    browser = Browser(credentials(user, "wrong"))
    for path in (SESSION, TOKEN, COMPAT):
        assert browser.call("post", path, browser.credentials).json()["code"] == "no_active_account"
    assert asked == []


def test_a_translated_sentence_is_one(user: Any, says: Any) -> None:
    says(gettext_lazy("Password"))
    with pytest.raises(RefusedByProject) as refused:
        issue(user)
    assert refused.value.as_payload()["detail"] == "Password"


@pytest.mark.parametrize(
    "said", [None, False, 1, "", "  ", [True], ValueError(), PermissionError(), RefusedByProject()], ids=repr
)
def test_whatever_else_it_answers_lets_nobody_in_and_says_so_in_the_log(
    user: Any, says: Any, credentials: Any, caplog: Any, said: Any
) -> None:
    says(said)
    browser = Browser(credentials(user))
    with caplog.at_level(logging.ERROR, "authkit"):
        answer = browser.call("post", TOKEN, browser.credentials)
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_refused")
    assert answer.json()["detail"] == "Signing in this way is not possible here."
    assert not Login.objects.exists()
    assert "LOGIN.MAY_SIGN_IN" in caplog.text


def test_a_hook_that_cannot_be_imported_lets_nobody_in(user: Any, settings: Any, caplog: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAY_SIGN_IN": "nowhere.may_sign_in"}}
    with pytest.raises(RefusedByProject):
        issue(user)
    assert not Login.objects.exists()
    assert "LOGIN.MAY_SIGN_IN" in caplog.text


@pytest.mark.parametrize("error", [OperationalError("gone"), DatabaseUnavailable("a service of the project's")])
def test_a_hook_whose_database_is_away_answers_503(user: Any, says: Any, credentials: Any, error: Any) -> None:
    says(error)
    browser = Browser(credentials(user))
    answer = browser.call("post", SESSION, browser.credentials)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert not Login.objects.exists()


def test_no_hook_costs_no_statement_and_a_hook_only_its_own(
    user: Any, says: Any, django_assert_num_queries: Any
) -> None:
    issue(user)
    with django_assert_num_queries(SIGN_IN):
        issue(user)
    says(True)
    with django_assert_num_queries(SIGN_IN):
        issue(user)


def test_an_open_login_is_not_asked_for_again(user: Any, says: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    pair = browser.obtain(None).json()
    says(SENTENCE)
    assert browser.refresh(refresh=pair["refresh"]).status_code == 200
    assert asked == []


# Any guard's refusal


@pytest.mark.parametrize("error", [InvalidCredentials, SignInRefused, NotFound])
def test_a_guard_may_refuse_by_any_error_and_no_door_answers_5xx(
    make_user: Any, add_guard: Any, credentials: Any, password: str, before_authkit: Any, error: Any
) -> None:
    def refuse(attempt: Any, request: Any) -> None:
        raise error("by the guard")

    add_guard(refuse, order=1)
    boss = make_user("boss", is_superuser=True)
    browser, body = Browser(credentials(boss)), {"username": boss.get_username(), "password": password}
    for path in (SESSION, TOKEN, COMPAT):
        answer = browser.call("post", path, browser.credentials)
        assert answer.json()["code"] == error.code, path
        assert 400 < answer.status_code < 500
    assert Visitor().post(PAGE, body).status_code == (200 if error is InvalidCredentials else 403)
    assert Visitor().post(ADMIN, body).status_code == 403
    visitor = before_authkit(boss)
    assert visitor.get("/auth/login/").status_code == 200
    assert SESSION_KEY not in visitor.session
    assert not Login.objects.exists()


# What a browser held before


def test_refused_over_somebody_elses_session_leaves_nobody_signed_in(
    user: Any, make_user: Any, says: Any, password: str
) -> None:
    bob, visitor = make_user("bob"), Visitor()
    visitor.force_login(bob)
    says(SENTENCE)
    assert visitor.post(PAGE, {"username": user.get_username(), "password": password}).status_code == 403
    assert SESSION_KEY not in visitor.session
    assert Login.objects.get().end_reason == EndReason.REPLACED


def test_refused_anonymous_visitor_keeps_their_session(user: Any, says: Any, password: str) -> None:
    visitor = Visitor()
    session = visitor.session
    session["cart"] = [7]
    session.save()
    says(SENTENCE)
    assert visitor.post(PAGE, {"username": user.get_username(), "password": password}).status_code == 403
    assert visitor.session["cart"] == [7]
    assert visitor.session.session_key == session.session_key


def test_refused_over_token_cookies_leaves_nobody_signed_in(user: Any, says: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    assert browser.obtain("cookie").status_code == 200
    says(SENTENCE)
    answer = browser.call("post", SESSION, browser.credentials)
    assert answer.status_code == 403
    assert cleared(answer, ACCESS)
    assert Login.objects.get().end_reason == EndReason.REPLACED


# Adoption


def test_session_from_before_authkit_is_asked_for_once_and_then_no_more(
    user: Any, says: Any, before_authkit: Any
) -> None:
    says(True)
    browser = before_authkit(user)
    for _ in range(2):
        assert browser.get("/auth/api/me/").status_code == 200
    [(person, request, method)] = asked
    assert (person, isinstance(request, HttpRequest), method) == (user, True, "password")


def test_session_from_before_authkit_that_is_refused_is_over(user: Any, says: Any, before_authkit: Any) -> None:
    says(SENTENCE)
    browser = before_authkit(user)
    answer = browser.get("/auth/api/me/")
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})
    assert SESSION_KEY not in browser.session
    assert browser.get("/auth/api/me/").status_code == 401
    assert not Login.objects.exists()
    assert len(asked) == 1


def test_page_of_a_session_that_is_refused_is_an_anonymous_one(user: Any, says: Any, before_authkit: Any) -> None:
    says(SENTENCE)
    assert before_authkit(user).get("/auth/login/").status_code == 200


def test_session_from_before_authkit_outlives_a_hook_that_fails(user: Any, says: Any, before_authkit: Any) -> None:
    says(ValueError())
    browser = before_authkit(user)
    assert browser.get("/auth/api/me/").status_code == 403
    says(True)
    assert browser.get("/auth/api/me/").status_code == 200


def test_simplejwts_token_is_asked_for_at_its_first_refresh_alone(user: Any, says: Any) -> None:
    says(True, **OPEN)
    pair = refresh_tokens(refresh=simplejwt_token(user, "refresh"))
    refresh_tokens(refresh=pair.refresh)
    assert asked == [(user, None, "simplejwt")]


def test_simplejwts_token_that_is_refused_stays_as_good_as_it_was(user: Any, says: Any, api: Any) -> None:
    says(SENTENCE, **OPEN)
    body = {"refresh": simplejwt_token(user, "refresh")}
    answer = api.post("/auth/api/token/refresh/", body, format="json")
    assert (answer.status_code, answer.json()) == (403, {"code": "sign_in_refused", "detail": SENTENCE})
    assert not Login.objects.exists()
    says(True, **OPEN)
    assert api.post("/auth/api/token/refresh/", body, format="json").status_code == 200
