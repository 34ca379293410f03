"""A provider that is silent or drips: what it may cost the worker that asks it, and all others."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.test import Client
from requests import RequestException

from authkit.exceptions import SocialLoginFailed
from authkit.logins.models import Login
from authkit.social import provider_tokens
from authkit.social.providers import circuit_breaker, discovery
from authkit.social.providers.fetching import send
from tests.services import certificates, crooked
from tests.services.crooked import STALLS, WELL_KNOWN, CrookedProvider, Stall
from tests.social.browsers import SECONDS, begin, come_back, go, refused
from tests.social.programs import TOKEN

ENDPOINTS = ["/token", "/userinfo", "/keys", WELL_KNOWN]
SHORT = 0.4
SILENT = Stall("silent")
LONG = Stall("silent", seconds=SECONDS)


def name_of(stall: Stall) -> str:
    return stall.where


def unreachable(response: Any) -> bool:
    assert int(response["Retry-After"]) >= 1
    return refused(response, "unreachable", 503)


@pytest.fixture
def impatient(provider, configure, monkeypatch) -> CrookedProvider:
    """The provider, for whose answers this site waits SHORT seconds, and then asks nothing for the rest of the test."""
    configure(provider, options={"REQUESTS_TIMEOUT": SHORT})
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 600.0)
    return provider


@pytest.fixture
def pauseless(provider, monkeypatch, nothing_discovered) -> CrookedProvider:
    """The provider, asked again directly after each failure, all of which count as slow."""
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(circuit_breaker, "SLOW_SECONDS", 0.0)
    return provider


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_at_the_callback_it_is_given_up_and_then_left_alone(impatient, caplog, stall, endpoint) -> None:
    first, second = Client(), Client()
    callbacks = go(first), go(second)
    if endpoint == WELL_KNOWN:
        discovery.forget()
    impatient.stalls[endpoint] = stall
    assert unreachable(first.get(callbacks[0]))
    assert impatient.stalled == [endpoint]
    before = list(impatient.requests)
    assert unreachable(second.get(callbacks[1]))
    assert impatient.requests == before
    assert not Login.objects.exists()
    assert not [secret for secret in [*impatient.sent, impatient.client_secret] if secret in caplog.text]


@pytest.mark.django_db
@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_at_the_button_it_is_given_up_and_then_left_alone(impatient, stall) -> None:
    impatient.stalls[WELL_KNOWN] = stall
    for _ in range(3):
        assert unreachable(begin(Client()))
    assert impatient.requests == [WELL_KNOWN]


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", ["/keys", WELL_KNOWN])
@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_at_a_native_token_it_is_given_up_and_then_left_alone(impatient, stall, endpoint) -> None:
    impatient.stalls[endpoint] = stall
    token = jwt.encode({"iss": impatient.issuer}, crooked.KEY, algorithm="RS256", headers={"kid": "one"})
    form = {"id_token": token, "nonce": "the nonce of this very request"}
    for _ in range(3):
        answer = Client().post(TOKEN.format("oidc"), form, content_type="application/json")
        assert (answer.status_code, answer.json()["reason"]) == (503, "unreachable")
        assert int(answer["Retry-After"]) >= 1
    assert impatient.stalled == [endpoint]
    assert impatient.requests.count(endpoint) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_refreshing_a_kept_token_is_given_up(impatient, configure, stall) -> None:
    configure(impatient, options={"REQUESTS_TIMEOUT": SHORT}, store_tokens=True)
    impatient.bend_token_answer = lambda honest: {**honest, "expires_in": 1}
    assert come_back(Client()).status_code == 302
    user = Login.objects.get().user
    impatient.stalls["/token"] = stall
    for _ in range(2):
        with pytest.raises(SocialLoginFailed) as failed:
            provider_tokens.access_token(user=user, provider="oidc")
        assert failed.value.reason == "unreachable"
    assert impatient.stalled == ["/token"]


@pytest.mark.django_db
def test_answers_that_are_slow_one_by_one_are_not_waited_for_all_together(provider, configure) -> None:
    client = Client()
    callback = go(client)
    discovery.forget()
    configure(provider, options={"REQUESTS_TIMEOUT": 1.0})
    for endpoint in ENDPOINTS:  # four times 0.6 seconds, which each may take, and together only twice a second
        provider.stalls[endpoint] = Stall("body", seconds=0.6)
    assert unreachable(client.get(callback))


@pytest.mark.django_db
def test_an_honest_answer_within_the_time_is_waited_for(provider) -> None:
    for endpoint in ENDPOINTS:
        provider.stalls[endpoint] = Stall("body", seconds=0.1)
    assert come_back(Client()).status_code == 302


# One origin


def ask(provider: CrookedProvider, *, path: str = "/keys", seconds: float = SECONDS) -> int:
    return send("GET", f"{provider.issuer}{path}", seconds=seconds).status_code


def fail(provider: CrookedProvider) -> None:
    with pytest.raises(RuntimeError), circuit_breaker.call(provider.issuer, seconds=SECONDS):
        raise RuntimeError


def test_after_a_failure_one_asks_at_a_time_until_one_was_answered(pauseless) -> None:
    fail(pauseless)
    for _probe in range(2):  # the first is not answered either, so the second is one as well
        with circuit_breaker.call(pauseless.issuer, seconds=SECONDS):
            for _ in range(3):
                with pytest.raises(SocialLoginFailed, match="a moment ago"):
                    ask(pauseless)
    assert pauseless.requests == []
    assert ask(pauseless) == 200
    with circuit_breaker.call(pauseless.issuer, seconds=SECONDS):
        assert ask(pauseless) == 200


def test_after_a_failure_of_one_origin_another_is_asked(pauseless, monkeypatch) -> None:
    fail(pauseless)
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 600.0)
    with pytest.raises(SocialLoginFailed):
        ask(pauseless)
    with crooked.serve() as other:
        assert ask(other) == 200


def test_of_many_that_wait_one_goes_on_and_no_other_begins(provider, monkeypatch, nothing_discovered) -> None:
    monkeypatch.setattr(circuit_breaker, "PATIENCE_SECONDS", 0.3)
    provider.stalls["/keys"] = LONG
    given_up = threading.Semaphore(0)

    def asks() -> int:
        try:
            return ask(provider)
        except (RequestException, SocialLoginFailed):
            given_up.release()
            return 0

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(asks) for _ in range(4)]
        for _ in range(3):
            assert given_up.acquire(timeout=SECONDS)
        with pytest.raises(SocialLoginFailed, match="another request waits"):
            ask(provider, path="/userinfo")
        provider.released.set()
        assert sorted(answer.result(SECONDS) for answer in answers) == [0, 0, 0, 200]
    assert ask(provider) == 200  # it has answered, so it is well


@pytest.mark.django_db
def test_errors_that_come_quickly_close_it_for_nobody(impatient) -> None:
    honest = impatient.token
    impatient.token = lambda _form, _authorization: (500, {})
    for _ in range(3):
        assert unreachable(come_back(Client()))
    impatient.token = honest
    assert come_back(Client()).status_code == 302


def test_error_that_comes_slowly_holds_up_one(pauseless, monkeypatch) -> None:
    assert ask(pauseless, path="/nowhere") == 404  # an answer is an answer
    pauseless.userinfo = lambda _authorization: (504, {})
    assert ask(pauseless, path="/userinfo") == 504
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 600.0)
    with pytest.raises(SocialLoginFailed):
        ask(pauseless)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://id.test/a", "https://ID.test:443/b?c", True),
        ("http://u:p@id.test/", "http://id.test:80/", True),
        ("http://id.test/", "https://id.test/", False),
        ("https://id.test/", "https://id.test:8443/", False),
        ("https://[::1]/", "https://[::1]:443/", True),
        ("http://[", "http://]", True),
    ],
)
def test_origins(one, other, same) -> None:
    assert (circuit_breaker.origin_of(one) == circuit_breaker.origin_of(other)) is same
    assert "u:p" not in circuit_breaker.origin_of(one)


def test_hosts_that_strangers_make_up_are_not_remembered_for_ever(monkeypatch, nothing_discovered) -> None:
    monkeypatch.setattr(circuit_breaker, "MAX_ORIGINS", 3)
    monkeypatch.setattr(circuit_breaker, "SLOW_SECONDS", 0.0)
    for number in range(10):
        with pytest.raises(RuntimeError), circuit_breaker.call(f"https://{number}.test", seconds=1):
            raise RuntimeError
        assert len(circuit_breaker._circuits) <= 3
    discovery.forget()
    with circuit_breaker.call("https://id.test", seconds=1) as call:
        call.answered = True
    assert not circuit_breaker._circuits


def test_a_worker_that_is_forked_during_a_call_may_ask() -> None:
    script = """
