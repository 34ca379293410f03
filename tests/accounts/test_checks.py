"""What `check --deploy` says of passwords."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from authkit.accounts.checks import check_hasher, check_password_length
from authkit.limiter.hash_gate import memory_of_a_hash

HASHERS = "django.contrib.auth.hashers."


class FewRounds(BCryptSHA256PasswordHasher):
    rounds = 10


@pytest.mark.parametrize(
    ("first", "is_weak"),
    [
        (f"{HASHERS}Argon2PasswordHasher", False),
        (f"{HASHERS}BCryptSHA256PasswordHasher", False),
        (f"{HASHERS}ScryptPasswordHasher", False),
        (f"{HASHERS}PBKDF2PasswordHasher", True),
        (f"{HASHERS}MD5PasswordHasher", True),
        ("tests.accounts.test_checks.FewRounds", True),
    ],
)
def test_a_weak_first_hasher_is_named_with_the_line_to_write(settings: Any, first: str, is_weak: bool) -> None:
    settings.PASSWORD_HASHERS = [first, f"{HASHERS}PBKDF2PasswordHasher"]
    messages = check_hasher()
    assert [message.id for message in messages] == ["authkit.W260"] * is_weak
    for message in messages:
        assert first.rpartition(".")[2] in message.msg
        assert f"PASSWORD_HASHERS = ['{HASHERS}Argon2PasswordHasher'" in str(message.hint)


@pytest.mark.parametrize(("minimum", "validator", "is_short"), [(8, 0, True), (15, 0, False), (8, 15, False)])
def test_short_passwords_are_named_whichever_setting_allows_them(
    settings: Any, minimum: int, validator: int, is_short: bool
) -> None:
    settings.AUTHKIT = {"ACCOUNTS": {"PASSWORD_MIN": minimum}}
    settings.AUTH_PASSWORD_VALIDATORS = [
        {
            "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
            "OPTIONS": {"min_length": validator},
        }
    ]
    assert [message.id for message in check_password_length()] == ["authkit.W261"] * is_short


@pytest.mark.parametrize(
    ("name", "megabytes"), [("Argon2", 100), ("Scrypt", 16), ("PBKDF2", None)], ids=["argon2", "scrypt", "pbkdf2"]
)
def test_the_memory_of_a_hash(settings: Any, name: str, megabytes: int | None) -> None:
    settings.PASSWORD_HASHERS = [f"{HASHERS}{name}PasswordHasher"]
    assert memory_of_a_hash() == (None if megabytes is None else megabytes * 2**20)
