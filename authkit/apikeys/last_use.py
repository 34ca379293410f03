"""When and from where a key was used last: noted at most once a minute, and written after the answer was sent.

A request only notes that it used a key. The statement runs when Django says that the request is over, so no caller
waits for it. It is conditional, so several processes write once a minute together.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.signals import request_finished
from django.db import DatabaseError, InterfaceError
from django.db.models import Q
from django.utils import timezone

from authkit import conf
from authkit.apikeys.models import ApiKey
from authkit.core.clients import client_address
from authkit.core.hidden import traced
from authkit.core.request_scope import scope_at_work

logger = logging.getLogger("authkit")

EVERY = timedelta(minutes=1)

MOST = 4096
"""Keys whose last note a process remembers, and notes that a thread keeps until a request is over."""

_Use = tuple[UUID, datetime, str | None]

_noted: OrderedDict[UUID, datetime] = OrderedDict()


class _Pending(threading.local):
    def __init__(self) -> None:
        self.uses: list[_Use] = []


_pending = _Pending()
"""By thread: a thread that serves tenants writes while the tenant of the request is still set."""


def connect() -> None:
    """Connects the receiver. Safe to call twice."""
    request_finished.connect(write_notes, dispatch_uid="authkit.apikeys.last_use")


def note_use(*, login_id: UUID) -> None:
    """Has the use written once the request is over, unless this process did that within the last minute.

    Args:
        login_id: of the key.
    """
    now, last = timezone.now(), _noted.get(login_id)
    if (last is not None and timedelta() <= now - last < EVERY) or scope_at_work.get() is None:
        return
    _noted[login_id] = now
    if len(_noted) > MOST:
        with suppress(KeyError):
            _noted.popitem(last=False)
    if len(_pending.uses) < MOST:
        _pending.uses.append((login_id, now, address_at_work()))


def address_at_work() -> str | None:
    """The address from which the request comes that is dealt with right now. A format of tokens is given no request.
    The scope is there wherever authkit's middleware is; elsewhere the address is unknown."""
    scope = scope_at_work.get()
    if scope is None or scope.request is None:
        return None
    return client_address(scope.request.META, trusted_proxies=conf.current().trusted_proxies)


def write_notes(**_: Any) -> None:
    """Writes what this thread's requests have noted. A failure is logged and no more: the answer was sent."""
    uses, _pending.uses = _pending.uses, []
    for login_id, now, address in uses:
        due = Q(last_used_at=None) | Q(last_used_at__lte=now - EVERY)
        try:
            ApiKey.objects.filter(due, pk=login_id).update(last_used_at=now, last_ip=address)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the use of key %s could not be noted: %s", login_id, traced(error))


def forget_all() -> None:
    """Forgets everything, for tests."""
    _noted.clear()
    _pending.uses = []
