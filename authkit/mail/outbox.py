"""Puts a message into the queue, within the transaction of what it tells of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.hidden import traced
from authkit.core.identifiers import uuid7
from authkit.mail import sender
from authkit.mail.delivering import deliver, sealed_body
from authkit.mail.models import Delivery

logger = logging.getLogger("authkit")

LIFETIME = timedelta(days=3)
"""How long a message is worth sending, where its caller says nothing else."""

SMTP = "django.core.mail.backends.smtp.EmailBackend"
"""Also Django's choice for an entry of `MAILERS` that names none."""

WHAT_TO_SET = (
    "Set EMAIL_HOST, or MAILERS from Django 6.1 on, to your mail server."
    " In development, the back end django.core.mail.backends.console.EmailBackend prints each mail."
)
"""For the check and the log of a project without a mail server."""

AT_ONCE = frozenset(
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("locmem", "dummy", "filebased", "console")
)
"""Back ends that wait for no server. Tests and development see the mail as soon as the transaction is committed."""


@sensitive_variables("body")
def queue(*, channel: str, kind: str, body: Mapping[str, Any], lifetime: timedelta = LIFETIME) -> UUID:
    """Queues a message. It is sent after the commit of the caller's transaction, outside of the request.

    Args:
        channel: the name of the way by which it is sent; see `authkit.mail.channels`.
        kind: the kind of message.
        body: what the channel needs, as JSON can hold it. It is encrypted here.
        lifetime: after which the message is not sent any more.

    Returns:
        The row's key.
    """
    key, now = uuid7(), timezone.now()
    Delivery.objects.create(
        pk=key,
        channel=channel,
        kind=kind,
        body=sealed_body(body, delivery_id=key),
        due_at=now,
        created_at=now,
        expires_at=now + lifetime,
    )
    transaction.on_commit(partial(_begin, key), using=router.db_for_write(Delivery), robust=True)
    return key


def email_backend() -> str:
    """The dotted path of the back end by which Django sends; empty where `MAILERS` (Django 6.1) has no "default"."""
    if not hasattr(settings, "MAILERS"):
        path: str = settings.EMAIL_BACKEND
        return path
    mailer = settings.MAILERS.get("default")
    return "" if mailer is None else mailer.get("BACKEND", SMTP)


def in_force() -> str:
    """What sends: "thread", "command", or "inline" where no server is waited for."""
    if email_backend() in AT_ONCE:
        return "inline"
    return conf.current().mail.deliver


def _begin(key: UUID) -> None:
    # The caller's work is committed: whatever fails here, the row is there for the next process that looks.
    try:
        how = in_force()
        if how == "inline":
            deliver(delivery_id=key)
        elif how == "thread":
            sender.wake()
    except Exception as error:  # noqa: BLE001  # a message that can't be sent must not fail the request
        logger.warning("a message can't be sent now, and stays in the queue: %s", traced(error))
