"""Makes the result of a check final: an account that is switched on again, or gets its old password back, revives no
login. A check may run in a transaction that is rolled back because of its very refusal (DRF under ATOMIC_REQUESTS). So
its write is repeated once the request is done.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from django.db import connections, router, transaction
from django.utils import timezone

from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable
from authkit.logins.current import current_scope
from authkit.logins.limits import line_up_with_sign_ins_of
from authkit.logins.listeners import in_use, tell
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason

logger = logging.getLogger("authkit")


def make_final(*, login_id: UUID, why: EndReason) -> None:
    """Ends the row and tells Redis, and notes it where a transaction is open that may undo this.

    Redis is told because raw SQL may have made the change that was found here, and raw SQL tells Redis nothing: the
    login's other tokens would go on wherever Redis is believed.

    Raises:
        OperationalError, InterfaceError, InternalError: the database can't be written to.
        DatabaseUnavailable: Redis can't be told, and the database can't be told of that.
    """
    using = router.db_for_write(Login)
    scope = current_scope()
    if scope is not None and connections[using].in_atomic_block:
        scope.ends = {**(scope.ends or {}), login_id: why}
    with transaction.atomic(using=using, savepoint=False):
        line_up_with_sign_ins_of(login_ids=[login_id])
        tell(login_ids=[login_id])
        Login.objects.filter(pk=login_id, ended_at=None).update_told(ended_at=timezone.now(), end_reason=why)


def tell_of_ended(*, login_id: UUID) -> None:
    """Tells Redis of a login that was found over. Writes nothing to its row, and costs nothing where Redis isn't used.

    For a refresh. The ending may have told Redis nothing (raw SQL), or told a Redis that has lost it since. Then the
    access token beside the refresh token would go on wherever Redis is believed.

    Raises:
        DatabaseUnavailable: Redis can't be told, and the database can't be told of that.
    """
    if not in_use():
        return
    try:
        with transaction.atomic(using=router.db_for_write(Login), savepoint=False):
            tell(login_ids=[login_id])
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the end of a login can't be told") from error


def settle_ends(found: Mapping[UUID, EndReason]) -> None:
    """Makes these ends final once more. The answer has been given, so a failure is logged."""
    try:
        for login_id, why in found.items():
            make_final(login_id=login_id, why=why)
    except (*DATABASE_DOWN, DatabaseUnavailable) as error:
        logger.warning("an end that a check has found can't be made final: %s", traced(error))
