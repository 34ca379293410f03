"""At the end of each test: no credential that went through the test client is in a row, a log line or a mail.

A plugin, ``pytest -p tests.credential_search``; the pass ``stock`` of `tests.run` has it on. It reads the requests and
answers of Django's test client, and therefore DRF's, and remembers each password, token, code and cookie in them. Then
it searches all rows of authkit's tables and of the admin's log, what was logged, and the mails. A code in the mail that
brings it to its person is not found fault with, and neither is what a test puts into a row by itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.apps import apps
from django.core import mail
from django.db import DatabaseError, connection
from django.test.client import ClientHandler

SENT = re.compile(r"(^|_)(password[12]?|token|access|refresh|code|key|device|challenge_response)$", re.ASCII)
"""Names of fields that hold credentials."""

ANSWERED = frozenset({"access", "refresh", "device", "token", "access_token", "refresh_token", "id_token"})
SHORTEST = 10
"""Letters. Shorter ones are words that a test sends in the place of a code, and stand in ordinary texts."""


PUBLIC = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of a login, which a cookie for scripts has: it opens nothing, and each event names it."""


class Traffic:
    """What one test sent and got, and what was logged meanwhile."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.codes: set[str] = set()
        """Those that a person brings from a mail."""
        self.lines: list[str] = []

    def clear(self) -> None:
        """Begins anew."""
        self.secrets.clear()
        self.codes.clear()
        self.lines.clear()

    def note_request(self, environ: Mapping[str, Any]) -> None:
        """Remembers what a request brought."""
        body = getattr(environ.get("wsgi.input"), "_FakePayload__content", None)
        raw = body.getvalue() if body is not None else b""
        for name, value in [*_fields(raw), *parse_qsl(environ.get("QUERY_STRING", ""))]:
            if SENT.search(name):
                self._keep(value, is_code=name in {"code", "key"})
        scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "basic":
            with suppress(binascii.Error, UnicodeDecodeError):
                value = base64.b64decode(value).decode().partition(":")[2]
        self._keep(value)
        self._keep(environ.get("HTTP_X_AUTHKIT_DEVICE", ""))
        for part in environ.get("HTTP_COOKIE", "").split("; "):
            name, _, value = part.partition("=")
            self._keep_cookie(name, value)

    def note_answer(self, response: Any) -> None:
        """Remembers what an answer gave."""
        if response.status_code >= 400:
            return
        for morsel in response.cookies.values():
            self._keep_cookie(morsel.key, morsel.value)
        if not response.streaming and response.headers.get("Content-Type", "").startswith("application/json"):
            for name, value in _fields(response.content):
                if name in ANSWERED:
                    self._keep(value)

    def _keep_cookie(self, name: str, value: str) -> None:
        if not name.endswith("authkit-ended"):  # the word says why a login ended, as its row does
            self._keep(value)

    def _keep(self, value: Any, *, is_code: bool = False) -> None:
        if not isinstance(value, str) or PUBLIC.fullmatch(value):
            return
        if len(value) >= SHORTEST and value.isprintable():
            (self.codes if is_code else self.secrets).add(value)

    def found(self, rows: str, mails: str) -> list[str]:
        """One sentence for each credential that lies in the open."""
        places = {"a row": (rows, True), "the log": ("\n".join(self.lines), True), "a mail": (mails, False)}
        return [
            f"{place} has the credential {secret!r}: …{text[max(0, at - 200) : at + len(secret) + 80]}…"
            for place, (text, with_codes) in places.items()
            for secret in sorted(self.secrets | (self.codes if with_codes else set()))
            if (at := text.find(secret)) >= 0
        ]


class Listener(logging.Handler):
    """Keeps each line as a formatter writes it, and all that a record carries beside its message."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self._traffic = traffic

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("django.db"):  # statements, which Django logs for a test that counts them
            return
        with suppress(Exception):  # a handler of the test's own says it
            more = {name: value for name, value in vars(record).items() if name not in {"request", "args"}}
            self._traffic.lines.append(f"{self.format(record)} {more!r}")


def _fields(raw: bytes) -> list[tuple[str, Any]]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return []
    try:
        found = json.loads(text)
    except RecursionError:
        return []
    except ValueError:
        return parse_qsl(text)
    return list(found.items()) if isinstance(found, dict) else []


def _rows() -> str:
    """All rows of authkit's tables and of the admin's log."""
    tables = [
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label.startswith("authkit") or model._meta.label == "admin.LogEntry"
    ]
    found = []
    with suppress(DatabaseError), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(found)


def _mails() -> str:
    sent = [(message.subject, message.body, getattr(message, "alternatives", ())) for message in mail.outbox]
    return "\n".join(map(repr, sent))


_traffic = Traffic()


@pytest.fixture(autouse=True, scope="session")
def _listening() -> Iterator[None]:
    answer = ClientHandler.__call__

    def heard(self: ClientHandler, environ: dict[str, Any]) -> Any:
        _traffic.note_request(environ)
        response = answer(self, environ)
        _traffic.note_answer(response)
        return response

    ClientHandler.__call__ = heard  # type: ignore[method-assign]
    listener = Listener(_traffic)
    logging.getLogger().addHandler(listener)
    yield
    logging.getLogger().removeHandler(listener)
    ClientHandler.__call__ = answer  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _no_credential_in_the_open(request: pytest.FixtureRequest) -> Iterator[None]:
    with_database = request.node.get_closest_marker("django_db") or "db" in request.fixturenames
    if with_database:
        request.getfixturevalue("_django_db_helper")  # it empties the tables after this
    _traffic.clear()
    yield
    if not (_traffic.secrets or _traffic.codes):
        return
    rows = _rows() if with_database and not connection.needs_rollback else ""
    if found := _traffic.found(rows, _mails()):
        pytest.fail("\n".join(found), pytrace=False)
