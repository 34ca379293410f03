"""DRF permission classes that read an access token's claims.

    class Notes(APIView):
        permission_classes = [TokenHasScope]
        required_scopes = {"GET": ["notes:read"], "POST": ["notes:write"]}

Only a token of authkit's has claims. A request that is here by session has none, and is refused: a view that lets the
session's owner pass says so, as in `[TokenHasScope | IsAdminUser]`. A view that forgets its attribute refuses every
request, as an error. The refusal is DRF's: 401 without a credential, else 403 with `code` and `detail`; RFC 6750's
error codes are used, and not its 401 where another token of the same person would not help.
"""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from authkit.tokens.codec import Claims
from authkit.tokens.limited import named_for


class _Refusing(BasePermission):
    """Says no by returning it: an exception would end `A | B` before B was asked. DRF answers with `message`."""

    code: str
    sentence: str

    def __init__(self) -> None:
        self.message: dict[str, str] = {"code": self.code, "detail": self.sentence}


class TokenHasScope(_Refusing):
    """The token has all of the view's `required_scopes` (claim `scope`, RFC 9068 section 2.2.3, RFC 8693 section 4.2).

    `required_scopes` is a list, a string of scopes divided by spaces, or a dict of these by method, in which a method
    that is missing is refused, HEAD is GET, and an empty list lets in every token. Scopes are compared whole: "notes"
    is neither "notes:read" nor "Notes". A claim that is no string grants nothing.

    Raises:
        ImproperlyConfigured: the view names no scopes, or something that can't be one.
    """

    code = "insufficient_scope"
    sentence = "The token does not have the scope that this needs."

    def has_permission(self, request: Request, view: APIView) -> bool:
        required = named_for(view, "required_scopes", str(request.method))
        if required is None:
            return False
        self.message["scope"] = " ".join(sorted(required))
        claim = _claim(request, "scope")
        granted = claim.split(" ") if isinstance(claim, str) else []
        return isinstance(request.auth, Claims) and required.issubset(granted)


class TokenHasRole(_Refusing):
    """The token has one or more of the view's `allowed_roles` (claim `roles`, RFC 9068 section 2.2.3.1).

    `allowed_roles` has the forms of `required_scopes`; an empty list lets in no token. A claim that is no
    list grants nothing.

    Raises:
        ImproperlyConfigured: the view names no roles, or something that can't be one.
    """

    code = "insufficient_role"
    sentence = "The token does not have a role that may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        allowed = named_for(view, "allowed_roles", str(request.method))
        claim = _claim(request, "roles")
        if allowed is None or not isinstance(claim, list):
            return False
        return any(role in allowed for role in claim if isinstance(role, str))


def _claim(request: Request, name: str) -> Any:
    return request.auth.get(name) if isinstance(request.auth, Claims) else None
