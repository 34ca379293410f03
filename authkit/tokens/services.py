"""Issues, refreshes and verifies tokens. Each call asks the login's row: a token alone proves only who signed it.

The format of a token decides what is done with it when a client sends it (`authkit.tokens.formats`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from authkit import conf
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.exceptions import GrantNotAccepted, LoginEnded, PasswordChangeRequired
from authkit.limiter.services import Reservation
from authkit.limiter.verifying import settling
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind
from authkit.logins.reauthentication import Shown
from authkit.logins.rotation import rotate_authenticated
from authkit.logins.services import Lifetime
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in
from authkit.signin.last_login import may_join, note
from authkit.tokens.doors import OWN
from authkit.tokens.formats import ACCESS, BOTH, VerifiedAccess, authkit_jwt, format_of
from authkit.tokens.formats.base import token_refused
from authkit.tokens.pairs import Additions, Rule, TokenPair, lifetime_of, sign_pair
from authkit.tokens.transports import Transport


def issue_tokens(
    *,
    user: AbstractBaseUser,
    method: str,
    client: Client,
    transport: Transport = Transport.BODY,
    began_at: datetime | None = None,
    replaces: Collection[UUID] = (),
    door: str = OWN.id,
    request: HttpRequest | None = None,
    reservation: Reservation | None = None,
    wants_device: bool = False,
    notes_last_login: bool = False,
) -> TokenPair:
    """Opens a login for a person that the caller has verified, and signs its first pair.

    Args:
        user: the person.
        method: the id of a `Method`, such as "password" or a provider's id.
        client: the address and the device of the request.
        transport: how the tokens travel to the client.
        began_at: when the sign-in happened, if that was before now.
        replaces: ids of logins that end as soon as the new one is written.
        door: id of the door (`authkit.signin.doors`) by which the person came.
        request: the door's, for the guards and the known device.
        reservation: what `authkit.limiter.reserve` returned for this try, if it was asked; it is settled here.
        wants_device: whether a program asked to become a known device; the pair then has its value.
        notes_last_login: whether the person's `last_login` is set, as a sign-in does.

    Returns:
        The pair, and the new login.

    Raises:
        ClaimsRefused: the project's CLAIMS failed; no login was opened.
        RefusedByProject, TooManyLogins, SignInPending: as `authkit.signin.flow.sign_in`.
    """
    joins = notes_last_login and may_join(user)
    with settling(reservation, user=user) as along:
        attempt = Attempt(
            user=user,
            method=method,
            door=door,
            client=client,
            began_at=began_at,
            replaces=tuple(replaces),
            first=partial(note_last_login, user) if joins else None,
            along=along,
            wants_device=wants_device,
        )
        carrier = _PairCarrier(user=user, settings=conf.current().tokens, transport=transport)
        opened = sign_in(attempt, carrier, request=request)
    if notes_last_login and not joins:
        note_last_login(user)
    return opened.result if opened.device is None else replace(opened.result, device=opened.device)


def note_last_login(user: AbstractBaseUser) -> None:
    """Sets `last_login`, where the user model has it.

    Not by sending user_logged_in: its receivers expect the session of a login, and there is none.
    """
    at = note(user)
    if at is not None:
        user.last_login = at


class _PairCarrier(BaseCarrier):
    """A token pair that is signed from the login's row."""

    kind = LoginKind.TOKEN

    def __init__(self, *, user: AbstractBaseUser, settings: conf.TokenSettings, transport: Transport) -> None:
        self.user = user
        self.transport = transport
        self.additions = Additions(settings)

    @property
    def in_browser(self) -> bool:
        return self.transport.sets_cookies

    def lifetime(self) -> Lifetime:
        return lifetime_of(self.additions.settings)

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """Asks for the keys and for what the project adds."""
        self.additions(user, login)

    def open(self, login: Login) -> TokenPair:
        """Signs the pair."""
        return sign_pair(user=self.user, login=login, transport=self.transport, additions=self.additions)


