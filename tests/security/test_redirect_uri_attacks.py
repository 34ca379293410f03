"""Open redirectors and code thieves: nothing but a registered redirect URI is ever redirected to (ASVS 10.4.1).

RFC 9700 section 4.1, RFC 8252 sections 7 and 8. Each trick is refused in a page, without any redirect.
"""

from __future__ import annotations

import string
from typing import Any

import pytest
from django.test import Client

from authkit.codes.redirect_uris import MAX_ENTRY_LENGTH, is_registered, problem_with
from authkit.core.one_time_codes import OneTimeCode
from authkit.social.checks import provider_problems
from tests.social.browsers import refused
from tests.social.programs import AUTHORIZE, Program, challenge_of

REGISTERED = [
    "https://app.example.com/callback",
    "https://app.example.com/with?query=1",
    "com.example.app:/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:7000/v6",
]

TRICKS = [
    # none, or no URI
    "", " ", "/", "callback", "/callback", "//", "//app.example.com/callback", "https:", "https://", "https:///callback",
    "?", "#", "null", "undefined", "*", "https://*/callback", "https://*.example.com/callback",
    # another host
    "https://evil.test/callback", "https://app.example.com.evil.test/callback", "https://evil.test/app.example.com/callback",
    "https://appXexample.com/callback", "https://evilapp.example.com/callback", "https://www.app.example.com/callback",
    "https://app.example.com@evil.test/callback", "https://evil.test@app.example.com/callback",
    "https://app.example.com:443@evil.test/callback", "https://user:pw@app.example.com/callback",
    "https://app.example.com\\@evil.test/callback", "https://evil.test\\@app.example.com/callback",
    "https://evil.test#@app.example.com/callback", "https://evil.test?@app.example.com/callback",
    "https://evil.test/callback?https://app.example.com/callback", "https://evil.test/#https://app.example.com/callback",
    "https://app.example.com%2eevil.test/callback", "https://app.example.com%00.evil.test/callback",
    "https://app.example.com%23.evil.test/callback", "https://app.example.com;evil.test/callback",
    "https://app.example.com,evil.test/callback", "https://app.example.com|evil.test/callback",
    "https://app.example.com evil.test/callback", "https://[app.example.com]/callback", "https://app.example.com./callback",
    # the same host in another writing
    "https://APP.example.com/callback", "HTTPS://app.example.com/callback", "https://app.example.com:443/callback",
    "https://app.example.com:/callback", "https://app.example.com:8443/callback", "https://app.example.com:0443/callback",
    "https://\uff41pp.example.com/callback", "https://\u0430pp.example.com/callback",
    "https://app\u3002example\u3002com/callback", "https://app.example\u00ad.com/callback",
    "https://app.exam\u200bple.com/callback", "https://%61pp.example.com/callback", "https://app.\u0435xample.com/callback",
    # another scheme
    "http://app.example.com/callback", "ftp://app.example.com/callback", "ws://app.example.com/callback",
    "https:app.example.com/callback", "https:/app.example.com/callback", "https:\\\\app.example.com\\callback",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript://app.example.com/callback%0aalert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/x",
    "about:blank", "view-source:https://app.example.com/callback", "intent://app.example.com/callback#Intent;end",
    "urn:ietf:wg:oauth:2.0:oob", "urn:ietf:wg:oauth:2.0:oob:auto", "mailto:a@app.example.com",
    # another path
    "https://app.example.com", "https://app.example.com/", "https://app.example.com/callback/",
    "https://app.example.com/callback/..", "https://app.example.com/callback/../evil",
    "https://app.example.com/./callback", "https://app.example.com/x/../callback",
    "https://app.example.com/callback/%2e%2e/evil", "https://app.example.com/callback%2f..%2fevil",
    "https://app.example.com//callback", "https://app.example.com/CALLBACK", "https://app.example.com/callback2",
    "https://app.example.com/callbac", "https://app.example.com/%63allback", "https://app.example.com/callback;x",
    "https://app.example.com/callback%00", "https://app.example.com/callback\x00", "https://app.example.com/callback%20",
    "https://app.example.com/callback ", " https://app.example.com/callback", "\thttps://app.example.com/callback",
    "https://app.example.com/callback\n", "https://app.example.com/callback\r\nLocation: https://evil.test/",
    "https://app.example.com/\tcallback", "https://app.example.com/call\nback",
    # query and fragment
    "https://app.example.com/callback?", "https://app.example.com/callback?x=1", "https://app.example.com/callback#",
    "https://app.example.com/callback#x", "https://app.example.com/callback?code=evil", "https://app.example.com/callback&x=1",
    "https://app.example.com/with", "https://app.example.com/with?query=2", "https://app.example.com/with?query=1&next=//evil.test",
    "https://app.example.com/with?query=1#", "https://app.example.com/with?QUERY=1",
    # two at once
    "https://app.example.com/callback,https://evil.test/", "https://app.example.com/callback https://evil.test/",
    "https://app.example.com/callbackhttps://evil.test/",
    # the app's own scheme
    "com.example.app:", "com.example.app:/", "com.example.app:/cb/", "com.example.app://cb", "com.example.app:///cb",
    "com.example.app:cb", "com.example.app:/CB", "COM.EXAMPLE.APP:/cb", "com.example.app2:/cb", "com.example:/cb",
    "com.example.app.evil:/cb", "com.example.app:/cb?x=1", "com.example.app:/cb#x", "com.example.app:/cb:evil",
    "com.example.app:/../cb", "com.example.app%3a/cb", "com.example.app :/cb",
    # loopback: any port, and nothing else
    "http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1/cb/", "http://127.0.0.1/cb?x=1", "http://127.0.0.1/cb#x",
    "http://127.0.0.1:/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:99999/cb", "http://127.0.0.1:123456/cb", "http://127.0.0.1:-1/cb", "http://127.0.0.1:+80/cb",
    "http://127.0.0.1:80 /cb", "http://127.0.0.1:8 0/cb", "http://127.0.0.1:8080@evil.test/cb", "http://127.0.0.1:x/cb",
    "http://127.0.0.1:\u0668\u0660/cb", "http://127.0.0.1:80\n/cb", "http://127.0.0.1:80:80/cb",
    "http://127.0.0.1@evil.test/cb", "http://evil.test@127.0.0.1/cb", "http://127.0.0.1.evil.test/cb",
    "http://127.0.0.1%2eevil.test/cb", "http://127.0.0.2/cb", "http://127.1/cb", "http://0/cb", "http://0.0.0.0/cb",
    "http://2130706433/cb", "http://0x7f000001/cb", "http://0177.0.0.1/cb", "http://127.0.0.1./cb", "http://127.0.0.01/cb",
    "http://localhost/cb", "http://localhost:8000/cb", "http://localhost.evil.test/cb", "http://[::ffff:127.0.0.1]/cb",
    "http://[::1]/V6", "http://[::1]:7000/v6/", "http://[0:0:0:0:0:0:0:1]/v6", "http://[::1%25lo]/v6", "http://::1/v6",
    "http://[::1]evil.test/v6", "http://[::1].evil.test/v6", "http://[::]/v6", "https://127.0.0.1/cb", "https://[::1]:7000/v6",
    "HTTP://127.0.0.1/cb", "http:/127.0.0.1/cb", "http:127.0.0.1/cb", "http:\\\\127.0.0.1\\cb", "http://127.0.0.1\\cb",
    "http://127.0.0.1/v6", "http://127.0.0.1:7000/v6", "http://[::1]/cb", "http://[::1]:7000/cb",
    # length
    "https://app.example.com/callback" + "a" * 3000, "a" * 10_000,
]  # fmt: skip


