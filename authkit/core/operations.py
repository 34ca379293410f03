"""Declares what a call of the JSON API takes and answers, beside the method that serves it.

    @operation(
        "token_verify", "Tokens", "Check an access token",
        body=TokenSerializer, answers={200: EmptySerializer}, refuses={401: ("token_not_valid",)},
    )
    def post(self, request): ...

The declaration is data and needs no library: `authkit.openapi` makes a document of it where drf-spectacular is
installed, and tests compare it with docs/http.md and with the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from rest_framework.serializers import BaseSerializer

_Method = TypeVar("_Method", bound=Callable[..., Any])

ATTRIBUTE = "operation"

Codes = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path, or of the query string."""

    name: str
    description: str
    type: Literal["string", "integer", "uuid"] = "string"
    location: Literal["path", "query"] = "path"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one view."""

    name: str
    """The operation's id in a document (authkit's own get a prefix): unique, stable, fit for a generated client."""
    group: str
    """The heading under which a document lists it."""
    summary: str
    """A few words, without a full stop."""
    description: str = ""
    """Markdown; what a caller must know beside the fields."""
    body: type[BaseSerializer[Any]] | None = None
    body_required: bool = True
    """False where a cookie may stand in the body's place."""
    answers: Mapping[int, type[BaseSerializer[Any]] | None] = field(default_factory=dict)
    """For each status of a success the serializer of its body; None where it has no body."""
    many: bool = False
    """Whether that body is a list of what the serializer renders."""
    refuses: Codes = field(default_factory=dict)
    """For each status the codes of refusals, but for those that every call may answer (`refusals_of`)."""
    parameters: tuple[Parameter, ...] = ()
    csrf: Literal["", "cookies", "always"] = ""
    """When a call that no cookie authenticates needs Django's CSRF proof: never, if its answer sets cookies, always."""
    access_token: bool = False
    """Whether the view reads an access token by itself, and by no authentication class."""
    refresh_cookie: bool = False
    """Whether the refresh cookie may authenticate it."""


def operation(name: str, group: str, summary: str, **more: Any) -> Callable[[_Method], _Method]:
    """Declares a view's method; the arguments are `Operation`'s. A subclass that inherits the method inherits this."""
    declared = Operation(name, group, summary, **more)

    def declare(method: _Method) -> _Method:
        setattr(method, ATTRIBUTE, declared)
        return method

    return declare


def operation_of(view: Any, method: str) -> Operation | None:
    """The declaration of a view's method, such as "get"; None where it has none.

    Args:
        view: a view, or its class.
        method: in any case.
    """
    return getattr(getattr(view, method.lower(), None), ATTRIBUTE, None)


def refusals_of(
    declared: Operation, *, method: str, throttled: bool = True, bearer: bool = False, restricted: bool = False
) -> dict[int, tuple[str, ...]]:
    """Every refusal of a call: those that are its own, and those that any call may answer.

    Args:
        method: its HTTP method; a body that can't be read is refused where there may be one.
        throttled: whether the project's throttles count here.
        bearer: whether it reads an access token, and so refuses an API key and the token of an app.
        restricted: whether it refuses a login that may only choose a new password.
    """
    common: list[tuple[int, str]] = [(503, "unavailable")]
    if bearer:
        common.append((403, "grant_not_accepted"))
    if restricted:
        common.append((403, "password_change_required"))
    if throttled:
        common.append((429, "throttled"))
    if method.upper() != "GET":
        common += [(400, "parse_error"), (415, "unsupported_media_type")]
    found = {status: list(codes) for status, codes in declared.refuses.items()}
    for status, code in common:
        found.setdefault(status, []).append(code)
    return {status: tuple(found[status]) for status in sorted(found)}
