"""What `manage.py check` says of registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from authkit.accounts.registration import checks

pytestmark = pytest.mark.usefixtures("accounts")


def found() -> set[str]:
    every = [*checks.check_public_url(), *checks.check_rules(), *checks.check_fields()]
    assert all(message.hint for message in every)
    return {str(message.id) for message in every}


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ({}, set()),
        ({"SIGNUP": "invitation"}, set()),
        ({"SIGNUP": "tests.social.steps.allow_alice"}, set()),
        ({"SIGNUP": "tests.social.steps.ASKED"}, {"authkit.E251"}),
        ({"SIGNUP": "no.such.thing"}, {"authkit.E251"}),
        ({"SIGNUP_DOMAINS": ["example.com", "*.example.com"]}, {"authkit.E252"}),
        ({"REGISTER_SERIALIZER": "tests.accounts.serializers.WithName"}, set()),
        ({"REGISTER_SERIALIZER": "tests.accounts.serializers.Missing"}, {"authkit.E253"}),
        ({"REGISTER_SERIALIZER": "rest_framework.serializers.Serializer"}, {"authkit.E253"}),
    ],
)
def test_settings(keys: dict[str, Any], ids: set[str], accounts: Callable[..., None]) -> None:
    accounts(**keys)
    assert found() == ids


def test_a_wrong_key_elsewhere_is_not_said_of_the_serializer(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"KEYS": None}}
    assert found() == set()


def test_no_public_url(settings: Any) -> None:
    settings.AUTHKIT = {"ACCOUNTS": {}}
    assert found() == {"authkit.E250"}


def test_a_required_field_that_nothing_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_user_model(), "REQUIRED_FIELDS", ["email", "phone"])
    assert found() == {"authkit.E255"}


def test_a_user_model_without_an_address(monkeypatch: pytest.MonkeyPatch, accounts: Callable[..., None]) -> None:
    monkeypatch.setattr(get_user_model(), "get_email_field_name", lambda: "mail")
    assert found() == {"authkit.E254"}
    accounts(SIGNUP=False)
    assert found() == set()