def refresh_tokens(
    *,
    refresh: str,
    transports: Collection[Transport] = (Transport.BODY,),
    client: Callable[[], Client] = Client,
    rule: Rule | None = None,
) -> TokenPair:
    """Rotates a refresh token (RFC 9700 section 4.14.2, ASVS 10.4.5); see `authkit.logins.rotation`.

    Must not run inside a transaction of the caller's.

    Args:
        refresh: as it was sent.
        transports: in which it may have been issued. A token that was issued as a cookie is refused in a body, where
            only a thief of the cookie could have put it; one that was issued in a body is refused as a cookie.
        client: returns the address and the device of the request. The row keeps them: a late repetition from another
            device and another network is reuse.
        rule: called with the person before anything is written. If it raises, the token stays as valid as before.

    Returns:
        The next pair, in the same transport.

    Raises:
        TokenNotValid: with `reason` "expired", "login_ended" or "reused" where the signature was ours.
        ClaimsRefused: the project's CLAIMS failed; the token stays good, and a retry is not taken for reuse.
        DatabaseUnavailable: the database can't be asked; the token stays good.
    """
    refresh = hide(refresh)
    return format_of(refresh).refresh(refresh, transports=transports, client=client, rule=rule)


def reauthenticated_tokens(
    *, login_id: UUID, user_id: Any, transport: Transport, client: Client, shown: Shown
) -> TokenPair:
    """The next pair of a login whose person has shown once more who they are (`authkit.logins.rotation`).

    Must not run inside a transaction of the caller's.

    Args:
        login_id: the access token's `sid`.
        user_id: the access token's `sub`.
        transport: the one that the access token was issued for.
        client: the address and the device of the request.
        shown: how the person showed it; the caller has verified it.

    Raises:
        TokenNotValid: the login has ended meanwhile.
        ClaimsRefused: the project's CLAIMS failed; nothing was changed.
        Unavailable: at each try, another request rotated the login first.
        DatabaseUnavailable: the database can't be asked.
    """
    settings = conf.current().tokens
    additions = Additions(settings)
    try:
        rotated = rotate_authenticated(
            login_id=login_id,
            user_id=user_id,
            lifetime=lifetime_of(settings),
            grace=settings.grace,
            client=client,
            shown=shown,
            prepare=additions,
        )
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return sign_pair(user=rotated.user, login=rotated.login, transport=transport, additions=additions)


def verify_access(*, token: str, restricted_too: bool = False, limited_too: bool = False) -> VerifiedAccess:
    """Verifies an access token by the check that REVOCATION.CHECK names.

    Args:
        token: as it was sent.
        restricted_too: whether to accept a login that may only choose a new password.
        limited_too: whether to accept an API key or the token of a third party's app; the caller checks its `limits`.

    Returns:
        The person, their login, and what the token says.

    Raises:
        TokenNotValid: with `reason` "expired" or "login_ended" (and `why`) where the signature was ours.
        GrantNotAccepted: the token is valid, and is a limited one.
        PasswordChangeRequired: the token is valid, and its login is restricted.
        DatabaseUnavailable: the database can't be asked.
    """
    token = hide(token)
    verified = format_of(token).verify(token, kinds=ACCESS)
    if not limited_too:
        _unlimited(verified)
    return verified if restricted_too else _unrestricted(verified)


async def averify_access(*, token: str) -> VerifiedAccess:
    """`verify_access` without blocking an event loop; in the mode `push` without leaving its thread."""
    token = hide(token)
    chosen = format_of(token)
    if chosen is authkit_jwt:
        return _unrestricted(await authkit_jwt.averify(token))
    return _unrestricted(_unlimited(await sync_to_async(chosen.verify)(token, kinds=ACCESS)))


def _unlimited(verified: VerifiedAccess) -> VerifiedAccess:
    if verified.limits is not None:
        raise GrantNotAccepted(f"a {verified.limits.credential}")
    return verified


def _unrestricted(verified: VerifiedAccess) -> VerifiedAccess:
    if verified.principal.restricted:
        raise PasswordChangeRequired("the login is restricted")
    return verified


def verify_token(*, token: str) -> None:
    """Says whether an access or refresh token would be accepted now, by one SQL statement. It rotates nothing.

    Args:
        token: as it was sent.

    Raises:
        TokenNotValid: as `verify_access` and `refresh_tokens`. A refresh token that was used, and would not get its
            successor again, is refused as "reused". Its login does not end, because no client tried to refresh.
        DatabaseUnavailable: the database can't be asked.
    """
    token = hide(token)
    format_of(token).verify(token, kinds=BOTH)


aissue_tokens = sync_to_async(issue_tokens)
"""The asynchronous twins of the services that only the database keeps waiting: in Django's own thread."""
arefresh_tokens = sync_to_async(refresh_tokens)
averify_token = sync_to_async(verify_token)
