"""A site that can write links."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts.newcomers import SITE


@pytest.fixture
def accounts(settings: Any) -> Any:
    """Sets keys of ACCOUNTS: `accounts(SIGNUP=False)`."""

    def write(**keys: Any) -> None:
        settings.AUTHKIT = {"PUBLIC_URL": SITE, "ACCOUNTS": keys, "AUDIT": {}, "SOCIAL": {}}

    write()
    return write
