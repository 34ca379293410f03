"""Rotation: a successor takes a key's place, and the old key goes on for a while and then ends by itself.

One conditional write decides, as at a refresh (`authkit.logins.rotation`): of parallel rotations exactly one finds the
key without a successor. Unlike there, the others get an error and not the same successor: its text is stored nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.utils import timezone
from django.utils.translation import gettext as _

from authkit import conf
from authkit.apikeys.doors import METHOD, ROTATED
from authkit.apikeys.events import KeyRotated
from authkit.apikeys.keys import key_of
from authkit.apikeys.making import KeyCarrier, KeyRefused, MadeKey, Plan, hold_to_limit, require_uncut
from authkit.apikeys.models import ApiKey
from authkit.apikeys.settings import ApiKeySettings
from authkit.core.clients import Client
from authkit.core.identifiers import uuid7
from authkit.events import announce
from authkit.exceptions import NotFound
from authkit.logins.limits import lock_logins_of
from authkit.logins.listeners import tell
from authkit.logins.models import Login
from authkit.signin.attempts import Attempt
from authkit.signin.flow import sign_in

MOST_OVERLAP = timedelta(days=30)


def rotate_key(
    *, user: AbstractBaseUser, login_id: UUID, overlap: timedelta, client: Client, by_id: Any = None
) -> MadeKey:
    """Makes the successor of a key, with the same name, scopes and networks. It is valid for as long as the old key was
    at first, at most API_KEYS.MAX_AGE.

    Args:
        user: the owner of the key.
        login_id: of the key.
        overlap: how long the old key stays valid, at most 30 days and never past its own end; 0 ends it now.
        client: the address and the device of the request.
        by_id: the primary key of the administrator who does it for another person.

    Raises:
        NotFound: the person has no such live key.
        KeyRefused: it has a successor already, the overlap is not allowed, or there are twice as many keys as
            API_KEYS.MAX_PER_PERSON.
        LoginEnded: all logins of all people ended meanwhile.
        AuthKitError: a guard refuses.
    """
    if not timedelta() <= overlap <= MOST_OVERLAP:
        most = int(MOST_OVERLAP.total_seconds())
        raise KeyRefused("overlap", _("The old key goes on for 0 to %(most)d seconds.") % {"most": most})
    key_of(user_id=user.pk, login_id=login_id)
    successor_id = uuid7()

    def claim() -> Plan:
        now = timezone.now()
        tell(login_ids=[login_id])
        lock_logins_of(user_id=user.pk)
        # The login first, whose row every ending and every change writes: a key that is revoked meanwhile gets no
        # successor, and one that is narrowed meanwhile gets one that is as narrow.
        mine = Login.objects.filter(pk=login_id, ended_at=None, expires_at__gt=now)
        if not mine.update_told(last_seen_at=now):
            raise NotFound("no such key of this person, or not any more")
        if not ApiKey.objects.filter(pk=login_id, successor_id=None).update(successor_id=successor_id):
            raise KeyRefused("non_field_errors", _("This key has a successor already."))
        return _plan_after(key_of(user_id=user.pk, login_id=login_id))

    def give_way() -> None:
        require_uncut(login_id=login_id)
        now = timezone.now()
        ends = {"expires_at": now + overlap, "absolute_expires_at": now + overlap}
        Login.objects.filter(pk=login_id, expires_at__gt=now + overlap).update_told(**ends)
        old = ApiKey.objects.get(pk=login_id)
        event = KeyRotated(
            user_id=user.pk,
            login_id=login_id,
            prefix=old.prefix,
            successor_id=successor_id,
            overlap=int(overlap.total_seconds()),
        )
        announce(event, sender=ApiKey, using=router.db_for_write(ApiKey))
        # A successor takes a place. The old key goes on beside it for a while, so that there may be two for each place;
        # without a limit, rotations one after the other would make any number.
        hold_to_limit(user_id=user.pk, most=2 * conf.section(ApiKeySettings).max_per_person)

    carrier = KeyCarrier(before=claim, after=give_way, by_id=by_id)
    attempt = Attempt(user=user, method=METHOD.id, door=ROTATED.id, client=client, login_id=successor_id)
    return sign_in(attempt, carrier, request=None).result


def _plan_after(old: ApiKey) -> Plan:
    login = old.login
    lifetime = min(login.absolute_expires_at - login.created_at, conf.section(ApiKeySettings).max_age)
    return Plan(
        name=old.name,
        scopes=old.scopes,
        networks=old.networks,
        lifetime=max(lifetime, timedelta(seconds=1)),
    )
