"""Ends a person's logins and tokens when a way in is taken away. `AuthKitConfig.ready()` connects it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from social_django.models import UserSocialAuth

from authkit.codes.authorization_codes import burn_codes_of
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_where
from authkit.social import provider_tokens
from authkit.social.providers.provider_sessions import logins_by

_BEFORE = "_authkit_before"


def connect() -> None:
    """Listens to the deletion of links, and to their being moved. Safe to call twice."""
    pre_save.connect(note_moved_link, sender=UserSocialAuth, dispatch_uid="authkit.social.moved")
    post_save.connect(end_logins_of_moved, sender=UserSocialAuth, dispatch_uid="authkit.social.moved")
    post_delete.connect(end_logins_of_unlinked, sender=UserSocialAuth, dispatch_uid="authkit.social.unlinked")
    post_delete.connect(revoke_tokens_of_unlinked, sender=UserSocialAuth, dispatch_uid="authkit.social.unlinked_tokens")


def note_moved_link(sender: Any, *, instance: Any, raw: bool, using: str, **_: Any) -> None:
    """Finds out whether a save is about to give a link to another person, or to make another account of it.

    It asks the database: the values that the instance was loaded with may be old, or were never loaded.
    """
    vars(instance).pop(_BEFORE, None)
    if raw or instance.pk is None:
        return
    before = UserSocialAuth.objects.using(using).filter(pk=instance.pk).first()
    if before is not None and _owner_and_account(before) != _owner_and_account(instance):
        setattr(instance, _BEFORE, before)


def end_logins_of_moved(sender: Any, *, instance: Any, **_: Any) -> None:
    """For the old owner it is as if the link had been deleted. `QuerySet.update()` sends no signal and ends nothing."""
    before = vars(instance).pop(_BEFORE, None)
    if before is None:
        return
    written = UserSocialAuth.objects.get(pk=instance.pk)  # with `update_fields`, less than the instance says
    if _owner_and_account(written) != _owner_and_account(before):
        end_logins_of_unlinked(sender, instance=before)
        revoke_tokens_of_unlinked(sender, instance=before)


def _owner_and_account(link: Any) -> tuple[Any, str, str]:
    return link.user_id, link.provider, link.uid


def end_logins_of_unlinked(sender: Any, *, instance: Any, **_: Any) -> None:
    """Ends the person's logins by an account that they are no longer linked to, whatever deleted the link.

    The login that asked for it ends too. A person with two accounts at one provider keeps the logins by the other one
    where we know which is which, as with OpenID providers; elsewhere they have to come in again. Codes that are under
    way don't name their account, so all of them are burned.
    """
    chosen = {"user_id": instance.user_id, "method": instance.provider}
    live = Login.objects.live().filter(**chosen)
    left = UserSocialAuth.objects.filter(user_id=instance.user_id, provider=instance.provider)
    if by_others := logins_by(uids=list(left.values_list("uid", flat=True)), among=live):
        for login_id in list(live.exclude(pk__in=by_others).values_list("pk", flat=True)):
            end_login(login_id=login_id, reason=EndReason.UNLINKED)
        burn_codes_of(user_ids=[instance.user_id])
    else:
        end_logins_where(**chosen, reason=EndReason.UNLINKED)


def revoke_tokens_of_unlinked(sender: Any, *, instance: Any, **_: Any) -> None:
    """Forgets the tokens that the provider gave us for this account. Those of a deleted person are gone already."""
    provider_tokens.revoke(user=instance.user, provider=instance.provider, uid=instance.uid)
