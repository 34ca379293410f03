"""An invited person opens their account: the key in the mail is the proof of the address."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit.accounts.events import InvitationAccepted
from authkit.accounts.models import Invitation
from authkit.core import one_time_codes
from authkit.core.one_time_codes import digest_of, is_good
from authkit.events import announce
from authkit.exceptions import InvalidGrant
from authkit.signin.addresses import mailbox_key

PURPOSE = "invitation"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An invitation whose key is used up, within the transaction that opens the account."""

    invitation: Invitation

    def join(self, person: AbstractBaseUser) -> None:
        """Has the new person join the groups, and notes who accepted."""
        groups = list(self.invitation.groups.all())
        if groups:
            person.groups.add(*groups)  # type: ignore[attr-defined]  # `invite` names none where a person has none
        now = timezone.now()
        Invitation.objects.filter(pk=self.invitation.pk).update(accepted_by=person, accepted_at=now)
        event = InvitationAccepted(invitation_id=self.invitation.pk, user_id=person.pk)
        announce(event, sender=Invitation, using=router.db_for_write(Invitation))


@sensitive_variables("key")
def require_invitation(*, key: str, email: str) -> None:
    """Returns if this key invites this address. Uses nothing up.

    Raises:
        InvalidGrant: the key is unknown, used or too old, was mailed to another address, or the person who invited is
            not active any more.
    """
    if not is_good(code=key, purpose=PURPOSE):
        raise InvalidGrant("no such invitation, or not any more")
    _invitation(key, email)


@sensitive_variables("key")
def accept(*, key: str, email: str) -> Accepted:
    """Uses the key up by one conditional write. Must run in the transaction that opens the account.

    Raises:
        InvalidGrant: as `require_invitation`.
    """
    one_time_codes.redeem(code=key, purpose=PURPOSE)
    return Accepted(_invitation(key, email))


def _invitation(key: str, email: str) -> Invitation:
    invitation = Invitation.objects.select_related("invited_by").filter(digest=digest_of(key)).first()
    if invitation is None or mailbox_key(invitation.email) != mailbox_key(email):
        raise InvalidGrant("the invitation is withdrawn, or of another address")
    host = invitation.invited_by
    if host is not None and not host.is_active:
        raise InvalidGrant("the person who invited is not active any more")
    return invitation
