from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from authkit.exceptions import InvalidCredentials
from authkit.signin.credentials import verify_password


def verify(username: str, password: str, *identifiers: str) -> Any:
    return verify_password(
        request=RequestFactory().post("/"),
        username=username,
        password=password,
        identifiers=identifiers or ("username",),
        door="page",
    ).user


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


BOTH = ("username", "email")


def test_attack_another_persons_user_name_as_ones_address_locks_nobody_out(make_user: Any, password: str) -> None:
    victim = make_user("victim@corp.test", email="victim@corp.test")
    if get_user_model().USERNAME_FIELD != "email":  # where it is, the address is unique
        get_user_model()._default_manager.filter(pk=victim.pk).update(email="elsewhere@corp.test")
        mallory = make_user("mallory", email="victim@corp.test", password="of-mallory")
        assert verify(mallory.get_username(), "of-mallory", *BOTH) == mallory
        with pytest.raises(InvalidCredentials):
            verify("victim@corp.test", "of-mallory", *BOTH)
    assert verify("victim@corp.test", password, *BOTH) == victim


@pytest.mark.parametrize("identifiers", [("email",), BOTH])
@pytest.mark.parametrize("variants", [1, 3])
def test_attack_a_case_variant_of_an_address_locks_nobody_out(
    make_user: Any, password: str, identifiers: tuple[str, ...], variants: int
) -> None:
    victim = make_user("ann", email="ann@example.test")
    others = ["Ann@example.test", "aNn@example.test", "anN@example.test"][:variants]
    for number, address in enumerate(others):
        make_user(f"mallory{number}", email=address, password="of-mallory")
    assert verify("ann@example.test", password, *identifiers) == victim
    assert verify(others[0], "of-mallory", *identifiers).email == others[0]
    with pytest.raises(InvalidCredentials):
        verify("ANN@example.test", password, *identifiers)


def test_attack_an_address_as_ones_user_name_opens_nobody_elses_account(make_user: Any, password: str) -> None:
    if get_user_model().USERNAME_FIELD == "email":
        return  # the two are one there
    victim = make_user("ann", email="ann@example.test")
    mallory = make_user("ann@example.test", email="mallory@example.test", password="of-mallory")
    assert verify("ann@example.test", "of-mallory", *BOTH) == mallory
    assert verify("ann", password, *BOTH) == victim
    # Where user names don't count, the name is the address that it looks like.
    assert verify("ann@example.test", password, "email") == victim


def test_every_outcome_costs_one_hash_and_the_same_statements(make_user: Any, password: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("ann", email="ann@example.test")
    make_user("one", email="shared@example.test"), make_user("two", email="Shared@example.test")
    counts = set()
    for name in ["ann@example.test", "ANN@example.test", "SHARED@example.test", "shared@example.test", "no@one.test"]:
        with pytest.raises(InvalidCredentials):
            verify(name, "wrong", *BOTH)  # its budgets exist from now on
        CountingHasher.hashed = 0
        with CaptureQueriesContext(connection) as captured, pytest.raises(InvalidCredentials):
            verify(name, "wrong", *BOTH)
        counts.add(len(captured))
        assert CountingHasher.hashed == 1, name
    assert len(counts) == 1
    CountingHasher.hashed = 0
    with pytest.raises(InvalidCredentials):
        verify("SHARED@example.test", "wrong", "email")
    assert CountingHasher.hashed == 1


class CountingHasher(MD5PasswordHasher):
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)
