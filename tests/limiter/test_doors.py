"""The limiter at authkit's own password doors: answers, what is charged, and what is not."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.test import Client as Visitor
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from authkit.exceptions import InvalidCredentials, Locked, Throttled
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.signin.credentials import verify_password
from tests.browsers import Browser

SESSION, TOKEN, COMPAT, PAGE = "/auth/api/session/login/", "/auth/api/token/", "/api/token/", "/auth/login/"
PROGRAMS = [SESSION, TOKEN, COMPAT]

pytestmark = pytest.mark.django_db


class BrokenBackend(ModelBackend):
    def authenticate(self, request: Any, username: Any = None, password: Any = None, **more: Any) -> Any:
        raise RuntimeError("a back end of the project's")


def spent(scope: str = "name") -> int:
    return sum(AttemptBudget.objects.filter(scope=scope).values_list("spent", flat=True))


def post(path: str, body: dict[str, str], **headers: str) -> Any:
    if path == PAGE:
        form = {"username": next(iter(body.values())), "password": body["password"]}
        return Visitor(headers=headers).post(path, form)
    browser = Browser(body)
    browser.headers.update(headers)
    return browser.call("post", path, body)


def use_up(path: str, body: dict[str, str], times: int = 5) -> None:
    for _ in range(times):
        assert post(path, {**body, "password": "wrong"}).status_code in {200, 401}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("path", PROGRAMS)
def test_programs_are_told_how_long_to_wait_also_about_names_that_no_person_has(
    user: Any, credentials: Any, path: str, known: bool
) -> None:
    body = credentials(user)
    if not known:
        body = {**body, next(iter(body)): "nobody@example.test"}
    use_up(path, body)
    answer = post(path, body)
    assert answer.status_code == 429
    assert answer.json() == {
        "code": "throttled",
        "detail": "Too many attempts. Try again in 1 s.",
        "retry_after": 1,
    }
    assert answer["Retry-After"] == "1"
    assert answer["Cache-Control"] == "no-store"
    assert not Login.objects.exists()


def test_locked_is_said_by_its_own_code(user: Any, credentials: Any, configure: Any) -> None:
    configure(SLOW_AFTER=2, LOCK_AFTER=3)
    use_up(TOKEN, credentials(user), 2)
    AttemptBudget.objects.update(not_before=0)
    use_up(TOKEN, credentials(user), 1)
    answer = post(TOKEN, credentials(user))
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "locked", "3600")
    assert answer.json()["detail"].endswith("Try again in 60 min.")


@pytest.mark.parametrize("known", [True, False])
def test_people_read_the_seconds_or_the_minutes_on_the_page(
    user: Any, credentials: Any, configure: Any, known: bool, settings: Any
) -> None:
    configure(SLOW_AFTER=2, LOCK_AFTER=3)
    body = credentials(user)
    if not known:
        body = {**body, next(iter(body)): "nobody@example.test"}
    use_up(PAGE, body, 2)
    answer = post(PAGE, body)
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert "There were too many attempts. Try again in 1 second." in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    AttemptBudget.objects.update(not_before=0)
    use_up(PAGE, body, 1)
    text = post(PAGE, body).content.decode()
    assert "Signing in is locked after too many failed attempts. Try again in 60 minutes." in text
    assert 'role="alert"' in text
    assert "aria-invalid" in text


def test_all_doors_are_one_counter(user: Any, credentials: Any) -> None:
    for path in (*PROGRAMS, PAGE, TOKEN):
        use_up(path, credentials(user), 1)
    for path in (*PROGRAMS, PAGE):
        assert post(path, credentials(user)).status_code == 429


def test_after_the_wait_the_right_password_lets_in_and_clears_the_name(user: Any, credentials: Any) -> None:
    use_up(TOKEN, credentials(user))
    AttemptBudget.objects.update(not_before=0)
    assert post(TOKEN, credentials(user)).status_code == 200
    assert (spent("name"), spent("person"), spent("network")) == (0, 0, 5)


@pytest.mark.parametrize("path", [*PROGRAMS, PAGE])
def test_good_sign_ins_never_lock_their_owner(user: Any, credentials: Any, path: str, configure: Any) -> None:
    configure(SLOW_AFTER=2, NETWORK_SLOW_AFTER=2)
    for _ in range(6):
        assert post(path, credentials(user)).status_code in {200, 302}
    assert (spent("name"), spent("network")) == (0, 0)


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_attack_a_forged_x_forwarded_for_changes_nothing(
    user: Any, credentials: Any, configure: Any, settings: Any, proxies: int
) -> None:
    configure(NETWORK_SLOW_AFTER=5)
    settings.AUTHKIT = {**settings.AUTHKIT, "TRUSTED_PROXIES": proxies}
    real = ["198.51.100.7", "10.0.0.1"][:proxies]
    for turn in range(7):
        body = {**credentials(user), next(iter(credentials(user))): f"name-{turn}@example.test", "password": "wrong"}
        answer = post(TOKEN, body, **{"x-forwarded-for": ", ".join([f"203.0.113.{turn}", *real])})
        assert answer.status_code == (401 if turn < 5 else 429)
    assert AttemptBudget.objects.filter(scope="network").count() == 1


def bad_bodies(name: str) -> list[Any]:
    return [
        {name: ["alice"], "password": "x"},
        {name: {"a": 1}, "password": "x"},
        {name: None, "password": "x"},
        {name: "a" * 1_000_000, "password": "x"},
        {name: "alice\x00", "password": "x"},
        {name: "alice\ud800", "password": "x"},
        {name: "alice", "password": "x" * 5000},
        {name: "alice"},
        [],
    ]


@pytest.mark.parametrize("path", PROGRAMS)
def test_bad_input_gets_a_400_and_spends_nothing(user: Any, api: Any, path: str) -> None:
    for body in bad_bodies(user.USERNAME_FIELD):
        answer = Visitor().post(path, json.dumps(body), content_type="application/json")
        assert answer.status_code == 400, body
    assert not AttemptBudget.objects.exists()


def test_without_a_csrf_proof_or_with_another_content_type_nothing_is_spent(user: Any, credentials: Any) -> None:
    body = json.dumps({**credentials(user), "password": "wrong"})
    strict = Visitor(enforce_csrf_checks=True)
    assert strict.post(SESSION, body, content_type="application/json").status_code == 403
    assert strict.post(PAGE, {"username": "alice", "password": "wrong"}).status_code == 403
    assert Visitor().post(TOKEN, body, content_type="text/plain").status_code == 415
    assert not AttemptBudget.objects.exists()


def test_an_error_of_ours_is_refunded(user: Any, credentials: Any, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.BrokenBackend"]
    for _ in range(6):
        with pytest.raises(RuntimeError):
            post(TOKEN, credentials(user))
    assert (spent("name"), spent("network")) == (0, 0)


def test_an_error_after_the_right_password_is_refunded(
    user: Any, credentials: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"KEYS": "not a key ring"}}
    for _ in range(6):
        assert post(TOKEN, credentials(user)).status_code == 503
    assert (spent("name"), spent("network")) == (0, 0)
    assert not Login.objects.exists()


def test_a_refusal_after_the_right_password_is_no_failure(user: Any, credentials: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}
    assert post(TOKEN, credentials(user)).status_code == 200
    for _ in range(6):
        assert post(TOKEN, credentials(user)).status_code == 403
    assert (spent("name"), spent("person"), spent("network")) == (0, 0, 0)


def test_a_stopped_person_gets_the_answer_of_a_wrong_password(user: Any, credentials: Any, configure: Any) -> None:
    configure(STOP_AFTER=2)
    use_up(TOKEN, credentials(user), 2)
    wrong = post(TOKEN, {**credentials(user), "password": "wrong"})
    right = post(TOKEN, credentials(user))
    assert (right.status_code, right.json()) == (wrong.status_code, wrong.json()) == (401, wrong.json())
    assert not Login.objects.exists()
    services.unlock(user=user)
    assert post(TOKEN, credentials(user)).status_code == 200


def test_attack_mistyped_names_of_a_person_share_the_persons_counter_and_no_other(
    user: Any, credentials: Any, settings: Any, configure: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"IDENTIFIERS": ["username", "email"]}}
    use_up(TOKEN, credentials(user), 3)
    use_up(TOKEN, {**credentials(user), user.USERNAME_FIELD: user.email}, 1)
    assert spent("person") == 4
    use_up(TOKEN, {**credentials(user), user.USERNAME_FIELD: "nobody@example.test"}, 1)
    assert (spent("person"), spent("stranger")) == (4, 1)


def _statements(name: str, password: str) -> list[str]:
    """What one try runs, each statement without its values."""
    request = RequestFactory().post("/")
    with CaptureQueriesContext(connection) as captured, suppress(InvalidCredentials, Throttled):
        verify_password(request=request, username=name, password=password, identifiers=("username",), door="token")
    statements = [" ".join(query["sql"].split()[:2]).partition("(")[0] for query in captured]
    return [text for text in statements if "SAVEPOINT" not in text]


@pytest.mark.usefixtures("unprepared")
def test_known_unknown_inactive_and_locked_names_run_the_same_statements(
    user: Any, make_user: Any, configure: Any
) -> None:
    inactive = make_user("inactive", is_active=False)
    names = [user.get_username(), inactive.get_username(), "nobody@example.test"]
    first = [_statements(name, "wrong") for name in ("somebody", *names)]
    again = [_statements(name, "wrong") for name in names]
    assert first[1] == first[2] == first[3]  # the network has its row by then
    assert again[0] == again[1] == again[2]
    assert _statements(inactive.get_username(), "correct-horse-battery-staple") == again[0]
    configure(SLOW_AFTER=1, LOCK_AFTER=2)
    for name in names:
        _statements(name, "wrong")
    locked = [_statements(name, "wrong") for name in names]
    assert locked[0] == locked[1] == locked[2]
    with pytest.raises(Throttled):
        services.reserve(door="token", name=names[0], client=services.Client("127.0.0.1"))


def _of_the_limiter(call: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured if AttemptBudget._meta.db_table in query["sql"]]


@pytest.mark.usefixtures("unprepared")
def test_statements_of_a_sign_in(user: Any, credentials: Any) -> None:
    body = credentials(user)
    new = _of_the_limiter(lambda: post(TOKEN, body))
    assert len(new) <= 7, new
    use_up(TOKEN, body, 1)
    there = _of_the_limiter(lambda: post(TOKEN, body))
    assert len(there) <= 4, there
    repeated = _of_the_limiter(lambda: post(TOKEN, body))
    assert len(repeated) <= 4, repeated


def test_a_lock_is_the_same_exception_for_a_view_of_the_projects(user: Any) -> None:
    assert issubclass(Locked, Throttled)
    assert (Throttled.status, Throttled.template) == (429, "authkit/throttled.html")
