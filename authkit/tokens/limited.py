"""Credentials that may do less than their person: an API key, the token of a third party.

A view of the project's opts in, and names the scopes that it asks for, as `TokenHasScope` does:

    class Notes(APIView):
        required_scopes = {"GET": ["notes:read"], "POST": ["notes:write"]}
        accepts_grants = True  # the tokens of third parties; API keys need no such line
        resource = "https://api.example.com/notes"  # only where OAUTH.RESOURCES names several

The scopes are asked for here, before any permission class: a permission that lets the person pass by another right,
such as `TokenHasScope | IsAdminUser`, gives no more to the key that they made. authkit's own endpoints take neither
(RFC 9700 section 2.3: a token is good for what it was made for).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from authkit.exceptions import GrantNotAccepted, InsufficientScope, TokenNotValid

KEY, GRANT = "key", "grant"

EVERY_RESOURCE = "*"
"""The `resource` of a view that takes a grant's token whatever resource it is for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What such a credential may do."""

    credential: str
    """`KEY` or `GRANT`."""
    scopes: frozenset[str]
    unscoped_views: bool = False
    """Whether it is accepted by a view that names no scopes."""
    audiences: frozenset[str] | None = None
    """The resources that it is for (RFC 8707); None for a credential that is for this site as a whole."""
    home: str = ""
    """The resource that a view belongs to whose `resource` is not set."""


def admit(limits: Limits, *, view: Any, method: str) -> None:
    """Lets a limited credential in, at a view that takes it and names no scope that it lacks.

    Args:
        limits: of the credential, which is good.
        view: the DRF view; None where there is none, such as a WebSocket: nothing limited is taken there.
        method: of the request.

    Raises:
        GrantNotAccepted: the view takes no such credential.
        TokenNotValid: it is for another resource than the view's.
        InsufficientScope: it lacks a scope that the view names for this method.
        ImproperlyConfigured: the view names its scopes in no form that `TokenHasScope` knows.
    """
    if not _takes(limits, view):
        raise GrantNotAccepted(f"{type(view).__qualname__} takes no {limits.credential}")
    if limits.audiences is not None and not _is_for(limits, view):
        raise TokenNotValid("for another resource")
    named = getattr(view, "required_scopes", None)
    if not named and not isinstance(named, Mapping):
        # An empty list too: a view of another package's may have one, for credentials of that package. An empty dict
        # has no method, and refuses each.
        if not limits.unscoped_views:
            raise GrantNotAccepted(f"{type(view).__qualname__} names no scopes")
        return
    required = named_for(view, "required_scopes", method)
    if required is None or not required.issubset(limits.scopes):
        raise InsufficientScope(scopes=required or frozenset())


def _is_for(limits: Limits, view: Any) -> bool:
    resource = getattr(view, "resource", None) or limits.home
    return limits.audiences is None or resource == EVERY_RESOURCE or resource in limits.audiences


def _takes(limits: Limits, view: Any) -> bool:
    if view is None:
        return False
    return bool(getattr(view, "accepts_grants", False) if limits.credential == GRANT else _takes_keys(view))


def _takes_keys(view: Any) -> bool:
    return bool(getattr(view, "accepts_keys", True))


def named_for(view: Any, attribute: str, method: str) -> frozenset[str] | None:
    """The names that a view's attribute lists for this method; None if it lists methods, and not this one.

    Args:
        view: a DRF view.
        attribute: `required_scopes` or the like: a list, a string of names divided by blanks, or a dict of these by
            method, in which HEAD is GET.
        method: of the request.

    Raises:
        ImproperlyConfigured: the attribute is missing, empty, or has something that can't be a name.
    """
    named = getattr(view, attribute, None)
    by_method = isinstance(named, Mapping)
    if isinstance(named, Mapping):
        if method == "HEAD" and method not in named:
            method = "GET"
        if method not in named:
            return None
        named = named[method]
    words = named.split(" ") if isinstance(named, str) else named
    # An empty list can be meant for one of several methods; for all of them, it was left unfilled by mistake.
    if not isinstance(words, list | tuple | set | frozenset) or not (words or by_method):
        raise ImproperlyConfigured(f"{type(view).__qualname__}.{attribute} must name what it wants, as a list")
    if not all(isinstance(word, str) and word and " " not in word for word in words):
        raise ImproperlyConfigured(
            f"{type(view).__qualname__}.{attribute} has something that is no name, or two in one"
        )
    return frozenset(words)
