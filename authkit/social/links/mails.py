"""Tells people that an account at a provider was connected to theirs: from then on it signs in as them (ASVS 6.3.7)."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from social_django.models import UserSocialAuth

from authkit import conf, signals
from authkit.core.hidden import traced
from authkit.social.links.linking import LinkedBy
from authkit.social.providers.presets import find
from authkit.social.settings import SocialSettings

logger = logging.getLogger("authkit")


def connect() -> None:
    """Listens to new links. Safe to call twice."""
    signals.account_linked.connect(mail_linked, dispatch_uid="authkit.social.mail_linked")


def mail_linked(sender: Any, *, link_id: Any, provider: str, how: str, **_: Any) -> None:
    """Writes to the owner of an account to which another one was connected, unless SOCIAL.LINK_MAIL is off.

    Not for an account that was opened by the very sign-in: its owner has just done that. A mail that can't be sent is
    logged, because the link is committed by then.
    """
    settings = conf.current()
    if how == LinkedBy.SIGNUP.value or not conf.section(SocialSettings).link_mail:
        return
    try:
        link = UserSocialAuth.objects.select_related("user").get(pk=link_id)
        entry = find(provider)
        _send(link, name=(entry.name if entry else "") or provider, site=urlsplit(settings.public_url).netloc)
    except Exception as error:  # noqa: BLE001  # whatever a mail back end or a project's template raises
        logger.warning("the owner of link %s could not be told of it: %s", link_id, traced(error))


def _send(link: UserSocialAuth, *, name: str, site: str) -> None:
    user: Any = link.user
    address = getattr(user, user.get_email_field_name(), "")
    if not address:
        return
    label = link.extra_data.get("label", "") if isinstance(link.extra_data, dict) else ""
    context = {"user": user, "provider": name, "label": label, "site": site, "at": timezone.now()}
    subject = " ".join(render_to_string("authkit/mail/account_linked_subject.txt", context).split())
    body = render_to_string("authkit/mail/account_linked_body.txt", context)
    EmailMessage(subject=subject, body=body, to=[address]).send()
