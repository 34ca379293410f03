"""The login page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.template import Context, Template
from django.test import Client

from authkit.logins.models import Login
from authkit.pages.forms import LoginForm
from tests.pages.conftest import ACCOUNT, LOGIN, without_csrf
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db


def test_a_person_signs_in_and_gets_a_login(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> None:
    answer = sign_in(user, next=ACCOUNT)
    assert (answer.status_code, answer["Location"]) == (302, ACCOUNT)
    assert browser_client.get(ACCOUNT).context["user"] == user
    login = Login.objects.get()
    assert (login.user, login.kind, login.method, login.remembered) == (user, "session", "password", False)


def test_keep_me_signed_in_outlives_the_browser(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> None:
    sign_in(user)
    assert browser_client.cookies["sessionid"]["max-age"] == ""
    sign_in(user, client=(other := Client()), remember="on")
    assert int(other.cookies["sessionid"]["max-age"]) > 14 * 24 * 3600
    assert Login.objects.latest("created_at").remembered


def test_the_session_id_is_a_new_one_after_signing_in(
    user: Any, sign_in: Callable[..., Any], browser_client: Client
) -> None:
    sign_in(user)
    before = browser_client.cookies["sessionid"].value
    browser_client.post("/auth/logout/", Forms(browser_client.get("/auth/logout/")).to("/auth/logout/"))
    sign_in(user)
    assert browser_client.cookies["sessionid"].value != before


def test_every_failure_looks_alike(make_user: Callable[..., Any], password: str) -> None:
    make_user("alice")
    make_user("sleeper", is_active=False)
    users = get_user_model()
    names = {
        name: users._default_manager.get(email=f"{name}@example.test").get_username() for name in ("alice", "sleeper")
    }
    attempts = [
        (names["alice"], "wrong"),
        (names["sleeper"], password),
        ("nobody@example.test", password),
        ("", ""),
        (names["alice"], ""),
        ("a\0b", password),
        ("n" * 1000, password),
        (names["alice"], "p" * 100_000),
    ]
    pages = set()
    for username, given in attempts:
        browser = Client(enforce_csrf_checks=True)
        filled = Forms(browser.get(LOGIN)).to(LOGIN)
        answer = browser.post(LOGIN, {**filled, "username": username, "password": given})
        assert answer.status_code == 200
        assert "sessionid" not in browser.cookies
        text = without_csrf(answer)
        pages.add(text.replace(f' value="{username}"', "") if username else text)
    # HTML can't hold the NUL, so that attempt's own field is the one difference that there may be.
    assert len({page.replace(' value="a\x00b"', "").replace(' value="a�b"', "") for page in pages}) == 1
    assert 'role="alert"' in pages.pop()


def test_a_failure_is_announced_and_the_password_is_not_sent_back(
    user: Any, sign_in: Callable[..., Any], password: str
) -> None:
    page = sign_in(user, password="a-wrong-one").content.decode()
    assert '<p class="ak-alert" id="authkit-error" role="alert">' in page
    assert page.count('aria-describedby="authkit-error"') == 2
    assert "a-wrong-one" not in page
    assert "<title>Error: Sign in" in page


def test_fields_have_labels_and_tell_password_managers_what_they_are(client: Client) -> None:
    page = client.get(LOGIN).content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    for field in ("id_username", "id_password"):
        assert f'<label for="{field}">' in page
        assert f'id="{field}"' in page


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example", ""],
)
def test_open_redirect_after_signing_in(
    user: Any, sign_in: Callable[..., Any], browser_client: Client, settings: Any, target: str
) -> None:
    settings.LOGIN_REDIRECT_URL = "/home/"
    assert sign_in(user, next=target)["Location"] == "/home/"
    assert browser_client.get(LOGIN, {"next": target})["Location"] == "/home/"


def test_an_unsafe_next_is_not_even_carried_along(client: Client) -> None:
    assert "next" not in Forms(client.get(LOGIN, {"next": "//evil.example"})).to(LOGIN)
    assert Forms(client.get(LOGIN, {"next": "/here/?a=1&b=2"})).to(LOGIN)["next"] == "/here/?a=1&b=2"


def test_who_is_signed_in_already_is_sent_on(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> None:
    sign_in(user)
    answer = browser_client.get(LOGIN, {"next": "/somewhere/"})
    assert (answer.status_code, answer["Location"]) == (302, "/somewhere/")
    assert Login.objects.count() == 1


def test_login_csrf(user: Any, browser_client: Client, password: str) -> None:
    """A foreign page must not be able to sign a browser in as the attacker."""
    answer = browser_client.post(LOGIN, {"username": user.get_username(), "password": password})
    assert answer.status_code == 403
    assert not Login.objects.exists()


def test_login_csrf_in_a_project_without_the_middleware(
    user: Any, browser_client: Client, password: str, settings: Any
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    answer = browser_client.post(LOGIN, {"username": user.get_username(), "password": password})
    assert answer.status_code == 403


def test_nothing_of_it_is_kept_in_a_cache(client: Client, user: Any, sign_in: Callable[..., Any]) -> None:
    for answer in (
        client.get(LOGIN),
        client.get("/auth/account/"),
        sign_in(user, password="wrong"),
        sign_in(user),
    ):
        assert "no-store" in answer["Cache-Control"]


def test_an_unreachable_database_is_a_503_and_no_refusal(browser_client: Client) -> None:
    filled = Forms(browser_client.get(LOGIN)).to(LOGIN)

    def down(execute: Any, sql: str, *rest: Any) -> Any:
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(down):
        answer = browser_client.post(LOGIN, {**filled, "username": "alice", "password": "any"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "Try again shortly" in answer.content.decode()
    assert "sessionid" not in answer.cookies


def test_pages_need_neither_script_nor_inline_style(
    user: Any, sign_in: Callable[..., Any], browser_client: Client
) -> None:
    pages = [browser_client.get(LOGIN), browser_client.get("/auth/logout/"), sign_in(user, password="wrong")]
    sign_in(user)
    pages += [browser_client.get("/auth/logout/"), browser_client.get(ACCOUNT)]
    for page in pages:
        assert page.status_code == 200
        text = page.content.decode()
        for inline in ("<script", "<style", " style=", " onclick=", "javascript:"):
            assert inline not in text


@pytest.mark.parametrize(
    ("identifiers", "label"),
    [(["email"], "E-mail address"), (["username", "email"], "or e-mail address"), (["username"], "")],
)
def test_the_label_says_what_may_be_typed(identifiers: list[str], label: str) -> None:
    users = get_user_model()
    shown = LoginForm(identifiers=identifiers).fields["username"].label
    name = str(users._meta.get_field(users.USERNAME_FIELD).verbose_name)
    assert shown is not None
    if users.USERNAME_FIELD == "email" and "username" in identifiers:
        assert shown.lower() == name.lower()
    elif label:
        assert shown.endswith(label)
    else:
        assert shown.lower() == name.lower()


def test_an_address_works_where_the_project_allows_it(user: Any, sign_in: Callable[..., Any], settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"IDENTIFIERS": ["username", "email"]}}
    assert sign_in(user, username=user.email.upper()).status_code == 302


def test_each_provider_is_a_plain_form_that_keeps_next(client: Client, settings: Any) -> None:
    provider = {"NAME": "Example <ID>", "ISSUER": "https://id.example", "CLIENT_ID": "me", "CLIENT_SECRET": "s" * 32}
    settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": {"example": provider}}}
    page = client.get(LOGIN, {"next": "/there/"})
    fields = Forms(page).to("/auth/social/login/example/")
    assert fields["next"] == "/there/"
    assert fields["csrfmiddlewaretoken"]
    assert "Sign in with Example &lt;ID&gt;" in page.content.decode()


@pytest.mark.parametrize(
    ("identifiers", "kind"), [(["email"], "email"), (["username", "email"], "text"), (["username"], "text")]
)
def test_a_field_for_an_address_alone_says_so_to_the_keyboard(
    client: Client, settings: Any, identifiers: list[str], kind: str
) -> None:
    users = get_user_model()
    if users.get_email_field_name() == users.USERNAME_FIELD:
        kind = "email"
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"IDENTIFIERS": identifiers}}
    [field] = re.findall(r'<input [^>]*name="username"[^>]*>', client.get(LOGIN).content.decode())
    assert f'type="{kind}"' in field
    assert 'autocomplete="username"' in field


def test_the_ways_on_are_shown_where_a_feature_has_mounted_them(client: Client, settings: Any) -> None:
    assert Template("{% load authkit_pages %}[{% page_url 'no-such-page' %}]").render(Context()) == "[]"
    settings.ROOT_URLCONF = "tests.pages.ways_on_urls"
    links = re.findall(r'<li><a href="([^"]*)">([^<]*)</a></li>', client.get(LOGIN).content.decode())
    assert links == [("/auth/forgotten/", "Forgot password?"), ("/auth/join/", "Create an account")]
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"PASSWORD_DOORS": False}}
    assert "Forgot password?" not in client.get(LOGIN).content.decode()
