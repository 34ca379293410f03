"""Events as lines of JSON: in the form of this table, or by the Open Cybersecurity Schema Framework (OCSF 1.8).

No CEF: there a pipe or a backslash in a name breaks the line, and what collects events takes JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import authkit
from authkit import events
from authkit.audit.models import Event
from authkit.core.records import FAILURE

SCHEMA: Final = 1
"""Version of the lines of `as_json`. A change that a reader would stumble over raises it."""
OCSF_VERSION: Final = "1.8.0"

_LOGON, _LOGOFF, _OTHER = 1, 2, 99
_AUTHENTICATION, _ACCOUNT_CHANGE, _BASE = 3002, 3001, 0

_CLASSES: dict[str, tuple[int, int]] = {
    "login.succeeded": (_AUTHENTICATION, _LOGON),
    "login.failed": (_AUTHENTICATION, _LOGON),
    "login.throttled": (_AUTHENTICATION, _LOGON),
    "login.locked": (_AUTHENTICATION, _LOGON),
    "login.reauthenticated": (_AUTHENTICATION, _LOGON),
    "login.cleared": (_AUTHENTICATION, _OTHER),
    "login.unlocked": (_ACCOUNT_CHANGE, _OTHER),
    "login.ended": (_AUTHENTICATION, _LOGOFF),
    "logins.ended": (_AUTHENTICATION, _LOGOFF),
    "crowd.ended": (_AUTHENTICATION, _LOGOFF),
    "logins.disowned": (_ACCOUNT_CHANGE, _OTHER),
    "link.added": (_ACCOUNT_CHANGE, _OTHER),
    "link.removed": (_ACCOUNT_CHANGE, _OTHER),
    "audit.sealed": (_BASE, _OTHER),
    "audit.exported": (_BASE, _OTHER),
}
_OF_ACCOUNTS = ("account.", "email.", "invitation.", "password.")
"""How names of events begin that are about an account and not about a login."""
_CLASS_NAMES = {_AUTHENTICATION: "Authentication", _ACCOUNT_CHANGE: "Account Change", _BASE: "Base Event"}
_ACTIVITIES = {_LOGON: "Logon", _LOGOFF: "Logoff", _OTHER: "Other"}


def as_json(event: Event) -> dict[str, Any]:
    """One event, all its columns; text is escaped as in the table."""
    return {
        "schema": SCHEMA,
        "id": str(event.pk),
        "at": event.at.isoformat(),
        "name": event.name,
        "outcome": event.outcome,
        "reason": event.reason,
        "user": _key(event.user_id),
        "actor": _key(event.actor_id),
        "login": None if event.login_id is None else str(event.login_id),
        "door": event.door,
        "method": event.method,
        "ip": event.ip,
        "device": event.device,
        "request": event.request_id,
        "count": event.count,
        "extra": event.extra,
    }


def as_ocsf(event: Event) -> dict[str, Any]:
    """One event in the class that OCSF has for it: Authentication, Account Change or Base Event."""
    class_uid, activity_id = _CLASSES.get(event.name, (_default_class(event.name), _OTHER))
    failed = event.outcome == FAILURE
    known = events.known().get(event.name)
    said: dict[str, Any] = {
        "class_uid": class_uid,
        "class_name": _CLASS_NAMES[class_uid],
        "category_uid": class_uid // 1000,
        "activity_id": activity_id,
        "activity_name": _ACTIVITIES[activity_id],
        "type_uid": class_uid * 100 + activity_id,
        "time": int(event.at.timestamp() * 1000),
        "severity_id": 3 if failed else 1,
        "status_id": 2 if failed else 1,
        "status_detail": event.reason,
        "count": event.count,
        "message": str(known.title) if known is not None else event.name,
        "metadata": {
            "version": OCSF_VERSION,
            "uid": str(event.pk),
            "event_code": event.name,
            "product": {"name": "authkit", "vendor_name": "authkit", "version": authkit.__version__},
        },
        "unmapped": {
            "door": event.door,
            "method": event.method,
            "device": event.device,
            "request": event.request_id,
            **({"extra": event.extra} if event.extra else {}),
        },
    }
    if class_uid != _BASE:
        # Required by these two classes; type 0 is "unknown".
        said["user"] = {"type_id": 0, "name": "unknown"} if event.user_id is None else _user(event.user_id)
    if event.actor_id is not None:
        said["actor"] = {"user": _user(event.actor_id)}
    if event.ip is not None:
        said["src_endpoint"] = {"ip": event.ip}
    if event.login_id is not None:
        said["session"] = {"uid": str(event.login_id)}
    return said


FORMATS: dict[str, Callable[[Event], dict[str, Any]]] = {"jsonl": as_json, "ocsf": as_ocsf}


def lines(rows: Iterable[Event], *, form: str) -> Iterator[str]:
    """A line of JSON for each event, with its line feed, one at a time.

    Args:
        rows: the events.
        form: a key of `FORMATS`.
    """
    as_data = FORMATS[form]
    return (json.dumps(as_data(row), ensure_ascii=False) + "\n" for row in rows)


def _key(key: Any) -> Any:
    return key if key is None or isinstance(key, int) else str(key)


def _user(key: Any) -> dict[str, Any]:
    return {"type_id": 1, "uid": str(key)}


def _default_class(name: str) -> int:
    return _ACCOUNT_CHANGE if name.startswith(_OF_ACCOUNTS) else _AUTHENTICATION
