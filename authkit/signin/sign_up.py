"""The rules by which a person who is new here may have an account: a person who registers (`ACCOUNTS.SIGNUP`), and
one who comes from a provider (`SOCIAL.SIGNUP`)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from authkit.conf import Hook
from authkit.core.callables import takes
from authkit.core.hidden import traced
from authkit.core.mailboxes import ascii_domain, domain_of
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, SignupClosed, Unavailable

logger = logging.getLogger("authkit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The person by their own word, or by the provider's; empty strings where it has none."""

    provider: str = ""
    """The provider's id in SOCIAL.PROVIDERS; empty for a person who registers here."""
    username: str = ""
    email: str = ""
    """An address that the provider calls verified, or one that the person has to prove before there is an account."""
    first_name: str = ""
    last_name: str = ""
    fullname: str = ""


class Rule(StrEnum):
    """`SignupClosed.reason`."""

    CLOSED = "signup_closed"
    REFUSED = "signup_refused"
    EMAIL_NEEDED = "email_needed"
    MISCONFIGURED = "misconfigured"


def refuse_newcomers(*, profile: Profile, allow: bool | Hook, domains: tuple[str, ...], section: str) -> None:
    """Returns if a person who is new here may have an account.

    Args:
        profile: who comes.
        allow: True, False, or the project's callable, which is asked with the profile.
        domains: if given, the address has to be of exactly one of them; compared as DNS does.
        section: of the settings, "SOCIAL" or "ACCOUNTS", for the log.

    Raises:
        SignupClosed: by `reason`: "signup_closed", "email_needed", "signup_refused"; "misconfigured" if the callable
            fails.
        DatabaseUnavailable: the callable asked the database, which didn't answer.
    """
    if allow is False:
        raise SignupClosed("sign-up is closed", reason=Rule.CLOSED)
    if domains:
        if not profile.email:
            raise SignupClosed("there is no address", reason=Rule.EMAIL_NEEDED)
        if domain_of(profile.email) not in {ascii_domain(domain) for domain in domains} - {""}:
            raise SignupClosed(f"the address is of none of {section}.SIGNUP_DOMAINS", reason=Rule.REFUSED)
    if isinstance(allow, Hook) and not says_yes(allow, profile, setting=f"{section}.SIGNUP"):
        raise SignupClosed(f"{section}.SIGNUP said no", reason=Rule.REFUSED)


def says_yes(hook: Hook, subject: Any, *, setting: str) -> bool:
    """Whether the callable answers True. A value that is merely true, such as the text "no", is a no.

    Args:
        hook: of the project.
        subject: the one argument that it is called with.
        setting: the key's name, for the log.

    Raises:
        SignupClosed: "misconfigured": it can't be imported, or it raised.
        DatabaseUnavailable: it asked the database, which didn't answer.
    """
    try:
        return hook.resolve()(subject) is True
    except Unavailable:
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable(f"{setting} couldn't ask the database") from error
    except Exception as error:
        logger.error("AUTHKIT %s failed; the request was refused: %s", setting, traced(error))
        detail = f"{setting} raised {type(error).__name__}"
        raise SignupClosed(detail, reason=Rule.MISCONFIGURED) from error


def takes_one(hook: Hook) -> bool:
    """Whether the callable can be imported, and called with one argument."""
    try:
        function: Any = hook.resolve()
    except Exception:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        return False
    return takes(function, arguments=1)
