"""A person's connected accounts: which there are, and taking one away without locking its owner out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import router, transaction
from social_django.models import UserSocialAuth

from authkit import conf
from authkit.events import announce
from authkit.exceptions import LastLoginMethod, NotFound
from authkit.logins.events import AccountReclaimed
from authkit.social.events import AccountUnlinked
from authkit.social.links.linking import locked_person
from authkit.social.providers.registry import Provider, configured
from authkit.social.settings import SocialSettings


@dataclass(frozen=True, slots=True)
class Connection:
    """One connected account, as its owner sees it."""

    id: int
    provider: str
    """The provider's id; one that is not configured any more, perhaps."""
    name: str
    """The provider's name."""
    label: str
    """The account's name there, as far as that was known when it was connected; may be empty."""
    created_at: datetime
    can_disconnect: bool
    """Whether the person could still sign in without it."""


def connections_of(*, user: Any) -> list[Connection]:
    """Oldest first."""
    links = list(UserSocialAuth.objects.filter(user_id=user.pk).order_by("pk"))
    return [_connection(link, dispensable=_has_another_way(user, links, link)) for link in links]


def export(user: Any) -> dict[str, Any]:
    """The person's connected accounts for the file of their data. The provider's tokens are no part of it."""
    links = UserSocialAuth.objects.filter(user_id=user.pk).order_by("pk")
    return {
        "accounts": [
            {"provider": link.provider, "uid": link.uid, "label": _label_of(link), "created_at": link.created}
            for link in links
        ]
    }


def providers_to_connect(*, connections: list[Connection]) -> list[Provider]:
    """The configured providers at which a person with these connections has none yet."""
    there = {connection.provider for connection in connections}
    return [provider for provider in configured() if provider.id not in there]


def disconnect(*, user_id: Any, connection_id: int) -> Connection:
    """Takes a connection away, under the lock of its owner's row: of two at once, the second sees what the first left.

    Args:
        user_id: whose it has to be.
        connection_id: its key.

    Returns:
        The connection that is no more.

    Raises:
        NotFound: there is none, or it is another person's.
        LastLoginMethod: nothing would be left to sign in with.
    """
    with transaction.atomic():
        person = locked_person(user_id)
        # Locked as well, so that databases that read from a snapshot read what is there now.
        links = list(UserSocialAuth.objects.select_for_update().filter(user_id=user_id).order_by("pk"))
        link = next((link for link in links if link.pk == connection_id), None)
        if person is None or link is None:
            raise NotFound("no such connection")
        if not _has_another_way(person, links, link):
            raise LastLoginMethod
        gone = _connection(link, dispensable=True)
        _remove(link)
    return gone


def disconnect_strangers(event: AccountReclaimed) -> None:
    """Disconnects what was connected since a thief may have had the account. The recorder of `account.reclaimed`.

    The last one goes too: what would be left to sign in with is a way in for the thief. The caller has locked the
    person's row.
    """
    links = UserSocialAuth.objects.select_for_update().filter(user_id=event.user_id, created__gte=event.since)
    for link in links.order_by("pk"):
        _remove(link)


def _remove(link: UserSocialAuth) -> None:
    unlinked = AccountUnlinked(link_id=link.pk, user_id=link.user_id, provider=link.provider)
    link.delete()
    announce(unlinked, sender=UserSocialAuth, using=router.db_for_write(UserSocialAuth))


def _has_another_way(person: Any, links: list[UserSocialAuth], link: UserSocialAuth) -> bool:
    # A link to a provider that isn't configured any more opens nothing.
    working = conf.section(SocialSettings).providers
    return bool(person.has_usable_password()) or any(
        other.pk != link.pk and other.provider in working for other in links
    )


def _connection(link: UserSocialAuth, *, dispensable: bool) -> Connection:
    names = {provider.id: provider.name for provider in configured()}
    return Connection(
        id=link.pk,
        provider=link.provider,
        name=names.get(link.provider, link.provider),
        label=_label_of(link),
        created_at=link.created,
        can_disconnect=dispensable,
    )


def _label_of(link: UserSocialAuth) -> str:
    label = link.extra_data.get("label") if isinstance(link.extra_data, dict) else ""
    return label if isinstance(label, str) else ""


RECORDERS = ((disconnect_strangers, (AccountReclaimed.name,)),)
