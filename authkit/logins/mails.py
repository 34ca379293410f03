"""Tells people what happened to their logins. Optional: see TOKENS.REUSE_MAIL."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from authkit import conf, signals
from authkit.core.hidden import traced
from authkit.logins.grace import ALARM_AFTER
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

logger = logging.getLogger("authkit")


def connect() -> None:
    """Listens to the end of logins and to suspicious retries. Safe to call twice."""
    signals.login_ended.connect(mail_reuse, dispatch_uid="authkit.logins.mail_reuse")
    signals.token_suspected.connect(mail_suspicion, dispatch_uid="authkit.logins.mail_suspicion")


def mail_reuse(sender: Any, *, login_id: UUID, reason: str, **_: Any) -> None:
    """Writes to the owner of a login that ended because its refresh token was used twice (RFC 9700 section 4.14.2).

    Sent by the signal of the login's end and not by `token_reused`: each of parallel reuses is reported, and only one
    ends the login. So there is one mail for a login, once its end is committed. A mail that can't be sent is logged:
    the answer to the request that presented the token stays the refusal.

    The mail has no link and no token: a message that says "your account is in danger" is what phishing looks like.
    """
    if reason == EndReason.REUSED:
        _mail(login_id, "token_reused")


def mail_suspicion(sender: Any, *, login_id: UUID, retries: int, **_: Any) -> None:
    """Writes to the owner of a login whose refresh tokens came late a second time in three generations running.

    Sent once for an unbroken run of such generations: a client at fault may go on so for as long as the login lives.
    """
    if retries == ALARM_AFTER:
        _mail(login_id, "token_suspected")


def _mail(login_id: UUID, template: str) -> None:
    settings = conf.current()
    if not settings.tokens.reuse_mail:
        return
    try:
        login = Login.objects.select_related("user").get(pk=login_id)
        _send(login, template, site=urlsplit(settings.public_url).netloc)
    except Exception as error:  # noqa: BLE001  # whatever a mail back end or a project's template raises
        logger.warning("the owner of login %s could not be told of its %s: %s", login_id, template, traced(error))


def _send(login: Login, template: str, *, site: str) -> None:
    user: Any = login.user
    address = getattr(user, user.get_email_field_name(), "")
    if not address:
        return
    context = {"user": user, "login": login, "site": site}
    subject = " ".join(render_to_string(f"authkit/mail/{template}_subject.txt", context).split())
    body = render_to_string(f"authkit/mail/{template}_body.txt", context)
    EmailMessage(subject=subject, body=body, to=[address]).send()
