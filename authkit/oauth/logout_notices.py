"""Tells clients that a person's login is over (OpenID Connect Back-Channel Logout 1.0), through the outbox.

A recorder hears of endings inside their transaction. A message is queued there for each grant whose client has
registered an address: where the grant's own login ended, and where the session ended in which the person agreed. An
ending that may concern thousands of people queues one message, whose delivery looks the grants up in batches.

Each grant is told of once, by one conditional UPDATE.

Each ending asks the database, by one statement in a savepoint, also where no client has an address. An answer that a
process remembers would be wrong as soon as another process has registered the first such client.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from authkit import events
from authkit.logins.events import CrowdEnded, LoginEnded, LoginsEnded
from authkit.logins.models import Login
from authkit.mail.outbox import queue
from authkit.oauth.models import Grant

CHANNEL = "logout"
TOKEN, SWEEP = "token", "sweep"
"""The kinds of message: one logout token, and the search for those that are due."""

LIFETIME = timedelta(days=1)
"""From when on a logout token is of no use any more: by then the client's own session is over as well."""

BATCH = 200


def connect() -> None:
    """Registers the recorder. Safe to call twice."""
    names = (LoginEnded.name, LoginsEnded.name, CrowdEnded.name)
    events.register_recorder(record_ending, names=names)


def record_ending(event: Any) -> None:
    """Queues what this ending is to tell clients."""
    if isinstance(event, LoginEnded):
        tell_of(_due().filter(Q(login_id=event.login_id) | Q(session_id=event.login_id)))
    elif isinstance(event, CrowdEnded) or event.user_id is None:
        if _due().exists():
            queue(channel=CHANNEL, kind=SWEEP, body={}, lifetime=LIFETIME)
    elif not event.crowd:
        tell_of(_over(_due().filter(user_id=event.user_id)))


def sweep() -> None:
    """Queues a logout token for every grant that is over, or whose session is, and that was not told of."""
    last = None
    while True:
        due = _due().order_by("pk") if last is None else _due().order_by("pk").filter(pk__gt=last)
        batch = list(due[:BATCH])
        if not batch:
            return
        last = batch[-1].pk
        with transaction.atomic():
            tell_of(_over(batch))


def tell_of(grants: Iterable[Grant]) -> None:
    """Queues a logout token for each of these grants; in a transaction of the caller's."""
    for grant in grants:
        if Grant.objects.filter(pk=grant.pk, told_at=None).update(told_at=timezone.now()):
            body = {"client": grant.client_id, "subject": str(grant.user_id), "login_id": str(grant.login_id)}
            queue(channel=CHANNEL, kind=TOKEN, body=body, lifetime=LIFETIME)


def _due() -> QuerySet[Grant]:
    return Grant.objects.filter(told_at=None).exclude(client__backchannel_logout_uri="")


def _over(grants: Iterable[Grant]) -> list[Grant]:
    chosen = list(grants)
    named = {login_id for grant in chosen for login_id in (grant.login_id, grant.session_id) if login_id is not None}
    live = set(Login.objects.live().filter(pk__in=named).values_list("pk", flat=True))
    return [grant for grant in chosen if not live.issuperset({grant.login_id, grant.session_id or grant.login_id})]
