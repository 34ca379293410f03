"""Cookies that a sibling subdomain plants (6265bis section 4.1.3; ASVS 3.3.1, 3.3.3), under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import signing
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory, override_settings

from authkit.core.clients import Client as Program
from authkit.core.cookies import CookieMiddleware, cookie_values, read_cookie
from authkit.logins.models import Login
from authkit.social.providers import transactions
from authkit.social.providers.transactions import Transactions
from authkit.tokens.services import issue_tokens
from tests.browsers import ACCESS, MARKER, REFRESH, Browser

pytestmark = pytest.mark.django_db

TOKEN = "/auth/api/token/"
HOST_SESSION = "__Host-sessionid"
ASCII_BLANKS = ["\x0b", "\x0c", "\x1c", "\x1f"]
BLANKS = [*ASCII_BLANKS, "\x85", "\xa0", "\u2000", "\u2028", "\u3000"]
"""Some of what `str.strip()` takes from a name, and a browser doesn't."""

Send = Callable[..., Any]


def by_wsgi(path: str, cookies: str | bytes, method: str = "get", **headers: str) -> Any:
    """The answer to a request with this Cookie header, whose text goes out as UTF-8."""
    raw = cookies.encode() if isinstance(cookies, str) else cookies
    send = getattr(Client(), method)
    return send(path, secure=True, headers=headers, HTTP_COOKIE=raw.decode("latin-1"))


def by_asgi(path: str, cookies: str | bytes, method: str = "get", **headers: str) -> Any:
    raw = cookies.encode() if isinstance(cookies, str) else cookies
    send = async_to_sync(getattr(AsyncClient(), method))
    return send(path, secure=True, headers={**headers, "cookie": raw.decode("latin-1")})


@pytest.fixture(params=[by_wsgi, by_asgi])
def send(request: pytest.FixtureRequest) -> Send:
    chosen: Send = request.param
    return chosen


@pytest.fixture
def browser(user: Any, credentials: Any) -> Browser:
    """Alice's browser over TLS, not signed in."""
    return Browser(credentials(user))


@pytest.fixture
def mallory(make_user: Any, credentials: Any) -> dict[str, str]:
    """The cookies of the attacker's own login."""
    theirs = Browser(credentials(make_user("mallory")))
    theirs.obtain("cookie")
    return {name: theirs.client.cookies[name].value for name in (ACCESS, REFRESH, MARKER)}


def session_of(user: Any) -> str:
    client = Client()
    client.force_login(user)
    (cookie,) = client.cookies.values()
    return str(cookie.value)


def generations() -> set[int]:
    return set(Login.objects.live().values_list("generation", flat=True))


# Names in disguise


@pytest.mark.parametrize("blank", BLANKS)
def test_disguised_access_cookie_signs_nobody_in(send: Send, mallory: dict[str, str], blank: str) -> None:
    for planted in (f"{blank}{ACCESS}={mallory[ACCESS]}", f"a=b; {blank}{ACCESS}={mallory[ACCESS]}"):
        assert send("/probe/", planted).status_code == 401
    assert send("/probe/", f"{ACCESS}={mallory[ACCESS]}").status_code == 200


@pytest.mark.parametrize("blank", ["\x85", "\xa0"])
def test_disguised_by_one_byte_of_latin_1(send: Send, mallory: dict[str, str], blank: str) -> None:
    assert send("/probe/", f"{blank}{ACCESS}={mallory[ACCESS]}".encode("latin-1")).status_code == 401


@pytest.mark.parametrize("blank", BLANKS)
def test_disguised_cookie_beside_the_owners_neither_wins_nor_counts(
    send: Send, browser: Browser, user: Any, mallory: dict[str, str], blank: str
) -> None:
    browser.obtain("cookie")
    mine, planted = f"{ACCESS}={browser.client.cookies[ACCESS].value}", f"{blank}{ACCESS}={mallory[ACCESS]}"
    for header in (f"{mine}; {planted}", f"{planted}; {mine}"):
        assert send("/probe/", header).json() == {"pk": str(user.pk)}


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("name", [HOST_SESSION, "sessionid"])
def test_disguised_session_cookie_signs_nobody_in(send: Send, user: Any, make_user: Any, name: str, blank: str) -> None:
    with override_settings(SESSION_COOKIE_NAME=name):
        planted, mine = f"{blank}{name}={session_of(make_user('mallory'))}", f"{name}={session_of(user)}"
        assert send("/probe/", planted).status_code == 401
        for header in (f"{mine}; {planted}", f"{planted}; {mine}"):
            assert send("/probe/", header).json() == {"pk": str(user.pk)}


