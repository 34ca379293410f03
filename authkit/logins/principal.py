"""The person that a credential carries, and the login by which it does."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser

from authkit.logins.models import Login


class Principal:
    """A person and the login by which they are here; both alive when they were read.

    Args:
        user: the person.
        login: the row, or a function that makes it of the columns that were read: few requests look at it.
        restricted: `Login.restricted`, known without making the row.
    """

    __slots__ = ("_login", "restricted", "user")

    def __init__(self, *, user: AbstractBaseUser, login: Login | Callable[[], Login], restricted: bool = False) -> None:
        self.user = user
        self.restricted = restricted
        self._login = login

    @property
    def login(self) -> Login:
        if not isinstance(self._login, Login):
            self._login = self._login()
        return self._login
