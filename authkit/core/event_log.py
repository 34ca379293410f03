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
from typing import Any

from authkit.core.escaping import escaped_values
from authkit.core.records import FAILURE, Record

NAME = "authkit.audit"
ATTRIBUTE = "authkit_event"

logger = logging.getLogger(NAME)


class _LastResort(logging.Handler):
    """Writes to standard error where the project has no handler. `logging.lastResort` would keep warnings alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _has_a_handler()

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def connect() -> None:
    """Switches the logger on where the project's LOGGING says nothing of it; for `AppConfig.ready()`."""
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _LastResort) for handler in logger.handlers):
        logger.addHandler(_LastResort())


def is_on() -> bool:
    """Whether any event is written."""
    return logger.isEnabledFor(logging.WARNING)


def write(record: Record) -> None:
    """Writes one line: at the level WARNING for a failure, else INFO."""
    level = logging.WARNING if record.outcome == FAILURE else logging.INFO
    if logger.isEnabledFor(level):
        data = as_data(record)
        logger.log(level, "%s", _line(data), extra={ATTRIBUTE: data})


def as_data(record: Record) -> dict[str, Any]:
    """The record as values of JSON, without what is empty; text is escaped."""
    data = {
        "name": record.name,
        "outcome": record.outcome,
        "at": record.at.isoformat(),
        "user": _key(record.user_id),
        "actor": _key(record.actor_id),
        "login": None if record.login_id is None else str(record.login_id),
        "reason": record.reason,
        "door": record.door,
        "method": record.method,
        "ip": record.ip,
        "device": record.device,
        "request": record.request_id,
        **record.extra,
    }
    # The names are those of the event's class and of its fields: only values are another party's text.
    return {name: escaped_values(value) for name, value in data.items() if value is not None and value != ""}


def _key(key: Any) -> Any:
    return key if key is None or isinstance(key, int) else str(key)


def _line(data: dict[str, Any]) -> str:
    facts = " ".join(f"{name}={_shown(value)}" for name, value in data.items() if name not in {"name", "at"})
    return f"{data['name']} {facts}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        # A backslash in it is an escape of ours, and stays single.
        return value if _is_a_word(value) else '"' + value.replace('"', '\\"') + '"'
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)


def _is_a_word(text: str) -> bool:
    return bool(text) and not (" " in text or '"' in text or "=" in text)


def _has_a_handler() -> bool:
    current: logging.Logger | None = logger
    while current is not None:
        if any(not isinstance(handler, _LastResort) for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False
