"""The two halves of a sign-in through a provider: there, and back again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from social_core.exceptions import SocialAuthBaseException

from authkit.core.hidden import Hidden, traced
from authkit.exceptions import NotFound
from authkit.logins.models import Login
from authkit.social.failures import UNREADABLE, Failure, refuse, translated
from authkit.social.flow.steps import current_steps
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.links.linking import require_still_linked
from authkit.social.providers import provider_sessions
from authkit.social.providers.backends import OpenIdConnect
from authkit.social.providers.provider_sessions import LogoutTaken
from authkit.social.purposes import is_step_up
from authkit.social.upstream import UpstreamSession
from authkit.tokens.pairs import TokenPair

logger = logging.getLogger("authkit")

MAX_NEXT_LENGTH = 1000
"""Characters of a `next` that is kept while the person is away; it travels in a cookie."""


Opened = TypeVar("Opened", Login, TokenPair)
"""The result of a way in: a session's login, or a token pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialSignIn:
    """The person who came back from the provider (its id), by which link (its `uid`), and from which of its sessions.

    Whether the account was made just now, and the `next` that was asked for.
    """

    user: AbstractBaseUser
    provider: str
    upstream: UpstreamSession
    uid: str = ""
    is_new: bool = False
    next_url: str = ""


def begin(
    *,
    strategy: AuthKitStrategy,
    provider: str,
    callback: str,
    next_url: str = "",
    notes: Mapping[str, str] | None = None,
) -> str:
    """Opens a transaction, bound to this browser.

    Args:
        strategy: for this request; its `transactions` have to be written to the response.
        provider: a configured provider's id.
        callback: path of the page that the provider sends the person back to.
        next_url: where to go afterwards; judged again on the way back.
        notes: what the sign-in is for, if not for a session here; `strategy.notes` on the way back.

    Returns:
        The provider's authorization URL.

    Raises:
        SocialLoginFailed: the provider can't be reached or is not set up.
    """
    with _translated_errors(provider):
        backend: Any = strategy.get_backend(provider, redirect_uri=callback)
        strategy.notes = dict(notes or {})
        if is_step_up(strategy.notes) and not backend.tells_auth_time:
            raise refuse(Failure.NO_AUTH_TIME, "this provider has no ID tokens, so none with auth_time")
        backend.next_url = next_url if len(next_url) <= MAX_NEXT_LENGTH else ""
        current_steps()  # refuses here already, instead of on the way back
        url: str = backend.auth_url()
        return url


def complete(*, strategy: AuthKitStrategy, provider: str, callback: str) -> SocialSignIn:
    """Consumes the transaction, asks the provider, and finds or creates the person. Opens no login.

    Args:
        strategy: for this request; its `transactions` have to be written to the response.
        provider: a configured provider's id.
        callback: the path given to `begin`.

    Raises:
        SocialLoginFailed: with a `Failure` as its reason.
    """
    with _translated_errors(provider):
        backend: Any = strategy.get_backend(provider, redirect_uri=callback)
        return _came(backend, backend.complete())


def accept_id_token(*, strategy: AuthKitStrategy, provider: str, id_token: str, nonce: str) -> SocialSignIn:
    """Takes an ID token that a program got from the provider by itself, once. Opens no login.

    Never an access token: any server that was given one could come here with it (token substitution).

    Args:
        strategy: for this request, whose session counts for nothing here.
        provider: a configured provider's id.
        id_token: the compact JWS.
        nonce: what the program had asked the provider to put into it.

    Raises:
        SocialLoginFailed: with a `Failure` as its reason; `no_id_tokens` where the provider is no OpenID provider.
    """
    id_token = Hidden(id_token)
    with _translated_errors(provider):
        strategy.ends_in_session = False
        backend: Any = strategy.get_backend(provider)
        if not isinstance(backend, OpenIdConnect):
            raise refuse(Failure.NO_ID_TOKENS)
        return _came(backend, backend.accept_id_token(id_token, nonce))


def _came(backend: Any, user: Any) -> SocialSignIn:
    if not isinstance(user, get_user_model()):
        raise refuse(Failure.UNVERIFIED, "the back end answered with something else than a person")
    return SocialSignIn(
        user=user,
        provider=backend.name,
        upstream=backend.upstream_session(),
        uid=cast("Any", user).social_user.uid,
        is_new=bool(getattr(user, "is_new", False)),
        next_url=backend.next_url,
    )


def open_login(*, came: SocialSignIn, door: Callable[[AbstractBaseUser, str], Opened]) -> Opened:
    """Opens the login of a person who came from a provider. Page, code exchange and native ID token all end here.

    Args:
        came: who, and from where; the provider's session is noted in this transaction.
        door: opens a login for this person by this method (the provider's id).

    Returns:
        The door's answer.

    Raises:
        SocialLoginFailed: `not_ours`: the link by which they came was taken away since. That ended the logins
            by it; a login that was opened after that would have been missed.
    """
    with transaction.atomic():
        require_still_linked(user_id=came.user.pk, provider=came.provider, uid=came.uid)
        opened = door(came.user, came.provider)
        provider_sessions.note(login=opened if isinstance(opened, Login) else opened.login, upstream=came.upstream)
        return opened


def end_by_provider(*, strategy: AuthKitStrategy, provider: str, token: str) -> LogoutTaken:
    """Takes a logout token of an OpenID provider's, and ends the logins that came from the session that it names.

    Args:
        strategy: for a request of which nothing is looked at; there is no browser here.
        provider: a configured provider's id.
        token: as it came.

    Raises:
        NotFound: the provider is none that sends logout tokens.
        SocialLoginFailed: the token can't be verified or was taken before.
    """
    token = Hidden(token)
    with _translated_errors(provider):
        backend: Any = strategy.get_backend(provider)
        if not isinstance(backend, OpenIdConnect):
            raise NotFound("this provider sends no logout tokens")
        verified = backend.verified_logout(token)
    return provider_sessions.take(token=verified)


@contextmanager
def _translated_errors(provider: str) -> Iterator[None]:
    try:
        yield
    except SocialAuthBaseException as error:
        raise translated(error) from error
    except UNREADABLE as error:
        # An answer that we couldn't read, and the log says where.
        logger.error("reading the answer of the provider %r failed: %s", provider, traced(error))
        raise refuse(Failure.UNVERIFIED, f"{type(error).__name__} while reading the answer") from error
