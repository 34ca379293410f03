"""An authorization request, as a client sent a person here with it, and the row that holds it meanwhile.

The consent page is about the row, and the form names the row alone: no parameter is posted again that a page, an
extension or another site could have changed in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core import one_time_codes
from authkit.core.clients import Client
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.oauth.request_budgets import Charged, charge_network, charge_person, give_back
from authkit.oauth.settings import OAuthSettings

PURPOSE = "oauth-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """The parameters, after each was judged."""

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    """Those of the requested scopes that the client and the resources know."""
    resources: tuple[str, ...]
    challenge: str
    """PKCE's, by S256."""
    state: str | None = None
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str = ""
    subject_hint: str = ""
    """The person of the client's `id_token_hint`."""

    def as_payload(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> AuthorizationRequest:
        """The request of a row."""
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in payload.items()}
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Held:
    """A request that waits for its person."""

    digest: str
    asked: AuthorizationRequest
    shown_to: Any
    """The key of the person who saw the consent page last; None if it was not shown yet."""
    since: datetime
    """When it came."""
    charged: Charged | None
    """What its network was charged with, where no person was signed in."""


@sensitive_variables()
def hold(
    asked: AuthorizationRequest, *, browser: str, user_id: Any, caller: Client, replaces: Sequence[str] = ()
) -> str:
    """Keeps a request for OAUTH.REQUEST_LIFETIME.

    Args:
        asked: it.
        browser: the value of the browser's cookie, of which the digest is kept.
        user_id: the key of the person who is signed in there; None if there is none. They see the page all the same.
        caller: from where.
        replaces: keys of older requests of this browser's, which are deleted. Those of another browser's stay.

    Returns:
        The handle by which this browser finds it again.

    Raises:
        Throttled: the person, or the network of a browser without one, has sent too many (`request_budgets`).
    """
    if replaces:
        _drop(replaces, browser)  # first, because that may give a charge back
    charged = None
    if user_id is None:
        charged = charge_network(caller)
    else:
        charge_person(user_id, client=caller)
    return one_time_codes.issue(
        purpose=PURPOSE,
        lifetime=conf.section(OAuthSettings).request_lifetime,
        subject=asked.client_id,
        binding=one_time_codes.digest_of(browser),
        payload={"asked": asked.as_payload(), "charged": None if charged is None else asdict(charged)},
    )


def key_of(handle: str) -> str:
    """The key of a request's row. It finds nothing: a handle can't be made of it."""
    return one_time_codes.digest_of(handle)


def _drop(digests: Sequence[str], browser: str) -> None:
    binding = one_time_codes.digest_of(browser)
    rows = OneTimeCode.objects.filter(pk__in=digests, purpose=PURPOSE, binding=binding, used_at=None)
    for row in rows:
        mine, charged = rows.filter(pk=row.pk), _charge_in(row)
        # As in `note_shown`: whichever of the two comes first gives the charge back.
        if mine.filter(user__isnull=True).delete()[0]:
            if charged is not None:
                give_back(charged)
        else:
            mine.delete()


@sensitive_variables()
def find(*, handle: str, browser: str) -> Held:
    """The request of this handle. Uses nothing up.

    Raises:
        InvalidGrant: there is none, it was answered already, it is too old, or another browser began it.
    """
    row = OneTimeCode.objects.filter(pk=one_time_codes.digest_of(handle), purpose=PURPOSE, used_at=None).first()
    return _held(row, browser)


def note_shown(held: Held, *, user_id: Any, caller: Client) -> None:
    """Notes the person who sees the page: another person's form does not answer it. From now on they are charged for
    it, and not their network.

    Args:
        held: the request.
        user_id: the person's key.
        caller: from where they see it.

    Raises:
        Throttled: the person has sent too many. The request waits as before.
    """
    row = OneTimeCode.objects.filter(pk=held.digest, used_at=None)
    if held.charged is not None and held.shown_to is None:
        charge_person(user_id, client=caller)
        # The first of several parallel pages gives the charge back, and no other one does.
        if row.filter(user__isnull=True).update(user_id=user_id):
            give_back(held.charged)
            return
    row.update(user_id=user_id)


@sensitive_variables()
def answer(*, handle: str, browser: str) -> Held:
    """Consumes a request, whatever its answer is. In a transaction of the caller's, with the effect.

    Raises:
        InvalidGrant: as `find`. The caller's transaction has to be undone then.
    """
    used = one_time_codes.use(code=handle, purpose=PURPOSE)
    return _held(used.row if used.is_first else None, browser)


def _held(row: OneTimeCode | None, browser: str) -> Held:
    if row is None or row.expires_at <= timezone.now():
        raise InvalidGrant("no such request, or not any more")
    if not constant_time_compare(one_time_codes.digest_of(browser), row.binding):
        raise InvalidGrant("another browser's request")
    person: Any = row.user_id
    return Held(
        digest=row.pk,
        asked=AuthorizationRequest.of(row.payload["asked"]),
        shown_to=person,
        since=row.created_at,
        charged=_charge_in(row),
    )


def _charge_in(row: OneTimeCode) -> Charged | None:
    charged = row.payload["charged"]
    return None if charged is None else Charged(**charged)
