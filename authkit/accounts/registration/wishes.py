"""A wish for an account, which waits in a one-time code until the address is proven (W2.1: no row before that).

An attacker who registers another person's address leaves no account behind: its owner, who comes later by whichever
way, finds none with the attacker's password.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes, typed_codes
from authkit.core.encryption import seal, unseal
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant
from authkit.mail import links
from authkit.signin.addresses import mailbox_key

PURPOSE = "register"
CONFIRM_PAGE = "register-confirm"
_CONTEXT = "authkit.accounts.registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for. It is stored encrypted."""

    email: str
    password: str = field(repr=False)
    """Hashed."""
    username: str = ""
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    """Of the project's REGISTER_SERIALIZER, as JSON can hold them."""
    next: str = ""
    is_open: bool = True
    """False where the address had an account: the code is of no use, and looks like any other."""


@sensitive_variables()
def store(wish: Wish) -> tuple[str, str]:
    """Stores a wish.

    Returns:
        The link for the mail and the code for the mail: one of the two is empty, by ACCOUNTS.BY.
    """
    section = conf.section(AccountsSettings)
    payload = {"wish": seal(asdict(wish), context=_CONTEXT)}
    if section.by == "code":
        code = typed_codes.issue(
            purpose=PURPOSE,
            subject=mailbox_key(wish.email),
            about=wish.email,
            lifetime=section.code_lifetime,
            payload=payload,
        )
        return "", code
    key = one_time_codes.issue(
        purpose=PURPOSE, lifetime=section.key_lifetime, subject=wish.email, payload=payload
    )  # fmt: skip
    return links.link(CONFIRM_PAGE, key=key), ""


@sensitive_variables()
def present(*, email: str, code: str) -> OneTimeCode:
    """Spends a try of a typed code, outside of any transaction; see `authkit.core.typed_codes.present`."""
    return typed_codes.present(code=code, purpose=PURPOSE, subject=mailbox_key(email))


@sensitive_variables()
def take(*, key: str = "", presented: OneTimeCode | None = None) -> Wish:
    """Uses a code up by one conditional write, within the transaction that opens the account.

    Args:
        key: of a link.
        presented: in its place, the row of a typed code, from `present`.

    Raises:
        InvalidGrant: it is unknown, used or too old, or the address had an account when it was made.
    """
    if presented is None:
        row = one_time_codes.redeem(code=key, purpose=PURPOSE)
    else:
        typed_codes.consume(presented)
        row = presented
    stored = unseal(row.payload.get("wish", ""), context=_CONTEXT)
    if stored is None:  # sealed under a SECRET_KEY that is gone
        raise InvalidGrant("the wish can't be read")
    wish = Wish(**stored)
    if not wish.is_open:
        raise InvalidGrant("the address had an account")
    return wish
