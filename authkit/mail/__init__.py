"""The outbox: what is to be sent is a row, written with what it tells of, and sent outside of the request.

A mail server that answers slowly must not hold up an answer, because its time would tell whether a person exists. That
holds for the next request on the same connection too, so nothing is sent in the worker of a request, not even after
its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.mail.channels import Undeliverable, register_channel
    from authkit.mail.mails import queue_mail
    from authkit.mail.outbox import queue

__all__ = ["Undeliverable", "queue", "queue_mail", "register_channel"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "queue": "authkit.mail.outbox",
        "queue_mail": "authkit.mail.mails",
        "register_channel": "authkit.mail.channels",
        "Undeliverable": "authkit.mail.channels",
    },
)
