"""The section LOGIN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from typing import Any

from authkit.conf.fields import CENTURY, SECOND, Hook, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """How people sign in."""

    identifiers: tuple[str, ...] = setting(("username",), choices=("username", "email"))
    """What a person may type as their name. `username` is the user model's `USERNAME_FIELD`. `email` is an address that
    exactly one person has. A name that matches letter for letter wins over one that differs in case, and a user name
    wins over an address."""
    max_logins: int = setting(0, least=0)
    """How many live logins one person may have at once, sessions and token pairs together. `0` allows any number."""
    password_doors: bool = setting(True)
    """Whether authkit itself takes passwords: at its login page, `session/login/`, `token/` and the paths of simplejwt.
    Set it to `False` where another package asks for more than a password; see docs/with-allauth.md."""
    breached_file: str = setting("", kind=PathLike)
    """The file of breached passwords that `authkit_breached build` made. The validator `BreachedPassword` and each
    sign-in by password look there; see docs/passwords.md."""
    breached_ranges: str = setting("")
    """The URL of a server that is asked about breached passwords by k-anonymity, such as
    `https://api.pwnedpasswords.com/range/`. It is asked about passwords that are not in the file."""
    at_limit: str = setting("evict", choices=("evict", "refuse"))
    """What a sign-in beyond `MAX_LOGINS` does. `"evict"` ends the person's oldest login. `"refuse"` refuses the new
    one."""
    reauth_age: timedelta = setting(timedelta(minutes=10), least=SECOND, most=CENTURY)
    """How long ago a person may have signed in, or shown once more who they are, where a view asks for a recent
    sign-in; see docs/step-up.md."""
    admin_reauth: bool = setting(True)
    """Whether an administrator has to have signed in that recently before signing everybody out in the admin."""
    may_sign_in: Hook = setting(Hook(""), call=Callable[[Any, Any, str], bool | str])
    """A callable `may_sign_in(user, request, method)`, or its dotted path. authkit asks it at each sign-in, after the
    credential was verified. It returns `True`, or the sentence with which the person is refused; see
    docs/own-door.md."""
    user_serializer: str = setting("authkit.signin.serializers.UserSerializer")
    """The dotted path of the DRF serializer behind every `user` in an answer. The default has `id`, `username` and
    `email`."""
