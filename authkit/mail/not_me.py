"""The answer of a person to a mail: "this was not me". It ends all their logins, and tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit.core import one_time_codes
from authkit.events import announce
from authkit.logins.events import LoginsDisowned
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.mail import links

PAGE = "not-me"
PURPOSE = "not_me"

LIFETIME = timedelta(days=7)
"""A person reads mails late, and the code can do no more than end logins, once."""


@dataclass(frozen=True, slots=True)
class Disowned:
    """How many live logins there were."""

    count: int


def not_me_link(*, user_id: Any) -> str:
    """A link for a mail to this person; empty where mails can't have one."""
    if not links.can_link(PAGE):
        return ""
    return links.link(PAGE, key=one_time_codes.issue(purpose=PURPOSE, lifetime=LIFETIME, user_id=user_id))


@sensitive_variables("code")
def disown(*, code: str) -> Disowned:
    """Ends all logins of the code's owner.

    The event `logins.disowned` is announced in the same transaction. Recorders of it undo what else the stranger may
    have left: known devices are forgotten, and an app of accounts may begin a reset of the password.

    Raises:
        InvalidGrant: the code is unknown, used, or too old.
    """
    with transaction.atomic(using=router.db_for_write(Login)):
        owner = one_time_codes.redeem(code=code, purpose=PURPOSE).user_id
        ended = end_logins_of(user_id=owner, reason=EndReason.NOT_ME)
        event = LoginsDisowned(user_id=owner, count=ended.count)
        announce(event, sender=Login, using=router.db_for_write(Login))
    return Disowned(count=ended.count)
