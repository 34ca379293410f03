"""Fifty confirmations at once: one account, whether they bring one key, one code, or keys for one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from authkit.accounts.registration import wishes
from authkit.accounts.registration.services import confirm
from authkit.accounts.registration.wishes import Wish
from authkit.core.clients import Client
from authkit.exceptions import AuthKitError
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture(autouse=True)
def site(settings: Any) -> Any:
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com", "ACCOUNTS": {}}
    return settings


def stored(name: str, email: str) -> str:
    """The key, or the code, of a wish."""
    link, code = wishes.store(Wish(email=email, password=make_password("a long passphrase"), username=name))
    return code or link.partition("#key=")[2]


def confirmed(**proof: str) -> str:
    try:
        confirm(client=Client(), **proof)
    except AuthKitError as refused:
        return refused.code
    return "opened"


def test_one_of_fifty_confirms_of_one_key_opens_the_account(database: SharedDatabase) -> None:
    key = stored("ada", "ada@example.test")
    answers = Counter(database.at_once([partial(confirmed, key=key)] * THREADS))
    assert answers == {"opened": 1, "invalid_grant": THREADS - 1}
    assert get_user_model()._default_manager.count() == 1


def test_one_of_fifty_confirms_of_one_code_opens_the_account(database: SharedDatabase, site: Any) -> None:
    site.AUTHKIT = {**site.AUTHKIT, "ACCOUNTS": {"BY": "code"}}
    code = stored("ada", "ada@example.test")
    proof = {"email": "ada@example.test", "code": code}
    answers = Counter(database.at_once([partial(confirmed, **proof)] * THREADS))
    assert answers == {"opened": 1, "invalid_grant": THREADS - 1}
    assert get_user_model()._default_manager.count() == 1


def test_look_alike_addresses_at_once_open_one_account(database: SharedDatabase) -> None:
    spellings = ["ada@bücher.example", "ADA@xn--bcher-kva.example", "Ada@BÜCHER.example", "aDA@bücher.example"]
    keys = [stored(f"ada{number}", spellings[number % 4]) for number in range(12)]
    answers = Counter(database.at_once([partial(confirmed, key=key) for key in keys]))
    assert answers == {"opened": 1, "invalid_grant": len(keys) - 1}
    assert get_user_model()._default_manager.count() == 1


def test_one_name_at_once_is_one_persons(database: SharedDatabase) -> None:
    if get_user_model().USERNAME_FIELD == "email":
        pytest.skip("people are known by their address")
    keys = [stored("ada", f"ada{number}@example.test") for number in range(12)]
    answers = Counter(database.at_once([partial(confirmed, key=key) for key in keys]))
    assert answers == {"opened": 1, "username_taken": len(keys) - 1}
