"""Tells people that an account at a provider was connected to theirs, so that it signs in as them, or disconnected
(ASVS 6.3.7)."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from social_django.models import UserSocialAuth

from authkit import conf, signals
from authkit.core.hidden import traced
from authkit.mail.mails import address_of, queue_mail
from authkit.social.links.linking import LinkedBy
from authkit.social.providers.presets import find
from authkit.social.settings import SocialSettings

logger = logging.getLogger("authkit")


def connect() -> None:
    """Listens to links that come and go. Safe to call twice."""
    signals.account_linked.connect(mail_linked, dispatch_uid="authkit.social.mail_linked")
    signals.account_unlinked.connect(mail_unlinked, dispatch_uid="authkit.social.mail_unlinked")


def mail_linked(sender: Any, *, link_id: Any, provider: str, how: str, **_arguments: Any) -> None:
    """Writes to the owner of an account to which another one was connected, unless SOCIAL.LINK_MAIL is off.

    Not for an account that was opened by the very sign-in: its owner has just done that. A mail that can't be queued is
    logged, because the link is committed by then.
    """
    if how == LinkedBy.SIGNUP.value or not conf.section(SocialSettings).link_mail:
        return
    try:
        link = UserSocialAuth.objects.select_related("user").get(pk=link_id)
        label = link.extra_data.get("label", "") if isinstance(link.extra_data, dict) else ""
        facts = [(_("Account"), label), (_("Connected"), timezone.now())]
        _queue(link.user, kind="account_linked", provider=provider, facts=facts)
    except Exception as error:  # noqa: BLE001  # the database, or a project's user model
        logger.warning("the owner of link %s could not be told of it: %s", link_id, traced(error))


def mail_unlinked(sender: Any, *, user_id: Any, provider: str, **_arguments: Any) -> None:
    """Writes to a person whose account at a provider was disconnected, unless SOCIAL.LINK_MAIL is off."""
    if not conf.section(SocialSettings).link_mail:
        return
    try:
        user = get_user_model()._base_manager.get(pk=user_id)
        _queue(user, kind="account_unlinked", provider=provider, facts=[(_("Disconnected"), timezone.now())])
    except Exception as error:  # noqa: BLE001  # as above
        logger.warning("the owner of a former link to %s could not be told of it: %s", provider, traced(error))


def _queue(user: Any, *, kind: str, provider: str, facts: list[tuple[str, Any]]) -> None:
    entry = find(provider)
    words = {"provider": (entry.name if entry else "") or provider}
    if address := address_of(user):
        queue_mail(kind=kind, to=address, name=user.get_username(), facts=facts, words=words)
