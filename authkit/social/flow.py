"""The two halves of a sign-in through a provider: there, and back again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from jwt import PyJWTError
from requests import RequestException
from social_core.exceptions import SocialAuthBaseException

from authkit.social.failures import Failure, refuse, translated
from authkit.social.steps import current_steps
from authkit.social.strategy import AuthKitStrategy

logger = logging.getLogger("authkit")

MAX_NEXT_LENGTH = 1000
"""Characters of a `next` that is kept while the person is away; it travels in a cookie."""


@dataclass(frozen=True, slots=True)
class SocialSignIn:
    """Who came back from the provider, whether the account was made just now, and the `next` that was asked for."""

    user: AbstractBaseUser
    is_new: bool
    next_url: str
    linked: bool = False
    """Whether the person was signed in, and came back to have this identity linked: no login is to be opened."""


def begin(*, strategy: AuthKitStrategy, provider: str, callback: str, next_url: str, linking_login: str = "") -> str:
    """Opens a transaction, bound to this browser.

    Args:
        strategy: for this request; its `transactions` have to be written to the response.
        provider: a configured provider's id.
        callback: path of the page that the provider sends the person back to.
        next_url: where to go afterwards; judged again on the way back.
        linking_login: the id of the login that wants the identity linked to its person; empty for a sign-in.

    Returns:
        The provider's authorization URL.

    Raises:
        SocialLoginFailed: the provider can't be reached or is not set up.
    """
    with _translated_errors(provider):
        backend: Any = strategy.get_backend(provider, redirect_uri=callback)
        backend.next_url = next_url if len(next_url) <= MAX_NEXT_LENGTH else ""
        backend.linking_login = linking_login
        current_steps()  # refuses here already, instead of on the way back
        url: str = backend.auth_url()
        return url


def complete(*, strategy: AuthKitStrategy, provider: str, callback: str) -> SocialSignIn:
    """Consumes the transaction, asks the provider, and finds or creates the person. Signs nobody in.

    Args:
        strategy: for this request; its `transactions` have to be written to the response.
        provider: a configured provider's id.
        callback: the path given to `begin`.

    Raises:
        SocialLoginFailed: with a `Failure` as its reason.
    """
    with _translated_errors(provider):
        backend: Any = strategy.get_backend(provider, redirect_uri=callback)
        user = backend.complete()
        if not isinstance(user, get_user_model()):
            raise refuse(Failure.UNVERIFIED, "the back end answered with something else than a person")
        return SocialSignIn(
            user=user,
            is_new=bool(getattr(user, "is_new", False)),
            next_url=backend.next_url,
            linked=bool(backend.linking_login),
        )


def is_linking(*, strategy: AuthKitStrategy, provider: str) -> bool:
    """Whether this callback belongs to a link that this browser has begun. For the words of a page; proves nothing."""
    transaction = strategy.transactions.get(f"{provider}.{strategy.request_data().get('state')}")
    return isinstance(transaction, dict) and bool(transaction.get("link"))


@contextmanager
def _translated_errors(provider: str) -> Iterator[None]:
    try:
        yield
    except SocialAuthBaseException as error:
        raise translated(error) from error
    except (PyJWTError, RequestException, TypeError, ValueError, LookupError, AttributeError) as error:
        # Fifty back ends read answers that other people's servers write. Whatever they stumble over is an answer that
        # we couldn't read, and the log says where; it is no reason for a 5xx of ours.
        logger.exception("reading the answer of the provider %r failed", provider)
        raise refuse(Failure.UNVERIFIED, f"{type(error).__name__} while reading the answer") from error