@pytest.fixture
def provider(provider, configure) -> Any:
    configure(provider, REDIRECT_URIS=REGISTERED)
    return provider


def test_there_are_more_than_a_hundred_tricks_and_each_once() -> None:
    assert len(TRICKS) == len(set(TRICKS)) > 150


def test_open_redirect_no_trick_is_ever_redirected_to(provider) -> None:
    """In one test, because a page for each is quicker than a test's beginning; and without a database to write to."""
    for trick in TRICKS:
        response = Client().get(AUTHORIZE.format("oidc"), Program(trick).parameters())
        assert response.status_code == 400, (trick, response.status_code)
        assert "Location" not in response, trick
        assert 'data-reason="invalid_request"' in response.content.decode(), trick
        assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
@pytest.mark.parametrize("debug", [False, True])
def test_no_trick_is_registered(trick, debug) -> None:
    assert not is_registered(trick, registered=REGISTERED, debug=debug)


@pytest.mark.parametrize(
    "uri",
    [
        *REGISTERED, "http://127.0.0.1:1/cb", "http://127.0.0.1:80/cb", "http://127.0.0.1:65535/cb", "http://[::1]/v6",
        "http://[::1]:65535/v6",
    ],
)  # fmt: skip
def test_what_is_registered_is_and_loopback_on_any_port(uri) -> None:
    assert is_registered(uri, registered=REGISTERED, debug=False)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("https://app.example.com/callback", None), ("com.example.app:/cb", None), ("com.example.app://cb", None),
        ("http://127.0.0.1/cb", None), ("http://[::1]:7000/cb", None), ("com.googleusercontent.apps.1-a:/oauth", None),
        ("https://app.example.com/a%20b?x=(1)", None),
        ("", "is no absolute URI"), ("callback", "is no absolute URI"), ("//evil.test", "is no absolute URI"),
        ("https://app.example.com/*", "is no absolute URI"), ("https://app.example.com/a b", "is no absolute URI"),
        ("https://\u0430pp.example.com/", "is no absolute URI"), ("HTTPS://app.example.com/", "is no absolute URI"),
        ("https://app.example.com\\x", "is no absolute URI"), ("https://a/%zz", "is no absolute URI"),
        ("https://[broken/", "is no absolute URI"), ("https://a:99999/", "is no absolute URI"),
        ("https://app.example.com/#x", "has a fragment"), ("https://app.example.com#", "has a fragment"),
        ("https:///callback", "has no usable host"), ("https:app.example.com", "has no usable host"),
        ("https://user@app.example.com/", "has no usable host"),
        ("https://a/x/../y", "has a dot segment, which browsers resolve before they go there"),
        ("https://a/%2E%2e/y", "has a dot segment, which browsers resolve before they go there"),
        ("https://a/.", "has a dot segment, which browsers resolve before they go there"),
        ("myapp:/cb", "has a scheme without a dot, which is no domain name turned around"),
        ("javascript:alert(1)", "has a scheme without a dot, which is no domain name turned around"),
        ("data:text/html,x", "has a scheme without a dot, which is no domain name turned around"),
        ("com.:/cb", "has a scheme without a dot, which is no domain name turned around"),
        ("a..b:/cb", "has a scheme without a dot, which is no domain name turned around"),
        ("http://app.example.com/cb", "has no TLS, and is not on http://127.0.0.1/ or http://[::1]/"),
        ("http://localhost:3000/cb", "has no TLS, and is not on http://127.0.0.1/ or http://[::1]/"),
        ("http://127.0.0.1", "has no TLS, and is not on http://127.0.0.1/ or http://[::1]/"),
        ("https://a/" + "x" * MAX_ENTRY_LENGTH, f"is longer than {MAX_ENTRY_LENGTH} characters"),
    ],
    ids=str,
)  # fmt: skip
def test_e220_names_what_is_wrong_with_an_entry_and_it_matches_nothing(settings, entry, problem) -> None:
    assert problem_with(entry, debug=False) == problem
    settings.AUTHKIT = {"SOCIAL": {"REDIRECT_URIS": [entry]}}
    found = provider_problems()
    assert [message.id for message in found] == ([] if problem is None else ["authkit.E207"])
    assert all(problem in message.msg and message.hint for message in found)
    assert is_registered(entry, registered=[entry], debug=False) == (problem is None)


