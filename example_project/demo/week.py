"""A week that never was: people, their devices, logins and events, so that the demo's pages have something to show.

The rows are written as they would stand after such a week. No session and no token names one of these logins.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from authkit.audit.models import Event
from authkit.core.identifiers import first_uuid7_at
from authkit.core.one_time_codes import digest_of
from authkit.core.records import FAILURE, SUCCESS
from authkit.events import EventName
from authkit.logins import EndReason
from authkit.logins.fingerprints import password_digest, session_auth_hash
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind
from authkit.signin.devices import KnownDevice

LAPTOP, PHONE, TABLET = "Firefox on Linux", "Safari on iOS", "Chrome on Android"
HOME, OFFICE, TRAIN, STRANGER = "203.0.113.7", "198.51.100.20", "203.0.113.190", "192.0.2.66"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in of the week; `lasted` is how long until it ended, None for a login that is still alive."""

    name: str
    days_ago: int
    hour: int
    device: str
    ip: str
    lasted: timedelta | None
    reason: str = ""
    """Why it ended."""
    failures: int = 0
    """Wrong passwords just before it."""
    kind: str = LoginKind.SESSION


def _hours(number: int) -> timedelta:
    return timedelta(hours=number)


WEEK = (
    SignIn("ada", 7, 8, LAPTOP, OFFICE, _hours(9), EndReason.LOGOUT),
    SignIn("ada", 5, 8, LAPTOP, OFFICE, _hours(9), EndReason.LOGOUT),
    SignIn("ada", 2, 8, LAPTOP, OFFICE, None),
    SignIn("ada", 1, 19, PHONE, HOME, None, kind=LoginKind.TOKEN),
    SignIn("ben", 6, 10, TABLET, HOME, _hours(30), EndReason.PASSWORD_CHANGED),
    SignIn("ben", 5, 17, TABLET, HOME, None, failures=3),
    SignIn("ben", 3, 3, LAPTOP, STRANGER, _hours(5), EndReason.FORCED, failures=6),
    SignIn("chloe", 6, 7, PHONE, TRAIN, _hours(26), EndReason.REUSED, kind=LoginKind.TOKEN),
    SignIn("chloe", 4, 9, LAPTOP, OFFICE, _hours(2), EndReason.LOGOUT),
    SignIn("chloe", 1, 9, LAPTOP, OFFICE, None),
    SignIn("demo", 6, 12, LAPTOP, HOME, _hours(4), EndReason.LOGOUT),
    SignIn("demo", 3, 20, PHONE, TRAIN, _hours(1), EndReason.LOGOUT_ALL, failures=1),
    SignIn("admin", 3, 7, LAPTOP, OFFICE, _hours(3), EndReason.LOGOUT),
)


@transaction.atomic
def make_up(now: datetime | None = None) -> None:
    """Writes the week, once: where one of its people is there already, nothing is changed.

    Args:
        now: the end of the week.
    """
    users: Any = get_user_model()._default_manager
    names = sorted({each.name for each in WEEK} - {"demo", "admin"})
    if users.filter(username__in=names).exists():
        return
    for name in names:
        users.create_user(name, f"{name}@example.com")  # without a password, so that no sign-in as one of them succeeds
    people = {user.get_username(): user for user in users.filter(username__in={each.name for each in WEEK})}
    midnight = (now or timezone.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    devices: dict[tuple[str, str], KnownDevice] = {}
    logins, events = [], []
    for each in WEEK:
        user, at = people[each.name], midnight - timedelta(days=each.days_ago) + timedelta(hours=each.hour)
        login = _login(each, user, at)
        logins.append(login)
        events += [
            _event(EventName.LOGIN_FAILED, at - timedelta(seconds=9 * n), login) for n in range(each.failures, 0, -1)
        ]
        events.append(_event(EventName.LOGIN_SUCCEEDED, at, login, login_id=login.pk))
        if each.failures:
            events.append(_event(EventName.LOGIN_CLEARED, at, login, extra={"failures": each.failures}))
        device = devices.get((each.name, each.device))
        if device is None:
            device = devices[each.name, each.device] = _device(each, user, at)
            extra = {"device_id": str(device.pk), "label": device.label}
            events.append(_event(EventName.DEVICE_ADDED, at, login, login_id=login.pk, extra=extra))
        device.last_seen_at, device.ip = at, each.ip
        if login.ended_at is not None:
            by = people["admin"] if each.reason == EndReason.FORCED else user
            name = EventName.TOKEN_REUSED if each.reason == EndReason.REUSED else EventName.LOGIN_ENDED
            events.append(_event(name, login.ended_at, login, login_id=login.pk, reason=each.reason, actor=by))
    KnownDevice.objects.bulk_create(devices.values())
    Login.objects.bulk_create(logins)
    Event.objects.bulk_create(sorted(events, key=lambda event: event.pk))


def _login(each: SignIn, user: Any, at: datetime) -> Login:
    ended_at = None if each.lasted is None else at + each.lasted
    return Login(
        id=_id_at(at),
        user=user,
        kind=each.kind,
        method="password",
        amr="pwd",
        authenticated_at=at,
        auth_hash=session_auth_hash(user),
        password_digest=password_digest(user),
        device=each.device,
        ip=each.ip,
        rotated_at=at,
        created_at=at,
        last_seen_at=ended_at or at + _hours(2),
        expires_at=at + timedelta(days=14),
        absolute_expires_at=at + timedelta(days=30),
        ended_at=ended_at,
        end_reason=each.reason,
    )


def _device(each: SignIn, user: Any, at: datetime) -> KnownDevice:
    digest = digest_of(secrets.token_urlsafe(32))
    return KnownDevice(
        id=_id_at(at), digest=digest, user=user, label=each.device, ip=each.ip, created_at=at, last_seen_at=at
    )


def _event(
    name: EventName,
    at: datetime,
    login: Login,
    *,
    login_id: UUID | None = None,
    reason: str = "",
    extra: dict[str, Any] | None = None,
    actor: Any = None,
) -> Event:
    failed = name in {EventName.LOGIN_FAILED, EventName.TOKEN_REUSED}
    return Event(
        id=_id_at(at),
        at=at,
        name=name,
        outcome=FAILURE if failed else SUCCESS,
        reason=reason,
        user=login.user,
        actor=None if failed else actor or login.user,
        login_id=login_id,
        door="token" if login.kind == LoginKind.TOKEN else "page",
        method="password" if name is EventName.LOGIN_SUCCEEDED else "",
        ip=login.ip,
        device=login.device,
        extra=extra or {},
    )


def _id_at(moment: datetime) -> UUID:
    return UUID(int=first_uuid7_at(moment).int | secrets.randbits(62))
