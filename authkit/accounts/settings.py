"""The section ACCOUNTS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authkit import conf
from authkit.conf.fields import Hook, setting

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Accounts that people open, change and delete by themselves."""

    signup: bool | str | Hook = setting(True, kind=Hook, choices=("invitation",), call=Callable[[Any], bool])
    """Whether people can register: `True`, `False`, `"invitation"` for invited ones alone, or a callable
    `allow(profile)` that returns `True` for those who can; see docs/accounts.md#which-people-can-register."""
    signup_domains: tuple[str, ...] = setting(())
    """If given, a person who registers needs an address of exactly one of these domains. An invitation goes before."""
    verification: str = setting("required", choices=("required", "optional", "off"))
    """Whether an address is proven: before there is an account (`"required"`), later (`"optional"`), or never."""
    by: str = setting("link", choices=("link", "code"))
    """What the mail that proves an address, or resets a password, has: a link, or a code that is typed."""
    usernames_are_public: bool = setting(False)
    """Whether a person who registers is told at once that a user name is taken. If not, a person with a proven address
    is told."""
    register_serializer: str = setting("authkit.accounts.registration.serializers.RegisterSerializer")
    """The dotted path of the serializer that registers people, for more fields than name, address and password; see
    docs/accounts.md#more-fields."""
    invitation_lifetime: timedelta = setting(timedelta(days=7), least=timedelta(hours=1), most=timedelta(days=90))
    """How long an invitation is good."""
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
    password_min: int = setting(8, least=8, most=64)
    """How many characters a new password has at least, beside the rules of AUTH_PASSWORD_VALIDATORS; 15 are advised."""
    must_change_breached: bool = setting(False)
    """Whether a person who signs in by a password that is known from a breach has to choose another one before anything
    else. LOGIN.BREACHED_FILE or LOGIN.BREACHED_RANGES says where it is looked up."""
    admin_sets_passwords: bool = setting(False)
    """Whether administrators may type a password for another person, on Django's own pages for that and for a new
    person."""

    @property
    def proof_lifetime(self) -> timedelta:
        """How long the link or the code of a mail is good, whichever BY asks for."""
        return self.code_lifetime if self.by == "code" else self.key_lifetime

    @property
    def proof_minutes(self) -> str:
        """The same for the words of a mail."""
        return str(int(self.proof_lifetime.total_seconds() // 60))


def is_by_code() -> bool:
    """Whether mails that prove an address, or reset a password, have a code in place of a link."""
    return conf.section(AccountsSettings).by == "code"
