"""API keys as a format of token (`authkit.tokens.formats`), and in the header `X-API-Key`.

The functions are those of `Format`, where arguments and refusals are described. A key is no token of a pair: it is
neither refreshed, nor revoked by a client that holds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from ipaddress import ip_address, ip_network
from typing import Any, NoReturn

from authkit import conf
from authkit.apikeys import seen
from authkit.apikeys.key_text import SCHEME, digest_of, is_well_formed
from authkit.apikeys.last_use import address_at_work, note_use
from authkit.apikeys.seen import KeyFacts
from authkit.apikeys.settings import BEARER, OWN_HEADER, ApiKeySettings
from authkit.apikeys.statement import FoundKey, find_key
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded, TokenNotValid
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.verdict import judged
from authkit.revocation import sightings
from authkit.revocation.access import DATABASE, Checker, checker
from authkit.revocation.deferred import can_be_unread, lazily
from authkit.tokens.codec import Claims
from authkit.tokens.formats import ACCESS, VerifiedAccess
from authkit.tokens.formats.base import Kinds, token_refused
from authkit.tokens.headers import CredentialHeader, register_header
from authkit.tokens.limited import KEY, Limits
from authkit.tokens.pairs import Rule, TokenPair
from authkit.tokens.transports import Transport
from authkit.tokens.verified_cache import TokenFacts


class ApiKeyFormat:
    """Keys behind `Authorization: Bearer`, where API_KEYS.HEADERS has that."""

    def detect(self, token: str) -> bool:
        return token.startswith(SCHEME) and BEARER in conf.section(ApiKeySettings).headers

    def verify(self, token: str, *, kinds: Kinds) -> VerifiedAccess:
        """By one SQL statement; in `redis` and `push` by the check of the mode where this process has seen the key."""
        if kinds != ACCESS:  # a caller who takes refresh tokens too asks about first-party tokens, and reads no limits
            raise TokenNotValid("a key is no refresh token")
        return verify_key(token)

    def refresh(
        self, token: str, *, transports: Collection[Transport], client: Callable[[], Any], rule: Rule | None
    ) -> TokenPair:
        _refuse()

    def identify(self, token: str, *, kinds: Kinds) -> Claims:
        _refuse()

    def revoke(self, token: str, *, reason: EndReason) -> bool:
        _refuse()


FORMATS = (ApiKeyFormat(),)


def connect() -> None:
    """Registers the header. Safe to call twice."""
    register_header(_HEADER)


def verify_key(text: str) -> VerifiedAccess:
    """Whether this key is good right now, for a request from here.

    Args:
        text: as it was sent. One whose checksum is wrong is refused without asking the database.

    Raises:
        TokenNotValid: with `reason` "expired" or "login_ended" (and `why`) for a key that was good once.
        DatabaseUnavailable: the database can't be asked.
    """
    if not is_well_formed(text):
        raise TokenNotValid("no key, by its form or its checksum")
    digest = digest_of(text)
    mode = checker()
    facts, principal = _asked(digest) if mode is DATABASE else _believed(digest, mode) or _seen(digest)
    if facts.networks and not _is_inside(address_at_work(), facts):
        raise TokenNotValid("a key, from outside of its networks")
    note_use(login_id=facts.login_id)
    unscoped = conf.section(ApiKeySettings).unscoped_views == "accept"
    limits = Limits(credential=KEY, scopes=facts.scopes, unscoped_views=unscoped)
    return VerifiedAccess(principal=principal, claims=_claims(facts), limits=limits)


def _believed(digest: str, mode: Checker) -> tuple[KeyFacts, Principal] | None:
    place = sightings.here()
    entry = seen.seen(place, digest=digest)
    if entry is None:
        return None
    seen_at, facts = entry
    # Not by the time at which the key was made, as with a token's `iat`: it may be months ago, and all that happened
    # before the process asked the database is in its answer.
    if not mode.believes(login_id=facts.login_id, user_id=facts.subject, seen_at=seen_at):
        return None
    principal = lazily(login_id=facts.login_id, user_id=facts.subject, using=place.using)
    return None if principal is None else (facts, principal)


def _seen(digest: str) -> tuple[KeyFacts, Principal]:
    place, asked_at = sightings.here(), int(time.time())
    seen.forget(place, digest=digest)
    facts, principal = _asked(digest)
    if can_be_unread() and not principal.restricted:
        seen.remember(place, digest=digest, facts=facts, asked_at=asked_at)
    return facts, principal


def _asked(digest: str) -> tuple[KeyFacts, Principal]:
    try:
        found = find_key(digest=digest)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the key can't be read") from error
    if found is None:
        raise TokenNotValid("no such key")
    try:
        principal = judged(found.found, login_id=found.row.login_id)
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return _facts(found), principal


def _facts(found: FoundKey) -> KeyFacts:
    row, standing = found.row, found.found.standing
    return KeyFacts(
        login_id=row.login_id,
        subject=str(found.found.user.pk),
        issued_at=int(standing.created_at.timestamp()),
        expires_at=int(standing.expires_at.timestamp()),
        scope=row.scopes,
        scopes=frozenset(row.scopes.split()),
        networks=tuple(ip_network(text) for text in row.networks.split()) if row.networks else (),
    )


def _claims(facts: KeyFacts) -> Claims:
    payload = {
        "sub": facts.subject,
        "sid": str(facts.login_id),
        "iat": facts.issued_at,
        "exp": facts.expires_at,
        "scope": facts.scope,
        "token_type": KEY,
    }
    known = TokenFacts(
        login_id=facts.login_id,
        subject=facts.subject,
        issued_at=facts.issued_at,
        valid_from=facts.issued_at,
        expires_at=facts.expires_at,
        generation=None,
    )
    return Claims(known, payload)


def _is_inside(address: str | None, facts: KeyFacts) -> bool:
    if address is None:
        return False
    known = ip_address(address)
    return any(known in network for network in facts.networks)


def _refuse() -> NoReturn:
    raise TokenNotValid("a key is no token of a pair")


def _by_own_header(text: str) -> VerifiedAccess:
    return FORMATS[0].verify(text, kinds=ACCESS)


def _own_header_is_on() -> bool:
    return OWN_HEADER in conf.section(ApiKeySettings).headers


_HEADER = CredentialHeader("HTTP_X_API_KEY", _own_header_is_on, _by_own_header)
