"""An account for a person that a provider vouches for, whatever the project's user model."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction

from authkit.conf import Hook
from authkit.exceptions import SignupClosed
from authkit.signin.addresses import people_with_address
from authkit.signin.sign_up import Profile, Rule, refuse_newcomers
from authkit.social.failures import Failure, refuse

MAX_TEXT_LENGTH = 254
"""Characters of anything that a provider says of a person; the longest address that mail can be sent to."""
FALLBACK_NAME = "user"
_ATTEMPTS = 6
_NOT_IN_A_NAME = re.compile(r"[^\w.+-]+")


def printable(value: Any) -> str:
    """Bounded text without control characters: no NUL for the database, no line break for a log or a mail header."""
    return "".join(c for c in value[:MAX_TEXT_LENGTH] if c.isprintable()).strip() if isinstance(value, str) else ""


def create_person(*, profile: Profile) -> AbstractBaseUser:
    """Creates an active user without a usable password, by the model's own `create_user`.

    A taken username gets a suffix. An address that an account here has already stays with it, and no second
    account is made: its owner is the person who came now, or has lost the address to them. Either way they should
    know of that account, and two with one address would cost its owner the sign-in by address.

    Raises:
        SocialLoginFailed: `account_exists`, or `email_needed` where the model can't do without an address.
    """
    users: Any = get_user_model()
    email_field = users.get_email_field_name()
    email = _acceptable_email(users, email_field, profile.email)
    fields: dict[str, Any] = {email_field: email} if _field(users, email_field) else {}
    first, _space, last = profile.fullname.partition(" ")
    names = {"first_name": profile.first_name or first, "last_name": profile.last_name or last}
    for name, value in names.items():
        if isinstance(field := _field(users, name), models.CharField):
            fields[name] = value[: field.max_length]
    if email_field == users.USERNAME_FIELD:
        return _create(users, [fields], email=email)
    suggestions = (profile.username, profile.email, profile.first_name + profile.last_name)
    return _create(users, ({**fields, **name} for name in _usernames(users, suggestions)), email=email)


def _field(users: Any, name: str) -> Any:
    try:
        return users._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _acceptable_email(users: Any, email_field: str, email: str) -> str:
    field = _field(users, email_field)
    needed = field is not None and (field.unique or email_field == users.USERNAME_FIELD)
    try:
        if email and field is not None:
            field.run_validators(email)
    except ValidationError:
        email = ""
    if not email:
        if needed:
            raise refuse(Failure.EMAIL_NEEDED)
        return ""
    if people_with_address(email):
        raise refuse(Failure.ACCOUNT_EXISTS)
    return email


def refuse_strangers(*, profile: Profile, allow: bool | Hook, domains: tuple[str, ...]) -> None:
    """Returns if a person who is new here may have an account, by the rules that hold for each way of signing up.

    Args:
        profile: who comes.
        allow: SOCIAL.SIGNUP.
        domains: SOCIAL.SIGNUP_DOMAINS; compared as DNS does, and sub-domains are other domains.

    Raises:
        SocialLoginFailed: `signup_closed`, `account_exists` (which tells its owner more, and goes first),
            `email_needed` or `signup_refused`; `misconfigured` if the project's callable fails.
    """
    if profile.email and people_with_address(profile.email):
        raise refuse(Failure.ACCOUNT_EXISTS)
    try:
        refuse_newcomers(profile=profile, allow=allow, domains=domains, section="SOCIAL")
    except SignupClosed as error:
        raise refuse(Failure(error.reason or Rule.CLOSED), error.detail) from error


def _taken(users: Any, field: str, value: str) -> bool:
    return bool(_field(users, field) and users._default_manager.filter(**{f"{field}__iexact": value}).exists())


def _usernames(users: Any, suggestions: tuple[str, ...]) -> Iterator[dict[str, str]]:
    name_field = _field(users, users.USERNAME_FIELD)
    if not isinstance(name_field, models.CharField):
        # A UUID or a number of the model's own making: it has a default, or the project has a create_user for it.
        yield {}
        return
    room = name_field.max_length or MAX_TEXT_LENGTH
    names = (users.normalize_username(_NOT_IN_A_NAME.sub("", s.partition("@")[0])) for s in suggestions)
    base = next((n[:room] for n in names if n and _valid(name_field, n[:room])), FALLBACK_NAME[:room])
    if not _taken(users, users.USERNAME_FIELD, base):
        yield {users.USERNAME_FIELD: base}
    for _attempt in range(_ATTEMPTS):
        suffix = secrets.token_hex(4)
        candidate = base[: max(room - len(suffix) - 1, 0)] + "-" + suffix
        if _valid(name_field, candidate) and not _taken(users, users.USERNAME_FIELD, candidate):
            yield {users.USERNAME_FIELD: candidate}


def _valid(field: Any, name: str) -> bool:
    try:
        field.run_validators(name)
    except ValidationError:
        return False
    return True


def _create(users: Any, attempts: Any, *, email: str) -> AbstractBaseUser:
    refused: IntegrityError | None = None
    for fields in attempts:
        try:
            with transaction.atomic():
                person: AbstractBaseUser = users._default_manager.create_user(**fields)
                return person
        except IntegrityError as error:  # another request took the name or the address since we looked
            refused = error
            if email and people_with_address(email):
                break
    raise refuse(Failure.ACCOUNT_EXISTS, "every name that was tried is taken") from refused
