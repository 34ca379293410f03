from __future__ import annotations

from typing import Any

import pytest

from authkit.core.clients import Client
from authkit.tokens.services import TokenPair, issue_tokens
from tests.browsers import Browser


@pytest.fixture
def pair(user: Any) -> TokenPair:
    """A fresh token pair of Alice's."""
    return issue_tokens(user=user, method="password", client=Client())


@pytest.fixture
def browser(user: Any, credentials: Any) -> Browser:
    """Alice's browser over TLS, not signed in."""
    return Browser(credentials(user))
