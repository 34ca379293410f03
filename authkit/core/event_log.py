"""The logger `authkit.audit`: one line for each event, on by default (ASVS 16.2, 16.3, 16.4.1).

A line is `login.succeeded outcome=success user=7 … device="Firefox on Linux"`. The same facts are in the log record's
attribute `authkit_event`, a dict of text and numbers, for formatters that write JSON. Control characters are escaped in
both, whatever the handler does. A project sets level and handlers in its LOGGING. Where it says nothing, lines go to
the handlers of the root logger, or to standard error if there is none.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

from authkit.core.escaping import escaped, escaped_values
from authkit.core.records import FAILURE, Record

NAME = "authkit.audit"
ATTRIBUTE = "authkit_event"

logger = logging.getLogger(NAME)


class _LastResort(logging.Handler):
    """Writes to standard error where the project has no handler. `logging.lastResort` would keep warnings alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        return next(_handlers(), None) is None

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def connect() -> None:
    """Switches the logger on where the project's LOGGING says nothing of it; for `AppConfig.ready()`."""
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _LastResort) for handler in logger.handlers):
        logger.addHandler(_LastResort())


def is_on(outcome: str) -> bool:
    """Whether a line about an event with this outcome would be written anywhere: by the level of the logger, and by
    the levels of its handlers and of those of its parents. A NullHandler writes nothing."""
    level = _level(outcome)
    return logger.isEnabledFor(level) and _writes(level)


def write(record: Record) -> None:
    """Writes one line: at the level WARNING for a failure, else INFO."""
    level = _level(record.outcome)
    if logger.isEnabledFor(level):
        data = as_data(record)
        # As `logger.log` would, without its search for the caller, which is always this function.
        logger.handle(logger.makeRecord(NAME, level, __file__, 0, _Line(data), (), None, "write", {ATTRIBUTE: data}))


def _level(outcome: str) -> int:
    return logging.WARNING if outcome == FAILURE else logging.INFO


class _Line:
    """The message of a log record: it becomes text where a handler formats it, once for each."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __str__(self) -> str:
        data = self._data
        facts = " ".join(f"{name}={_shown(value)}" for name, value in data.items() if name not in {"name", "at"})
        return f"{data['name']} {facts}"


def as_data(record: Record) -> dict[str, Any]:
    """The record as values of JSON, without what is empty; text is escaped."""
    data: dict[str, Any] = {"name": record.name, "outcome": record.outcome, "at": record.at.isoformat()}
    # The names are those of the event's class and of its fields: only values are another party's text.
    for name, value in (
        ("user", record.user_id),
        ("actor", record.actor_id),
        ("login", record.login_id),
        ("reason", record.reason),
        ("door", record.door),
        ("method", record.method),
        ("ip", record.ip),
        ("device", record.device),
        ("request", record.request_id),
    ):
        if value is not None and value != "":
            data[name] = value if type(value) is int else escaped(str(value))
    for name, value in record.extra.items():
        if value is not None and value != "":
            data[name] = value if type(value) is int else escaped_values(value)
    return data


def _shown(value: Any) -> str:
    if isinstance(value, str):
        # A backslash in it is an escape of ours, and stays single.
        return value if _is_a_word(value) else '"' + value.replace('"', '\\"') + '"'
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)


def _is_a_word(text: str) -> bool:
    return bool(text) and not (" " in text or '"' in text or "=" in text)


def _handlers() -> Iterator[logging.Handler]:
    """The project's handlers that get the logger's lines."""
    current: logging.Logger | None = logger
    while current is not None:
        for handler in current.handlers:
            if not isinstance(handler, _LastResort):
                yield handler
        current = current.parent if current.propagate else None


def _writes(level: int) -> bool:
    alone = True
    for handler in _handlers():
        if handler.level <= level and not isinstance(handler, logging.NullHandler):
            return True
        alone = False
    return alone  # then `_LastResort` does
