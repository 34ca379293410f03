"""A third party's tokens as text and back (RFC 9068). The grant's login decides whether one is still good.

They differ from the tokens of this site's own clients in their header, their issuer and their audience. A member of the
header says that they are a third party's, so the check of our own tokens needs no second look at any token.
"""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from authkit import conf
from authkit.core.hidden import Hidden
from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import TokenKind
from authkit.oauth.models import OAuthClient
from authkit.oauth.resources import issuer
from authkit.oauth.settings import OAuthSettings
from authkit.oauth.signing import signing_key
from authkit.tokens import jws, keys
from authkit.tokens.codec import HEADER_TYPES, LEEWAY_SECONDS, Claims, facts_of
from authkit.tokens.keys import Key
from authkit.tokens.verified_cache import KnownTokens, TokenFacts

_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type", "client_id", "scope")


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """The claims of a third party's access token that each request goes by."""

    facts: TokenFacts
    client_id: str
    scopes: frozenset[str]
    audiences: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signed:
    """An access token, and the rest of its life."""

    token: Hidden
    expires_in: int
    """Seconds."""
    issued_at: int
    """Seconds since the epoch, as is `expires_at`."""
    expires_at: int


def access_token(
    *, user: AbstractBaseUser, login: Login, client: OAuthClient, scope: Sequence[str], resources: Sequence[str]
) -> Signed:
    """The access token of a grant's login as its row stands.

    Args:
        user: the person.
        login: the grant's.
        client: the client.
        scope: its scopes.
        resources: its audiences.
    """
    issued_at, ends_at = int(login.rotated_at.timestamp()), int(login.expires_at.timestamp())
    lifetime = int(conf.section(OAuthSettings).access_lifetime.total_seconds())
    expires_at = min(issued_at + lifetime, ends_at)
    payload = {
        **_common(user, login, TokenKind.ACCESS, client, issued_at, expires_at),
        "aud": resources[0] if len(resources) == 1 else list(resources),
        "scope": " ".join(scope),
    }
    waited = int((timezone.now() - login.rotated_at).total_seconds())
    token = _signed(payload, TokenKind.ACCESS, signing_key())
    return Signed(token, max(0, expires_at - issued_at - waited), issued_at, expires_at)


def refresh_token(*, user: AbstractBaseUser, login: Login, client: OAuthClient) -> Hidden:
    """The refresh token of a grant's login as its row stands."""
    issued_at, expires_at = int(login.rotated_at.timestamp()), int(login.expires_at.timestamp())
    payload = {
        **_common(user, login, TokenKind.REFRESH, client, issued_at, expires_at),
        "aud": issuer(),
        "gen": login.generation,
    }
    return _signed(payload, TokenKind.REFRESH, keys.signing_key(TokenKind.REFRESH))


def _common(
    user: AbstractBaseUser, login: Login, kind: TokenKind, client: OAuthClient, issued_at: int, expires_at: int
) -> dict[str, Any]:
    return {
        "iss": issuer(),
        "sub": str(user.pk),
        "client_id": client.client_id,
        "sid": str(login.pk),
        "jti": _token_id(kind, login),
        "iat": issued_at,
        "exp": expires_at,
        "token_type": kind.value,
    }


def _token_id(kind: TokenKind, login: Login) -> str:
    # Derived, not drawn: a retry within the grace gets the same refresh token, to the letter.
    digest = hashlib.sha256(f"grant:{kind}:{login.pk}:{login.generation}".encode()).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _signed(payload: Mapping[str, Any], kind: TokenKind, key: Key) -> Hidden:
    headers = {"typ": HEADER_TYPES[kind], "kid": key.kid, jws.GRANT_MEMBER: jws.GRANT_VALUE}
    return jws.encode(payload, headers=headers, algorithm=key.algorithm, key=key.secret)


def is_for_client(token: str) -> bool:
    """Whether a token's header says that it is a third party's; nothing is verified."""
    try:
        return jws.read_header(token).for_client
    except TokenNotValid:
        return False


def read_access(token: str, *, expired_too: bool = False) -> tuple[Claims, GrantFacts]:
    """Verifies an access token: signature, type, issuer and times. The audience is the view's question.

    Args:
        token: as it was sent.
        expired_too: whether one whose time is over will do.

    Raises:
        TokenNotValid: with `reason` "expired" if that is all that is wrong, without a reason otherwise.
    """
    key, ours = _key_of(token, TokenKind.ACCESS), issuer()
    known = _known(key, ours)
    digest = known.digest(token)
    found = known.get(digest)
    if found is None:
        payload = _verified(token, key, ours, audience=None)
        found = _grant_facts(payload)
        known.add(digest, found)
    elif found.facts.valid_from > time.time() + LEEWAY_SECONDS:
        raise TokenNotValid("not valid yet")  # the clock was put back since
    if not expired_too and found.facts.expires_at <= time.time():
        raise TokenNotValid("its time is over", reason="expired")
    return Claims(found.facts, token), found


def read_refresh(token: str, *, expired_too: bool = False) -> Claims:
    """Verifies a refresh token: as `read_access`, and that it is for this provider.

    Args:
        token: as it was sent.
        expired_too: whether one whose time is over will do.

    Raises:
        TokenNotValid: as `read_access`.
    """
    key, ours = _key_of(token, TokenKind.REFRESH), issuer()
    payload = _verified(token, key, ours, audience=ours)
    facts = facts_of(payload, TokenKind.REFRESH)
    if not isinstance(payload["client_id"], str):
        raise TokenNotValid("its claims are malformed")
    if not expired_too and facts.expires_at <= time.time():
        raise TokenNotValid("its time is over", reason="expired")
    return Claims(facts, payload)


def _key_of(token: str, kind: TokenKind) -> Key:
    header = jws.read_header(token)
    key = keys.verifying_key(kind, header.kid) if header.kid else None
    right = header.for_client and header.type == HEADER_TYPES[kind]
    if not right or key is None or key.algorithm != header.algorithm:
        raise TokenNotValid("not a type, key and algorithm of a third party's token")
    return key


def _verified(token: str, key: Key, ours: str, *, audience: str | None) -> dict[str, Any]:
    payload = jws.verify(token, algorithm=key.algorithm, key=key.verifier)
    named = payload.get("aud")
    some = named[0] if isinstance(named, list) and named else named
    required = _REQUIRED if audience is None else (*(name for name in _REQUIRED if name != "scope"), "gen")
    expected = str(some) if audience is None else audience
    jws.check_claims(payload, required=required, issuer=ours, audience=expected, leeway=LEEWAY_SECONDS)
    return payload


def _grant_facts(payload: dict[str, Any]) -> GrantFacts:
    facts = facts_of(payload, TokenKind.ACCESS)
    named = payload["aud"]
    audiences = named if isinstance(named, list) else [named]
    texts = (payload["client_id"], payload["scope"], *audiences)
    if not all(isinstance(text, str) for text in texts):
        raise TokenNotValid("its claims are malformed")
    return GrantFacts(
        facts=facts,
        client_id=payload["client_id"],
        scopes=frozenset(payload["scope"].split()),
        audiences=frozenset(audiences),
    )


@lru_cache(maxsize=64)
def _known(key: Key, ours: str) -> KnownTokens[GrantFacts]:
    # By the identity of the key, as `authkit.tokens.codec` keeps its own.
    return KnownTokens()
