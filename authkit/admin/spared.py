"""With REVOCATION.SPARE_SUPERUSERS, the request of a caller who is no superuser may not end a superuser's logins."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from authkit import conf


def spares_superusers(request: HttpRequest) -> bool:
    """Whether this request has to leave superusers signed in."""
    return conf.current().revocation.spare_superusers and not getattr(request.user, "is_superuser", False)


def is_spared(request: HttpRequest, person: Any) -> bool:
    """Whether this request has to leave this person signed in: a superuser, where the caller is none.

    Args:
        person: a row of the user model, which may know no superusers.
    """
    return spares_superusers(request) and bool(getattr(person, "is_superuser", False))


def why_spared() -> str:
    """The sentence for the pages and messages."""
    return _("Only a superuser may end the logins of a superuser.")
