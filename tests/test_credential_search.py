"""The search for credentials finds them, wherever they come from and wherever they lie."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
from django.core import mail
from django.http import HttpResponse, JsonResponse
from django.test.client import FakePayload

from authkit.limiter.models import AttemptBudget
from tests.credential_search import Listener, Traffic, _mails, _rows

SECRET = "a-secret-of-this-test"
LOGIN = b"token=01a22994-0523-7761-b5e4-595fb7c90f3f"


def sent(**environ: Any) -> Traffic:
    traffic = Traffic()
    traffic.note_request({"wsgi.input": FakePayload(environ.pop("body", b"")), **environ})
    return traffic


def answered(response: HttpResponse) -> Traffic:
    traffic = Traffic()
    traffic.note_answer(response)
    return traffic


def with_cookie() -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("sessionid", SECRET)
    return response


@pytest.mark.parametrize(
    "traffic",
    [
        sent(body=b'{"username": "alice", "password": "%s"}' % SECRET.encode()),
        sent(body=b"username=alice&new_password1=%s" % SECRET.encode()),
        sent(QUERY_STRING=f"code={SECRET}"),
        sent(HTTP_AUTHORIZATION=f"Bearer {SECRET}"),
        sent(HTTP_AUTHORIZATION="Basic " + base64.b64encode(f"alice:{SECRET}".encode()).decode()),
        sent(HTTP_X_AUTHKIT_DEVICE=SECRET),
        sent(HTTP_COOKIE=f"a=b; sessionid={SECRET}"),
        answered(JsonResponse({"refresh": SECRET})),
        answered(with_cookie()),
    ],
)
def test_a_credential_of_a_request_or_an_answer_is_found_in_a_row_and_in_the_log(traffic: Traffic) -> None:
    assert traffic.found("authkit_x: (1, 'alice')", "alice") == []
    traffic.lines.append(f"login.succeeded agent={SECRET}")
    assert len(traffic.found(f"authkit_x: (1, {SECRET!r})", "")) == 2


def test_a_mail_may_have_the_code_that_it_brings_and_no_password() -> None:
    assert sent(body=b"code=" + SECRET.encode()).found("", SECRET) == []
    assert len(sent(body=b"password=" + SECRET.encode()).found("", SECRET)) == 1


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff", b"[1]", b'{"password": 1, "token": "short"}', LOGIN])
def test_a_body_without_a_credential_gives_none(body: bytes) -> None:
    traffic = sent(body=body)
    traffic.note_answer(JsonResponse({"refresh": SECRET}, status=401))
    assert not traffic.secrets | traffic.codes


@pytest.mark.django_db
def test_rows_mails_and_what_a_log_line_carries_beside_its_text_are_searched() -> None:
    AttemptBudget.objects.create(key=SECRET, scope="name", spent=0, not_before=0, last_at=0, last_charge=0)
    mail.EmailMessage("hello", SECRET, to=["a@example.test"]).send()
    traffic = Traffic()
    logger = logging.getLogger("of this test")
    logger.addHandler(Listener(traffic))
    logger.warning("hello %s", "alice", extra={"token": SECRET})
    assert SECRET in _rows()
    assert SECRET in _mails()
    assert SECRET in traffic.lines[0]
