"""A service that collects errors, with the frames that they passed, and statements that fail one after the other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.views.debug import ExceptionReporter

TESTS = str(Path(__file__).parent)
MOST_STATEMENTS = 40


class Unforeseen(Exception):
    """No outage: it becomes a 500, and a report."""


@contextmanager
def failing_at(number: int, error: type[Exception]) -> Iterator[list[int]]:
    """The statement with this number fails, and with an outage all after it."""
    count = [0]

    def run(execute: Any, sql: str, parameters: Any, many: Any, context: Any) -> Any:
        count[0] += 1
        if count[0] == number or (error is OperationalError and count[0] > number):
            raise error("the connection is gone")
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(run):
        yield count


def errors_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its causes and contexts, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def frames_of(error: BaseException | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in errors_of(error):
        step = one.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            yield f"{code.co_filename}:{code.co_name}", step.tb_frame.f_locals
            step = step.tb_next


def shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # of a QuerySet, which asks the database
        return type(error).__name__


class Collector(logging.Handler):
    """A service that collects errors: those that Django tells of, and those that the log brings with their frames."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[str, str]] = []
        self.errors = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.shown.append((f"log of {record.name}", record.getMessage()))
        if record.exc_info and record.exc_info[1] is not None:
            self.take(record.exc_info[1])

    def on_exception(self, request: WSGIRequest, **_: Any) -> None:
        kind, error, traceback = sys.exc_info()
        assert error is not None
        self.take(error)
        report = ExceptionReporter(request, kind, error, traceback)
        self.shown += [("Django's page", report.get_traceback_html()), ("Django's text", report.get_traceback_text())]

    def take(self, error: BaseException) -> None:
        self.errors += 1
        for where, variables in frames_of(error):
            if not where.startswith(TESTS):
                self.shown += [(f"{where} {name}", shown(value)) for name, value in variables.items()]

    def assert_hides(self, *secrets: str) -> None:
        for secret in secrets:
            signature = secret.rpartition(".")[2]  # what makes a token usable
            found = [where for where, text in self.shown if secret in text or signature in text]
            assert not found, found


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that Django and the log tell."""
    one = Collector()
    loggers = [logging.getLogger(name) for name in ("authkit", "django", "django.request", "social")]
    for logger in loggers:
        logger.addHandler(one)
    got_request_exception.connect(one.on_exception)
    try:
        yield one
    finally:
        got_request_exception.disconnect(one.on_exception)
        for logger in loggers:
            logger.removeHandler(one)


Secrets = tuple[str, ...]
Attempt = tuple[Callable[[], Any], Secrets | Callable[[], Secrets]]
"""A call, and the secrets that are in play; a function of those that are known after the call."""


def fail_everywhere(prepare: Callable[[], Attempt], collector: Collector) -> None:
    """Makes the call again and again, each time with another statement that fails, until none is left to fail."""
    for error in (Unforeseen, OperationalError):
        before = collector.errors
        for number in range(1, MOST_STATEMENTS):
            call, secrets = prepare()
            collector.shown.clear()
            with failing_at(number, error) as count:
                call()
            collector.assert_hides(*(secrets() if callable(secrets) else secrets))
            if count[0] < number:
                break
        else:
            raise AssertionError("more statements than were expected")
        assert number > 1
        assert error is OperationalError or collector.errors > before
