"""The logger `authkit.audit`: one line for each event, which no name or agent can break."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client, RequestFactory

from authkit.core import event_log
from authkit.core.escaping import escaped, escaped_values
from authkit.core.records import FAILURE, SUCCESS, Record
from authkit.core.request_scope import Scope
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of

PASSWORD = "correct-horse-battery-staple"
NASTY = "a\r\nlogin.succeeded user=1\x1b[31m\u202edetuor\u2066\x00\u2028\x85\ud800"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == event_log.NAME]


def facts(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)[event_log.ATTRIBUTE] for record in caplog.records if record.name == event_log.NAME]


@pytest.mark.parametrize("character", ["\r", "\n", "\x1b", "\u202e", "\u2066", "\x00", "\u2028", "\x85", "\ud800"])
def test_no_control_or_bidi_character_stays(character: str) -> None:
    assert character not in escaped(f"ada{character}lovelace")
    assert escaped(f"a{character}b").isprintable()
    assert json.dumps(escaped_values({character: [character]}), ensure_ascii=False).isprintable()


def test_escape_that_was_typed_differs_from_one_of_ours() -> None:
    assert escaped("a\nb") == r"a\nb"
    assert escaped(r"a\nb") == r"a\\nb"
    assert escaped("Zoë Ørsted 李") == "Zoë Ørsted 李"


def test_forged_line_in_a_device_or_a_reason_stays_in_its_line(caplog: pytest.LogCaptureFixture) -> None:
    record = Record(
        name="login.failed", outcome=FAILURE, at=datetime.now(UTC), reason=NASTY, device=f'x" user=1 {NASTY}'
    )
    with caplog.at_level(logging.INFO, logger=event_log.NAME):
        event_log.write(record)
    (line,) = lines(caplog)
    assert line.isprintable()
    assert line.startswith(r'login.failed outcome=failure reason="a\r\nlogin.succeeded user=1\x1b[31m\u202e')
    assert r'device="x\" user=1 ' in line


@pytest.mark.django_db(transaction=True)
def test_sign_in_is_one_line_with_who_from_where_by_which_door(caplog: pytest.LogCaptureFixture) -> None:
    ada = get_user_model()._default_manager.create_user("ada@example.test", password=PASSWORD)
    with caplog.at_level(logging.INFO, logger=event_log.NAME):
        answer = Client().post(
            "/auth/api/session/login/",
            {get_user_model().USERNAME_FIELD: "ada@example.test", "password": PASSWORD},
            content_type="application/json",
            headers={"User-Agent": FIREFOX, "X-Request-ID": "from-the-proxy"},
        )
    assert answer.status_code == 200
    (told,) = [each for each in facts(caplog) if each["name"] == "login.succeeded"]
    key = ada.pk if isinstance(ada.pk, int) else str(ada.pk)
    assert told == {
        "name": "login.succeeded",
        "outcome": SUCCESS,
        "at": told["at"],
        "user": key,
        "actor": key,
        "login": answer.json()["login"]["id"],
        "door": "session",
        "method": "password",
        "ip": "127.0.0.1",
        "device": "Firefox on Linux",
        "request": "from-the-proxy",
        "kind": "session",
        "amr": "pwd",
    }
    assert PASSWORD not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_line_is_written_on_commit_alone(user: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=event_log.NAME), transaction.atomic():
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        transaction.set_rollback(True)
    assert lines(caplog) == []


def test_request_id_of_a_stranger_is_taken_only_if_it_is_plain() -> None:
    for sent in ("a\r\nb", "x" * 65, "", "a b"):
        request = RequestFactory().get("/", headers={"X-Request-ID": sent})
        scope = Scope(request=request)
        assert scope.id_of_request() != sent
        assert scope.id_of_request() == scope.id_of_request()
    assert Scope(request=RequestFactory().get("/", headers={"X-Request-ID": "b3-7"})).id_of_request() == "b3-7"
    assert Scope().id_of_request() == ""


def test_without_any_handler_lines_go_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a project without LOGGING
    event_log.connect()
    event_log.write(Record(name="login.ended", outcome=SUCCESS, at=datetime.now(UTC), user_id=7, reason="logout"))
    assert capsys.readouterr().err == "login.ended outcome=success user=7 reason=logout\n"


def test_project_with_a_handler_gets_each_line_once(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    event_log.connect()
    event_log.write(Record(name="login.ended", outcome=SUCCESS, at=datetime.now(UTC)))
    assert len(lines(caplog)) == 1
    assert capsys.readouterr().err == ""


def test_level_that_the_project_chose_stays(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(event_log.logger, "level", logging.WARNING)
    event_log.logger.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        event_log.connect()
        event_log.write(Record(name="login.ended", outcome=SUCCESS, at=datetime.now(UTC)))
        event_log.write(Record(name="login.failed", outcome=FAILURE, at=datetime.now(UTC)))
    finally:
        event_log.logger.manager._clear_cache()  # type: ignore[attr-defined]
    assert [told["name"] for told in facts(caplog)] == ["login.failed"]


class TestOn:
    """`event_log.is_on` decides whether a record is made at all."""

    @pytest.fixture
    def project(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        def project(*handlers: logging.Handler) -> None:
            """Called in the test itself: pytest adds handlers of its own before it."""
            monkeypatch.setattr(logging.getLogger(), "handlers", list(handlers))
            event_log.connect()

        return project

    def test_without_handlers(self, project: Callable[..., None]) -> None:
        project()
        assert event_log.is_on(SUCCESS)
        assert event_log.is_on(FAILURE)

    def test_with_handlers_that_write_nothing(self, project: Callable[..., None]) -> None:
        project(logging.NullHandler())
        assert not event_log.is_on(SUCCESS)
        assert not event_log.is_on(FAILURE)

    def test_with_a_handler_of_warnings(self, project: Callable[..., None]) -> None:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
        project(logging.NullHandler(), handler)
        assert not event_log.is_on(SUCCESS)
        assert event_log.is_on(FAILURE)

    def test_with_propagation_off(self, project: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
        project(logging.NullHandler())
        monkeypatch.setattr(event_log.logger, "propagate", False)
        assert event_log.is_on(SUCCESS)  # to standard error, since no handler gets it


def test_message_is_text_for_each_formatter(caplog: pytest.LogCaptureFixture) -> None:
    event_log.write(Record(name="login.ended", outcome=SUCCESS, at=datetime.now(UTC), user_id=7))
    (record,) = [one for one in caplog.records if one.name == event_log.NAME]
    assert logging.Formatter("%(levelname)s %(message)s").format(record) == "INFO login.ended outcome=success user=7"
    assert f"{record.msg}" == record.getMessage()
