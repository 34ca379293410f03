"""Three ways in, one way out: one person, every kind of credential, real HTTP, and each event that must end them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import reverse

from authkit.logins.models import Login
from tests.services.openid_pages import approve

pytestmark = [pytest.mark.oidc, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("with_provider")]

SECONDS = 60


class Site:
    """The running project, as clients of every kind call it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def path(self, name: str, *args: Any) -> str:
        return self.url + reverse(name if ":" in name else f"authkit:{name}", args=args)

    def csrf(self, browser: requests.Session) -> dict[str, str]:
        token = browser.get(self.path("session"), timeout=SECONDS).json()["csrf_token"]
        return {"X-CSRFToken": token, "Origin": self.url, "Referer": self.url + "/"}

    def by_provider(self, account: str) -> requests.Session:
        browser = requests.Session()
        begun = browser.post(
            self.path("social-login", "oidc"), headers=self.csrf(browser), allow_redirects=False, timeout=SECONDS
        )
        assert begun.status_code == 302, begun.text
        done = browser.get(approve(begun.headers["Location"], account), allow_redirects=False, timeout=SECONDS)
        assert done.status_code == 302, done.text
        return browser

    def by_password(self, user: Any, password: str) -> requests.Session:
        browser = requests.Session()
        body = {user.USERNAME_FIELD: user.get_username(), "password": password}
        answer = browser.post(self.path("session-login"), json=body, headers=self.csrf(browser), timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return browser

    def tokens(self, user: Any, password: str) -> dict[str, str]:
        body = {user.USERNAME_FIELD: user.get_username(), "password": password}
        pair: dict[str, str] = requests.post(self.path("token"), json=body, timeout=SECONDS).json()
        return pair

    def me(self, browser: requests.Session | None = None, access: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        return (browser or requests.Session()).get(self.path("me"), headers=headers, timeout=SECONDS)

    def refresh(self, token: str) -> requests.Response:
        return requests.post(self.path("token-refresh"), json={"refresh": token}, timeout=SECONDS)


@dataclass
class Held:
    """Everything that one person holds."""

    user: Any
    sessions: dict[str, requests.Session]
    access: str
    refresh: str


@pytest.fixture
def site(live_server: Any) -> Site:
    return Site(live_server.url)


@pytest.fixture
def held(site: Site, password: str) -> Held:
    """Somebody who came through the provider, got a password as well, and is signed in every way there is."""
    site.by_provider("alice")
    user = get_user_model()._default_manager.get()
    user.set_password(password)
    user.save()
    pair = site.tokens(user, password)
    renewed = site.refresh(pair["refresh"]).json()
    sessions = {"password": site.by_password(user, password), "oidc": site.by_provider("alice")}
    held = Held(user=user, sessions=sessions, access=renewed["access"], refresh=renewed["refresh"])
    for method, browser in sessions.items():
        assert site.me(browser).json()["login"]["method"] == method
    assert site.me(access=held.access).json()["user"]["id"] in {user.pk, str(user.pk)}
    return held


def assert_all_dead(site: Site, held: Held, *, why: str) -> None:
    for browser in held.sessions.values():
        answer = site.me(browser)
        assert answer.status_code == 401
        assert (answer.json()["code"], answer.json()["why"]) == ("not_authenticated", why)
        assert site.me(browser).status_code == 401
    bearer = {"Authorization": f"Bearer {held.access}"}
    probe = requests.get(site.url + "/probe/", headers=bearer, timeout=SECONDS)
    for answer in (probe, site.me(access=held.access), site.refresh(held.refresh)):
        assert answer.status_code == 401
        assert (answer.json()["code"], answer.json()["why"]) == ("token_not_valid", why)


def force_out_in_the_admin(site: Site, chief: Any, password: str, person: Any) -> None:
    """As an admin does it: signs in at the admin's own page, presses the button of the user page, confirms."""
    browser = requests.Session()
    page = site.path("admin:login")
    browser.get(page, timeout=SECONDS)
    form = {"username": chief.get_username(), "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    assert browser.post(page, data=form, allow_redirects=False, timeout=SECONDS).status_code == 302
    opts = person._meta
    url = site.path(f"admin:{opts.app_label}_{opts.model_name}_force_logout_one", person.pk)
    assert person.get_username() in browser.get(url, timeout=SECONDS).text
    assert site.me(access=None).status_code == 401
    confirmed = browser.post(
        url, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]}, allow_redirects=False, timeout=SECONDS
    )
    assert confirmed.status_code == 302
    assert site.me(browser).json()["user"]["id"] in {chief.pk, str(chief.pk)}  # the admin stays


def test_forced_logout_in_the_admin(site: Site, held: Held, make_user: Any, password: str) -> None:
    chief = make_user("chief", is_superuser=True)
    force_out_in_the_admin(site, chief, password, held.user)
    assert_all_dead(site, held, why="forced")
    # it ends logins, not the account: whoever may sign in may do so again
    assert site.me(site.by_provider("alice")).status_code == 200
    assert site.me(access=site.tokens(held.user, password)["access"]).status_code == 200
    assert_all_dead(site, Held(held.user, {}, held.access, held.refresh), why="forced")


def by_raw_sql(statement: str) -> Callable[[Any], None]:
    def run(user: Any) -> None:
        table = connection.ops.quote_name(user._meta.db_table)
        key = user._meta.pk.get_db_prep_value(user.pk, connection)
        with connection.cursor() as cursor:
            for part in statement.format(table=table).split(";"):
                cursor.execute(part, [key])

    return run


def new_password(user: Any) -> None:
    user.set_password("an entirely different one")
    user.save()


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (by_raw_sql("UPDATE {table} SET is_active = (1=0) WHERE id = %s"), "deactivated"),
        (
            by_raw_sql(
                "DELETE FROM social_auth_usersocialauth WHERE user_id = %s;"
                "DELETE FROM authkit_login WHERE user_id = %s;"
                "DELETE FROM authkit_knowndevice WHERE user_id = %s;"
                "DELETE FROM authkit_verifiedaddress WHERE user_id = %s;"
                "DELETE FROM {table} WHERE id = %s"
            ),
            "deleted",
        ),
        (lambda user: user.delete(), "deleted"),
        (new_password, "password_changed"),
    ],
    ids=["deactivated by raw SQL", "deleted by raw SQL", "deleted", "password changed"],
)
def test_everything_is_dead_on_the_next_request(site: Site, held: Held, event: Any, why: str) -> None:
    person = get_user_model()._default_manager.get()
    event(person)
    assert_all_dead(site, held, why=why)


def test_signing_out_everywhere_from_a_phone(site: Site, held: Held) -> None:
    answer = requests.post(
        site.path("logout-all"), json={}, headers={"Authorization": f"Bearer {held.access}"}, timeout=SECONDS
    )
    ended = Login.objects.filter(end_reason="logout_all").count()
    assert (answer.status_code, answer.json()) == (200, {"ended": ended, "keys": 0})
    assert_all_dead(site, held, why="logout_all")
