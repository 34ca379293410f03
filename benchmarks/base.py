"""A contender: one product in one set-up, and how to sign in, call and refresh with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Contender:
    """Subclass it, or fill it by keyword. Everything but `name` is optional.

    Methods run in the contender's own process, once Django is set up there, so that is where they import Django.
    """

    name = "?"
    title = ""
    """Its name in the tables."""
    auth: str | None = None
    """Dotted path of the DRF authentication class; None: no request is authenticated."""
    apps: Sequence[str] = ()
    """On top of the common INSTALLED_APPS."""
    first_middleware: Sequence[str] = ()
    middleware: Sequence[str] = ()
    """After the common MIDDLEWARE."""
    settings: Any = {}
    """On top of the common settings: a dict, or a function without arguments that gives one."""
    view: Mapping[str, Any] = {}
    """Attributes of the view that is called."""
    groups: Sequence[str] = ("auth",)
    """The runs that it takes part in."""
    package = ""
    """The module without which it is left out."""
    redis = False
    """Whether it can't do without a Redis."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)

    def urls(self) -> list[Any]:
        """URL patterns on top of the view that is called."""
        return []

    def prepare(self) -> None:
        """Called once the tables are there."""

    def credential(self, user: Any) -> dict[str, str]:
        """WSGI environ entries by which a request is this user's."""
        return {}

    def refresh_new(self, user: Any) -> Any:
        """Signs the user in; the state for `refresh_request`, usually the refresh token."""
        raise NotImplementedError

    def refresh_request(self, state: Any) -> tuple[str, dict[str, str], str]:
        """Path, body and content type of one refresh."""
        raise NotImplementedError

    def refresh_next(self, body: dict[str, str], state: Any) -> Any:
        """The next state, from the answer's body."""
        raise NotImplementedError

    def login_request(self, username: str, password: str) -> tuple[str, dict[str, str], str, dict[str, str]]:
        """Path, body, content type and environ entries of one sign-in."""
        raise NotImplementedError

    def revoke_user(self, user: Any) -> None:
        """Ends every login of this user, as the product's documentation says."""
        raise NotImplementedError
