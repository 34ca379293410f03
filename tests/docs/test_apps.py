"""docs/apps.md: its settings are taken, its scripts run in a page, and its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from authkit import conf
from authkit.codes.authorization_codes import LIFETIME
from authkit.logins.models import Login
from authkit.social.checks import provider_problems
from authkit.social.failures import Failure
from authkit.social.flow.authorization import error_for
from authkit.social.providers.native import MAX_AGE_SECONDS
from authkit.social.serializers import MAX_NONCE_LENGTH, MIN_NONCE_LENGTH
from authkit.social.settings import SocialSettings

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = (Path(__file__).parents[2] / "docs" / "apps.md").read_text()
BLOCKS = dict(re.findall(r"^```\w+\n(?:#|//) ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_settings_are_taken_and_have_no_problem(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "x")
    scope: dict[str, Any] = {}
    exec(compile("import os\n" + BLOCKS["settings for apps"], "docs/apps.md", "exec"), scope)
    settings.AUTHKIT = scope["AUTHKIT"]
    assert conf.section(SocialSettings).redirect_uris
    assert provider_problems() == []


def test_numbers_are_the_codes() -> None:
    assert f"within {LIFETIME.seconds} seconds" in PAGE
    assert f"in the last {MAX_AGE_SECONDS // 60} minutes" in PAGE
    assert f"({MIN_NONCE_LENGTH} to {MAX_NONCE_LENGTH} characters)" in PAGE


def test_every_reason_of_a_denial_is_named_beside_its_error() -> None:
    rows = re.findall(r"^\| `(access_denied|temporarily_unavailable)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    named = {(error, reason) for error, reasons in rows for reason in re.findall(r"`(\w+)`", reasons)}
    # These two are a matter of the exchange: a code opens no login yet.
    later = {Failure.TOO_MANY_LOGINS, Failure.SIGN_IN_REFUSED}
    errors = {(error_for(failure), failure.value) for failure in Failure if failure not in later}
    assert named == {(error, reason) for error, reason in errors if error in dict(rows)}


@pytest.mark.browser
@pytest.mark.oidc
@pytest.mark.django_db(transaction=True)
def test_single_page_app_of_this_page_signs_in_in_a_browser(
    live_server: Any, live_openid: Any, settings: Any, page: Page
) -> None:
    site = live_server.url.replace("localhost", "127.0.0.1")
    entry = {
        "ISSUER": live_openid.issuer,
        "CLIENT_ID": live_openid.client_id,
        "CLIENT_SECRET": live_openid.client_secret,
    }
    social = {"PROVIDERS": {"oidc": entry}, "REDIRECT_URIS": ["http://127.0.0.1/callback"]}
    settings.AUTHKIT = {"SOCIAL": social}
    page.route("**/callback**", lambda route: route.fulfill(content_type="text/html", body="<title>the app</title>"))

    def run(call: str) -> Any:
        script = BLOCKS["begin"] + BLOCKS["at /callback"]
        return page.evaluate(f"async () => {{ const site = {site!r};\n{script}\nreturn await {call}; }}")

    page.goto(f"{site}/callback")
    page.evaluate("sessionStorage.clear()")
    run("begin('oidc')")
    page.get_by_placeholder("Enter any login").fill("alice")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/callback?code=*")
    answer = run("finish()")
    assert set(answer) == {"expires_in", "user"}
    login = Login.objects.get()
    assert (login.method, login.kind) == ("oidc", "token")
    assert page.evaluate("fetch('/probe/').then((answer) => answer.json())") == {"pk": str(login.user_id)}
    assert page.url == f"{site}/callback"
    assert page.evaluate("sessionStorage.length") == 0
    assert "authkit" not in page.evaluate("document.cookie")
    with pytest.raises(Exception, match="not the answer"):
        run("finish()")
    page.evaluate("sessionStorage.setItem('attempt', JSON.stringify({state: 'mine', verifier: 'v'.repeat(43)}))")
    page.goto(f"{site}/callback?code=guessed&state=mine&iss={site}")
    with pytest.raises(Exception, match="invalid_grant"):
        run("finish()")
