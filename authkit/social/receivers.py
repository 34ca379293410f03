"""What becomes of a person's logins when a way in is taken from them. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from social_django.models import UserSocialAuth

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_where


def connect() -> None:
    """Listens to the deletion of links. Safe to call twice."""
    post_delete.connect(end_logins_of_unlinked, sender=UserSocialAuth, dispatch_uid="authkit.social.unlinked")


def end_logins_of_unlinked(sender: Any, *, instance: Any, **_: Any) -> None:
    """Ends the person's logins by a provider that they are no longer linked to, whoever deleted the link.

    The one by which it was asked for too. A login knows its provider and not which account there, so who had two
    linked has to come in again by the other one.
    """
    end_logins_where(user_id=instance.user_id, method=instance.provider, reason=EndReason.UNLINKED)
