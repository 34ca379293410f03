from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from authkit import signals
from authkit.logins.models import Login
from authkit.signin import breached_ranges, breaches
from tests.loopback import answers, drips, hangs, server
from tests.signin.breached import sha1, write_file

VALIDATORS = [{"NAME": "authkit.signin.validators.BreachedPassword"}]
COMMON = "password1"


@pytest.fixture
def breached(password: str, tmp_path: Path, settings: Any) -> Path:
    """A file that has the password of every test user."""
    path = write_file(tmp_path / "breached.bin", password, "also-breached")
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"BREACHED_FILE": str(path)}}
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATORS
    return path


@pytest.fixture
def ranges(settings: Any) -> Iterator[Any]:
    """``ranges(url)``: asks this server, and no file."""

    def chosen(url: str, **more: str) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"BREACHED_RANGES": url, **more}}
        settings.AUTH_PASSWORD_VALIDATORS = VALIDATORS

    breached_ranges.forget()
    yield chosen
    breached_ranges.forget()


def range_of(*passwords: str) -> bytes:
    """The server's answer, with padding."""
    lines = [f"{sha1(each)[5:]}:3" for each in passwords] + ["0" * 34 + "A:0"]
    return "\r\n".join(lines).encode()


# The validator


def test_breached_password_is_refused(breached: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_password("also-breached")
    assert caught.value.error_list[0].code == "password_breached"
    validate_password("not-in-the-file")


@pytest.mark.parametrize("odd", ["", "\x00", "\ud800", "ü" * 4096])
def test_odd_password_is_judged_and_breaks_nothing(odd: str, breached: Path) -> None:
    validate_password(odd)


def test_without_a_source_the_common_list_decides(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = VALIDATORS
    with pytest.raises(ValidationError):
        validate_password(COMMON)
    validate_password("not-common-at-all")


def test_file_that_is_gone_leaves_the_common_list(breached: Path, caplog: pytest.LogCaptureFixture) -> None:
    breached.unlink()
    with pytest.raises(ValidationError):
        validate_password(COMMON)
    validate_password("also-breached")
    assert "BREACHED_FILE is of no use" in caplog.text


def test_server_learns_five_digits_and_says_the_rest(ranges: Any) -> None:
    seen: list[bytes] = []
    with server(answers(range_of("leaked"), seen=seen)) as url:
        ranges(f"{url}/range/")
        with pytest.raises(ValidationError):
            validate_password("leaked")
        validate_password("good")
    digits = sha1("leaked").encode()
    assert seen[0].startswith(b"GET /range/%s HTTP/1.1\r\n" % digits[:5])
    assert digits[5:] not in seen[0]
    assert b"Add-Padding: true" in seen[0]


def test_padding_of_the_server_is_no_password(ranges: Any) -> None:
    with server(answers(f"{sha1('good')[5:]}:0".encode())) as url:
        ranges(url)
        validate_password("good")


def test_file_comes_first_and_the_server_knows_more(ranges: Any, tmp_path: Path) -> None:
    path = write_file(tmp_path / "breached.bin", "in-the-file")
    seen: list[bytes] = []
    with server(answers(range_of("at-the-server"), seen=seen)) as url:
        ranges(url, BREACHED_FILE=str(path))
        with pytest.raises(ValidationError):
            validate_password("in-the-file")
        assert seen == []
        with pytest.raises(ValidationError):
            validate_password("at-the-server")


DOWN = {
    "hangs": hangs,
    "drips": drips,
    "fails": answers(b"", status="500 Oops"),
    "redirects": answers(b"", status="302 Found", more="Location: http://127.0.0.1:1/\r\n"),
    "garbage": answers(b"\x00\xff<html>"),
    "empty": answers(b"no range"),
}


@pytest.mark.parametrize("talk", DOWN.values(), ids=DOWN.keys())
def test_server_that_is_down_leaves_the_common_list(
    talk: Any, ranges: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(breached_ranges, "SECONDS", 0.2)
    with server(talk) as url:
        ranges(url)
        with pytest.raises(ValidationError):
            validate_password(COMMON)
        validate_password("not-common-at-all")
    assert "BREACHED_RANGES" in caplog.text
    assert sha1(COMMON)[5:] not in caplog.text


def test_attack_silent_server_holds_up_one_request_and_not_all(ranges: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breached_ranges, "SECONDS", 0.2)
    asked: list[Any] = []

    def silent(connection: Any) -> None:
        asked.append(connection)
        hangs(connection)

    with server(silent) as url:
        ranges(url)
        for _ in range(20):
            validate_password("not-common-at-all")
    assert len(asked) == 1


# Noticed at a sign-in


@pytest.fixture
def noticed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Waits for the look-ups, and returns the arguments of each signal that was sent."""
    monkeypatch.setattr(breaches, "AFTER_SECONDS", 0.0)
    heard: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        heard.append(arguments)

    def wait() -> list[dict[str, Any]]:
        breaches.wait_for_look_ups()
        return heard

    signals.password_known_breached.connect(receive)
    yield wait
    signals.password_known_breached.disconnect(receive)


pytestmark_db = pytest.mark.django_db(transaction=True)


def credentials(user: Any, password: str) -> dict[str, str]:
    return {get_user_model().USERNAME_FIELD: user.get_username(), "password": password}


@pytestmark_db
def test_token_door_notices_a_breached_password(breached: Path, user: Any, password: str, noticed: Any) -> None:
    answer = APIClient().post("/auth/api/token/", credentials(user, password), format="json")
    assert answer.status_code == 200
    [told] = noticed()
    assert (told["user_id"], told["login_id"]) == (user.pk, Login.objects.get().pk)
    assert told.keys() == {"signal", "sender", "login_id", "user_id"}


@pytestmark_db
def test_page_and_session_door_notice_it_too(breached: Path, user: Any, password: str, noticed: Any) -> None:
    page = Client().post("/auth/login/", {"username": user.get_username(), "password": password})
    assert page.status_code == 302
    program = APIClient()
    answer = program.post("/auth/api/session/login/", credentials(user, password), format="json")
    assert answer.status_code == 200
    assert len(noticed()) == 2


@pytestmark_db
def test_admins_own_door_notices_it(breached: Path, make_user: Any, password: str, noticed: Any) -> None:
    staff = make_user("staff", is_superuser=True)
    answer = Client().post("/admin/login/?next=/admin/", {"username": staff.get_username(), "password": password})
    assert answer.status_code == 302
    [told] = noticed()
    assert told["user_id"] == staff.pk


@pytestmark_db
def test_good_password_a_wrong_one_and_no_sign_in_are_not_noticed(
    breached: Path, make_user: Any, password: str, noticed: Any
) -> None:
    good = make_user("good", password="not-in-the-file")
    client = APIClient()
    assert client.post("/auth/api/token/", credentials(good, "not-in-the-file"), format="json").status_code == 200
    assert client.post("/auth/api/token/", credentials(good, password), format="json").status_code == 401
    assert good.check_password("not-in-the-file")
    assert noticed() == []


@pytestmark_db
def test_refused_sign_in_is_not_noticed(breached: Path, user: Any, password: str, noticed: Any, settings: Any) -> None:
    settings.AUTHKIT["LOGIN"]["MAY_SIGN_IN"] = lambda user, request, method: "Not today."
    answer = APIClient().post("/auth/api/token/", credentials(user, password), format="json")
    assert answer.status_code == 403
    assert noticed() == []


@pytestmark_db
def test_look_up_waits_until_the_answer_is_out_and_runs_in_no_request(
    breached: Path, user: Any, password: str, monkeypatch: pytest.MonkeyPatch, noticed: Any
) -> None:
    threads: list[str] = []
    look_up = breaches.look_up
    answered = threading.Event()

    def watched(digest: bytes) -> bool | None:
        assert answered.wait(10)
        threads.append(threading.current_thread().name)
        return look_up(digest)

    monkeypatch.setattr(breaches, "look_up", watched)
    answer = APIClient().post("/auth/api/token/", credentials(user, password), format="json")
    assert answer.status_code == 200  # while the look-up has not begun
    answered.set()
    assert len(noticed()) == 1
    assert threads == ["authkit-breaches"]


@pytestmark_db
def test_attack_flood_of_sign_ins_keeps_no_more_than_the_bound(
    breached: Path, user: Any, monkeypatch: pytest.MonkeyPatch, noticed: Any
) -> None:
    going_on = threading.Event()
    looked: list[bytes] = []

    def slow(digest: bytes) -> bool | None:
        going_on.wait(10)
        looked.append(digest)
        return None

    monkeypatch.setattr(breaches, "look_up", slow)

    class Row:
        pk = None
        user_id = user.pk

    for _ in range(breaches.WAITING + 50):
        breaches.note_password(user, "also-breached")
        breaches.look_up_later(user, Row())  # type: ignore[arg-type]
    going_on.set()
    noticed()
    assert breaches.WAITING <= len(looked) <= breaches.WAITING + 1  # one may be in the thread's hand


@pytestmark_db
def test_thread_goes_on_after_an_error(
    breached: Path, user: Any, password: str, monkeypatch: pytest.MonkeyPatch, noticed: Any, caplog: Any
) -> None:
    def failing(digest: bytes) -> bool | None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patched:
        patched.setattr(breaches, "look_up", failing)
        APIClient().post("/auth/api/token/", credentials(user, password), format="json")
        assert noticed() == []
    assert "can't be looked up" in caplog.text
    APIClient().post("/auth/api/token/", credentials(user, password), format="json")
    assert len(noticed()) == 1


def test_attack_digest_of_the_password_leaves_with_no_copy_pickle_or_repr(
    breached: Path, user: Any, password: str
) -> None:
    digest = breaches.digest_of(password)
    person = authenticate(None, username=user.get_username(), password=password)
    assert vars(person)[breaches._KEY].digest == digest
    assert digest not in pickle.dumps(person)
    for other in (copy.copy(person), copy.deepcopy(person), pickle.loads(pickle.dumps(person))):
        assert not vars(other)[breaches._KEY].is_of(other)
    notice = breaches._Notice(digest, None, 1, 0.0, None)  # type: ignore[arg-type]
    for shown in (repr(vars(person)), repr(notice)):
        assert repr(digest) not in shown
        assert digest.hex() not in shown


def test_without_a_source_nothing_is_kept(user: Any, password: str) -> None:
    person = authenticate(None, username=user.get_username(), password=password)
    assert breaches._KEY not in vars(person)
