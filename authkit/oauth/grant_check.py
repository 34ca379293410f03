"""Whether a grant still carries its person, and its client is switched on: one SQL statement, as for a login.

`disable_client` ends the grants of a client. A client that was switched off by raw SQL is out at the next request all
the same, as a person is who was deactivated in that way (ASVS 7.4).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Exists

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.finality import make_final
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.statement import JUDGED, FoundLogin, find
from authkit.logins.verdict import check_login, judged
from authkit.oauth.models import Grant


def check_grant(*, login_id: UUID, user_id: Any) -> Principal:
    """Loads a person through the login of a grant. The database is asked, whatever REVOCATION.CHECK says.

    Args:
        login_id: the token's `sid`.
        user_id: its `sub`.

    Raises:
        LoginEnded: the login is over, or its client is switched off or gone, which then ends it.
        DatabaseUnavailable: as `authkit.logins.verdict.check_login`.
    """
    found = _find(login_id=login_id, user_id=user_id)
    if found is not None:
        return judged(found, login_id=login_id)
    check_login(login_id=login_id, user_id=user_id)  # a login that is over says why
    try:
        # A client that is switched on again brings no grant back, whichever way it was switched off.
        make_final(login_id=login_id, why=EndReason.CLIENT_DISABLED)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the end of a login can't be written") from error
    raise LoginEnded("its client is off or gone", reason="login_ended", why=EndReason.CLIENT_DISABLED)


def _find(*, login_id: UUID, user_id: Any) -> FoundLogin | None:
    try:
        return find(login_id=login_id, user_id=user_id, columns=JUDGED, condition=_has_client)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the login can't be read") from error
    except (ValueError, ValidationError, OverflowError, DataError):
        return None  # `check_login` refuses such a key


def _has_client(login_id: UUID) -> Exists:
    return Exists(Grant.objects.filter(pk=login_id, client__enabled=True))
