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
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

logger = logging.getLogger("authkit")


def connect() -> None:
    """Listens to the end of logins. Safe to call twice."""
    signals.login_ended.connect(mail_reuse, dispatch_uid="authkit.logins.mail_reuse")


def mail_reuse(sender: Any, *, login_id: UUID, reason: str, **_: Any) -> None:
    """Writes to the owner of a login that ended because its refresh token was used twice (RFC 9700 section 4.14.2).

    By the signal of the login's end and not by `token_reused`: of parallel reuses each is reported, and one ends the
    login. So there is one mail for a login, once that is committed. A mail that can't be sent is logged: the answer to
    whoever presented the token stays the refusal.

    The mail has no link and no token: a message that says "your account is in danger" is what phishing looks like.
    """
    settings = conf.current()
    if reason != EndReason.REUSED or not settings.tokens.reuse_mail:
        return
    try:
        _send(Login.objects.select_related("user").get(pk=login_id), site=urlsplit(settings.public_url).netloc)
    except Exception as error:  # noqa: BLE001  # whatever a mail back end or a project's template raises
        logger.warning("the owner of login %s could not be told of its reused token: %s", login_id, traced(error))


def _send(login: Login, *, site: str) -> None:
    user: Any = login.user
    address = getattr(user, user.get_email_field_name(), "")
    if not address:
        return
    context = {"user": user, "login": login, "site": site}
    subject = " ".join(render_to_string("authkit/mail/token_reused_subject.txt", context).split())
    body = render_to_string("authkit/mail/token_reused_body.txt", context)
    EmailMessage(subject=subject, body=body, to=[address]).send()
