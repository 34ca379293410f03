"""`GET social/authorize/<provider>/`: from a program to the provider and back to its redirect URI."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import Login
from tests.outage import database_down
from tests.services import crooked
from tests.social.browsers import begin, come_back, go, query_of, refused
from tests.social.programs import APP, AUTHORIZE, LOOPBACK, REGISTERED, SPA, Program

pytestmark = pytest.mark.django_db
ISSUER = "http://testserver"


@pytest.fixture
def provider(provider, configure) -> Any:
    configure(provider, REDIRECT_URIS=REGISTERED)
    return provider


def error_of(response: Any) -> tuple[str, str]:
    """Answer `error` and its description, and check all that has to be there, and nothing of the provider's."""
    assert response.status_code == 302, response.content
    answer = query_of(response["Location"])
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert answer["iss"] == ISSUER
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert not OneTimeCode.objects.exists()
    return answer["error"], answer["error_description"]


@pytest.mark.parametrize("redirect_uri", [APP, SPA, "http://127.0.0.1:49152/cb", "http://[::1]:1/cb", LOOPBACK])
def test_program_gets_a_code_its_state_and_the_issuer_and_nobody_is_signed_in(provider, redirect_uri) -> None:
    program = Program(redirect_uri)
    response = program.come_back()
    assert response.status_code == 302
    assert response["Location"].startswith(f"{redirect_uri}?")
    answer = query_of(response["Location"])
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (program.state, ISSUER)
    assert len(answer["code"]) == 43
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert "_auth_user_id" not in program.browser.session
    assert not Login.objects.exists()
    row = OneTimeCode.objects.get()
    assert row.user_id == get_user_model().objects.get().pk
    assert (row.subject, row.payload["redirect_uri"], row.used_at, row.login_id) == ("oidc", redirect_uri, None, None)
    assert (row.payload["details"]["issuer"], row.payload["details"]["subject"]) == (provider.issuer, "alice")
    assert answer["code"] not in str(vars(row))


def test_query_of_a_redirect_uri_is_kept(provider) -> None:
    location = Program("https://app.example.com/with?query=1").come_back()["Location"]
    assert location.startswith("https://app.example.com/with?query=1&code=")


@pytest.mark.parametrize("state", ["x", "&code=evil#?%20+", "~" * 512, "%" * 512], ids=["x", "reserved", "long", "%"])
def test_state_comes_back_as_it_was(provider, state) -> None:
    program = Program()
    program.state = state
    assert query_of(program.come_back()["Location"])["state"] == state


def test_provider_is_asked_as_a_page_would_ask_it(provider) -> None:
    program = Program()
    response = program.authorize()
    asked = query_of(response["Location"])
    assert asked["redirect_uri"] == "http://testserver/auth/social/complete/oidc/"
    assert asked["code_challenge"] != program.parameters()["code_challenge"]
    assert asked["state"] != program.state
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]


def test_issuer_is_public_url(provider, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "http://testserver:8000/"}
    program = Program()
    callback = program.go()
    assert query_of(program.browser.get(callback)["Location"])["iss"] == "http://testserver:8000"


def test_unknown_provider_is_404(provider) -> None:
    assert Client().get(AUTHORIZE.format("nobody"), Program().parameters()).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "head", "options"])
def test_other_methods_are_refused(provider, method) -> None:
    assert getattr(Client(), method)(AUTHORIZE.format("oidc")).status_code == 405


def test_abandoned_attempts_write_nothing_to_the_database(provider, django_assert_num_queries) -> None:
    program = Program()
    with django_assert_num_queries(0):
        assert program.authorize().status_code == 302


def test_session_of_somebody_else_neither_hinders_nor_changes(provider, make_user) -> None:
    """The program's person is whoever the provider names; who is signed in on the site's pages is another matter."""
    browser, somebody = Client(), make_user("somebody")
    browser.force_login(somebody)
    assert "code" in query_of(Program(browser=browser).come_back()["Location"])
    assert browser.session["_auth_user_id"] == str(somebody.pk)
    assert OneTimeCode.objects.get().user_id != somebody.pk


def test_page_and_programs_in_one_browser_end_where_each_began(provider) -> None:
    browser = Client()
    page, program = go(browser, next_url="/here/"), Program(browser=browser)
    callback = program.go()
    assert browser.get(page)["Location"] == "/here/"
    assert browser.get(callback)["Location"].startswith(APP)