import os, threading
from authkit.social.providers import circuit_breaker as circuits, discovery
entered, over = threading.Event(), threading.Event()
def waits():
    with circuits.call("https://id.test", seconds=60) as call, circuits._lock, discovery._lock:
        call._circuit.slow = call
        entered.set()
        over.wait(60)
thread = threading.Thread(target=waits, daemon=True)
thread.start()
entered.wait(60)
child = os.fork()
if child == 0:
    with circuits.call("https://id.test", seconds=60), discovery._turn("https://id.test") as ours:
        os._exit(0 if ours else 2)
status = os.waitpid(child, 0)[1]
over.set()
os._exit(os.waitstatus_to_exitcode(status))
"""
    # Without the warning of newer Pythons that a process with threads forks: that is what servers do.
    forked = subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=SECONDS, check=False)
    assert forked.returncode == 0


# Ways to a provider


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[CrookedProvider, str]]:
    certificate, key = certificates.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with crooked.serve(context) as provider:
        yield provider, str(certificate)


@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_behind_tls(tls, nothing_discovered, stall) -> None:
    provider, certificate = tls
    url = f"{provider.issuer}/keys"
    assert send("GET", url, seconds=SECONDS, verify=certificate).json()["keys"]
    provider.stalls["/keys"] = stall
    with pytest.raises(RequestException):
        send("GET", url, seconds=SHORT, verify=certificate)
    assert not provider.released.is_set()


def test_tls_that_never_begins(nothing_discovered) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RequestException):
        send("GET", f"https://127.0.0.1:{silent.getsockname()[1]}/", seconds=SHORT)


@pytest.mark.parametrize("stall", STALLS, ids=name_of)
def test_through_a_proxy(provider, nothing_discovered, stall) -> None:
    how = {"proxies": {"http": provider.issuer}}
    assert send("GET", "http://id.test/keys", seconds=SECONDS, **how).json()["keys"]
    provider.stalls["/keys"] = stall
    with pytest.raises(RequestException):
        send("GET", "http://id.test/keys", seconds=SHORT, **how)


def test_host_with_several_addresses_of_which_one_answers(provider, nothing_discovered) -> None:
    port = provider.issuer.rpartition(":")[2]
    assert send("GET", f"http://localhost:{port}/keys", seconds=SECONDS).json()["keys"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
def test_host_that_is_not_there(nothing_discovered, url) -> None:
    with pytest.raises(RequestException):
        send("GET", url, seconds=SECONDS)


# Documents of before


@pytest.fixture
def known(provider: CrookedProvider, configure: Any, monkeypatch: pytest.MonkeyPatch) -> CrookedProvider:
    """The provider, whose documents are in this process, and a moment older than they are used without a look."""
    assert come_back(Client()).status_code == 302
    configure(provider, options={"REQUESTS_TIMEOUT": SHORT})
    monkeypatch.setattr(discovery, "FRESH_SECONDS", 0.0)
    provider.requests.clear()
    return provider


def out_of_order(provider: CrookedProvider, how: str) -> None:
    match how:
        case "error":
            provider.redirects = dict.fromkeys((WELL_KNOWN, "/keys"), (500, "/"))
        case "no JSON":
            provider.bend_discovery = provider.bend_keys = lambda _honest: b"<html>"
        case "something else":
            provider.bend_discovery = provider.bend_keys = lambda _honest: {}


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["error", "no JSON", "something else"])
def test_documents_of_before_are_used_while_there_are_no_newer_ones(known, how) -> None:
    out_of_order(known, how)
    for _ in range(3):
        assert come_back(Client()).status_code == 302
    # Each was asked for once, and then left alone for a while.
    assert [known.requests.count(path) for path in (WELL_KNOWN, "/keys")] == [1, 1]


@pytest.mark.django_db
def test_documents_of_before_are_used_while_the_provider_is_silent(known, monkeypatch) -> None:
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 600.0)
    known.stalls = {WELL_KNOWN: SILENT}
    for _ in range(3):
        assert begin(Client()).status_code == 302
    assert known.stalled == [WELL_KNOWN]


@pytest.mark.django_db
def test_documents_of_before_are_used_for_a_day_and_no_longer(known, monkeypatch) -> None:
    out_of_order(known, "error")
    monkeypatch.setattr(discovery, "STALE_SECONDS", 0.0)
    assert unreachable(begin(Client()))


@pytest.mark.django_db
def test_once_the_provider_is_well_newer_documents_replace_the_older(known, monkeypatch) -> None:
    out_of_order(known, "error")
    assert begin(Client()).status_code == 302
    monkeypatch.setattr(discovery, "REFETCH_SECONDS", 0.0)
    known.redirects = {}
    known.bend_discovery = lambda honest: {**honest, "authorization_endpoint": f"{known.issuer}/moved"}
    assert begin(Client())["Location"].startswith(f"{known.issuer}/moved?")


@pytest.mark.django_db
def test_a_key_that_is_not_among_those_of_before_is_not_accepted(known, monkeypatch) -> None:
    monkeypatch.setattr(discovery, "REFETCH_SECONDS", 0.0)
    client = Client()
    callback = go(client)
    out_of_order(known, "error")
    known.sign = lambda claims: jwt.encode(claims, crooked.STRANGERS_KEY, algorithm="RS256", headers={"kid": "two"})
    assert unreachable(client.get(callback))


def test_one_thread_renews_a_document_and_the_others_use_the_older(monkeypatch, nothing_discovered) -> None:
    asked, released = threading.Event(), threading.Event()
    document = {"issuer": "https://id.test"}

    def configuration(fetch: Any) -> Any:
        return discovery.configuration(issuer="https://id.test", fetch=fetch)

    def waits(_url: str) -> Any:
        asked.set()
        assert released.wait(SECONDS)
        return {**document, "new": True}

    def never(_url: str) -> Any:
        raise AssertionError

    assert configuration(lambda _url: document) == document
    monkeypatch.setattr(discovery, "FRESH_SECONDS", 0.0)
    with ThreadPoolExecutor(1) as pool:
        renewed = pool.submit(configuration, waits)
        assert asked.wait(SECONDS)
        assert configuration(never) == document
        released.set()
        assert renewed.result(SECONDS) == {**document, "new": True}
    assert configuration(lambda _url: {**document, "newer": True}) == {**document, "newer": True}
