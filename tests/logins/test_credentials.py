from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory

from authkit.exceptions import InvalidCredentials
from authkit.logins.credentials import verify_password


def verify(username: str, password: str, *identifiers: str) -> Any:
    return verify_password(
        request=RequestFactory().post("/"),
        username=username,
        password=password,
        identifiers=identifiers or ("username",),
    )


def test_right_password(user: Any, password: str) -> None:
    assert verify(user.get_username(), password) == user


def test_every_failure_looks_alike(user: Any, make_user: Any, password: str) -> None:
    inactive = make_user("inactive", is_active=False)
    for username, attempt in [
        (user.get_username(), "wrong"),
        (user.get_username(), ""),
        ("nobody@example.test", password),
        (inactive.get_username(), password),
    ]:
        with pytest.raises(InvalidCredentials) as caught:
            verify(username, attempt)
        assert caught.value.as_payload() == InvalidCredentials().as_payload()


def test_address_counts_only_where_the_settings_say_so(user: Any, password: str) -> None:
    assert verify(user.email.upper(), password, "username", "email") == user
    assert verify(user.email, password, "email") == user
    if get_user_model().USERNAME_FIELD == "email":
        return  # the address is the username, so it always counts
    with pytest.raises(InvalidCredentials):
        verify(user.email, password)
    with pytest.raises(InvalidCredentials):
        verify(user.get_username(), password, "email")


def test_address_of_two_people_signs_in_neither(make_user: Any, password: str) -> None:
    # differing in case alone, which a unique username may, and an address for signing in must not
    one, _ = make_user("one", email="shared@example.test"), make_user("two", email="Shared@example.test")
    with pytest.raises(InvalidCredentials):
        verify("SHARED@example.test", password, "email")
    assert verify(one.get_username(), password, "username", "email") == one