class TestRefusals:
    """RFC 6749 section 4.1.2.1: those that may be told to the program are."""

    def test_cancelled_consent(self, provider) -> None:
        provider.bend_callback = lambda answer: {
            "error": "access_denied", "error_description": "<b>theirs</b>", "state": answer["state"],
            "iss": answer["iss"],
        }  # fmt: skip
        assert error_of(Program().come_back()) == ("access_denied", "cancelled")

    def test_state_comes_with_the_error(self, provider) -> None:
        provider.bend_callback = lambda answer: {**answer, "error": "access_denied"}
        program = Program("http://127.0.0.1:5000/cb")
        location = program.come_back()["Location"]
        assert location.startswith("http://127.0.0.1:5000/cb?error=")
        assert query_of(location)["state"] == program.state

    def test_provider_is_down_at_the_beginning(self, provider, configure) -> None:
        configure(_Down(), REDIRECT_URIS=REGISTERED)
        assert error_of(Program().authorize()) == ("temporarily_unavailable", "unreachable")

    def test_provider_is_down_on_the_way_back(self, configure) -> None:
        program = Program()
        with crooked.serve() as stopped:
            configure(stopped, REDIRECT_URIS=REGISTERED)
            callback = program.go()
        assert error_of(program.browser.get(callback)) == ("temporarily_unavailable", "unreachable")

    def test_answer_that_cannot_be_read(self, provider) -> None:
        provider.bend_token_answer = lambda _answer: b"<html>busy"
        assert error_of(Program().come_back())[0] == "server_error"

    def test_answer_that_does_not_verify(self, provider) -> None:
        provider.bend_id_token = lambda claims: {**claims, "nonce": "another"}
        assert error_of(Program().come_back()) == ("server_error", "unverified")

    def test_closed_sign_up(self, provider, configure) -> None:
        configure(provider, REDIRECT_URIS=REGISTERED, SIGNUP=False)
        assert error_of(Program().come_back()) == ("access_denied", "signup_closed")

    def test_inactive_person(self, provider) -> None:
        come_back(Client())
        get_user_model().objects.update(is_active=False)
        assert error_of(Program().come_back()) == ("access_denied", "inactive")

    def test_begun_on_another_host_than_public_urls(self, provider, settings) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.test"}
        location = Program().authorize()["Location"]
        assert location.startswith(APP)
        assert query_of(location)["error"] == "invalid_request"
        assert query_of(location)["iss"] == "https://www.example.test"

    def test_database_is_down_after_the_state_was_consumed(self, provider, monkeypatch) -> None:
        from authkit.social.flow import views

        program = Program()
        callback = program.go()

        def down(**_arguments: Any) -> str:
            with database_down():
                return str(OneTimeCode.objects.count())

        monkeypatch.setattr(views, "issue_code", down)
        assert error_of(program.browser.get(callback)) == ("temporarily_unavailable", "unreachable")

    def test_redirect_uri_that_was_taken_out_meanwhile_gets_nothing(self, provider, configure) -> None:
        program = Program()
        callback = program.go()
        configure(provider, REDIRECT_URIS=[SPA])
        assert refused(program.browser.get(callback), "invalid_request")
        assert not OneTimeCode.objects.exists()

    def test_callback_of_another_browser_is_a_page_and_no_redirect(self, provider) -> None:
        assert refused(Client().get(Program().go()), "not_ours")
        assert not OneTimeCode.objects.exists()

    def test_callback_twice_is_a_page_and_one_code(self, provider) -> None:
        program = Program()
        callback = program.go()
        assert program.browser.get(callback).status_code == 302
        assert refused(program.browser.get(callback), "not_ours")
        assert OneTimeCode.objects.count() == 1


class _Down:
    issuer, client_id, client_secret = "http://127.0.0.1:9", "authkit", "secret"


def test_pages_keep_their_own_referrer_policy(provider) -> None:
    assert begin(Client())["Referrer-Policy"] == "same-origin"


def test_redirect_goes_to_no_other_scheme_than_the_registered_one(provider) -> None:
    assert urlsplit(Program().come_back()["Location"]).scheme == "com.example.app"
