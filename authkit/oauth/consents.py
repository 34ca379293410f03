"""Consent that was given for good: a person who agreed once is not asked for the same, or less, again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from authkit.oauth.models import Consent, OAuthClient
from authkit.oauth.resources import known_by


def is_covered(
    *, user_id: Any, client: OAuthClient, scope: Collection[str], resources: Collection[str], locked: bool = False
) -> bool:
    """Whether the person has agreed to all of this before.

    Args:
        user_id: the person's primary key.
        client: that asks.
        scope: what it asks for.
        resources: for which resources.
        locked: whether the row is held until the caller's transaction ends. A person who takes the app's access away
            meanwhile is waited for, or waits and then finds what the transaction wrote.
    """
    given = (_locked if locked else _given)(user_id, client).first()
    return given is not None and all(
        set(given.resources.get(resource, ())).issuperset(names)
        for resource, names in _by_resource(scope, resources).items()
    )


def remember(*, user_id: Any, client: OAuthClient, scope: Collection[str], resources: Collection[str]) -> None:
    """Adds this to what the person has agreed to. In a transaction of the caller's."""
    # Once more, where a parallel request has written the row, or has deleted it, between the two statements.
    while (given := _locked(user_id, client).first()) is None:
        if _is_first(user_id, client, scope, resources):
            return
    given.scope = " ".join(dict.fromkeys((*given.scope.split(), *scope)))
    given.resources = {
        **given.resources,
        **{
            resource: list(dict.fromkeys((*given.resources.get(resource, ()), *names)))
            for resource, names in _by_resource(scope, resources).items()
        },
    }
    given.given_at = timezone.now()
    given.save(update_fields=["scope", "resources", "given_at"])


def forget(*, user_id: Any, client_id: int) -> None:
    """Forgets what the person agreed to: the client asks them anew."""
    Consent.objects.filter(user_id=user_id, client_id=client_id).delete()


def forget_after_takeover(event: Any) -> None:
    """The owner took the account back: what was agreed to in their name meanwhile was not agreed to by them. Their own
    apps ask once more."""
    Consent.objects.filter(user_id=event.user_id).delete()


RECORDERS = ((forget_after_takeover, ("logins.disowned", "account.reclaimed", "password.reset")),)
"""By the names of the events: the last one is announced by another feature, which may not be there."""


def _by_resource(scope: Collection[str], resources: Collection[str]) -> dict[str, list[str]]:
    return {resource: list(known_by((resource,), scope)) for resource in resources}


def _given(user_id: Any, client: OAuthClient) -> QuerySet[Consent]:
    return Consent.objects.filter(user_id=user_id, client=client)


def _locked(user_id: Any, client: OAuthClient) -> QuerySet[Consent]:
    return _given(user_id, client).select_for_update()


def _is_first(user_id: Any, client: OAuthClient, scope: Collection[str], resources: Collection[str]) -> bool:
    try:
        with transaction.atomic(using=router.db_for_write(Consent)):
            Consent.objects.create(
                user_id=user_id,
                client=client,
                scope=" ".join(scope),
                resources=_by_resource(scope, resources),
                given_at=timezone.now(),
            )
    except IntegrityError:
        return False
    return True
