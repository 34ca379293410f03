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
    """

    __slots__ = ("_login", "user")

    def __init__(self, *, user: AbstractBaseUser, login: Login | Callable[[], Login]) -> None:
        self.user = user
        self._login = login

    @property
    def login(self) -> Login:
        if not isinstance(self._login, Login):
            self._login = self._login()
        return self._login
