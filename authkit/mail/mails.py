"""The channel of mails: a person's address, the body in the queue, and the message that Django sends."""

from __future__ import annotations

import smtplib
import time
import traceback
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.site import name_in_mails
from authkit.mail.channels import MAIL, Undeliverable, Unreachable
from authkit.mail.outbox import LIFETIME, WHAT_TO_SET, queue
from authkit.mail.rendering import Facts, compose, plain_facts, shown

_HEADERS = {"Auto-Submitted": "auto-generated"}
"""RFC 3834: no program answers such a mail, an "out of office" neither."""

_LONGEST_PASS = 5.0
"""Seconds. A server may be slower than that, but a mail that is not sent must not stop the others for longer."""
_took = 0.0
"""Seconds that the last mail of this process took to be sent."""


def address_of(user: AbstractBaseUser) -> str:
    """The person's address as it is stored; empty where there is none."""
    return str(getattr(user, user.get_email_field_name(), "") or "")


@sensitive_variables("link")
def queue_mail(
    *,
    kind: str,
    to: str,
    name: str,
    facts: Facts = (),
    words: Mapping[str, str] | None = None,
    link: str = "",
    lifetime: timedelta = LIFETIME,
) -> UUID:
    """Queues a mail. Call it in the transaction of the change that the mail reports, so that both commit or neither.

    The mail is in LANGUAGE_CODE. A stranger may have sent the request behind it, and their `Accept-Language` must not
    choose a language that the owner of the account can't read.

    Args:
        kind: names the template, `authkit/mail/<kind>.html`.
        to: the address as it is stored, never one from a request. An empty one queues a row that looks the same and is
            not sent, for a door that must not tell whether it knows a person.
        name: what the mail calls the person.
        facts: what happened, line by line.
        words: further names that the template uses.
        link: an absolute URL, made by `authkit.mail.links`; empty for a mail without one.
        lifetime: after which the mail is not sent any more, such as that of its link's code.

    Returns:
        The key of the queued row.
    """
    body = {
        **{key: shown(word) for key, word in (words or {}).items()},
        "to": to,
        "name": shown(name),
        "facts": plain_facts(facts),
        "link": link,
        "site": name_in_mails(),
        "language": settings.LANGUAGE_CODE,
    }
    return queue(channel=MAIL, kind=kind, body=body, lifetime=lifetime)


_LONGEST_LINE = 998
"""Octets (RFC 5322 section 2.1.1)."""


@sensitive_variables()
def send_mail(kind: str, body: Mapping[str, Any]) -> None:
    """Sends a queued mail; see `authkit.mail.channels.Send`."""
    # Composed without an address as well: a thread of the site's process takes that time from the next request.
    mail = compose(kind, body)
    message = _ReadableMail(
        subject=mail.subject,
        body=mail.text,
        from_email=conf.current().mail.from_address or None,
        to=[body["to"]],
        headers=_HEADERS,
    )
    message.attach_alternative(mail.html, "text/html")
    if body["to"]:
        _send(message)
    else:
        _pass_for_sent(message)


class _ReadableMail(EmailMultiAlternatives):
    """Its text is written as it is. From Django 6.0 on, the standard library encodes a text with a line of over 78
    characters, which each link is, so that the link could not be copied from the console."""

    def message(self, **options: Any) -> Any:
        made = super().message(**options)
        if isinstance(made, EmailMessage):
            for part in made.walk():
                if part.get_content_type() == "text/plain":
                    _write_out(part)
        return made


@sensitive_variables()
def _write_out(part: Any) -> None:
    text = part.get_content()
    if max(map(len, text.encode().splitlines()), default=0) <= _LONGEST_LINE:
        part.set_content(text, cte="7bit" if text.isascii() else "8bit")


def _send(message: EmailMultiAlternatives) -> None:
    global _took  # noqa: PLW0603
    began = time.monotonic()
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _said in error.recipients.values()):  # RFC 5321 section 4.2.1: for good
            raise Undeliverable("its server refuses the address") from error
        raise
    except smtplib.SMTPException:  # an OSError too, of a server that answers
        raise
    except (OSError, ImproperlyConfigured) as error:  # the second one of `MAILERS` without a usable "default"
        said = "".join(traceback.format_exception_only(error)).strip()
        raise Unreachable(f"{said.removesuffix('.')}. {WHAT_TO_SET}") from error
    _took = time.monotonic() - began


def _pass_for_sent(message: EmailMultiAlternatives) -> None:
    """Occupies the thread as a mail that is sent does. While the thread waits for a mail server it composes no other
    mail, and the requests beside it are faster: their time would tell whether the last address was known. Until a
    process has sent its first mail, nothing is waited for."""
    message.message().as_bytes()
    time.sleep(min(_took, _LONGEST_PASS))
