"""What an error report shows of the frames that an exception passed: no password, session id, token or code (ASVS
14.2.1, 16.2.5). A failure is injected at each statement of each door in turn."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

import authkit
from authkit.apikeys.making import make_key
from authkit.core.clients import Client as Program
from authkit.core.credential_fields import BodySerializer
from authkit.core.hidden import Hidden, traced
from authkit.social.flow.authorization import AuthorizationRequest
from authkit.social.flow.codes import exchange_code, issue_code
from authkit.social.flow.round_trip import SocialSignIn
from authkit.social.upstream import UpstreamSession
from authkit.tokens.blacklisting import summarize_token
from authkit.tokens.revoking import carries_live_login, identify_token, revoke_refresh, revoke_token
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access, verify_token
from tests.browsers import ACCESS, REFRESH, Browser
from tests.error_reports import Attempt, Collector, collecting, fail_everywhere

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "/auth/api/token/"
PACKAGE = str(Path(authkit.__file__).parent)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


# The doors


@pytest.fixture
def quiet(user: Any, credentials: Any) -> Callable[[], Browser]:
    """Alice's browser, which takes a 500 for an answer."""

    def make() -> Browser:
        browser = Browser(credentials(user))
        browser.client.raise_request_exception = False
        return browser

    return make


def test_sign_in_by_session(user: Any, credentials: Any, password: str, collector: Collector) -> None:
    def prepare() -> Attempt:
        client = APIClient(raise_request_exception=False)
        before = client.session  # an anonymous one, whose id is replaced
        before["cart"] = 1
        before.save()
        held = str(before.session_key)
        client.cookies[settings.SESSION_COOKIE_NAME] = held
        return lambda: client.post("/auth/api/session/login/", credentials(user), format="json"), (password, held)

    fail_everywhere(prepare, collector)


def test_sign_in_on_the_page(user: Any, password: str, collector: Collector) -> None:
    def prepare() -> Attempt:
        client = Client(raise_request_exception=False)
        form = {"username": user.get_username(), "password": password}
        return lambda: client.post("/auth/login/", form), (password,)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("path", ["/probe/", "/auth/api/session/logout/", "/auth/api/logout/", "/auth/logout/"])
def test_use_of_a_session_and_its_end(user: Any, collector: Collector, path: str) -> None:
    def prepare() -> Attempt:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        held = client.cookies[settings.SESSION_COOKIE_NAME].value
        if path == "/probe/":
            return lambda: client.get(path), (held,)
        return lambda: client.post(path, {}, content_type="application/json"), (held,)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("transport", ["body", "hybrid", "cookie"])
def test_sign_in_by_token(quiet: Any, password: str, collector: Collector, transport: str) -> None:
    def prepare() -> Attempt:
        browser = quiet()
        browser.proof()
        return lambda: browser.obtain(transport), (password,)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("path", ["refresh/", "revoke/", "verify/", "blacklist/"])
def test_tokens_in_a_body(quiet: Any, collector: Collector, path: str) -> None:
    def prepare() -> Attempt:
        browser = quiet()
        given = browser.obtain("body").json()
        field = "refresh" if path in {"refresh/", "blacklist/"} else "token"
        token = given["refresh" if field == "refresh" else "access"]
        return lambda: browser.call("post", TOKEN + path, {field: token}), (token,)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("path", [TOKEN + "refresh/", TOKEN + "revoke/", "/auth/api/logout/", "/auth/api/logout/all/"])
def test_tokens_in_cookies(quiet: Any, collector: Collector, path: str) -> None:
    def prepare() -> Attempt:
        browser = quiet()
        browser.obtain("cookie")
        tokens = tuple(browser.client.cookies[name].value for name in (ACCESS, REFRESH))
        browser.proof()
        return lambda: browser.call("post", path, {}), tokens

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("path", ["/probe/", "/auth/api/me/", "/auth/api/logout/"])
def test_bearer_token(quiet: Any, collector: Collector, path: str) -> None:
    def prepare() -> Attempt:
        browser = quiet()
        browser.authorization = browser.obtain("body").json()["access"]
        return lambda: browser.call("post", path), (browser.authorization,)

    fail_everywhere(prepare, collector)


