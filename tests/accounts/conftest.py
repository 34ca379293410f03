"""A site that can write links."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts.newcomers import SITE


@pytest.fixture
def accounts(settings: Any) -> Any:
    """Sets keys of ACCOUNTS: `accounts(SIGNUP=False)`."""

    def write(**keys: Any) -> None:
        # Without the mails about new devices, which people of a model without `date_joined` get at once.
        mail = {"NEW_DEVICE": "off"}
        settings.AUTHKIT = {"PUBLIC_URL": SITE, "ACCOUNTS": keys, "AUDIT": {}, "SOCIAL": {}, "MAIL": mail}

    write()
    return write
