"""The section ACCOUNTS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import setting

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Accounts that people open, change and delete by themselves."""

    key_lifetime: timedelta = setting(timedelta(minutes=30), least=MINUTE, most=timedelta(days=7))
    """How long the key in a mail's link is good."""
    code_lifetime: timedelta = setting(timedelta(minutes=10), least=MINUTE, most=timedelta(minutes=30))
    """How long a code that is typed from a mail is good."""
