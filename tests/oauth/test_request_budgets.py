"""A flood of authorization requests fills no table, and locks no other person behind the same address out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authkit.core.one_time_codes import OneTimeCode
from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.oauth import request_budgets
from authkit.oauth.browser_cookie import MOST_OPEN
from authkit.oauth.request_budgets import NETWORK, PERSON
from authkit.oauth.requests import PURPOSE
from tests.oauth.parties import AUTHORIZE, CONSENT, Party, returned, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 5
NEIGHBOUR = "203.0.113.9"


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)], autouse=True)
def _backend(request: pytest.FixtureRequest, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_budgets, "MOST", MOST)
    limiter = {**provider.AUTHKIT.get("LIMITER", {}), "BACKEND": request.param}
    provider.AUTHKIT = {**provider.AUTHKIT, "LIMITER": limiter}
    if request.param == "redis":
        url, prefix = provider.CACHES["default"]["LOCATION"], f"test-{secrets.token_hex(6)}"
        provider.AUTHKIT = {**provider.AUTHKIT, "REDIS_URL": url, "REDIS": {"PREFIX": prefix}}


@pytest.fixture
def ask(party: Party) -> Callable[..., Any]:
    """A request for authorization from a browser; from one without a session, unless another is given."""

    def asked(browser: Client | None = None, *, address: str = "127.0.0.1", **changed: Any) -> Any:
        query = urlencode(party.parameters(**changed))
        return (browser or stranger()).get(f"{AUTHORIZE}?{query}", REMOTE_ADDR=address, secure=True)

    return asked


def stranger() -> Client:
    return Client(raise_request_exception=False)


def waiting() -> int:
    return OneTimeCode.objects.filter(purpose=PURPOSE).count()


def spent(scope: str) -> int:
    return sum(AttemptBudget.objects.filter(scope=scope).values_list("spent", flat=True))


def test_flood_of_strangers_writes_no_more_rows(ask: Any) -> None:
    answers = [ask() for _ in range(3 * MOST)]
    assert [answer.status_code for answer in answers] == [303] * MOST + [429] * 2 * MOST
    assert waiting() == MOST
    refused = answers[-1]
    assert 0 < int(refused["Retry-After"]) <= 60
    assert 'href="/auth/account/"' in refused.content.decode()
    assert ask(address=NEIGHBOUR).status_code == 303, "another network is not concerned"


def test_person_whose_neighbours_flood_signs_in_and_gets_through(ask: Any, party: Party) -> None:
    while ask().status_code == 303:
        pass
    assert ask(party.browser).status_code == 303
    assert "code" in returned(party.decide(opened(party, ask(party.browser))))


def opened(party: Party, answer: Any) -> str:
    """The handle of a request whose page the person has seen."""
    handle = str(answer["Location"]).partition("request=")[2]
    assert party.page(handle).status_code == 200
    return handle


def test_office_whose_people_sign_in_is_never_refused(ask: Any, party: Party, make_user: Any) -> None:
    """Twenty people behind one address, with a quarter of the places."""
    for number in range(20):
        browser = stranger()
        answer = ask(browser)
        assert answer.status_code == 303, number
        browser.force_login(make_user(f"person-{number}"))
        handle = opened(Party(party.client, party.secret, browser, None), answer)
        browser.post(CONSENT, {"request": handle, "decision": "deny"}, secure=True)
    assert (spent(NETWORK), spent(PERSON)) == (0, 20)


def test_charge_comes_back_once_however_often_the_page_is_shown(ask: Any, user: Any, make_user: Any) -> None:
    browser = stranger()
    others = [ask() for _ in range(2)]
    answer = ask(browser)
    assert {each.status_code for each in (*others, answer)} == {303}
    for person in (user, user, make_user("bob")):
        browser.force_login(person)
        assert browser.get(answer["Location"], secure=True).status_code == 200
    assert spent(NETWORK) == 2


def test_person_who_floods_is_refused_by_their_own_budget(ask: Any, user: Any, make_user: Any) -> None:
    """Also one whose requests begin without a session, so that each gives its charge back to the network."""
    browser = signed_in(user)
    for _ in range(MOST):
        ask()
    assert [ask(browser).status_code for _ in range(MOST + 1)] == [303] * MOST + [429]
    assert ask(signed_in(make_user("bob"))).status_code == 303
    hopper = stranger()
    answer = ask(hopper, address=NEIGHBOUR)
    hopper.force_login(user)
    page = hopper.get(answer["Location"], secure=True)
    assert (page.status_code, "Retry-After" in page) == (429, True)
    assert "/auth/account/" not in page.content.decode(), "they are signed in"
    before = spent(NETWORK)
    hopper.get(answer["Location"], secure=True)
    assert spent(NETWORK) == before == MOST + 1, "the network has got nothing back"


def test_silent_request_writes_no_row_for_a_stranger_and_gets_no_page(ask: Any, party: Party) -> None:
    for _ in range(2 * MOST):
        assert returned(ask(prompt="none"))["error"] == "login_required"
    assert (waiting(), spent(NETWORK)) == (0, 0)
    for _ in range(MOST):
        ask(party.browser)
    assert returned(ask(party.browser, prompt="none"))["error"] == "temporarily_unavailable"


def test_form_of_another_site_at_a_full_network_is_asked_for_its_session(ask: Any, party: Party) -> None:
    """The browser sends no session cookie with such a form, and does with the redirect that follows."""
    while ask().status_code == 303:
        pass
    for browser, status in ((party.browser, 303), (stranger(), 429)):
        answer = stranger().post(AUTHORIZE, party.parameters(), secure=True)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (303, AUTHORIZE)
        assert browser.get(answer["Location"], secure=True).status_code == status
    silent = stranger().post(AUTHORIZE, party.parameters(prompt="none"), secure=True)
    assert returned(stranger().get(silent["Location"], secure=True))["error"] == "login_required"


def test_person_who_has_to_choose_a_password_carries_the_handle_alone(ask: Any, party: Party) -> None:
    Login.objects.update(restricted=True)
    answer = ask(party.browser)
    assert answer["Location"].startswith(f"{CONSENT}?request=")
    away = party.browser.get(answer["Location"], secure=True)
    assert (away.status_code, "code_challenge" in away["Location"]) == (302, False)


def test_browser_that_begins_again_and_again_leaves_no_more_than_its_newest(
    ask: Any, party: Party, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So one person does not use up what the others behind their address have."""
    monkeypatch.setattr(request_budgets, "MOST", 1_000)
    browser = stranger()
    for _ in range(MOST_OPEN + 5):
        answer = ask(browser)
    assert (waiting(), spent(NETWORK)) == (MOST_OPEN, MOST_OPEN)
    browser.force_login(user)
    party.browser = browser
    assert "code" in returned(party.decide(opened(party, answer)))
    for _ in range(MOST_OPEN + 5):
        answer = ask(browser)
    rows = OneTimeCode.objects.filter(purpose=PURPOSE)
    assert (rows.filter(used_at=None).count(), rows.exclude(used_at=None).count()) == (MOST_OPEN, 1)
    assert spent(NETWORK) == 0, "what was deleted is given back"


