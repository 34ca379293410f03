"""authkit.js with passwords: staying signed in, in one tab and in several, and what is left for a script to find."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.test import override_settings
from django.utils import timezone

from authkit.logins.models import Login
from tests.browser.spa import load, outcome, probe, sign_in, status, wait_until, watched

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFRESH = "/auth/api/token/refresh/"
ALL = ["cookie", "hybrid", "body"]
BY_COOKIE = ["cookie", "hybrid"]
# Whoever gets the lock next waits for the word of whoever had it, however long that takes here.
ENDLESS_PATIENCE = """() => {
    const plain = setTimeout;
    window.setTimeout = (work, time) => time === 1000 ? 0 : plain(work, time);
}"""


def refuse_with_503(route: Route) -> None:
    route.fulfill(
        status=503,
        headers={"Retry-After": "2", "Content-Type": "application/json"},
        body='{"code": "unavailable", "detail": "Please try again."}',
    )


def run_out(page: Page, site: str, transport: str, credentials: dict[str, str]) -> None:
    """Signs in with an access token that is over when this returns, which the page's own clock can't tell it."""
    page.clock.set_fixed_time(0)
    for seconds in (3, 9, 27):
        short = override_settings(AUTHKIT={"TOKENS": {"ACCESS_LIFETIME": timedelta(seconds=seconds)}})
        with short, page.expect_response("**/auth/api/token/") as answered:
            signed_in = outcome(page, "(body) => auth.login(body)", credentials)["value"]
        if signed_in["status"] == "signed-in":
            break
        Login.objects.all().delete()  # the module was still asking who it is when the token was over
    assert signed_in["status"] == "signed-in"
    if transport == "cookie":
        # None where the browser has thrown it away by now, which it does when the token is over.
        access = next((c["value"] for c in page.context.cookies() if c["name"] == "authkit-access"), None)
        page.context.clear_cookies(name="authkit-access")
    else:
        access = answered.value.json()["access"]
    deadline = time.monotonic() + 60
    verify = f"{site}/auth/api/token/verify/"
    while access and requests.post(verify, json={"token": access}, timeout=30).status_code == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("transport", ALL)
def test_signs_in_calls_and_signs_out(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    refused = outcome(page, "(body) => auth.login(body)", credentials(user, "wrong"))
    assert refused == {"code": "no_active_account", "status": 401, "retryAfter": None}
    sign_in(page, credentials(user))
    for method in ("GET", "POST"):
        assert probe(page, method) == {"value": [200, {"pk": str(user.pk)}]}
    known = outcome(page, "() => auth.me()")["value"]
    assert (known["user"]["email"], known["login"]["kind"]) == (user.email, "token")
    assert outcome(page, "() => auth.logout()") == {"value": None}
    assert probe(page)["value"][0] == 401
    assert page.evaluate("said") == [["signed-in", known["user"]["id"]], ["signed-out", None]]
    assert not Login.objects.live().exists()
    left = {cookie["name"] for cookie in page.context.cookies() if "authkit" in cookie["name"]}
    assert left <= {"authkit-device"}, "a known device stays known, and opens nothing"


@pytest.mark.parametrize("transport", ALL)
def test_a_reload_restores_what_a_cookie_carries(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    assert outcome(page, "() => auth.restore()")["value"] == {"status": "signed-out", "user": None}
    sign_in(page, credentials(user))
    load(page, live_server.url, transport=transport)
    assert status(page) == ("signed-out" if transport == "body" else "unknown")
    restored = outcome(page, "() => auth.restore()")["value"]
    assert restored["status"] == ("signed-out" if transport == "body" else "signed-in")
    assert transport == "body" or restored["user"]["email"] == user.email
    assert probe(page)["value"][0] == (401 if transport == "body" else 200)


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_a_call_before_anything_else_restores_first(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    load(page, live_server.url, transport=transport)
    assert probe(page) == {"value": [200, {"pk": str(user.pk)}]}


@pytest.mark.parametrize("transport", ALL)
def test_an_access_token_that_ran_out_is_refreshed_unseen(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    run_out(page, live_server.url, transport, credentials(user))
    refreshes = watched(page.context, REFRESH)
    body = "async () => (await auth.fetch('/probe/', {method: 'POST', body: '{}'})).status"
    together = f"() => Promise.all([1, 2, 3].map({body}))"
    assert outcome(page, together) == {"value": [200, 200, 200]}
    assert len(refreshes) == 1
    assert Login.objects.live().count() == 1


def test_a_token_is_renewed_before_its_end(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    page.clock.install()
    load(page, live_server.url)
    sign_in(page, credentials(user))
    refreshes, probes = watched(page.context, REFRESH), watched(page.context, "/probe/")
    assert probe(page)["value"][0] == 200
    assert refreshes == []
    page.clock.fast_forward("14:51")
    assert probe(page)["value"][0] == 200
    assert (len(refreshes), len(probes)) == (1, 2)


def test_it_never_loops(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    """Whatever a server answers: at most one refresh and one more try for each call."""
    load(page, live_server.url)
    sign_in(page, credentials(user))
    refreshes, probes = watched(page.context, REFRESH), watched(page.context, "/probe/")

    def refuse(route: Route) -> None:
        code = 401 if len(probes) < 5 else 200  # a loop would be a failure, and not a test without an end
        route.fulfill(status=code, content_type="application/json", body='{"code": "token_not_valid"}')

    page.route("**/probe/", refuse)
    assert probe(page)["value"] == [401, {"code": "token_not_valid"}]
    assert (len(refreshes), len(probes)) == (1, 2)
    assert status(page) == "signed-in"


@pytest.mark.parametrize("transport", ALL)
def test_an_ended_login_signs_out_and_stays_out(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    Login.objects.all().delete()
    refreshes = watched(page.context, REFRESH)
    assert [probe(page)["value"][0] for _ in range(2)] == [401, 401]
    assert (status(page), len(refreshes)) == ("signed-out", 1)


@pytest.mark.parametrize("transport", ALL)
def test_an_outage_throws_nobody_out(page: Page, live_server: Any, user: Any, credentials: Any, transport: str) -> None:
    load(page, live_server.url, transport=transport)
    run_out(page, live_server.url, transport, credentials(user))
    page.route("**/auth/api/**", refuse_with_503)
    assert probe(page) == {"code": "unavailable", "status": 503, "retryAfter": 2}
    assert status(page) == "signed-in"
    page.unroute("**/auth/api/**")
    page.clock.set_fixed_time(60_000)
    page.route("**/auth/api/**", lambda route: route.abort())
    assert probe(page) == {"code": "unavailable", "status": 0, "retryAfter": None}
    assert status(page) == "signed-in"
    page.unroute("**/auth/api/**")
    page.clock.set_fixed_time(120_000)
    # A hotel's network, or a proxy, which says 200 of a page of its own.
    page.route("**/auth/api/**", lambda route: route.fulfill(content_type="text/html", body="<h1>Welcome</h1>"))
    assert probe(page) == {"code": "unavailable", "status": 0, "retryAfter": None}
    assert status(page) == "signed-in"
    page.unroute("**/auth/api/**")
    page.clock.set_fixed_time(180_000)
    assert probe(page)["value"][0] == 200


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_an_outage_at_the_start_leaves_it_open_who_is_here(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    load(page, live_server.url, transport=transport)
    page.clock.set_fixed_time(0)
    page.route("**/auth/api/**", refuse_with_503)
    assert outcome(page, "() => auth.restore()")["code"] == "unavailable"
    assert status(page) == "unknown"
    page.unroute("**/auth/api/**")
    page.clock.set_fixed_time(3000)
    assert outcome(page, "() => auth.restore()")["value"]["status"] == "signed-in"


def tabs_of(context: BrowserContext, site: str, number: int = 2, **options: Any) -> list[Page]:
    return [load(context.new_page(), site, **options) for _ in range(number)]


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_tabs_that_refresh_at_once_send_one_refresh(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    tabs = tabs_of(page.context, live_server.url, 3, transport=transport)
    sign_in(tabs[0], credentials(user))
    for tab in tabs:
        load(tab, live_server.url, transport=transport)
    page.context.clear_cookies(name="authkit-access")
    refreshes = watched(page.context, REFRESH)
    held: list[Route] = []
    page.context.route(f"**{REFRESH}", lambda route: route.continue_() if held else held.append(route))
    for tab in tabs:
        tab.evaluate(ENDLESS_PATIENCE)
        tab.evaluate("() => { auth.restore().then((state) => { window.restored = state.status; }); }")
    wait_until(page, lambda: held)
    # All three are at it: one asks, the others wait for its lock.
    tabs[0].wait_for_function(
        "async () => { const {held, pending} = await navigator.locks.query(); "
        "return held.length === 1 && pending.length === 2; }"
    )
    held[0].continue_()
    for tab in tabs:
        tab.wait_for_function("window.restored === 'signed-in'")
        assert probe(tab)["value"][0] == 200
    assert len(refreshes) == 1


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_another_tab_goes_on_where_the_first_ones_refresh_fails(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    tabs = tabs_of(page.context, live_server.url, transport=transport)
    sign_in(tabs[0], credentials(user))
    for tab in tabs:
        load(tab, live_server.url, transport=transport)
    page.context.clear_cookies(name="authkit-access")
    held: list[Route] = []
    tabs[0].route(f"**{REFRESH}", lambda route: held.append(route))  # noqa: PLW0108  # Playwright sets an attribute
    begin = "() => { window.pending = auth.restore().then((state) => state.status, (e) => e.code); }"
    tabs[0].evaluate(begin)
    while not held:
        page.wait_for_timeout(20)
    tabs[1].evaluate(begin)  # not before the first one asks: who is first gets the lock
    tabs[1].wait_for_function("async () => (await navigator.locks.query()).pending.length === 1")
    held[0].abort()
    assert [tab.evaluate("() => pending") for tab in tabs] == ["unavailable", "signed-in"]
    tabs[0].wait_for_function("auth.state.status === 'signed-in'")  # the other one told


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_sign_in_and_out_in_one_tab_count_in_all(
    page: Page, live_server: Any, make_user: Any, credentials: Any, transport: str
) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    first, second = tabs_of(page.context, live_server.url, transport=transport)
    for person in (alice, bob):
        sign_in(first, credentials(person))
        second.wait_for_function("(email) => auth.state.user?.email === email", arg=person.email)
        assert probe(second)["value"] == [200, {"pk": str(person.pk)}]
    assert outcome(second, "() => auth.logout()") == {"value": None}
    first.wait_for_function("auth.state.status === 'signed-out'")
    assert probe(first)["value"][0] == 401
    assert not Login.objects.live().exists()


def test_each_tab_with_tokens_in_bodies_is_a_login_of_its_own(
    page: Page, live_server: Any, user: Any, credentials: Any
) -> None:
    first, second = tabs_of(page.context, live_server.url, transport="body")
    for tab in (first, second):
        sign_in(tab, credentials(user))
    assert outcome(first, "() => auth.logout()") == {"value": None}
    assert [status(tab) for tab in (first, second)] == ["signed-out", "signed-in"]
    assert probe(second)["value"][0] == 200


@pytest.mark.parametrize("transport", ALL)
def test_signing_out_everywhere(page: Page, live_server: Any, user: Any, credentials: Any, transport: str) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    elsewhere = requests.post(f"{live_server.url}/auth/api/token/", json=credentials(user), timeout=30)
    assert elsewhere.status_code == 200
    assert outcome(page, "() => auth.logoutAll({keepCurrent: true})") == {"value": 1}
    assert (status(page), Login.objects.live().count()) == ("signed-in", 1)
    assert outcome(page, "() => auth.logoutAll()") == {"value": 1}
    assert (status(page), Login.objects.live().count()) == ("signed-out", 0)


@pytest.mark.parametrize("transport", ALL)
def test_logout_after_the_access_token_ran_out_ends_the_login(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    run_out(page, live_server.url, transport, credentials(user))
    assert outcome(page, "() => auth.logout()") == {"value": None}
    assert not Login.objects.live().exists()


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_a_new_csrf_cookie_is_noticed(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    page.context.clear_cookies(name="csrftoken")  # as a sign-in by a page of another tab replaces it
    assert probe(page, "POST")["value"][0] == 200
    page.context.clear_cookies(name="csrftoken")
    assert outcome(page, "() => auth.logout()") == {"value": None}


@pytest.mark.parametrize("transport", ALL)
def test_an_injected_script_finds_no_token_in_any_storage(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    found = page.evaluate(
        """async () => {
            const reachable = (thing) => JSON.stringify(thing, (_key, value) => value === window ? null : value);
            const caches_ = await caches.keys();
            return {
                cookie: document.cookie,
                storages: reachable([{...localStorage}, {...sessionStorage}]),
                databases: [...(await indexedDB.databases()), ...caches_].length,
                auth: reachable(auth) + reachable(auth.state) + Object.keys(window).filter((key) => /^ey/.test(key)),
            };
        }"""
    )
    assert "authkit" not in found["cookie"]
    assert found["storages"] == "[{},{}]"
    assert found["databases"] == 0
    assert "eyJ" not in found["auth"]


def test_the_token_goes_to_the_api_and_nowhere_else(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    load(page, live_server.url)
    sign_in(page, credentials(user))
    seen: list[dict[str, str]] = []
    page.context.on("request", lambda request: seen.append(request.headers))
    elsewhere = live_server.url.replace("localhost", "127.0.0.1")
    assert elsewhere != live_server.url
    page.evaluate("(url) => auth.fetch(url + '/probe/').catch(() => {})", elsewhere)
    assert probe(page)["value"][0] == 200
    assert ["authorization" in headers for headers in seen] == [False, True]


def test_a_header_of_the_callers_own_is_left_alone(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    load(page, live_server.url)
    sign_in(page, credentials(user))
    refreshes = watched(page.context, REFRESH)
    assert (
        page.evaluate("async () => (await auth.fetch('/probe/', {headers: {Authorization: 'Bearer mine'}})).status")
        == 401
    )
    assert refreshes == []


WITH_STEP_UP = """async (options) => {
    const authkit = await import("/static/authkit/authkit.js");
    Object.assign(window, {asked: 0, answers: []});
    const stepUp = async (refusal) => {
        asked += 1;
        while (answers.length && refusal.data.methods.includes("password")) {
            try {
                return Boolean(await auth.reauthenticate({password: answers.shift()}));
            } catch (error) {
                if (error.code !== "refused") throw error;
            }
        }
        return false;
    };
    window.auth = authkit.createAuth({...options, stepUp});
}"""


@pytest.mark.parametrize("transport", ALL)
def test_a_call_that_wants_a_recent_sign_in_is_made_again_after_the_pages_question(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    page.evaluate(WITH_STEP_UP, {"transport": transport})
    sign_in(page, credentials(user))
    login = Login.objects.get()
    long_ago = timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=long_ago, authenticated_at=long_ago)
    twice = "() => Promise.all([1, 2].map(async () => (await auth.fetch('/auth/api/account/export/')).status))"
    assert outcome(page, twice)["value"] == [403, 403]
    page.evaluate("(password) => { asked = 0; answers = ['wrong', password] }", credentials(user)["password"])
    assert outcome(page, twice)["value"] == [200, 200]
    assert page.evaluate("asked") == 1, "one question for two calls"
    assert (Login.objects.get().pk, status(page)) == (login.pk, "signed-in"), "the same login, and no new one"
