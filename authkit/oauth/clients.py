"""The clients: register one, find one, switch one off. How a client shows who it is, is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit.codes.redirect_uris import is_registered
from authkit.events import Event, announce
from authkit.exceptions import NotFound
from authkit.oauth.client_rules import NEEDS_SECRET, require_valid
from authkit.oauth.client_secrets import digest_of, new_secret
from authkit.oauth.events import ClientChanged, ClientDisabled, ClientEnabled, ClientRegistered, ClientSecretMade
from authkit.oauth.grants import end_grants_of_client
from authkit.oauth.models import AuthMethod, ClientKind, OAuthClient, default_grant_types


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and its secret, which is shown once; empty for a client that has none."""

    client: OAuthClient
    secret: str = field(default="", repr=False)


def may_return_to(client: OAuthClient, uri: str) -> bool:
    """Whether codes of this client may be sent there: character by character, but for the port of a loopback address
    (RFC 9700 section 4.1.3, RFC 8252 section 7.3)."""
    return is_registered(uri, registered=client.redirect_uris, debug=settings.DEBUG)


@sensitive_variables()
def register_client(
    *,
    name: str,
    redirect_uris: Sequence[str],
    scopes: Sequence[str],
    kind: ClientKind = ClientKind.CONFIDENTIAL,
    auth_method: AuthMethod | None = None,
    grant_types: Sequence[str] | None = None,
    first_party: bool = False,
    owner: AbstractBaseUser | None = None,
    with_secret: bool = True,
    **more: Any,
) -> Registered:
    """Registers a client.

    Args:
        name: people read it when they are asked to agree.
        redirect_uris: where codes may be sent.
        scopes: what it may ask for at most.
        kind: whether it can keep a secret.
        auth_method: how it shows who it is; by a secret in the header for a confidential client, else not at all.
        grant_types: how it comes by tokens; by default a code, and its refresh.
        first_party: whether it is an app of this site's own, which people are not asked about.
        owner: the person who answers for it.
        with_secret: whether a client that authenticates by a secret gets one now. Without one it proves nothing until
            `rotate_secret` makes the first.
        more: further columns of `OAuthClient`.

    Raises:
        ValueError: `problems_with` finds something, in its words.
    """
    method = auth_method or (AuthMethod.NONE if kind == ClientKind.PUBLIC else AuthMethod.BASIC)
    client = OAuthClient(
        name=name,
        redirect_uris=list(redirect_uris),
        scopes=list(scopes),
        kind=kind,
        auth_method=method,
        grant_types=default_grant_types() if grant_types is None else list(grant_types),
        first_party=first_party,
        owner_id=None if owner is None else owner.pk,
        **more,
    )
    require_valid(client)
    secret = new_secret() if with_secret and method in NEEDS_SECRET else ""
    client.secret_digest = digest_of(secret) if secret else ""
    with transaction.atomic(using=_alias()):
        client.save(force_insert=True)
        _announce(ClientRegistered(client.name, client.client_id, client.first_party))
        if secret:
            _announce(ClientSecretMade(client.name, client.client_id))
    return Registered(client, secret)


def change_client(*, client: OAuthClient) -> None:
    """Saves what an operator changed. Grants go on: what a client may ask for counts at its next request.

    Args:
        client: a saved one, with changed fields. Whether it is switched on is not saved: a form that was opened before
            the client was switched off must not switch it on again.

    Raises:
        ValueError: `problems_with` finds something, in its words.
    """
    require_valid(client)
    kept = {"id", "client_id", "enabled", "created_at"}
    if client.auth_method in NEEDS_SECRET:
        kept.add("secret_digest")  # the secret that another operator makes meanwhile
    else:
        client.secret_digest = ""
    names = {spec.attname for spec in client._meta.concrete_fields} - kept
    with transaction.atomic(using=_alias()):
        before = OAuthClient.objects.select_for_update().values(*names).get(pk=client.pk)
        client.save(update_fields=names)
        changed = sorted(name for name in names - {"updated_at"} if getattr(client, name) != before[name])
        if changed:
            _announce(ClientChanged(client.name, client.client_id, " ".join(changed), client.first_party))


@sensitive_variables()
def rotate_secret(*, client: OAuthClient) -> Registered:
    """Gives a client its first secret, or another one. The one before is worthless at once.

    By one conditional UPDATE, which names the secret that the client had as it was read: of two that come at once, or
    one after the other with the same row, one makes a secret.

    Raises:
        NotFound: the client has no secret, or another one by now.
    """
    secret = new_secret()
    row = OAuthClient.objects.filter(
        pk=client.pk, secret_digest=client.secret_digest, auth_method__in=[method.value for method in NEEDS_SECRET]
    )
    with transaction.atomic(using=_alias()):
        if not row.update(secret_digest=digest_of(secret), updated_at=timezone.now()):
            raise NotFound("this client has no secret, or another one by now")
        _announce(ClientSecretMade(client.name, client.client_id))
    client.secret_digest = digest_of(secret)
    return Registered(client, secret)


def disable_client(*, client: OAuthClient) -> int:
    """Switches a client off and ends all its grants: its tokens are refused from the next request on.

    Returns:
        How many grants were ended.
    """
    with transaction.atomic(using=_alias()):
        if OAuthClient.objects.filter(pk=client.pk, enabled=True).update(enabled=False):
            _announce(ClientDisabled(client.name, client.client_id))
    client.enabled = False
    # After the commit of the switch: a code that is redeemed at this moment has committed its grant, which is found and
    # ended here, or looks at the switch once it has (`issuing.redeem_code`). No lock would do: PostgreSQL checks the
    # grant's foreign key at the commit alone.
    ended = end_grants_of_client(client=client)
    if transaction.get_connection(_alias()).in_atomic_block:
        transaction.on_commit(partial(end_grants_of_client, client=client), using=_alias())
    return ended


def enable_client(*, client: OAuthClient) -> None:
    """Switches a client on again. What ended stays ended."""
    with transaction.atomic(using=_alias()):
        if OAuthClient.objects.filter(pk=client.pk, enabled=False).update(enabled=True):
            _announce(ClientEnabled(client.name, client.client_id))
    client.enabled = True


def _announce(event: Event) -> None:
    announce(event, sender=OAuthClient, using=_alias())


def _alias() -> str:
    return router.db_for_write(OAuthClient)
