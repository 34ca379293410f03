"""Verified addresses, and which people an address may belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from authkit.signin.addresses import (
    VerifiedAddress,
    is_verified,
    mailbox_key,
    mark_verified,
    people_with_address,
)  # fmt: skip

pytestmark = pytest.mark.django_db


def test_an_address_is_verified_while_it_is_the_persons(user: Any) -> None:
    assert not is_verified(user)
    assert mark_verified(user=user, address=user.email)
    assert is_verified(user)
    user.email = "alice@other.test"
    assert not is_verified(user)


@pytest.mark.parametrize("proven", ["Alice@example.test", "alice@example.test.evil.test", "bob@example.test", "", "@"])
def test_another_address_proves_nothing(user: Any, proven: str) -> None:
    assert not mark_verified(user=user, address=proven)
    assert not VerifiedAddress.objects.exists()


def test_an_address_that_changed_meanwhile_is_not_noted(user: Any) -> None:
    get_user_model()._default_manager.filter(pk=user.pk).update(email="new@example.test")
    assert not mark_verified(user=user, address="alice@example.test")


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("alice@example.test", "ALICE@Example.TEST"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@xn--bcher-kva.example", "alice@BÜCHER.example"),
        ("alice@example.test", "alice@example.test."),
    ],
)
def test_look_alike_addresses_are_one(make_user: Callable[..., Any], stored: str, asked: str) -> None:
    person = make_user("alice", email=stored)
    assert people_with_address(asked) == [person]
    assert mailbox_key(stored) == mailbox_key(asked)


@pytest.mark.parametrize("asked", ["alice+x@example.test", "alice@sub.example.test", "", "@example.test", "alice"])
def test_other_addresses_are_other_peoples(user: Any, asked: str) -> None:
    assert people_with_address(asked) == []
    assert mailbox_key(user.email) != mailbox_key(asked)
