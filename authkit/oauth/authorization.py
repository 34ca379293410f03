"""A person's decision about an authorization request: ask them, spare them the question, and answer the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from authkit.codes import authorization_codes
from authkit.codes.authorization_codes import FOR_CLIENTS
from authkit.core.clients import Client
from authkit.exceptions import InvalidGrant
from authkit.logins.models import Login
from authkit.oauth import consents, requests
from authkit.oauth.client_auth import find_client
from authkit.oauth.clients import may_return_to
from authkit.oauth.demands import is_expected, is_fresh
from authkit.oauth.models import OAuthClient
from authkit.oauth.refusals import ReturnedToClient
from authkit.oauth.requests import AuthorizationRequest
from authkit.oauth.resources import issuer, known_by


class ConsentGone(InvalidGrant):
    """A moment ago the person did not have to be asked, and now they do. The request still waits for its answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that waits for this person, with what the page tells them."""

    asked: AuthorizationRequest
    client: OAuthClient
    is_agreed: bool
    """Whether the person need not be asked what the app may do: the site's own app, or what they have agreed to."""
    is_fresh: bool
    """Whether their sign-in is as fresh and as strong as the client asks for. If not, a step-up comes first."""
    is_expected: bool
    """Whether they may be the person that the client expects."""

    @property
    def is_silent(self) -> bool:
        """Whether no page is needed."""
        return self.is_agreed and self.is_expected


@dataclass(frozen=True, slots=True)
class Return:
    """Where the person is sent now, with these parameters."""

    redirect_uri: str
    parameters: Mapping[str, str] = field(repr=False)


def returned(asked: AuthorizationRequest, parameters: Mapping[str, str]) -> Return:
    """An answer with `state` as it was sent, and with `iss` (RFC 9207): a client that knows several providers has to
    compare it."""
    state = {} if asked.state is None else {"state": asked.state}
    return Return(asked.redirect_uri, {**parameters, **state, "iss": issuer()})


def returned_refusal(error: ReturnedToClient) -> Return:
    """A refusal as the client is told of it."""
    parameters = {"error": error.code, "error_description": error.message}
    state = {} if error.state is None else {"state": error.state}
    return Return(error.redirect_uri, {**parameters, **state, "iss": issuer()})


def refused(asked: AuthorizationRequest, error: str, message: str) -> ReturnedToClient:
    """A refusal of a request that was found to be in order."""
    return ReturnedToClient(error, message, redirect_uri=asked.redirect_uri, state=asked.state)


@sensitive_variables()
def question(*, handle: str, browser: str, user: AbstractBaseUser, login: Login, caller: Client) -> Question:
    """The request of this handle, to be shown to this person. Uses nothing up.

    Args:
        handle: of `authkit.oauth.requests.hold`.
        browser: the value of the browser's cookie.
        user: the person who is signed in.
        login: their session's.
        caller: from where.

    Raises:
        InvalidGrant: no such request of this browser's, or not any more.
        Throttled: the person has sent too many requests.
    """
    held = requests.find(handle=handle, browser=browser)
    client = _standing(held.asked)
    if held.shown_to != user.pk:
        requests.note_shown(held, user_id=user.pk, caller=caller)
    asked = held.asked
    return Question(
        asked,
        client,
        is_agreed=_is_agreed(asked, client, user),
        is_fresh=is_fresh(asked, since=held.since, login=login),
        is_expected=is_expected(asked, user=user),
    )


@sensitive_variables()
def agree(*, handle: str, browser: str, user: AbstractBaseUser, login: Login, is_silent: bool = False) -> Return:
    """Answers a request with a code. Once: a second answer is refused.

    Args:
        handle: as `question`.
        browser: as `question`.
        user: the person who saw the question.
        login: their session's.
        is_silent: whether the person was not asked. That is looked at again, under a lock: they may take the app's
            access away meanwhile, and an agreement must not write it anew.

    Raises:
        ConsentGone: the person has to be asked.
        InvalidGrant: as `question`, or it was shown to another person.
    """
    with transaction.atomic():
        held = requests.answer(handle=handle, browser=browser)
        if held.shown_to != user.pk:
            raise InvalidGrant("it was shown to another person")
        asked, client = held.asked, _standing(held.asked)
        if not is_fresh(asked, since=held.since, login=login):
            raise InvalidGrant("a step-up comes first")
        if is_silent and not _is_agreed(asked, client, user, locked=True):
            raise ConsentGone("the person has taken its access away meanwhile")
        # A scope, or a resource, that left the settings meanwhile is not given any more.
        scope = tuple(each for each in known_by(asked.resources, asked.scope) if each in client.scopes)
        if not scope:
            raise InvalidGrant("nothing of it can be given any more")
        if not client.first_party:
            consents.remember(user_id=user.pk, client=client, scope=scope, resources=asked.resources)
        code = authorization_codes.issue_code(
            user=user,
            subject=client.client_id,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            purpose=FOR_CLIENTS,
            details={
                "scope": scope,
                "resources": asked.resources,
                "nonce": asked.nonce,
                "session_id": str(login.pk),
                "method": login.method,
                "amr": login.amr.split(),
                "authenticated_at": login.authenticated_at.isoformat(),
            },
        )
    return returned(asked, {"code": code})


@sensitive_variables()
def decline(*, handle: str, browser: str, error: str = "access_denied", message: str = "") -> Return:
    """Answers a request with an error.

    Args:
        handle: as `question`.
        browser: as `question`.
        error: OAuth's word for it.
        message: for the client's developer.

    Raises:
        InvalidGrant: as `question`.
    """
    with transaction.atomic():
        held = requests.answer(handle=handle, browser=browser)
        _standing(held.asked)
    sentence = message or "The person did not agree."
    return returned_refusal(refused(held.asked, error, sentence))


def _standing(asked: AuthorizationRequest) -> OAuthClient:
    client = find_client(asked.client_id)
    if client is None or not may_return_to(client, asked.redirect_uri):
        # Registered when the person came, and not any more: there is no address to send them to.
        raise InvalidGrant("the client, or its redirect URI, is gone meanwhile")
    return client


def _is_agreed(asked: AuthorizationRequest, client: OAuthClient, user: Any, *, locked: bool = False) -> bool:
    if {"consent", "select_account"}.intersection(asked.prompt):
        return False
    if not asked.redirect_uri.startswith("https://"):
        # Any program on a device can take a scheme or a port of the loopback, and any program can name a public
        # client's id. Only an address on the web says who gets the code (RFC 8252 section 8.6, RFC 6749 section 10.2).
        return False
    return client.first_party or consents.is_covered(
        user_id=user.pk, client=client, scope=asked.scope, resources=asked.resources, locked=locked
    )