def test_browser_that_names_the_requests_of_another_deletes_none(ask: Any) -> None:
    victim, thief = stranger(), stranger()
    for browser in (victim, thief):
        ask(browser)
    (name,) = victim.cookies
    own = thief.cookies[name].value.partition(".")[0]
    stolen = victim.cookies[name].value.partition(".")[2]
    thief.cookies[name] = ".".join([own, *[stolen] * MOST_OPEN])
    assert (ask(thief).status_code, waiting()) == (303, 3)
    for broken in (f"{own}.", f"{own}.x", f"{own}{f'.{stolen}' * (MOST_OPEN + 1)}", f"{own[:-1]}.{stolen}"):
        thief.cookies[name] = broken
        assert ask(thief, address=NEIGHBOUR).status_code == 303
        assert thief.cookies[name].value.partition(".")[0] != own, "a cookie that is not ours counts for nothing"


def test_broken_requests_and_exempt_networks_are_not_counted(ask: Any, provider: Any) -> None:
    for _ in range(MOST + 1):
        assert ask(client_id="unknown").status_code == 400
        assert returned(ask(code_challenge=None))["error"] == "invalid_request"
    provider.AUTHKIT = {**provider.AUTHKIT, "LIMITER": {**provider.AUTHKIT["LIMITER"], "EXEMPT": ["127.0.0.0/8"]}}
    assert [ask().status_code for _ in range(MOST + 1)] == [303] * (MOST + 1)
    assert spent(NETWORK) == 0


def test_next_period_begins_with_nothing_spent(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is never quiet does not add up what its people leave alone."""
    now = request_budgets.time.time()
    while ask().status_code == 303:
        pass
    monkeypatch.setattr(request_budgets.time, "time", lambda: now + request_budgets.PERIOD_SECONDS)
    assert ask().status_code == 303


def test_rows_of_requests_and_counters_are_pruned(ask: Any) -> None:
    ask()
    long_ago = timedelta(days=60)
    OneTimeCode.objects.update(expires_at=F("expires_at") - long_ago)
    AttemptBudget.objects.update(last_at=F("last_at") - int(long_ago.total_seconds()) * 1_000_000)
    call_command("authkit_prune", stdout=StringIO())
    assert (waiting(), AttemptBudget.objects.count()) == (0, 0)


@pytest.mark.usefixtures("unprepared")
def test_person_who_is_signed_in_costs_one_statement_more(ask: Any, party: Party) -> None:
    ask(party.browser)
    with CaptureQueriesContext(connection) as queries:
        ask(party.browser)
    written = [query["sql"] for query in queries if "authkit_attemptbudget" in query["sql"]]
    assert len(written) == 1, written
