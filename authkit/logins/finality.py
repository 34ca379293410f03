"""What a check finds out is made final: an account that is switched on again, or gets its old password back, revives no
login. A check may run in a transaction that is rolled back because of its very refusal (DRF under ATOMIC_REQUESTS), so
what was written there is written again once the request is done.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from django.db import connections, router
from django.utils import timezone

from authkit.core.hidden import traced
from authkit.core.refusals import DATABASE_DOWN
from authkit.logins.current import current_scope
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

logger = logging.getLogger("authkit")


def make_final(*, login_id: UUID, why: EndReason) -> None:
    """Ends the row, and notes it where a transaction is open that may undo this.

    Raises:
        OperationalError, InterfaceError, InternalError: the database can't be written to.
    """
    scope = current_scope()
    if scope is not None and connections[router.db_for_write(Login)].in_atomic_block:
        scope.ends = {**(scope.ends or {}), login_id: why}
    Login.objects.filter(pk=login_id, ended_at=None).update(ended_at=timezone.now(), end_reason=why)


def settle_ends(found: Mapping[UUID, EndReason]) -> None:
    """Makes sure of them. The answer has been given, so a failure is logged."""
    try:
        for login_id, why in found.items():
            make_final(login_id=login_id, why=why)
    except DATABASE_DOWN as error:
        logger.warning("an end that a check has found can't be made final: %s", traced(error))