@pytest.mark.parametrize("blank", BLANKS)
def test_disguised_csrf_cookie_is_no_proof(blank: str) -> None:
    secret, name = "a" * 32, "__Host-csrftoken"
    proof = {"x-csrftoken": secret, "referer": "https://testserver/"}
    for sent, status in [(blank + name, 403), (name, 302)]:
        cookie = f"{sent}={secret}".encode().decode("latin-1")
        with override_settings(CSRF_COOKIE_NAME=name):
            client = Client(enforce_csrf_checks=True)
            answer = client.post("/auth/logout/", secure=True, headers=proof, HTTP_COOKIE=cookie)
        assert answer.status_code == status


@pytest.mark.parametrize("blank", BLANKS)
def test_disguised_state_of_a_provider_sign_in_is_not_this_browsers(blank: str) -> None:
    name = f"__Host-{transactions.COOKIE}"
    value = signing.dumps({"state": {"a": 1}}, salt=transactions._SALT, compress=True)

    def entries(cookie: str) -> Any:
        header = f"{cookie}={value}".encode().decode("latin-1")
        return Transactions(RequestFactory().get("/", secure=True, HTTP_COOKIE=header)).get("state")

    assert entries(name) == {"a": 1}
    assert entries(blank + name) is None


# Names that come twice


@pytest.mark.parametrize("name", [HOST_SESSION, "sessionid"])
def test_two_session_cookies_make_an_anonymous_request_and_clear_nothing(
    send: Send, user: Any, make_user: Any, name: str
) -> None:
    with override_settings(SESSION_COOKIE_NAME=name):
        mine, planted = f"{name}={session_of(user)}", f"{name}={session_of(make_user('mallory'))}"
        for header in (f"{mine}; {planted}", f"{planted}; {mine}", f"{mine}; {name}=garbage", f"{mine}; {mine}"):
            answer = send("/probe/", header)
            assert (answer.status_code, len(answer.cookies)) == (401, 0)
            page = send("/auth/login/", header)
            assert (page.status_code, set(page.cookies) - {"csrftoken"}) == (200, set())
        assert send("/probe/", mine).json() == {"pk": str(user.pk)}
    assert Login.objects.live().count() == 2


def test_access_cookie_that_comes_twice_is_none_and_is_not_cleared(
    send: Send, browser: Browser, mallory: dict[str, str]
) -> None:
    browser.obtain("cookie")
    mine = f"{ACCESS}={browser.client.cookies[ACCESS].value}"
    answer = send("/probe/", f"{mine}; {ACCESS}={mallory[ACCESS]}")
    assert (answer.status_code, len(answer.cookies)) == (401, 0)


def test_cookie_headers_of_http_2_are_one_header() -> None:
    """RFC 9113 section 8.2.3: a browser may send each cookie in a header of its own."""

    def seen(*lines: str) -> dict[str, str]:
        request = AsyncRequestFactory().get("/")
        request.scope["headers"] = [(b"cookie", line.encode()) for line in lines]
        request = ASGIRequest(request.scope, BytesIO())
        CookieMiddleware(lambda _request: None)(request)
        return dict(request.COOKIES)

    assert seen("a=b", "sessionid=c") == {"a": "b", "sessionid": "c"}
    assert seen("sessionid=c", "a=b", "sessionid=garbage") == {"a": "b"}


def test_prefixed_cookies_of_the_project_are_read_the_same_way(rf: RequestFactory) -> None:
    def seen(header: str) -> dict[str, str]:
        request = rf.get("/", HTTP_COOKIE=header.encode().decode("latin-1"))
        CookieMiddleware(lambda _request: None)(request)
        return dict(request.COOKIES)

    assert seen('__Host-a="1 2"; b=2; b=3') == {"__Host-a": "1 2", "b": "3"}
    assert seen("__Host-a=1; \u2000__Host-a=2; b=3") == {"__Host-a": "1", "b": "3"}
    assert seen("__Host-a=1; __Host-a=2; b=3") == {"b": "3"}
    assert seen("\xa0__Secure-a=2") == {}
    assert seen("") == {}