# Services, whoever calls them


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key"])
def test_api_key(user: Any, collector: Collector, name: str, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "API_KEYS": {"HEADERS": ["bearer", "x-api-key"], "MAX_PER_PERSON": 1000}}

    def prepare() -> Attempt:
        made = make_key(user=user, name="nightly", scopes=[], expires_in=timedelta(days=1), client=Program())
        value = f"Bearer {made.text}" if name == "Authorization" else str(made.text)
        client = Client(raise_request_exception=False, headers={name: value})
        client.get("/auth/api/me/")  # its use is noted now, and not by the call
        return lambda: client.get("/auth/api/me/"), (str(made.text),)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize(
    ("service", "kind", "name"),
    [
        (refresh_tokens, "refresh", "refresh"), (verify_access, "access", "token"), (verify_token, "refresh", "token"),
        (revoke_token, "access", "token"), (revoke_refresh, "refresh", "token"),
        (carries_live_login, "access", "token"),
    ],
)  # fmt: skip
def test_service_that_takes_a_token_as_plain_text(
    user: Any, collector: Collector, service: Any, kind: str, name: str
) -> None:
    def prepare() -> Attempt:
        pair = issue_tokens(user=user, method="password", client=Program())
        text = "".join(getattr(pair, kind))

        def call() -> None:
            try:
                service(**{name: text})
            except Exception as error:  # noqa: BLE001
                collector.take(error)

        return call, (text,)

    fail_everywhere(prepare, collector)


@pytest.mark.parametrize("service", [identify_token, summarize_token, verify_access, verify_token])
@pytest.mark.parametrize("damage", ["signature", "key source"])
def test_refusal_of_a_token_holds_none_of_it(
    user: Any, collector: Collector, service: Any, damage: str, settings: Any
) -> None:
    text = str(issue_tokens(user=user, method="password", client=Program()).access)
    if damage == "signature":
        text = text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")
    else:
        settings.AUTHKIT = {"TOKENS": {"KEYS": lambda: 1 / 0}}
    with pytest.raises(Exception) as caught:
        service(token=text)
    collector.take(caught.value)
    collector.assert_hides(text)


def test_code_of_a_program(user: Any, collector: Collector) -> None:
    verifier = "v" * 43 + "erifier"
    challenge = "pBt1tRZSDRDMYWBXTLH9wgMyOKXqI8RXTwNqGbyrMZA"
    asked = AuthorizationRequest(redirect_uri="https://app.example/", state="s", challenge=challenge)
    came = SocialSignIn(user=user, provider="demo", upstream=UpstreamSession())
    user.social_auth.create(provider="demo", uid="1")

    def prepare() -> Attempt:
        code = issue_code(came=came, asked=asked)

        def call() -> None:
            try:
                exchange_code(
                    code=code, verifier=Hidden(verifier), redirect_uri="https://app.example/", client=Program()
                )
            except Exception as error:  # noqa: BLE001
                collector.take(error)

        return call, (code, verifier)

    fail_everywhere(prepare, collector)


# The parts


def test_hidden_text_is_text_in_every_use_but_its_repr() -> None:
    hidden = Hidden("secret")
    assert (hidden, f"{hidden}", str(hidden), {hidden: 1}["secret"]) == ("secret", "secret", "secret", 1)
    assert "secret" not in f"{hidden!r} {[hidden]} { ({'a': hidden}) }"


def test_error_is_logged_with_the_lines_that_it_passed_and_without_values() -> None:
    def passed(token: str) -> None:
        raise ValueError("said")

    try:
        passed("eyJ0")
    except ValueError as error:
        text = traced(error)
    assert "ValueError: said" in text
    assert "passed" in text
    assert "eyJ0" not in text.replace('passed("eyJ0")', "")  # the line of code itself


def test_no_log_line_of_ours_has_frames() -> None:
    for path in Path(PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert not [keyword for keyword in node.keywords if keyword.arg == "exc_info"], f"{path}:{node.lineno}"
                named = isinstance(node.func, ast.Attribute) and node.func.attr == "exception"
                assert not named, f"{path}:{node.lineno}"


def test_no_serializer_of_a_body_shows_its_data() -> None:
    def below(cls: type[Any]) -> Iterator[type[Any]]:
        for one in cls.__subclasses__():
            yield one
            yield from below(one)

    import_module("authkit.urls.api")
    import_module("authkit.tokens.simplejwt.urls")
    classes = list(below(BodySerializer))
    assert len(classes) >= 5
    for one in classes:
        assert "secret" not in repr(one(data={"password": "secret", "token": "secret", "refresh": "secret"}))
