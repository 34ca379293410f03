"""Links between identities at providers and people here: written, and found again.

A request that changes a person's links holds the lock of that person's row (`locked_person`), so that two changes at
once don't each rely on a link that the other one takes away.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import IntegrityError, router, transaction
from django.http import HttpRequest
from social_django.models import UserSocialAuth

from authkit.conf import Hook
from authkit.core.mailboxes import same_mailbox
from authkit.events import announce
from authkit.logins.current import current_login
from authkit.logins.services import live_logins_of
from authkit.social.events import AccountLinked
from authkit.social.failures import Failure, refuse
from authkit.social.links.hooks import says_yes

LINKING_LOGIN = "link"
"""Of a transaction's notes, the one that makes it a link: the id of the login that asks for it."""
_CASELESS = re.compile(r"[0-9a-z._-]+")


class LinkedBy(StrEnum):
    """How a link came about; `how` of the signal `account_linked`."""

    SIGNUP = "signup"
    REQUEST = "request"
    """The person was signed in and asked for it."""
    ADDRESS = "address"
    """By an address that the provider and the project have verified (SOCIAL.EMAIL_VERIFIED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person at a provider, as the link is stored."""

    provider: str
    uid: str
    id_key: str
    record: dict[str, Any]
    """Kept beside it, for people to read."""


def storable_uid(uid: str) -> str:
    """The key under which a provider's user id is stored: equal on every database exactly for equal ids (ASVS 6.8.1).

    Itself, where nothing but equal text compares equal to it; else a digest, because MariaDB's unique constraint takes
    "Alice", "alice" and "älice" for one. A colon never stands in the former, so the two can't meet.
    """
    return uid if _CASELESS.fullmatch(uid) else "1:" + hashlib.sha256(json.dumps([uid]).encode()).hexdigest()


def find_link(identity: Identity) -> UserSocialAuth | None:
    """The link of this identity; compared character by character, whatever the database calls equal."""
    found: UserSocialAuth | None = UserSocialAuth.get_social_auth(
        identity.provider, identity.uid, id_key=identity.id_key
    )
    return found


def write_link(*, user: Any, identity: Identity, how: LinkedBy) -> UserSocialAuth:
    """Links an identity that has no link yet.

    Raises:
        IntegrityError: another request was first. The transaction around it goes on.
    """
    with transaction.atomic():
        link: UserSocialAuth = UserSocialAuth.objects.create(
            user=user, provider=identity.provider, uid=identity.uid, id_key=identity.id_key, extra_data=identity.record
        )
        linked = AccountLinked(link_id=link.pk, user_id=user.pk, provider=identity.provider, how=how.value)
        announce(linked, sender=UserSocialAuth, using=router.db_for_write(UserSocialAuth))
    return link


def locked_person(user_id: Any) -> Any:
    """The person, read anew and locked until the transaction ends; None if they are gone."""
    people: Any = get_user_model()._default_manager
    return people.select_for_update().filter(pk=user_id).first()


def require_still_linked(*, user_id: Any, provider: str, uid: str = "") -> None:
    """Returns if the person has a link to the provider still, which is locked then until the transaction ends.

    Locks the person's row first: a disconnection takes the two in this order too.

    Args:
        user_id: whose.
        provider: its id.
        uid: the link of this identity; any, if empty.

    Raises:
        SocialLoginFailed: `not_ours`: it was taken away meanwhile.
    """
    links = UserSocialAuth.objects.select_for_update().filter(user_id=user_id, provider=provider)
    if locked_person(user_id) is None or not (links.filter(uid=uid) if uid else links):
        raise refuse(Failure.NOT_OURS, "the account was disconnected meanwhile")


def link_as_asked(*, request: HttpRequest, login_id: str, identity: Identity) -> tuple[Any, UserSocialAuth]:
    """Links an identity to the person who pressed "connect". Linking it again changes nothing.

    Args:
        request: the callback's; it has to be carried by the login that began, which has to be live still.
        login_id: that login, out of the transaction.
        identity: who came back.

    Returns:
        The person and the link.

    Raises:
        SocialLoginFailed: `other_login`: that login is over, or another one is here; `linked_elsewhere`: the identity
            is another person's. It is never moved: the person who could sign in with it would lose that account.
    """
    login = current_login(request)
    person = locked_person(request.user.pk) if login is not None and str(login.pk) == login_id else None
    # Looked up again: the request was let in before the provider was asked, and that takes a while.
    if person is None or not live_logins_of(user=person).filter(pk=UUID(login_id)).exists():
        raise refuse(Failure.OTHER_LOGIN, "the login that began to link doesn't carry this request")
    try:
        link = find_link(identity) or write_link(user=person, identity=identity, how=LinkedBy.REQUEST)
    except IntegrityError as error:
        raise refuse(Failure.LINKED_ELSEWHERE, "the identity was linked meanwhile") from error
    if link.user_id != person.pk:
        raise refuse(Failure.LINKED_ELSEWHERE)
    return person, link


def owner_of_address(*, email: str, provider: str, verified: Hook) -> Any:
    """The person that an identity may be linked to because of its address, locked; None if there is none (ASVS 6.8.1).

    Args:
        email: an address that the provider has verified; an empty one is no person's.
        provider: its id. A person who has an identity there is not given a second one this way: it may be that of the
            next holder of an address that the provider hands out again.
        verified: SOCIAL.EMAIL_VERIFIED, asked of the one person whose address this is. The same address alone
            isn't enough: an attacker may register here with another person's, and wait.
    """
    users: Any = get_user_model()
    matches = users._base_manager.filter(**{f"{users.get_email_field_name()}__iexact": email}) if email else ()
    if len(candidates := list(matches[:2])) != 1:
        return None
    person = locked_person(candidates[0].pk)
    if (
        person is None
        or not person.is_active
        or not same_mailbox(str(getattr(person, users.get_email_field_name())), email)
        or UserSocialAuth.objects.filter(user=person, provider=provider).exists()
    ):
        return None
    return person if says_yes(verified, person, setting="EMAIL_VERIFIED") else None
