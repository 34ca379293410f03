"""Sends and withdraws invitations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import router, transaction
from django.utils import timezone

from authkit import conf
from authkit.accounts.events import InvitationSent
from authkit.accounts.invitations.accepting import PURPOSE
from authkit.accounts.models import Invitation
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes
from authkit.core.clients import Client
from authkit.core.mailboxes import canonical
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.events import announce
from authkit.exceptions import AuthKitError, NotFound
from authkit.mail import links
from authkit.mail.mails import queue_mail
from authkit.signin.addresses import has_field, mailbox_key
from authkit.signin.mail_requests import charge_mail

PAGE = "register-invited"
PERMISSION = "authkit_accounts.invite"


class GroupRefused(AuthKitError):
    """The person who invites may not hand out one of the groups."""

    code = "permission_denied"
    status = 403
    message = "You can invite into groups of your own alone."


def invite(*, email: str, by: Any = None, groups: Sequence[Group] = ()) -> Invitation:
    """Mails an invitation to an address. The result does not tell whether the address has an account.

    Args:
        email: of the invited person.
        by: the person who invites, and has the permission `authkit_accounts.invite`; None for a command.
        groups: that the new account joins.

    Raises:
        GroupRefused: `by` is neither a superuser nor a member of all of the groups. Without this rule they could give
            a second account of their own more rights than they have.
        NotFound: mails can't have links, because PUBLIC_URL is empty or the pages are not mounted.
        Throttled: this address was invited too often within an hour.
    """
    if not links.can_link(PAGE):
        raise NotFound("PUBLIC_URL is empty, or the pages are not mounted")
    if not {group.pk for group in groups} <= {group.pk for group in groups_to_give(by)}:
        raise GroupRefused("a group that the person is not in")
    # By the address alone: a person who may invite can invite many, from one network.
    charge_mail(purpose=PURPOSE, to=mailbox_key(email), client=Client())
    lifetime, now = conf.section(AccountsSettings).invitation_lifetime, timezone.now()
    address = canonical(email)
    with transaction.atomic(using=router.db_for_write(Invitation)):
        key = one_time_codes.issue(purpose=PURPOSE, lifetime=lifetime, subject=address)
        invitation = Invitation.objects.create(
            email=address, digest=digest_of(key), invited_by=by, created_at=now, expires_at=now + lifetime
        )
        invitation.groups.set(groups)
        queue_mail(
            kind="invitation",
            to=address,
            name=address,
            words={"host": "" if by is None else by.get_username(), "days": str(lifetime.days)},
            link=links.link(PAGE, key=key),
            lifetime=lifetime,
        )
        event = InvitationSent(invitation_id=invitation.pk, by_id=None if by is None else by.pk)
        announce(event, sender=Invitation, using=router.db_for_write(Invitation))
    return invitation


def groups_to_give(by: Any) -> list[Group]:
    """The groups that this person may invite into; all of them for a superuser and for a command (None)."""
    if not has_field(get_user_model(), "groups"):
        return []
    if by is None or getattr(by, "is_superuser", False):
        return list(Group.objects.order_by("name"))
    return list(by.groups.order_by("name"))


def invitations_of(by: Any) -> Any:
    """The invitations that this person has sent, the newest first."""
    return Invitation.objects.filter(invited_by=by).prefetch_related("groups")


def withdraw(*, invitation_id: UUID, by: Any = None) -> None:
    """Withdraws an invitation that was not accepted. Its link is refused from then on.

    Args:
        invitation_id: its key.
        by: the person who has sent it; None for an invitation of any person.

    Raises:
        NotFound: there is no such invitation, it was accepted, or another person has sent it.
    """
    theirs = {} if by is None else {"invited_by": by}
    with transaction.atomic(using=router.db_for_write(Invitation)):
        invitation = Invitation.objects.filter(pk=invitation_id, **theirs).first()
        # The code first, as at the acceptance: of the two one wins, and the other finds it used or gone.
        open_code = OneTimeCode.objects.filter(pk=invitation.digest, used_at=None) if invitation else None
        if invitation is None or open_code is None or not open_code.delete()[0]:
            raise NotFound("no such invitation, or not any more")
        invitation.delete()
