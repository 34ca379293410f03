"""The tokens by which this site may act for a person at a provider; kept only where STORE_TOKENS is on.

    from authkit.social import provider_tokens
    token = provider_tokens.access_token(user=request.user, provider="google")

One set for each person and provider: that of the last sign-in. Encrypted in the database, in no admin page, no log, no
repr. Gone when the person is, or the link.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from requests import RequestException
from social_core.exceptions import AuthCredentialError, SocialAuthBaseException
from social_django.models import DjangoStorage

from authkit.exceptions import NotFound, SocialLoginFailed
from authkit.social.failures import UNREADABLE, Failure, refuse, translated
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.token_store import Tokens, find, from_answer, opened, sealed

logger = logging.getLogger("authkit")

OVER = frozenset({"invalid_grant", "bad_refresh_token"})
"""Errors of providers for a refresh token that they take no more; the second is GitHub's word."""


@sensitive_variables()
def access_token(*, user: AbstractBaseUser, provider: str) -> str:
    """Returns an access token of this person at a provider, which is valid for a minute at least.

    If the token has to be refreshed, that happens under the row's lock: of parallel callers one asks the provider, and
    the others get the same token. Don't call it in a transaction, because a rollback would lose the refresh token that
    the provider issued in place of the stored one. A view under ATOMIC_REQUESTS needs the decorator
    `transaction.non_atomic_requests`.

    Args:
        user: the person.
        provider: the id of a provider with STORE_TOKENS.

    Raises:
        NotFound: no token is stored, or it can't be decrypted any more (SECRET_KEY was changed without a fallback).
        SocialLoginFailed: its `reason` is `refused`, if the provider refuses to refresh the token: it is deleted, and
            the person has to sign in there again. `unreachable`, if the provider can't be reached: the token stays.
            `unverified`, if the provider's answer can't be read.
        RuntimeError: the caller is in a transaction.
    """
    refused: SocialLoginFailed | None = None
    with transaction.atomic(durable=True):
        row = find(user_id=user.pk, provider=provider, lock=False)
        tokens = None if row is None else opened(row)
        if tokens is not None and tokens.is_fresh:
            return tokens.access
        row = find(user_id=user.pk, provider=provider, lock=True)
        tokens = None if row is None else opened(row)
        if row is None or tokens is None:
            raise NotFound("no token of this provider is kept for this person")
        if tokens.is_fresh:
            return tokens.access
        try:
            tokens = _refreshed(tokens, provider)
        except SocialLoginFailed as error:
            if error.reason != Failure.REFUSED:
                raise
            refused = error
            row.delete()
        else:
            row.sealed, row.updated_at = sealed(tokens, user.pk, provider), timezone.now()
            row.save(update_fields=["sealed", "updated_at"])
    if refused is not None:  # raised outside, so that the end of the row is committed
        raise refused
    return tokens.access


@sensitive_variables()
def revoke(*, user: AbstractBaseUser, provider: str, uid: str = "") -> bool:
    """Forgets this person's tokens of a provider, and then has the provider forget them, as well as it can.

    The row goes in the caller's transaction; the provider is asked once that is committed, for some seconds at most. If
    it can't be reached that is logged, and the tokens run out there by themselves.

    Args:
        user: whose.
        provider: its id.
        uid: only those of this identity, by its link's `uid`; a person with two accounts there has tokens of one.

    Returns:
        Whether there were any.
    """
    with transaction.atomic():
        row = find(user_id=user.pk, provider=provider, lock=True)
        if row is None:
            return False
        tokens = opened(row)
        if uid and tokens is not None and tokens.uid != uid:
            return False
        row.delete()
        if tokens is not None:
            transaction.on_commit(partial(_revoke_there, tokens, provider))
    return True


@sensitive_variables()
def _backend(tokens: Tokens, provider: str) -> Any:
    strategy = AuthKitStrategy(DjangoStorage)
    strategy.client_id = tokens.client_id
    return strategy.get_backend(provider)


@sensitive_variables()
def _refreshed(tokens: Tokens, provider: str) -> Tokens:
    if not tokens.refresh:
        raise refuse(Failure.REFUSED, "it has expired, and there is no refresh token")
    try:
        backend = _backend(tokens, provider)
        answer = backend.refresh_token(tokens.refresh)
        backend.check_refreshed(uid=tokens.uid)
        fresh = from_answer(answer, uid=tokens.uid, client_id=tokens.client_id)
    except SocialAuthBaseException as error:
        if isinstance(error, AuthCredentialError) or error.provider_code in OVER:
            raise refuse(Failure.REFUSED, "the provider takes the refresh token no more") from error
        raise translated(error) from error
    except RequestException as error:
        raise refuse(Failure.UNREACHABLE, type(error).__name__) from error
    except UNREADABLE as error:
        raise refuse(Failure.UNVERIFIED, f"{type(error).__name__} while reading the answer") from error
    # RFC 6749 section 6: no new refresh token means that the old one goes on.
    return fresh if fresh.refresh else replace(fresh, refresh=tokens.refresh)


@sensitive_variables()
def _revoke_there(tokens: Tokens, provider: str) -> None:
    try:
        _backend(tokens, provider).revoke_at_provider(access=tokens.access, refresh=tokens.refresh)
    except (SocialLoginFailed, *UNREADABLE) as error:
        logger.warning("tokens at %r could not be revoked: %s", provider, type(error).__name__)
