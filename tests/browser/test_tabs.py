"""authkit.js where one tab's word overtakes another one's answer, and where a browser has no Web Locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from authkit.logins.models import Login
from tests.browser.spa import load, outcome, probe, sign_in, status, together, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFRESH, SESSION, ME = "/auth/api/token/refresh/", "/auth/api/session/", "/auth/api/me/"
BY_COOKIE = ["cookie", "hybrid"]
WITHOUT_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})"
BEGIN_RESTORE = "() => { window.pending = auth.restore().then((state) => state.status, (e) => e.code); }"


class Late:
    """The next answer to this path in this tab: the server's at once, and the tab's when `arrive` is called."""

    def __init__(self, page: Page, path: str) -> None:
        self._page = page
        self._routes: list[Route] = []
        page.route(f"**{path}", self._hold, times=1)

    def _hold(self, route: Route) -> None:
        self._routes.append(route)

    def wait(self) -> None:
        wait_until(self._page, lambda: self._routes)
        self._answer = self._routes[0].fetch()
        assert self._answer.ok, self._answer.text()

    def arrive(self) -> None:
        self._routes[0].fulfill(response=self._answer)


@pytest.fixture
def tabs(page: Page, live_server: Any, make_user: Any, credentials: Any) -> Callable[..., list[Page]]:
    """Tabs of Alice's: the first one has signed her in, the others were loaded after that and know nothing yet."""

    def open_tabs(number: int = 2, *, transport: str, locks: bool = True) -> list[Page]:
        context: BrowserContext = page.context
        if not locks:
            context.add_init_script(WITHOUT_LOCKS)
        opened = [load(context.new_page(), live_server.url, transport=transport) for _ in range(number)]
        assert all(tab.evaluate("navigator.locks !== undefined") == locks for tab in opened)
        sign_in(opened[0], credentials(make_user("alice")))
        for tab in opened[1:]:
            load(tab, live_server.url, transport=transport)
        return opened

    return open_tabs


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_tabs_without_locks_that_refresh_at_once_all_stay_signed_in(tabs: Any, transport: str) -> None:
    _, *opened = tabs(4, transport=transport, locks=False)
    context = opened[0].context
    context.clear_cookies(name="authkit-access")
    with together(REFRESH, 3):
        for tab in opened:
            tab.evaluate(BEGIN_RESTORE)
        assert [tab.evaluate("() => pending") for tab in opened] == ["signed-in"] * 3
    for tab in opened:
        assert probe(tab)["value"][0] == 200
    # What they were left with is good for the next time as well, whosever answer came last.
    for tab in opened:
        load(tab, opened[0].url.partition("/auth/")[0], transport=transport)
        context.clear_cookies(name="authkit-access")
        assert outcome(tab, "() => auth.restore()")["value"]["status"] == "signed-in"
        assert probe(tab)["value"][0] == 200
    assert Login.objects.live().count() == 1
    assert outcome(opened[0], "() => auth.logout()") == {"value": None}
    for tab in opened[1:]:
        tab.wait_for_function("auth.state.status === 'signed-out'")
    assert not Login.objects.live().exists()


@pytest.mark.parametrize(
    ("transport", "path", "leave"),
    [("cookie", REFRESH, "logout without locks"), ("cookie", REFRESH, "logoutAll"), ("hybrid", ME, "logoutAll")],
)
def test_an_answer_from_before_a_sign_out_signs_nobody_in(tabs: Any, transport: str, path: str, leave: str) -> None:
    first, second = tabs(transport=transport, locks=leave == "logoutAll")
    first.context.clear_cookies(name="authkit-access")
    late = Late(second, path)
    second.evaluate(BEGIN_RESTORE)
    late.wait()
    left = outcome(first, "() => auth.logoutAll()" if leave == "logoutAll" else "() => auth.logout()")
    assert left == {"value": 1 if leave == "logoutAll" else None}
    for tab in (first, second):
        tab.evaluate("() => { said.length = 0; }")
    late.arrive()
    assert second.evaluate("() => pending") == "signed-out"
    assert [status(tab) for tab in (first, second)] == ["signed-out", "signed-out"]
    assert [tab.evaluate("said") for tab in (first, second)] == [[], []]


def test_a_session_that_is_over_by_the_time_its_answer_comes(tabs: Any) -> None:
    first, second = tabs(transport="cookie")
    late = Late(second, SESSION)
    second.evaluate(BEGIN_RESTORE)
    late.wait()
    assert outcome(first, "() => auth.logout()") == {"value": None}
    second.wait_for_function("auth.state.status === 'signed-out'")
    late.arrive()
    assert second.evaluate("() => pending") == "signed-out"
    assert status(second) == "signed-out"


def test_who_was_here_before_is_not_taken_for_who_is_here_now(tabs: Any, make_user: Any, credentials: Any) -> None:
    first, second = tabs(transport="hybrid")
    late = Late(first, ME)
    first.evaluate("() => { window.pending = auth.me().then(({user}) => user.username); }")
    late.wait()
    sign_in(second, credentials(make_user("bob")))
    first.wait_for_function("auth.state.user.username === 'bob'")
    late.arrive()
    assert first.evaluate("() => pending") == "alice"
    assert first.evaluate("auth.state.user.username") == "bob"
