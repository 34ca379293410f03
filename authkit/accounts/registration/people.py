"""The row of a new person, whatever the project's user model."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.views.decorators.debug import sensitive_variables

from authkit.accounts.registration.wishes import Wish
from authkit.exceptions import AuthKitError, InvalidGrant, UsernameTaken
from authkit.signin.addresses import lock_address, people_with_address


class AddressTaken(AuthKitError):
    """The address has an account. Told only to a person who has proven the address, or where nothing is proven."""

    code = "address_taken"
    status = 409
    message = "There is an account with this address. Sign in to it."


def asks_for_username() -> bool:
    """Whether people are known by a name that they choose: not by their address, nor by a key of the model's making."""
    users: Any = get_user_model()
    name = users.USERNAME_FIELD
    return name != users.get_email_field_name() and isinstance(users._meta.get_field(name), models.CharField)


def username_problem(name: str) -> str:
    """Why a name can't be a user name here, as a sentence; empty if it can."""
    users: Any = get_user_model()
    field = users._meta.get_field(users.USERNAME_FIELD)
    try:
        field.clean(name, None)
    except ValidationError as error:
        return str(error.messages[0])
    return "" if name.isprintable() else "Enter a name without control characters."


def username_is_taken(name: str) -> bool:
    """Whether a person has this name, without regard to case. One statement."""
    users: Any = get_user_model()
    return bool(users._base_manager.filter(**{f"{users.USERNAME_FIELD}__iexact": name}).exists())


def normalised_username(name: str) -> str:
    """The name as the model stores it."""
    return str(get_user_model().normalize_username(name))


@sensitive_variables("wish")
def create(wish: Wish, *, told: type[AuthKitError] = InvalidGrant) -> AbstractBaseUser:
    """Creates the person, by the model's own `create_user`. Must run in a transaction of the caller's.

    The address is locked first. So of two requests for addresses that look alike one waits, and then finds the other's
    account, on every database and without a unique column.

    Args:
        wish: what was asked for.
        told: what is raised where the address has an account by now.

    Raises:
        UsernameTaken: another person has the name.
    """
    users: Any = get_user_model()
    lock_address(wish.email)
    if people_with_address(wish.email):
        raise told("the address has an account by now")
    fields = {**wish.fields, users.get_email_field_name(): wish.email}
    if asks_for_username():
        if username_is_taken(wish.username):
            raise UsernameTaken("taken before the address was proven")
        fields[users.USERNAME_FIELD] = wish.username
    try:
        with transaction.atomic():
            person: AbstractBaseUser = users._default_manager.create_user(**fields)
            person.password = wish.password
            person.save(update_fields=["password"])
    except IntegrityError as error:
        # Another request took the name since it was looked up, or another field of the project's has to be unique.
        if asks_for_username() and username_is_taken(wish.username):
            raise UsernameTaken("taken meanwhile") from error
        raise InvalidGrant("the account can't be written") from error
    return person
