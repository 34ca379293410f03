"""By which login a request is here. Set by whoever authenticated the request, read by everybody else."""

from __future__ import annotations

from typing import Any

from authkit.logins.checkers import Carried
from authkit.logins.models import Login

_ATTRIBUTE = "_authkit_login"


def set_current_login(request: Any, login: Login | Carried | None) -> None:
    """Notes the login on the HttpRequest (also below a DRF Request); as `Carried` where few will ask for it."""
    setattr(getattr(request, "_request", request), _ATTRIBUTE, login)


def current_login(request: Any) -> Login | None:
    """The login that carries this request, or None for an anonymous one.

    Args:
        request: an HttpRequest or a DRF Request. Its user is authenticated by this call, if it was not yet.
    """
    if not request.user.is_authenticated:
        return None
    login: Login | Carried | None = getattr(getattr(request, "_request", request), _ATTRIBUTE, None)
    return login.login if isinstance(login, Carried) else login
