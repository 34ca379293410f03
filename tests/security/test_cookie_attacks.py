"""Attacks on the token cookies (ASVS 3.3.1 to 3.3.4, 3.5.1 to 3.5.3; docs/http.md, "Rules that hold everywhere")."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from django.views.debug import ExceptionReporter
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens
from tests.browsers import ACCESS, MARKER, REFRESH, Browser

pytestmark = pytest.mark.django_db

TOKEN = "/auth/api/token/"
BY_COOKIE = ["token/refresh/", "token/revoke/", "token/blacklist/", "logout/", "logout/all/"]


@pytest.fixture
def browser(user: Any, credentials: Any) -> Browser:
    """Alice's browser over TLS, not signed in."""
    return Browser(credentials(user))


@pytest.fixture
def mallory(make_user: Any, credentials: Any) -> Browser:
    """The attacker's own browser, signed in by cookie."""
    theirs = Browser(credentials(make_user("mallory")))
    theirs.obtain("cookie")
    return theirs


def forged(browser: Browser, path: str, body: Any = None, method: str = "post", **headers: str) -> Any:
    """The browser's cookies, sent on behalf of another site: without the proof that only our own pages have."""
    send = getattr(browser.client, method)
    return send(path, body if body is not None else {}, format="json", secure=True, headers=headers)


def assert_csrf_failed(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert not answer.cookies


def values(browser: Browser) -> dict[str, str]:
    return {name: browser.client.cookies[name].value for name in (ACCESS, REFRESH) if name in browser.names()}


# CSRF


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_login_csrf_signs_nobody_in(browser: Browser, transport: str) -> None:
    """The attacker's page signs the victim in as the attacker."""
    body = {**browser.credentials, "transport": transport}
    assert_csrf_failed(forged(browser, TOKEN, body))
    assert_csrf_failed(forged(browser, TOKEN, body, authorization="Bearer x"))
    assert_csrf_failed(forged(browser, TOKEN, body, **{"x-csrftoken": "a" * 32}))
    assert_csrf_failed(forged(browser, TOKEN, body, **browser.proof(), origin="https://evil.example"))
    assert not Login.objects.exists()


def test_login_csrf_by_the_default_transport(browser: Browser) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["cookie"]}}):
        assert_csrf_failed(forged(browser, TOKEN, browser.credentials))


@pytest.mark.parametrize("path", BY_COOKIE)
def test_forged_call_with_the_victims_cookies(browser: Browser, path: str) -> None:
    browser.obtain("cookie")
    before = values(browser)
    assert_csrf_failed(forged(browser, f"/auth/api/{path}"))
    assert_csrf_failed(forged(browser, f"/auth/api/{path}", **browser.proof(), origin="https://evil.example"))
    assert Login.objects.live().values_list("generation", flat=True).get() == 0
    assert values(browser) == before


def test_forged_refresh_of_hybrid(browser: Browser) -> None:
    browser.obtain("hybrid")
    assert_csrf_failed(forged(browser, TOKEN + "refresh/"))
    assert Login.objects.get().generation == 0


def test_forged_end_of_one_login(browser: Browser) -> None:
    browser.obtain("cookie")
    assert_csrf_failed(forged(browser, f"/auth/api/logins/{Login.objects.get().pk}/", method="delete"))
    assert Login.objects.live().exists()


def test_forged_call_of_a_projects_own_view(browser: Browser) -> None:
    browser.obtain("cookie")
    assert_csrf_failed(forged(browser, "/probe/"))
    assert browser.call("post", "/probe/").status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["token/", *BY_COOKIE])
def test_form_that_needs_no_preflight_is_no_json(browser: Browser, path: str, content_type: str) -> None:
    browser.obtain("cookie")
    body = f'{{"csrfmiddlewaretoken": "{browser.proof()["x-csrftoken"]}", "transport": "cookie"}}'
    answer = browser.client.generic("POST", f"/auth/api/{path}", body, content_type=content_type, secure=True)
    assert answer.status_code == 415
    assert Login.objects.live().values_list("generation", flat=True).get() == 0


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_form_of_another_site_takes_no_cookie_away(browser: Browser, transport: str) -> None:
    """A browser sends it without our cookies, for their SameSite, and minds what the answer to a navigation sets."""
    browser.obtain(transport)
    before = values(browser)
    bare = APIClient(enforce_csrf_checks=True)
    headers = {"origin": "https://evil.example"}
    form = "application/x-www-form-urlencoded"
    answer = bare.generic("POST", "/auth/api/logout/", "", content_type=form, secure=True, headers=headers)
    assert (answer.status_code, len(answer.cookies)) == (204, 0)
    assert (values(browser), browser.refresh().status_code) == (before, 200)


