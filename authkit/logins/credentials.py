"""Who somebody is, by identifier and password. One answer for every failure, at the same speed (ASVS 6.3.8)."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.hidden import Hidden
from authkit.exceptions import InvalidCredentials, SignInRefused

MAX_PASSWORD_LENGTH = 4096
"""Characters; doors refuse longer ones before any hashing, which would be the attacker's lever."""


@sensitive_variables("password")
def verify_password(
    *, request: HttpRequest, username: str, password: str, identifiers: Sequence[str]
) -> AbstractBaseUser:
    """Asks the project's authentication backends.

    Args:
        request: given to the backends.
        username: the user model's USERNAME_FIELD, or an e-mail address where `identifiers` allows it.
        password: as typed.
        identifiers: of "username" and "email", what counts.

    Returns:
        The person, active.

    Raises:
        InvalidCredentials: wrong, unknown, ambiguous or inactive.
        SignInRefused: LOGIN.PASSWORD_DOORS is off. Said here, before anything is looked at, so that no door forgets it.
    """
    if not conf.current().login.password_doors:
        raise SignInRefused("LOGIN.PASSWORD_DOORS is off")
    password = Hidden(password)  # from whatever caller
    name = _account_name(username, identifiers)
    if name is None:
        # The work that a real attempt costs, as in Django's ModelBackend, so that time tells nothing.
        get_user_model()().set_password(password)
        raise InvalidCredentials("not an identifier that counts, or not one person's")
    user = authenticate(request, username=name, password=password)
    if user is None or not user.is_active:
        raise InvalidCredentials("refused by every backend")
    return user


def _account_name(identifier: str, identifiers: Sequence[str]) -> str | None:
    users = get_user_model()
    if "email" in identifiers and "@" in identifier:
        email_field = users.get_email_field_name()
        owners = list(users._default_manager.filter(**{f"{email_field}__iexact": identifier})[:2])
        if len(owners) == 1:
            return str(owners[0].get_username())
    return identifier if "username" in identifiers else None