def test_development_server_without_tls_may_be_named_while_debugging() -> None:
    assert problem_with("http://localhost:3000/cb", debug=True) is None
    assert problem_with("javascript:alert(1)", debug=True) is not None


PKCE = [
    {"code_challenge": None}, {"code_challenge": ""}, {"code_challenge": "x" * 42}, {"code_challenge": "x" * 129},
    {"code_challenge": "x" * 42 + "="}, {"code_challenge": "x" * 42 + "+"}, {"code_challenge": "x" * 42 + "\n"},
    {"code_challenge": "x" * 43 + "\n"}, {"code_challenge": "é" * 43}, {"code_challenge": "\uff10" * 43},
    {"code_challenge_method": None}, {"code_challenge_method": ""}, {"code_challenge_method": "plain"},
    {"code_challenge_method": "s256"}, {"code_challenge_method": "S256 "}, {"code_challenge_method": "S512"},
    {"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "none"},
]  # fmt: skip


@pytest.mark.parametrize("changes", PKCE, ids=range(len(PKCE)))
def test_pkce_left_out_or_downgraded_is_a_page_and_no_redirect(provider, changes) -> None:
    """RFC 9700 section 2.1.1, ASVS 10.4.6."""
    response = Program().authorize(**changes)
    assert "Location" not in response
    assert refused_quietly(response)


@pytest.mark.parametrize("state", [None, "", "x" * 513, "\x00", "a\nb", "é", "\x7f"], ids=range(7))
def test_state_missing_or_unfit_is_a_page_and_no_redirect(provider, state) -> None:
    response = Program().authorize(state=state)
    assert "Location" not in response
    assert refused_quietly(response)


@pytest.mark.parametrize("response_type", ["token", "id_token", "code token", "none", ""])
def test_another_response_type_is_a_page_and_no_redirect(provider, response_type) -> None:
    assert refused_quietly(Program().authorize(response_type=response_type))


@pytest.mark.parametrize("name", ["redirect_uri", "state", "code_challenge", "code_challenge_method", "response_type"])
@pytest.mark.parametrize("same", [True, False])
def test_repeated_parameter_is_a_page_and_no_redirect(provider, name, same) -> None:
    """RFC 6749 section 3.1: which of the two would count?"""
    asked = {**Program().parameters(), "response_type": "code"}
    other = asked[name] if same else "https://evil.test/"
    assert refused_quietly(Client().get(AUTHORIZE.format("oidc"), {**asked, name: [asked[name], other]}))


def refused_quietly(response: Any) -> bool:
    assert response.status_code == 400, (response.status_code, response.content[:600])
    assert "Location" not in response
    assert 'data-reason="invalid_request"' in response.content.decode()
    return True


def test_unknown_parameters_are_left_alone(provider) -> None:
    """RFC 6749 section 3.1."""
    assert Program().authorize(response_type="code", client_id="x", scope="openid", x="1").status_code == 302


def test_without_redirect_uris_nobody_is_redirected(provider, configure) -> None:
    configure(provider)
    for uri in REGISTERED:
        assert refused_quietly(Program(uri).authorize())


@pytest.mark.django_db
def test_redirect_uri_can_not_be_changed_on_the_way(provider) -> None:
    """What counts is in the signed cookie of this browser; the callback's parameters add nothing."""
    program = Program()
    callback = program.go()
    for more in ("redirect_uri=https://app.example.com/callback", "code_challenge=x", "notes=x"):
        location = program.browser.get(f"{program.go()}&{more}")["Location"]
        assert location.startswith("com.example.app:/cb?code=")
    tampered = Program(browser=Client())
    tampered.go()
    cookie = tampered.browser.cookies["authkit-social"]
    tampered.browser.cookies["authkit-social"] = cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b")
    assert refused(tampered.browser.get(callback), "not_ours")


@pytest.mark.django_db
def test_no_code_is_made_before_the_provider_said_yes(provider) -> None:
    Program().authorize()
    assert not OneTimeCode.objects.exists()


def test_challenges_are_of_the_characters_that_are_allowed() -> None:
    assert set(challenge_of("x")) <= {*string.ascii_letters, *string.digits, "-", "_"}
