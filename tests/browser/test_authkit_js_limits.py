"""authkit.js where a server is slow, stuck or asks for time, and where a message or a note is not what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from authkit.logins.models import Login
from tests.browser.spa import load, outcome, probe, sign_in, status, wait_until, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALL, BY_COOKIE = ["cookie", "hybrid", "body"], ["cookie", "hybrid"]
REFRESH = "/auth/api/token/refresh/"
BEGIN_RESTORE = "() => { window.pending = auth.restore().then((state) => state.status, (e) => e.code); }"
STRANGERS: list[Any] = [
    None,
    1,
    "signed-out",
    [],
    {"kind": "signed-out"},
    {"version": 2, "kind": "signed-out"},
    {"version": 1},
]


class Stuck:
    """Requests to this path that get no answer, until `release` hands them to the server."""

    def __init__(self, page: Page, path: str) -> None:
        self._page = page
        self._routes: list[Route] = []
        self._released = False
        page.route(f"**{path}", self._keep)

    def _keep(self, route: Route) -> None:
        if self._released:
            route.continue_()
        else:
            self._routes.append(route)

    def wait(self) -> None:
        wait_until(self._page, lambda: self._routes)

    def release(self) -> None:
        self._released = True
        for route in self._routes:
            route.continue_()


@pytest.fixture(autouse=True)
def uncaught(page: Page) -> Iterator[list[str]]:
    said: list[str] = []
    page.context.on("weberror", lambda error: said.append(str(error.error)))
    yield said
    assert said == []


@pytest.fixture
def tabs(page: Page, live_server: Any, user: Any, credentials: Any) -> Any:
    """Tabs of one person: the first one has signed in, the others were loaded after that and know nothing yet."""

    def open_tabs(number: int = 2, **options: Any) -> list[Page]:
        opened = [load(page.context.new_page(), live_server.url, **options) for _ in range(number)]
        sign_in(opened[0], credentials(user))
        for tab in opened[1:]:
            load(tab, live_server.url, **options)
        page.context.clear_cookies(name="authkit-access")
        return opened

    return open_tabs


@pytest.mark.parametrize("transport", BY_COOKIE)
def test_a_refresh_without_an_answer_ends_at_the_time_limit(tabs: Any, transport: str) -> None:
    _, second = tabs(transport=transport, timeout=2000)
    stuck = Stuck(second, REFRESH)
    assert outcome(second, "() => auth.restore()")["code"] == "unavailable"
    stuck.wait()
    second.wait_for_function("async () => (await navigator.locks.query()).held.length === 0")
    second.unroute(f"**{REFRESH}")
    assert outcome(second, "() => auth.restore()")["value"]["status"] == "signed-in"


def test_me_without_an_answer_ends_at_the_time_limit(tabs: Any) -> None:
    [only] = tabs(1, timeout=2000)
    Stuck(only, "/auth/api/me/")
    assert outcome(only, "() => auth.me()") == {"code": "unavailable", "status": 0, "retryAfter": None}


@pytest.mark.parametrize("bad", ["0", "-1", "NaN", "Infinity", "2 ** 31", "'soon'"])
def test_a_time_limit_that_is_none_is_refused(page: Page, live_server: Any, bad: str) -> None:
    load(page, live_server.url)
    create = f"(await import('/static/authkit/authkit.js')).createAuth({{timeout: {bad}}})"
    assert page.evaluate(f"async () => {{ try {{ {create}; }} catch (error) {{ return error.name; }} }}") == "TypeError"


@pytest.mark.parametrize("here", [False, True], ids=["another tab's", "this tab's"])
@pytest.mark.parametrize("transport", BY_COOKIE)
def test_a_sign_out_does_not_wait_for_a_stuck_refresh(tabs: Any, transport: str, here: bool) -> None:
    first, second = tabs(transport=transport, timeout=600_000)
    stuck = Stuck(second, REFRESH)
    second.evaluate(BEGIN_RESTORE)
    stuck.wait()
    assert outcome(second if here else first, "() => auth.logout()") == {"value": None}
    assert not Login.objects.live().exists()
    assert second.evaluate("() => pending") == "signed-out"
    first.wait_for_function("auth.state.status === 'signed-out'")
    first.wait_for_function("async () => (await navigator.locks.query()).held.length === 0")


@pytest.mark.parametrize("transport", ALL)
def test_a_sign_out_that_the_server_did_not_hear_counts_here_and_can_be_repeated(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    load(page, live_server.url, transport=transport)
    sign_in(page, credentials(user))
    page.route("**/auth/api/**", lambda route: route.fulfill(status=503, body="{}"))
    assert outcome(page, "() => auth.logout()")["code"] == "unavailable"
    assert status(page) == "signed-out"
    assert Login.objects.live().exists()
    page.unroute("**/auth/api/**")
    assert outcome(page, "() => auth.logout()") == {"value": None}
    assert not Login.objects.live().exists()


def test_a_refresh_that_a_sign_out_has_overtaken_signs_no_tab_in(tabs: Any) -> None:
    first, second = tabs(transport="hybrid")
    stuck = Stuck(first, "/auth/api/logout/")
    first.evaluate("() => { window.pending = auth.logout(); }")
    stuck.wait()
    assert status(first) == "signed-out"
    # The other tab knew of no login to sign out of: loaded anew, it is brought in by the cookie.
    load(second, first.url.partition("/auth/")[0], transport="hybrid")
    assert outcome(second, "() => auth.restore()")["value"]["status"] == "signed-in"
    stuck.release()
    first.evaluate("() => pending")
    second.wait_for_function("auth.state.status === 'signed-out'")
    assert status(first) == "signed-out"


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "a date"])
def test_retry_after_keeps_every_tab_from_asking_again(tabs: Any, date: bool) -> None:
    first, second, third = tabs(3, transport="hybrid")
    for tab in (second, third):
        tab.clock.set_fixed_time(0)
    third.evaluate(
        """() => {
            const heard = new BroadcastChannel(`authkit:hybrid:${location.origin}/auth/api/`);
            heard.onmessage = ({data}) => { window.heard = data.kind; };
        }"""
    )
    headers = {"Retry-After": "Thu, 01 Jan 1970 00:00:30 GMT" if date else "30"}
    first.context.route(f"**{REFRESH}", lambda route: route.fulfill(status=429, headers=headers, body="{}"))
    refreshes = watched(first.context, REFRESH)
    assert outcome(second, "() => auth.restore()")["retryAfter"] == 30
    third.wait_for_function("window.heard === 'failed'")
    first.context.unroute(f"**{REFRESH}")
    for tab in (second, third):
        assert outcome(tab, "() => auth.restore()") == {"code": "unavailable", "status": 0, "retryAfter": 30}
    assert len(refreshes) == 1
    third.clock.set_fixed_time(31_000)
    assert outcome(third, "() => auth.restore()")["value"]["status"] == "signed-in"
    second.wait_for_function("auth.state.status === 'signed-in'")


def test_no_server_can_ask_for_more_than_five_minutes(tabs: Any) -> None:
    _, second = tabs(transport="hybrid")
    second.clock.set_fixed_time(0)
    headers = {"Retry-After": "86400"}
    second.route(f"**{REFRESH}", lambda route: route.fulfill(status=503, headers=headers, body="{}"))
    outcome(second, "() => auth.restore()")
    assert outcome(second, "() => auth.restore()")["retryAfter"] == 300


def test_a_refresh_that_fails_again_and_again_comes_less_often(tabs: Any) -> None:
    _, second = tabs(transport="hybrid")
    second.clock.set_fixed_time(0)
    second.evaluate("() => { Math.random = () => 0.9; }")  # pauses of 275, 550 and 1100 ms
    second.route(f"**{REFRESH}", lambda route: route.abort())
    refreshes = watched(second.context, REFRESH)
    said = [outcome(second, "() => auth.restore()") for _ in range(4)]
    assert [answer["code"] for answer in said] == ["unavailable"] * 4
    assert [answer["retryAfter"] for answer in said] == [None, None, None, 2]
    assert len(refreshes) == 3
    second.unroute(f"**{REFRESH}")
    second.clock.set_fixed_time(1101)
    assert outcome(second, "() => auth.restore()")["value"]["status"] == "signed-in"


def test_a_message_of_no_known_shape_is_ignored(tabs: Any) -> None:
    [only] = tabs(1, transport="hybrid")
    wrong = [{"version": 1, "kind": "signed-in", "access": 7, "until": 9, "user": None}]
    wrong += [{"version": 1, "kind": "failed", "wait": "long", "failures": 1}]
    only.evaluate(
        """async (messages) => {
            const name = `authkit:hybrid:${location.origin}/auth/api/`;
            const [stranger, last] = [new BroadcastChannel(name), new BroadcastChannel(name)];
            const done = new Promise((resolve) => { last.onmessage = ({data}) => data === "last" && resolve(); });
            for (const message of [...messages, "last"]) stranger.postMessage(message);
            await done;
        }""",
        [*STRANGERS, *wrong],
    )
    assert status(only) == "signed-in"
    assert probe(only)["value"][0] == 200


@pytest.mark.parametrize("note", ["{", "null", "[]", "7", '{"state": "s"}', '{"state": ["s"]}'])
def test_a_broken_note_of_a_redirect_is_dropped(page: Page, live_server: Any, note: str) -> None:
    load(page, live_server.url, "/auth/login/?code=c&state=s&iss=i")
    page.evaluate("(note) => sessionStorage.setItem('authkit:redirect', note)", note)
    assert outcome(page, "() => auth.handleRedirect()")["code"] == "invalid_state"
    assert page.evaluate("sessionStorage.length") == 0


# A popup's answer, as the page in the popup hears and says it.
LISTEN = """() => {
    window.channel = new BroadcastChannel("popup.");
    window.heard = new Promise((resolve) => { channel.onmessage = ({data}) => resolve(data); });
}"""


def popup_with_an_answer(page: Page, site: str) -> Page:
    load(page, site)
    page.evaluate(LISTEN)
    with page.expect_popup() as opened:
        page.evaluate("() => { window.open('/auth/login/?code=c&state=popup.s&iss=i'); }")
    popup = opened.value
    popup.wait_for_load_state()
    popup.clock.install()
    popup.evaluate("async () => { window.auth = (await import('/static/authkit/authkit.js')).createAuth(); }")
    assert outcome(popup, "() => auth.handleRedirect()") == {"value": {"kind": "popup"}}
    return popup


def test_a_popup_stays_until_its_opener_has_the_answer(page: Page, live_server: Any) -> None:
    popup = popup_with_an_answer(page, live_server.url)
    assert page.evaluate("() => heard")["answer"] == {"code": "c", "state": "popup.s", "iss": "i"}
    for stranger in (*STRANGERS, {"version": 1, "kind": "taken", "state": "popup.other"}):
        page.evaluate("(message) => channel.postMessage(message)", stranger)
    assert popup.evaluate("1") == 1
    with popup.expect_event("close"):
        page.evaluate("() => channel.postMessage({version: 1, kind: 'taken', state: 'popup.s'})")


def test_a_popup_without_an_opener_closes_all_the_same(page: Page, live_server: Any) -> None:
    popup = popup_with_an_answer(page, live_server.url)
    assert page.evaluate("() => heard")["kind"] == "answer"
    assert popup.evaluate("1") == 1
    with popup.expect_event("close"):
        popup.evaluate("() => 0")
        popup.clock.fast_forward(5000)


@pytest.mark.parametrize("answered", [True, False])
def test_an_answer_on_its_way_is_no_cancelled_sign_in(page: Page, live_server: Any, answered: bool) -> None:
    """The opener was too busy to read the answer before it looked at the window, which is closed by then."""
    load(page, live_server.url)
    page.evaluate(
        """() => {
            document.hasFocus = () => true;
            window.setInterval = (look) => { window.look = look; };
            window.open = () => ({closed: true, close() {}, location: {replace(url) { window.url = new URL(url); }}});
            window.pending = auth.loginWithPopup("any");
            pending.catch(() => {});
        }"""
    )
    page.wait_for_function("Boolean(window.url && window.look)")
    said = outcome(
        page,
        """(answered) => {
            const popup = new BroadcastChannel("popup.");
            popup.postMessage(null);
            const state = url.searchParams.get("state");
            const answer = {code: "none", state, iss: location.origin};
            look();
            if (answered) popup.postMessage({version: 1, kind: "answer", state, answer});
            const late = Date.now() + 60000;
            Date.now = () => late;
            for (let looks = 0; looks < 10; looks += 1) look();
            return pending;
        }""",
        answered,
    )
    assert said["code"] == ("invalid_grant" if answered else "cancelled")