def test_dead_cookie_takes_no_other_one_away_without_proof(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.put(ACCESS, "garbage")
    answer = forged(browser, "/auth/api/logout/")
    assert (answer.status_code, set(answer.cookies)) == (204, {ACCESS})
    assert browser.refresh().status_code == 200


@pytest.mark.parametrize("path", ["token/", *BY_COOKIE])
def test_link_or_image_changes_nothing(browser: Browser, path: str) -> None:
    browser.obtain("cookie")
    assert browser.call("get", f"/auth/api/{path}").status_code == 405
    assert Login.objects.live().values_list("generation", flat=True).get() == 0


# The header decides alone


def test_bad_header_is_401_however_good_the_cookie(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.authorization = "garbage"
    for method, path in [("get", "/auth/api/me/"), ("get", "/auth/api/session/"), ("get", "/probe/"),
                         ("post", "/probe/"), ("post", "/auth/api/logout/"), ("post", "/auth/api/logout/all/"),
                         ("post", TOKEN + "refresh/"), ("post", TOKEN + "revoke/")]:  # fmt: skip
        answer = browser.call(method, path, {} if method == "post" else None)
        assert answer.status_code == 401, path
        assert not answer.cookies
    assert Login.objects.live().values_list("generation", flat=True).get() == 0


@pytest.mark.parametrize("header", ["Basic YTpi", "Token x", "", "Bearer"])
def test_header_of_another_scheme_hides_the_cookie_too(browser: Browser, header: str) -> None:
    browser.obtain("cookie")
    browser.headers["authorization"] = header
    assert browser.call("get", "/probe/").status_code == 401
    assert browser.call("get", "/auth/api/me/").status_code == 401


def test_good_header_beats_the_cookie_and_needs_no_proof(browser: Browser, mallory: Browser, user: Any) -> None:
    access = issue_tokens(user=user, method="password", client=Client()).access
    answer = forged(mallory, "/probe/", authorization=f"Bearer {access}")
    assert (answer.status_code, answer.json()) == (200, {"pk": str(user.pk)})


def test_dead_cookie_beside_a_header_is_not_even_looked_at(browser: Browser, user: Any) -> None:
    browser.put(ACCESS, "garbage")
    browser.authorization = issue_tokens(user=user, method="password", client=Client()).access
    answer = browser.call("get", "/probe/")
    assert (answer.status_code, len(answer.cookies)) == (200, 0)


# Cookies planted by others


def test_plain_names_are_not_looked_at_over_tls(browser: Browser, mallory: Browser) -> None:
    """Somebody in the middle of one request without TLS sets cookies that TLS would send (cookie tossing)."""
    planted = values(mallory)
    browser.put("authkit-access", planted[ACCESS])
    browser.put("authkit-refresh", planted[REFRESH], TOKEN)
    assert browser.call("get", "/probe/").status_code == 401
    assert browser.refresh().json() == {"refresh": ["This field is required."]}
    browser.obtain("cookie")
    assert browser.call("get", "/auth/api/me/").json()["user"]["username"] != "mallory"


def test_tokens_of_a_body_are_refused_in_the_refresh_cookie(browser: Browser, user: Any) -> None:
    browser.put(REFRESH, issue_tokens(user=user, method="password", client=Client()).refresh, TOKEN)
    answer = browser.refresh()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert Login.objects.live().values_list("generation", flat=True).get() == 0


@pytest.mark.parametrize("swapped", [{"access": REFRESH}, {"refresh": ACCESS}])
def test_one_kind_of_token_in_the_others_cookie(browser: Browser, swapped: dict[str, str]) -> None:
    browser.obtain("cookie")
    held = values(browser)
    if "access" in swapped:
        browser.put(ACCESS, held[REFRESH])
        assert browser.call("get", "/probe/").status_code == 401
    else:
        browser.put(REFRESH, held[ACCESS], TOKEN)
        assert browser.refresh().status_code == 401


def test_fixation_a_planted_pair_does_not_survive_the_victims_sign_in(browser: Browser, mallory: Browser) -> None:
    planted = values(mallory)
    browser.put(ACCESS, planted[ACCESS])
    browser.put(REFRESH, planted[REFRESH], TOKEN)
    browser.put(
        MARKER, mallory.client.cookies[MARKER].value
    )  # no sibling subdomain can; a person who had the browser in hand can
    browser.obtain("cookie")
    assert not set(planted.values()) & set(values(browser).values())
    assert mallory.call("get", "/probe/").status_code == 401
    assert mallory.refresh().status_code == 401


# Where a value may appear


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_value_appears_in_set_cookie_alone(
    browser: Browser, transport: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    secrets: set[str] = set()
    for answer in (browser.obtain(transport), browser.refresh(), browser.refresh()):
        assert answer.status_code == 200
        secrets |= set(values(browser).values())
        said = answer.content.decode() + "".join(v for name, v in answer.headers.items() if name != "Set-Cookie")
        assert not [secret for secret in secrets if secret in said or secret.rpartition(".")[2] in said]
        assert "refresh" not in answer.json()
    ends = [browser.call("post", "/auth/api/token/revoke/", {}), browser.call("get", "/auth/api/me/")]
    assert not [s for s in secrets for end in ends if s in end.content.decode()]
    assert not [s for s in secrets if s in caplog.text + "".join(capsys.readouterr())]


def test_error_report_hides_the_cookies(browser: Browser) -> None:
    """Django's filter goes by the names: they must go on being of the kind that it hides."""
    browser.obtain("cookie")
    secrets = values(browser)
    request = RequestFactory(headers={"cookie": "; ".join(f"{k}={v}" for k, v in secrets.items())}).get("/")
    report = ExceptionReporter(request, ValueError, ValueError("x"), None)
    for text in (report.get_traceback_text(), report.get_traceback_html()):
        assert not [value for value in secrets.values() if value in text]


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
@pytest.mark.parametrize("ask", [{"transport": "body"}, {"transport": "hybrid"}])
def test_client_cant_talk_a_cookie_into_a_body(browser: Browser, transport: str, ask: dict[str, str]) -> None:
    """An injected script may call the endpoint with the cookie that it can't read."""
    browser.obtain(transport)
    answer = browser.refresh(**ask)
    assert answer.status_code == 200
    assert "refresh" not in answer.json()
    assert ("access" in answer.json()) is (transport == "hybrid")


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_stolen_cookie_presented_in_a_body(browser: Browser, transport: str) -> None:
    browser.obtain(transport)
    stolen = values(browser)[REFRESH]
    thief = Browser({})
    answer = thief.refresh(refresh=stolen)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert browser.refresh().status_code == 200


def test_body_beats_the_cookie_and_each_stays_in_its_transport(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    cookie, other = values(browser)[REFRESH], issue_tokens(user=user, method="password", client=Client())
    answer = forged(browser, TOKEN + "refresh/", {"refresh": other.refresh})
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    assert not answer.cookies
    assert values(browser)[REFRESH] == cookie
    assert set(browser.refresh().json()) == {"expires_in", "user"}


@pytest.mark.parametrize("body", [{"refresh": None}, {"refresh": ""}, {"refresh": []}, [], None, 7])
def test_odd_bodies_beside_a_good_cookie(browser: Browser, body: Any) -> None:
    browser.obtain("cookie")
    answer = browser.client.post(
        TOKEN + "refresh/", body, format="json", secure=True, headers=browser.proof()
    )  # fmt: skip
    assert answer.status_code in {200, 400}
    assert "refresh" not in answer.json() or answer.status_code == 400


def test_refresh_cookie_is_sent_to_the_token_endpoints_alone(browser: Browser) -> None:
    path = browser.obtain("cookie").cookies[REFRESH]["path"]
    assert path == TOKEN
    for elsewhere in ("/", "/probe/", "/auth/api/me/", "/auth/api/logout/", "/auth/login/", "/auth/api/tokens/"):
        assert not elsewhere.startswith(path)


@pytest.mark.parametrize("value", ["é", "a" * 9000, "eyJhbGciOiJub25lIn0.e30.", "\\", '"', "%00", "a.b"])
@pytest.mark.parametrize("name", [ACCESS, REFRESH])
def test_strange_values_are_refused_cheaply(
    browser: Browser, name: str, value: str, django_assert_num_queries: Any
) -> None:
    browser.proof()
    browser.put(name, value, "/")
    with django_assert_num_queries(0):
        assert browser.call("get", "/probe/").status_code == 401
        assert browser.refresh().status_code in {400, 401}
