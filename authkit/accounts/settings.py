"""The section ACCOUNTS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import setting

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Accounts that people open, change and delete by themselves."""

    key_lifetime: timedelta = setting(timedelta(minutes=30), least=MINUTE, most=timedelta(days=7))
    """How long the key in a mail's link is good."""
    code_lifetime: timedelta = setting(timedelta(minutes=10), least=MINUTE, most=timedelta(minutes=30))
    """How long a code that is typed from a mail is good."""
    delete_after: timedelta = setting(timedelta(days=14), least=timedelta(0), most=90 * DAY)
    """How long a deleted account is kept. It is inactive from the deletion on, and until then a link in a mail takes
    the deletion back. With `0` there is no way back. `authkit_purge` deletes the rows that are due."""
    email_change: str = setting("new", choices=("new", "both"))
    """Which mailboxes have to agree to a change of the address: the new one, or the old one too. The old one hears of a
    change in both cases, and can undo it for 7 days."""
