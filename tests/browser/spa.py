"""A single-page app in a real browser: a page of this origin that has loaded authkit.js."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from django.core.signals import request_started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page, Request

BEGIN = """async (options) => {
    const authkit = await import("/static/authkit/authkit.js");
    window.auth = authkit.createAuth(options);
    window.said = [];
    auth.onChange((state) => said.push([state.status, state.user && state.user.id]));
}"""

# Promises that reject, as data.
OUTCOME = """async ([work, argument]) => {
    try {
        return {value: await eval(work)(argument)};
    } catch (error) {
        const {name, code, status, retryAfter} = error;
        if (name !== "AuthError") throw error;
        return {code, status, retryAfter};
    }
}"""


def load(page: Page, site: str, path: str = "/auth/login/", **options: Any) -> Page:
    """Opens a page and the module in it, as `auth`; what it says of changes is in `said`."""
    page.goto(site + path)
    page.evaluate(BEGIN, options)
    return page


def outcome(page: Page, work: str, argument: Any = None) -> dict[str, Any]:
    """What a function of the page comes to: `{"value"}`, or the AuthError's `{"code", "status", "retryAfter"}`."""
    answer: dict[str, Any] = page.evaluate(OUTCOME, [work, argument])
    return answer


def sign_in(page: Page, credentials: dict[str, str]) -> None:
    signed_in = outcome(page, "(body) => auth.login(body)", credentials)
    assert signed_in.get("value", {}).get("status") == "signed-in", signed_in


def status(page: Page) -> str:
    said: str = page.evaluate("auth.state.status")
    return said


def probe(page: Page, method: str = "GET") -> dict[str, Any]:
    """A call of the project's own API through `auth.fetch`."""
    return outcome(
        page,
        "async (method) => { const answer = await auth.fetch('/probe/', {method}); "
        "return [answer.status, await answer.json()]; }",
        method,
    )


def watched(context: BrowserContext, path: str) -> list[Request]:
    """The requests to this path, from here on, of all tabs."""
    seen: list[Request] = []

    def listen(request: Request) -> None:
        if request.url.partition("?")[0].endswith(path):
            seen.append(request)

    context.on("request", listen)
    return seen


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """For what Playwright tells by events, which come in only while something waits for the browser."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


@contextlib.contextmanager
def together(path: str, number: int) -> Iterator[None]:
    """Has the server begin with none of the requests to this path before that many have come.

    Without it a slow machine has the first one answered before the browser sends the last.
    """
    barrier = threading.Barrier(number, timeout=30)

    def gate(environ: dict[str, Any], **_: Any) -> None:
        if environ["PATH_INFO"] == path:
            barrier.wait()

    request_started.connect(gate)
    try:
        yield
    finally:
        request_started.disconnect(gate)
