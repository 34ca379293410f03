"""The rows of `authkit.social.provider_tokens`: what is in them, sealed, and when they are written."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit.core.encryption import seal, unseal
from authkit.social.models import ProviderToken
from authkit.social.providers import presets

SPARE_SECONDS = 60.0
"""A token that has less time left than this counts as expired: the call that it is for takes some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A provider's tokens for a person; the repr holds none."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Empty where there is none."""
    expires_at: float
    """Unix time, by the provider's word; 0 where it says nothing."""
    uid: str
    """Whose they are there, as the link has it."""
    client_id: str
    """The app that they were given to, which alone may refresh and revoke them."""

    @property
    def is_fresh(self) -> bool:
        """Whether the access token is good for a while."""
        return not self.expires_at or self.expires_at - time.time() > SPARE_SECONDS


@sensitive_variables()
def keep(*, user: AbstractBaseUser, backend: Any, uid: str, answer: Any) -> None:
    """Keeps what a provider sent at a sign-in, if the project asked for that. In the transaction of the sign-in.

    Args:
        user: the owner of the identity.
        backend: of the provider that has answered.
        uid: the identity, as the link has it.
        answer: the token answer, if there was one.
    """
    provider = presets.find(backend.name)
    access = answer.get("access_token") if isinstance(answer, dict) else None
    if provider is None or not provider.store_tokens or not isinstance(access, str) or not access:
        return
    tokens = from_answer(answer, uid=uid, client_id=backend.setting("KEY"))
    row = find(user_id=user.pk, provider=backend.name, lock=True)
    before = None if row is None else opened(row)
    if not tokens.refresh and before is not None and (before.uid, before.client_id) == (uid, tokens.client_id):
        # Some send a refresh token with the first consent alone, and it goes on to be good.
        tokens = replace(tokens, refresh=before.refresh)
    ProviderToken._default_manager.update_or_create(
        user_id=user.pk,
        provider=backend.name,
        defaults={"sealed": sealed(tokens, user.pk, backend.name), "updated_at": timezone.now()},
    )


def find(*, user_id: Any, provider: str, lock: bool) -> ProviderToken | None:
    """The row of this person and provider; locked until the end of the transaction, if asked for."""
    rows = ProviderToken._default_manager.filter(user_id=user_id, provider=provider)
    return (rows.select_for_update() if lock else rows).first()


@sensitive_variables()
def from_answer(answer: dict[str, Any], *, uid: str, client_id: str) -> Tokens:
    """The part of a token answer (RFC 6749 section 5.1) that is kept."""
    refresh, lifetime = answer.get("refresh_token"), answer.get("expires_in")
    usable = isinstance(lifetime, int | float) or (isinstance(lifetime, str) and lifetime.isdecimal())
    seconds = float(lifetime) if usable and lifetime is not None else 0.0
    return Tokens(
        access=str(answer["access_token"]),
        refresh=refresh if isinstance(refresh, str) else "",
        expires_at=time.time() + seconds if seconds > 0 else 0.0,
        uid=uid,
        client_id=client_id,
    )


@sensitive_variables()
def sealed(tokens: Tokens, user_id: Any, provider: str) -> str:
    """The text for the row of this person and provider; it can be read in no other."""
    return seal(asdict(tokens), context=_context(user_id, provider))


@sensitive_variables()
def opened(row: ProviderToken) -> Tokens | None:
    """The tokens in a row; None if they were sealed for another one, or under a key that we have no more."""
    value = unseal(row.sealed, context=_context(row.user_id, row.provider))
    return None if value is None else Tokens(**value)


def _context(user_id: Any, provider: str) -> str:
    return f"{provider}/{user_id}"