def test_reader_takes_names_to_the_letter(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/", HTTP_COOKIE="\t a \t=\t1 ;A=2;aa=3; a;=a; b=4=5")
    assert cookie_values(request, "a") == ["1"]
    assert read_cookie(request, "b") == "4=5"
    assert read_cookie(request, "c") is None
    assert read_cookie(HttpRequest(), "a") is None


# The refresh cookie and its marker


def test_planted_refresh_cookie_signs_nobody_in(browser: Browser, mallory: dict[str, str]) -> None:
    for marker in ("", f"; \u2000{MARKER}={mallory[MARKER]}", f"; authkit-login={mallory[MARKER]}"):
        browser.put(REFRESH, mallory[REFRESH], TOKEN)
        browser.client.planted = marker.encode().decode("latin-1")
        answer = browser.refresh()
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
        assert not [name for name, cookie in answer.cookies.items() if cookie.value]
    assert generations() == {0}


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_refresh_cookie_planted_beside_the_owners_is_passed_over(
    browser: Browser, mallory: dict[str, str], transport: str
) -> None:
    """`__Secure-` doesn't keep a sibling subdomain from setting one of the name for the whole domain."""
    browser.obtain(transport)
    own = Login.objects.get(pk=browser.client.cookies[MARKER].value)
    for turn in (1, 2):
        browser.client.planted = f"; {REFRESH}={mallory[REFRESH]}; {REFRESH}=garbage"
        assert browser.refresh().status_code == 200
        browser.client.planted = f"; {REFRESH}={mallory[REFRESH]}"
        own.refresh_from_db()
        assert own.generation == turn
    assert browser.call("post", TOKEN + "revoke/", {}).status_code == 200
    assert list(Login.objects.live().values_list("generation", flat=True)) == [0]  # the attacker's own
    assert {REFRESH, MARKER} & browser.names() == set()


def test_planted_text_that_names_the_owners_login_hides_nothing(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    header, payload, _signature = browser.client.cookies[REFRESH].value.split(".")
    access = browser.client.cookies[ACCESS].value
    browser.client.planted = f"; {REFRESH}={header}.{payload}.c2lnbmF0dXJl; {REFRESH}={access}"
    assert browser.refresh().status_code == 200


def test_two_refresh_cookies_of_the_marked_login_are_refused(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.client.planted = f"; {REFRESH}={browser.client.cookies[REFRESH].value}"
    assert browser.refresh().status_code == 401
    assert generations() == {0}


@pytest.mark.parametrize("path", ["revoke/", "blacklist/"])
def test_revoking_by_a_planted_cookie_is_200_and_ends_nothing(
    browser: Browser, mallory: dict[str, str], path: str
) -> None:
    """RFC 7009 section 2.2: a token that is none of the caller's is answered as one that is unknown."""
    browser.obtain("cookie")
    own = Login.objects.get(pk=browser.client.cookies[MARKER].value)
    browser.put(REFRESH, mallory[REFRESH], TOKEN)  # in place of the owner's
    browser.put(MARKER, str(own.pk))
    answer = browser.call("post", TOKEN + path, {})
    assert (answer.status_code, answer.json()) == (200, {})
    assert Login.objects.live().count() == 2
    assert {ACCESS, REFRESH, MARKER} & browser.names() == set()
    assert browser.call("post", TOKEN + path, {}).status_code == 400  # there is no cookie any more


def test_revoking_by_a_planted_cookie_needs_the_csrf_proof(browser: Browser, mallory: dict[str, str]) -> None:
    browser.put(REFRESH, mallory[REFRESH], TOKEN)
    answer = browser.client.post(TOKEN + "revoke/", {}, format="json", secure=True)
    assert (answer.status_code, answer.json()["code"], len(answer.cookies)) == (403, "csrf_failed", 0)


def test_refresh_cookie_of_another_login_than_the_markers_is_refused(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    browser.put(MARKER, str(issue_tokens(user=user, method="password", client=Program()).login.pk))
    answer = browser.refresh()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert generations() == {0}


def test_refusal_of_a_planted_cookie_needs_the_proof_to_clear_anything(
    browser: Browser, mallory: dict[str, str]
) -> None:
    browser.put(REFRESH, mallory[REFRESH], TOKEN)
    answer = browser.client.post(TOKEN + "refresh/", {}, format="json", secure=True)
    assert (answer.status_code, answer.json()["code"], len(answer.cookies)) == (403, "csrf_failed", 0)


def test_planted_refresh_cookie_ends_no_login_when_its_victim_signs_in(
    browser: Browser, mallory: dict[str, str]
) -> None:
    browser.client.planted = f"; {REFRESH}={mallory[REFRESH]}"
    assert browser.obtain("hybrid").status_code == 200
    assert browser.refresh().status_code == 200
    assert Login.objects.live().count() == 2
